"""The process that does the runs of a sweep: a line in for each, a line out, and it goes when nobody asks any more."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

import infoplane as ip
from infoplane.io.files import read_json
from infoplane.sweeps.child import _train
from infoplane.training.options import OF_A_TABLE

TABLES = {"experiment": "warm-up", "training": {"epochs": 2}}


def test_every_line_is_answered_by_one_and_a_failure_costs_one_run(tmp_path):
    tasks = [
        {"tables": TABLES, "out": str(tmp_path / "one")},
        {"tables": {**TABLES, "training": {"epochs": 0}}, "out": str(tmp_path / "two")},
        {"tables": TABLES, "out": str(tmp_path / "three")},
    ]
    child = subprocess.Popen([sys.executable, "-m", "infoplane.sweeps.child"], stdin=-1, stdout=-1, stderr=-1)
    answers = []
    for task in tasks:
        child.stdin.write(json.dumps(task).encode() + b"\n")
        child.stdin.flush()
        answers.append(json.loads(child.stdout.readline())["error"])
    rest, _ = child.communicate(timeout=60)  # closes its input, and it goes
    assert child.returncode == 0
    assert rest == b""
    assert (answers[0], answers[2]) == (None, None)
    assert answers[1].startswith("InputError: training.epochs=0: it must be")
    by_hand = ip.experiments.load("warm-up").run(epochs=2)
    for name in ("one", "three"):
        assert list(ip.Trajectory.load(tmp_path / name)) == list(by_hand.trajectory)


def test_an_interrupted_run_is_resumed(tmp_path, data_folder):
    run = shutil.copytree(data_folder / "saved-runs" / "interrupted", tmp_path / "run")
    before = read_json(run / "run.json")
    settings = {name: value for name, value in before["settings"].items() if name in OF_A_TABLE}
    _train(replace(ip.experiments.load("warm-up"), training=settings), run)
    after = read_json(run / "run.json")
    assert (before["state"], after["state"]) == ("running", "finished")
    assert after["started"] == before["started"]
    assert after["steps_done"] > before["steps_done"]


@pytest.mark.parametrize("file", [None, "checkpoint.json"])
def test_a_run_that_cannot_be_resumed_begins_anew(tmp_path, data_folder, file):
    """A file is damaged, or, where none is, the settings are other ones."""
    run = shutil.copytree(data_folder / "saved-runs" / "interrupted", tmp_path / "run")
    before = read_json(run / "run.json")
    settings = {name: value for name, value in before["settings"].items() if name in OF_A_TABLE}
    if file is None:
        settings["learning_rate"] = 0.125
    else:
        (run / file).write_text("{")
    _train(replace(ip.experiments.load("warm-up"), training=settings | {"epochs": 3 if file is None else 900}), run)
    after = read_json(run / "run.json")
    assert after["state"] == "finished"
    assert after["started"] != before["started"]
    assert after["settings"]["learning_rate"] == settings["learning_rate"]
