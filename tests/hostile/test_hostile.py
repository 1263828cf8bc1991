"""Every hostile file goes to every reader: what comes out is an error of infoplane's own, in time and within memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

#: What may be read, since nothing in it is wrong for that reader: (name of the file or folder, readers).
HARMLESS = {
    "digits-without-end.csv": {"arrays"},  # the number is infinity, which every estimator refuses
    "expanded.pt": {"state"},  # one number seen often; the network's shapes decide
    "formula.csv": {"arrays", "infoplane estimate"},
    "names-for-the-terminal.npz": {"arrays"},
    "names-that-lead-out.npz": {"arrays", "infoplane estimate"},  # names, never paths
    "no-images/train-labels-idx1-ubyte": {"idx"},
    "no-rows-but-many.safetensors": {"state"},
    "run-for-the-terminal": {"trajectory", "verify", "infoplane plot", "infoplane export", "infoplane verify"},
    "run-of-odd-kinds": {"trajectory", "infoplane plot", "infoplane export"},  # its rows are whole
    "run-that-lists-others": {"trajectory", "infoplane plot", "infoplane export"},
    "run-without-tables": {"verify", "infoplane verify"},  # the record is whole, what it says is not
    "twice.safetensors": {"arrays", "state"},  # two names of the same numbers
}
REPORTS = {"verify", "overview", "infoplane verify", "infoplane list runs"}  # these say what is wrong, and go on


def everything(folder):
    return {
        str(path): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.name not in ("plane.svg", "table.csv", "table.scalars.csv")
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    subprocess.run([sys.executable, HERE / "make.py", folder], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def meals(folder):
    """What came of each file and reader, in one process with little memory and a limit on time."""
    before = everything(folder)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    command = [sys.executable, HERE / "feed.py", folder]
    fed = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=400)
    assert fed.returncode == 0, fed.stderr[-3000:] + fed.stdout[-300:]
    meals = [json.loads(line) for line in fed.stdout.splitlines()]
    changed = {path for path, when in everything(folder).items() if before.get(path) != when}
    assert {path for path in changed if not Path(path).is_dir()} == set()
    return [meal | {"file": str(Path(meal["file"]).relative_to(folder))} for meal in meals]


def test_only_declared_errors_come_out(meals):
    assert len({meal["file"] for meal in meals}) > 90
    wrong = [meal for meal in meals if meal["error"] is not None and "InfoplaneError" not in meal["error"]]
    assert wrong == []


def test_no_memory_is_asked_for_in_vain(meals):
    assert [meal for meal in meals if meal.get("memory")] == []


def test_what_is_read_is_harmless(meals):
    read = {}
    for meal in meals:
        whole = meal["file"].startswith("run-") and meal["file"].endswith(".csv")  # beside a record that is not
        if meal["error"] is None and meal["reader"] not in REPORTS and not whole:
            read.setdefault(meal["file"], set()).add(meal["reader"])
    assert {file: readers for file, readers in read.items() if not readers <= HARMLESS.get(file, set())} == {}


def test_messages_name_the_file_and_are_short_and_printable(meals):
    failed = [meal for meal in meals if meal["error"] is not None]
    assert [meal for meal in failed if len(meal["said"]) > 1500 or any(ord(mark) < 32 for mark in meal["said"])] == []
    damaged = [meal for meal in failed if meal["error"][0] == "DataFileError"]
    assert [meal for meal in damaged if Path(meal["file"]).name not in meal["said"]] == []


def test_the_terminal_gets_no_control_characters(meals):
    printed = [meal["said"] for meal in meals if meal["reader"].startswith("infoplane")]
    assert [text for text in printed if any(mark in text for mark in "\x1b\x07\u202e")] == []


def test_no_code_of_a_file_was_run(folder, meals):
    assert not list(folder.rglob("ran"))
    assert not list(folder.rglob("elsewhere"))


def test_a_link_out_of_a_run_shows_nothing_of_what_it_leads_to(meals):
    said = "".join(meal["said"] for meal in meals if meal["file"] == "run-linked")
    assert "is a link that leads out" in said
    assert "other eyes" not in said
