"""Which runs a folder has, how they go, and that nothing outside it is read."""

import json
import os
import subprocess
import sys

import pytest

import infoplane as ip
from infoplane.runs import RunDirectory
from infoplane.serve.folder import RunsFolder

ROWS = ip.Trajectory([{"step": 3, "layer": "fc1", "i_xt": 2.0, "i_ty": 0.5, "units": "nats"}], meta={"h_y": 0.7})


def finished(path):
    run = RunDirectory.create(path, settings={"epochs": 9, "title": "mine"}, data_checksum=None, seed=4)
    run.write_trajectory(ROWS)
    run.finish("finished")
    run.close()


def test_runs_by_name_and_how_they_go(tmp_path):
    finished(tmp_path / "b-run")
    running = RunDirectory.create(tmp_path / "a-run", settings={"units": "nats"}, data_checksum=None, seed=1)
    ROWS.save(tmp_path / "saved")
    (tmp_path / "no-run").mkdir()
    folder = RunsFolder(tmp_path)
    assert folder.names() == ["a-run", "b-run", "saved"]
    done = folder.overview("b-run")
    assert (done["state"], done["steps_done"], done["steps_wanted"], done["seed"]) == ("finished", 3, 9, 4)
    assert done["title"] == "mine"
    assert [ceiling["text"] for ceiling in done["facts"]["ceilings"]] == ["H(Y) = 0.7"]
    assert folder.overview("a-run")["state"] == "running"
    assert folder.overview("a-run")["facts"]["units"] == "nats"
    running.close()
    assert folder.overview("saved")["state"] == "finished"


def test_a_run_whose_process_was_killed_is_dead(tmp_path):
    program = (
        "import os, signal; from infoplane.runs import RunDirectory\n"
        f"run = RunDirectory.create({str(tmp_path / 'run')!r}, settings={{}}, data_checksum=None, seed=1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    assert RunsFolder(tmp_path).overview("run")["state"] == "dead"


def test_the_list_says_how_far_a_run_is_before_its_record_does(tmp_path):
    run = RunDirectory.create(tmp_path / "run", settings={"epochs": 9}, data_checksum=None, seed=1)
    run.append(ROWS)
    folder = RunsFolder(tmp_path)
    assert folder.overview("run")["steps_done"] == 0
    assert [said["steps_done"] for said in folder.overviews()] == [3]
    (run.path / "trajectory.jsonl").write_bytes(b"nonsense\n")
    assert [said["steps_done"] for said in folder.overviews()] == [0]
    run.close()


def test_a_single_run_is_all_there_is(tmp_path):
    finished(tmp_path / "one")
    finished(tmp_path / "two")
    folder = RunsFolder(tmp_path / "one")
    assert folder.names() == ["one"]
    with pytest.raises(ip.errors.UnknownNameError, match="known are one"):
        folder.path_of("two")


@pytest.mark.parametrize("name", ["..", ".", "", "/etc", "../outside", "run/../../outside", "run\n", "a" * 200, "con"])
def test_a_name_is_only_a_name(tmp_path, name):
    finished(tmp_path / "outside")
    finished(tmp_path / "runs" / "run")
    with pytest.raises(ip.errors.UnknownNameError, match="unknown run"):
        RunsFolder(tmp_path / "runs").path_of(name)


def test_links_that_lead_out_are_no_runs(tmp_path):
    finished(tmp_path / "outside")
    runs = tmp_path / "runs"
    (runs / "half").mkdir(parents=True)
    (runs / "link").symlink_to(tmp_path / "outside")
    (runs / "half" / "run.json").symlink_to(tmp_path / "outside" / "run.json")
    os.mkfifo(runs / "pipe")
    (runs / "blocked").mkdir()
    os.mkfifo(runs / "blocked" / "run.json")
    assert RunsFolder(runs).names() == []


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format_version": 999}', '{"format_version": 2, "state": 7}', '{"settings": 3}']
)
def test_a_damaged_run_is_said_and_the_others_shown(tmp_path, text):
    finished(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text(text, encoding="utf-8")
    folder = RunsFolder(tmp_path)
    assert folder.overview("bad")["state"] == "damaged"
    assert folder.overview("bad")["trouble"]
    assert folder.overview("good")["state"] == "finished"


DEEP = "[" * 500 + "]" * 500
SPOILT = [
    *(f'{{"{key}": {value}}}' for key in ("started", "steps_done", "seed", "state", "settings", "trajectory")
      for value in (DEEP, "5", '"x"', "[]", '{"a": 1}', "1e999", "true")),
    *(f'{{"settings": {{"{key}": {value}}}}}' for key in ("title", "epochs", "units")
      for value in (DEEP, "5", "1e999")),
    *(f'{{"trajectory": {{"{key}": {value}}}}}' for key in ("measurement", "units", "h_y", "log2_n", "splits")
      for value in (DEEP, "5", '"x"', "[1]", '{"a": 1}', '{"a": {"h_y": "x"}}', "1e999", "null")),
    *("[" * count + "]" * count for count in (1, 500, 100_000)),
]  # fmt: skip


@pytest.mark.parametrize("text", SPOILT, ids=range(len(SPOILT)))
def test_no_record_breaks_the_list_of_runs(tmp_path, text):
    finished(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text(text, encoding="utf-8")
    overviews = json.loads(json.dumps(RunsFolder(tmp_path).overviews(), allow_nan=False))
    assert {run["name"]: run["state"] for run in overviews}["good"] == "finished"
    kinds = {"state": str, "title": str, "steps_done": int, "started": str | None, "steps_wanted": int | None}
    for run in overviews:
        for name, kind in kinds.items():
            assert isinstance(run.get(name, "" if kind is str else 0 if kind is int else None), kind)


def test_a_run_deleted_while_it_is_listed_is_left_out(tmp_path, monkeypatch):
    finished(tmp_path / "good")
    folder = RunsFolder(tmp_path)
    monkeypatch.setattr(RunsFolder, "names", lambda self: ["gone", "good"])
    assert [run["name"] for run in folder.overviews()] == ["good"]


def test_a_folder_that_is_deleted_has_no_runs(tmp_path):
    (tmp_path / "runs").mkdir()
    folder = RunsFolder(tmp_path / "runs")
    (tmp_path / "runs").rmdir()
    assert folder.overviews() == []


def test_a_record_of_unreasonable_size_is_not_read(tmp_path):
    finished(tmp_path / "run")
    with open(tmp_path / "run" / "run.json", "r+b") as file:
        file.truncate(2**24 + 1)
    assert "at most" in RunsFolder(tmp_path).overview("run")["trouble"]


def test_no_folder(tmp_path):
    with pytest.raises(ip.errors.DataFileError, match="there is no such folder"):
        RunsFolder(tmp_path / "missing")


def test_an_overview_is_json(tmp_path):
    finished(tmp_path / "run")
    assert json.loads(json.dumps(RunsFolder(tmp_path).overview("run")))["name"] == "run"
