import pytest

from infoplane.errors import DataFileError, UnknownNameError
from infoplane.trajectory.scalars import Scalars
from infoplane.trajectory.trajectory import Trajectory, concat


def some():
    scalars = Scalars()
    scalars.add(0, "loss", 0.1 + 0.2, split="train")
    scalars.add(1, "gradient_mean", 1e-300, layer="=fc1", copy=2)
    return scalars


def test_a_table_comes_back_from_its_file_to_the_last_bit(tmp_path):
    some().save(tmp_path / "scalars.csv")
    assert list(Scalars.load(tmp_path / "scalars.csv")) == list(some())
    assert "'=fc1" in (tmp_path / "scalars.csv").read_text()  # no formula for a spreadsheet


def test_a_trajectory_takes_its_scalars_along(tmp_path):
    trajectory = Trajectory([{"step": 0, "layer": "fc1"}])
    trajectory.save(tmp_path / "without")
    assert not (tmp_path / "without" / "scalars.csv").exists()
    trajectory.scalars = some()
    trajectory.save(tmp_path / "run")
    assert list(Trajectory.load(tmp_path / "run").scalars) == list(some())
    assert len(Trajectory.load(tmp_path / "without").scalars) == 0


def test_chosen_and_joined_trajectories_keep_the_scalars_that_speak_of_them():
    rows = [{"step": step, "split": split, "layer": "fc1"} for step in (0, 1) for split in ("train", "test")]
    trajectory = Trajectory(rows)
    for step in (0, 1):
        trajectory.scalars.add(step, "rate", 0.1)
        for split in ("train", "test"):
            trajectory.scalars.add(step, "loss", step + 0.5, split=split)
    chosen = trajectory.select(split="test", step=1, estimator="none")
    assert [(row["name"], row["split"], row["step"]) for row in chosen.scalars] == [
        ("rate", "", 1),
        ("loss", "test", 1),
    ]
    assert len(trajectory.select(layer="fc1").scalars) == 6
    joined = concat([trajectory.select(step=0), trajectory.select(step=1)])
    assert sorted(map(str, joined.scalars)) == sorted(map(str, trajectory.scalars))


def test_selecting_and_pandas():
    assert [row["value"] for row in some().select(name="loss", split="train")] == [0.1 + 0.2]
    assert list(some().to_pandas().columns) == ["step", "split", "name", "layer", "copy", "value"]
    with pytest.raises(UnknownNameError, match="epoch"):
        some().select(epoch=3)
    with pytest.raises(UnknownNameError, match="epoch"):
        Scalars([{"epoch": 3}])


def test_another_table_is_refused(tmp_path):
    Trajectory([{"step": 0}]).save(tmp_path / "t.csv")
    with pytest.raises(DataFileError, match="is another table"):
        Scalars.load(tmp_path / "t.csv")
