import json
import math
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError, RunError
from infoplane.runs import RunDirectory, check_name, default_path
from infoplane.trajectory import Trajectory


def create(path, **more):
    return RunDirectory.create(path, **({"settings": {"epochs": 3}, "data_checksum": "ab" * 32, "seed": 7} | more))


def record_of(path):
    return json.loads((path / "run.json").read_text(), parse_constant=pytest.fail)


def test_a_run_from_beginning_to_end(tmp_path):
    run = create(tmp_path / "runs" / "one", settings={"beta": math.nan, "layers": ("a", "b")})
    assert record_of(run.path)["state"] == "running"
    run.write_trajectory(Trajectory([{"step": 40, "layer": "fc", "i_xt": 2.0}], meta={"log2_n": math.inf}))
    run.write_json("extra.json", {"value": math.nan})
    run.path_of("plane.png").write_bytes(b"")
    run.finish("finished", reason="patience")
    record = record_of(run.path)
    assert record["format_version"] == 1
    assert record["settings"] == {"beta": None, "layers": ["a", "b"]}
    assert (record["seed"], record["data_checksum"]) == (7, "ab" * 32)
    assert (record["state"], record["reason"], record["steps_done"]) == ("finished", "patience", 40)
    assert set(record["versions"]) == {"infoplane", "python", "torch", "numpy"}
    assert all(re.match(r"\d+\.\d+", version) for version in record["versions"].values())
    assert datetime.fromisoformat(record["ended"]) >= datetime.fromisoformat(record["started"])
    assert record["seconds"] >= 0
    assert record["files"] == ["run.json", "trajectory.csv", "extra.json", "plane.png"]
    assert json.loads((run.path / "extra.json").read_text()) == {"value": None}
    again = Trajectory.load(run.path)
    assert (again.meta, [row["i_xt"] for row in again]) == ({"log2_n": None}, [2.0])


def test_the_state_is_one_of_three(tmp_path):
    with pytest.raises(InputError, match="say 'finished', 'interrupted' or 'failed'"):
        create(tmp_path / "one").finish("done")


def test_a_place_that_cannot_be_written_is_known_before_the_training(tmp_path):
    (tmp_path / "file").write_text("mine")
    for place, reason in (("file", "there is a file of that name"), ("file/below", "not a directory")):
        with pytest.raises(RunError, match=reason) as caught:
            create(tmp_path / place)
        assert str(tmp_path / place) in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_without_permission_is_an_error_with_its_path(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for call in ("mkdir", "is_dir"):
        with monkeypatch.context() as context:
            context.setattr(Path, call, refuse)
            with pytest.raises(RunError) as caught:
                create(tmp_path / "run")
        assert f"cannot write {tmp_path / 'run'}: permission denied" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_empty_run(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(RunError, match="no space left on device"):
        create(tmp_path / "runs" / "one")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_is_never_overwritten_unasked(tmp_path):
    create(tmp_path / "one").finish("finished")
    before = record_of(tmp_path / "one")
    with pytest.raises(RunError, match="choose another name, or replace the earlier run with --force"):
        create(tmp_path / "one")
    assert record_of(tmp_path / "one") == before


def test_force_replaces_the_files_of_the_run_and_no_others(tmp_path):
    first = create(tmp_path / "one")
    first.write_trajectory(Trajectory([{"step": 1}]))
    (tmp_path / "one" / "notes.txt").write_text("mine")
    (tmp_path / "one" / ".infoplane-0123.tmp").write_text("half of a file")
    second = create(tmp_path / "one", seed=8, force=True)
    assert sorted(file.name for file in second.path.iterdir()) == ["notes.txt", "run.json"]
    assert record_of(second.path)["seed"] == 8


def test_force_does_not_touch_a_folder_that_is_no_run(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match="it is not a run directory"):
        create(tmp_path, force=True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_force_deletes_nothing_outside_whatever_the_record_says(tmp_path):
    (tmp_path / "outside.txt").write_text("mine")
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    (folder / "run.json").write_text(
        json.dumps({"files": ["../outside.txt", str(tmp_path / "outside.txt"), "sub", 3, None]})
    )
    create(folder, force=True)
    assert (tmp_path / "outside.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../up",
        "a/b",
        "/etc",
        "a\\b",
        ".hidden",
        "-f",
        "a b",
        "name\n",
        "ü",
        "CON",
        "nul.txt",
        "end.",
        "x" * 129,
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(tmp_path, name):
    run = create(tmp_path / "run")
    for refuse in (run.path_of, check_name, lambda name: run.write_json(name, {})):
        with pytest.raises(InputError, match="cannot be a file name"):
            refuse(name)
    with pytest.raises(InputError, match="cannot be a file name"):
        default_path(f"{name}/" if name in ("", "end.", "CON", "nul.txt") else name)


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=8))
def test_a_name_that_is_accepted_stays_in_its_folder(name):
    try:
        check_name(name)
    except InputError:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", name)
    assert os.path.basename(os.path.normpath(os.path.join("runs", name))) == name


def test_a_link_out_of_the_run_is_refused(tmp_path):
    run = create(tmp_path / "run")
    (run.path / "plane.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(RunError, match="leads out of the run directory"):
        run.path_of("plane.png")


def test_the_default_path_holds_experiment_and_time_and_is_new(tmp_path):
    now = datetime(2031, 12, 5, 9, 8, 7)
    first = default_path("six-layer", root=tmp_path, now=now)
    assert first == tmp_path / "six-layer-20311205-090807"
    create(first)
    assert default_path("six-layer", root=tmp_path, now=now) == tmp_path / "six-layer-20311205-090807-2"
