"""The runs of a folder, whatever state they are in."""

import shutil

import pytest

from infoplane.errors import DataFileError
from infoplane.io.files import read_json, sealed
from infoplane.runs import RunDirectory, overview
from infoplane.trajectory.trajectory import Trajectory


def begun(path, **more):
    run = RunDirectory.create(path, settings={"title": "Six layers"}, data_checksum="0", seed=0, **more)
    rows = [
        {"step": s, "layer": name, "layer_index": at, "i_xt": 2.0 - at, "i_ty": s / 8, "units": "bits"}
        for s in range(3) for at, name in enumerate(("fc1", "fc2"))
    ]  # fmt: skip
    run.append(Trajectory(rows))
    return run


def test_states_steps_and_newest_values(tmp_path, data_folder):
    alive = begun(tmp_path / "alive", recipe=[{"experiment": "six-layer"}])
    begun(tmp_path / "sub" / "dead", recipe=[{"tables": {"name": "mine"}, "path": "/x.toml"}]).close()
    done = begun(tmp_path / "done")
    done.finish("finished", steps=2)
    done.close()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    shutil.copytree(data_folder / "run-format-1", tmp_path / "early")
    (tmp_path / "link").symlink_to(tmp_path)
    found = {facts.name: facts for facts in overview(tmp_path)}
    assert list(found) == ["alive", "broken", "done", "early", "sub/dead"]
    assert {name: facts.state for name, facts in found.items()} == {
        "alive": "running", "broken": "damaged", "done": "finished", "early": "finished", "sub/dead": "dead",
    }  # fmt: skip
    assert found["alive"].newest == "layer fc2: I(X;T) 1.00 I(T;Y) 0.25 bits"
    assert [found[name].steps for name in ("alive", "done", "early")] == [2, 2, 2]
    assert [found[name].experiment for name in ("alive", "sub/dead", "done")] == ["six-layer", "mine", "Six layers"]
    assert "not valid JSON" in found["broken"].newest
    assert all(found[name].seconds >= 0 for name in ("alive", "done", "early"))
    alive.close()


def test_a_record_with_strange_entries_is_one_line_too(tmp_path):
    run = begun(tmp_path / "run")
    run.close()
    record = read_json(tmp_path / "run" / "run.json")
    for change in ({"recipe": [3]}, {"recipe": [{"tables": 3}]}, {"started": "soon"}, {"seconds": "many"}):
        (tmp_path / "run" / "run.json").write_bytes(sealed(record | change))
        (only,) = overview(tmp_path)
        assert only.state in ("dead", "damaged")


def test_the_folder_itself_may_be_a_run(tmp_path):
    begun(tmp_path / "run").close()
    assert [facts.name for facts in overview(tmp_path / "run")] == ["run"]


def test_no_folder_is_an_error(tmp_path):
    assert overview(tmp_path) == []
    with pytest.raises(DataFileError, match="is no folder"):
        overview(tmp_path / "nowhere")
