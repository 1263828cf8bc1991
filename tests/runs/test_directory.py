import json
import math
import os
import re
import resource
import shutil
from datetime import datetime
from pathlib import Path

import pytest
import torch

from infoplane.errors import InputError, RunError
from infoplane.runs import RunDirectory, check_name, default_path
from infoplane.runs.checkpoint import Checkpoint
from infoplane.trajectory.trajectory import Trajectory


def create(path, **more):
    return RunDirectory.create(path, **({"settings": {"epochs": 3}, "data_checksum": "ab" * 32, "seed": 7} | more))


def ended(run):
    run.finish("finished")
    run.close()
    return run


def record_of(path):
    return json.loads((path / "run.json").read_text(), parse_constant=pytest.fail)


def test_a_run_from_beginning_to_end(tmp_path):
    run = create(tmp_path / "runs" / "one", settings={"beta": math.nan, "layers": ("a", "b")})
    assert record_of(run.path)["state"] == "running"
    run.write_trajectory(Trajectory([{"step": 40, "layer": "fc", "i_xt": 2.0}], meta={"log2_n": math.inf}))
    run.write_json("extra.json", {"value": math.nan})
    run.path_of("plane.png").write_bytes(b"")
    run.finish("finished", reason="patience")
    run.close()
    record = record_of(run.path)
    assert record["format_version"] == 3
    assert (record["pid"], record["recipe"]) == (os.getpid(), None)
    assert record["settings"] == {"beta": None, "layers": ["a", "b"]}
    assert (record["seed"], record["data_checksum"]) == (7, "ab" * 32)
    assert (record["state"], record["reason"], record["steps_done"]) == ("finished", "patience", 40)
    assert set(record["versions"]) == {"infoplane", "python", "torch", "numpy"}
    assert all(re.match(r"\d+\.\d+", version) for version in record["versions"].values())
    assert datetime.fromisoformat(record["ended"]) >= datetime.fromisoformat(record["started"])
    assert record["seconds"] >= 0
    assert record["files"] == ["run.json", "trajectory.csv", "extra.json", "plane.png"]
    assert set(json.loads((run.path / "manifest.json").read_text())["files"]) == {"run.json", "trajectory.csv"}
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
    ended(create(tmp_path / "one"))
    before = record_of(tmp_path / "one")
    with pytest.raises(RunError, match="choose another name, or replace the earlier run with --force"):
        create(tmp_path / "one")
    assert record_of(tmp_path / "one") == before


def test_force_replaces_the_files_of_the_run_and_no_others(tmp_path):
    first = create(tmp_path / "one")
    first.append(Trajectory([{"step": 1}]))
    first.save_checkpoint(1, {"w": torch.zeros(2)}, {})
    first.write_trajectory(Trajectory([{"step": 1}]))
    ended(first)
    (tmp_path / "one" / "notes.txt").write_text("mine")
    (tmp_path / "one" / ".infoplane-0123.tmp").write_text("half of a file")
    second = create(tmp_path / "one", seed=8, force=True)
    assert sorted(file.name for file in second.path.iterdir()) == ["notes.txt", "run.json", "run.lock"]
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


def test_a_link_out_of_the_run_is_refused(tmp_path):
    run = create(tmp_path / "run")
    (run.path / "plane.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(RunError, match="leads out of the run directory"):
        run.path_of("plane.png")


def rows(*steps):
    return Trajectory([{"step": step, "layer": "fc", "i_xt": step / 3} for step in steps], meta={"units": "bits"})


def test_rows_are_there_as_soon_as_they_are_appended(tmp_path):
    run, growing = create(tmp_path / "run"), rows(0)
    run.append(growing)
    growing.extend(rows(1, 2))
    growing.scalars.add(1, "loss", 0.5)
    run.append(growing)
    run.append(growing)
    now = Trajectory.load(run.path)
    assert (list(now), list(now.scalars), now.meta) == (list(growing), list(growing.scalars), {"units": "bits"})
    run.close()


def test_going_on_cuts_what_came_after_the_checkpoint(tmp_path):
    run, growing = create(tmp_path / "run"), rows(0, 1)
    run.append(growing)
    run.save_checkpoint(1, {"w": torch.arange(3.0)}, {"best": 0.1})
    growing.extend(rows(2))
    growing.scalars.add(2, "loss", 0.5)
    run.append(growing)
    run.close()
    again = RunDirectory.reopen(run.path)
    assert not again.is_new
    checkpoint = again.checkpoint()
    assert (checkpoint.step, checkpoint.facts, checkpoint.tensors["w"].tolist()) == (1, {"best": 0.1}, [0, 1, 2])
    again.go_on_from(checkpoint)
    now = Trajectory.load(run.path)
    assert list(now) == list(rows(0, 1))
    assert len(now.scalars) == 0
    growing = rows(0, 1, 5)
    again.append(growing)
    assert [row["step"] for row in Trajectory.load(run.path)] == [0, 1, 5]
    again.close()


def test_without_a_checkpoint_a_run_goes_on_from_the_beginning(tmp_path):
    run = create(tmp_path / "run")
    run.append(rows(0, 1))
    run.close()
    again = RunDirectory.reopen(run.path)
    assert again.checkpoint() is None
    again.go_on_from(None)
    again.append(rows(7))
    assert [row["step"] for row in Trajectory.load(run.path)] == [7]
    again.close()


def test_rows_that_were_changed_are_not_gone_on_with(tmp_path):
    run = create(tmp_path / "run")
    run.append(rows(0, 1))
    run.save_checkpoint(1, {}, {})
    run.close()
    lines = run.path / "trajectory.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"fc", b"xy"))
    again = RunDirectory.reopen(run.path)
    with pytest.raises(RunError, match="was changed after it was written"):
        again.go_on_from(again.checkpoint())
    again.close()


def test_one_of_an_earlier_format_cannot_be_gone_on_with(data_folder):
    with pytest.raises(RunError, match="without checkpoints: start anew"):
        RunDirectory.reopen(data_folder / "run-format-1")
    assert not (data_folder / "run-format-1" / "run.lock").exists()


@pytest.mark.parametrize("vanish", [shutil.rmtree, lambda path: path.rename(path.parent / "elsewhere")])
def test_a_directory_that_is_gone_is_one_clear_error(tmp_path, vanish):
    run = create(tmp_path / "run")
    run.append(rows(0))
    vanish(run.path)
    for write in (
        lambda: run.append(rows(0, 1)),
        lambda: run.save_checkpoint(1, {}, {}),
        lambda: run.write_trajectory(rows(0)),
        lambda: run.finish("finished"),
    ):
        with pytest.raises(RunError, match="the directory is gone; what was measured is in the result"):
            write()
    run.close()


def test_a_full_disk_keeps_the_checkpoint_before_and_whole_lines(tmp_path):
    run = create(tmp_path / "run")
    run.append(rows(*range(100)))
    run.save_checkpoint(1, {"w": torch.zeros(1000)}, {})
    before = (run.path / "trajectory.jsonl").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 1000, hard))  # a write beyond it fails like a full disk
    try:
        with pytest.raises(RunError, match=r"cannot write \S*trajectory.jsonl: file too large \(0.0\d* MB needed\)"):
            run.append(rows(*range(200)))
        with pytest.raises(RunError, match=r"cannot write \S*safetensors: file too large \(4 MB needed\)"):
            run.save_checkpoint(2, {"w": torch.zeros(1_000_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (run.path / "trajectory.jsonl").read_bytes() == before
    assert isinstance(run.checkpoint(), Checkpoint)
    assert run.checkpoint().step == 1
    run.append(rows(*range(200)))  # there is room again
    assert len(Trajectory.load(run.path)) == 200
    run.close()
