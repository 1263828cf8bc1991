"""Records of every format that was ever written can be read; those of later ones are refused with a reason."""

import pytest

import infoplane as ip
from infoplane.errors import DataFileError
from infoplane.io.files import FORMAT_VERSION, read_json, sealed
from infoplane.runs import read_record, verify
from infoplane.runs.record import new_record


def test_a_frozen_run_of_format_1(data_folder):
    folder = data_folder / "run-format-1"
    record = read_record(folder)
    assert (record["format_version"], record["state"], record["steps_done"]) == (FORMAT_VERSION, "finished", 2)
    assert (record["pid"], record["host"], record["recipe"]) == (None, None, None)
    assert record["settings"]["epochs"] == 2
    trajectory = ip.Trajectory.load(folder)
    assert [(row["step"], row["i_xt"]) for row in trajectory] == [
        (0, 5.221928094887362), (1, 5.221928094887362), (2, 5.1030559073332755),
    ]  # fmt: skip
    assert trajectory.meta["h_y"] == 0.9981958790428103
    assert verify(folder) == []


def test_a_trajectory_saved_by_itself_is_a_finished_run(tmp_path):
    ip.Trajectory([{"step": 0}]).save(tmp_path)
    (tmp_path / "run.json").write_bytes(sealed(read_json(tmp_path / "run.json") | {"format_version": 1}))
    assert read_record(tmp_path)["state"] == "finished"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": FORMAT_VERSION + 1, "versions": {"infoplane": "9.1"}}, r"by infoplane 9\.1.*upgrade"),
        ({"format_version": 0}, f"reads 1 to {FORMAT_VERSION}"),
        ({"format_version": "2"}, "upgrade"),
        ({"state": None}, "state is None"),
        ({"settings": []}, r"settings is \[\]"),
        ({"steps_done": "many"}, "steps_done is 'many'"),
        ({"recipe": {"experiment": "x"}}, "recipe is"),
    ],
)
def test_records_that_no_run_writes_are_refused(tmp_path, change, message):
    (tmp_path / "run.json").write_bytes(sealed(new_record({}, "00", 0, None) | change))
    with pytest.raises(DataFileError, match=message):
        read_record(tmp_path)


def test_a_folder_without_a_record_is_no_run(tmp_path):
    with pytest.raises(DataFileError, match=r"it has no run.json; name a folder that a run has left"):
        read_record(tmp_path)
