import errno
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import infoplane as ip
from infoplane import runs
from infoplane.companions.curve import Curve
from infoplane.errors import DataFileError, InputError, RunError
from infoplane.io.files import atomic_write, clean, json_bytes, read_json, reading, sealed


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    target = tmp_path / "result.csv"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, call, full_disk)
    with pytest.raises(RunError) as caught:
        atomic_write(target, b"n" * 1_500_000)
    assert f"cannot write {target}: no space left on device (1.5 MB needed)" in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["result.csv"]
    assert target.read_bytes() == b"old"


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "result.csv"
    target.write_bytes(b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(target, b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("result.csv", b"old")]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RunError, match=r"cannot write .*nowhere/a\.csv: no such file or directory"):
        atomic_write(tmp_path / "nowhere" / "a.csv", b"")


def test_a_killed_writer_leaves_one_of_the_whole_files(tmp_path):
    target = tmp_path / "result.bin"
    atomic_write(target, b"A" * 300_000)
    program = (
        "import sys, itertools; from infoplane.io.files import atomic_write\n"
        "for letter in itertools.cycle([b'A', b'B']): atomic_write(sys.argv[1], letter * 300_000); print(flush=True)"
    )
    for milliseconds in (1, 4, 9):
        writer = subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE)
        with writer:
            writer.stdout.readline()  # it has begun
            time.sleep(milliseconds / 1000)
            writer.kill()
        assert target.read_bytes() in (b"A" * 300_000, b"B" * 300_000)


def test_a_folder_out_of_reach_is_the_message_of_a_place_that_cannot_be_read(tmp_path):
    with pytest.raises(DataFileError, match=r"cannot read runs/mine: permission denied"), reading("runs/mine"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with pytest.raises(RunError, match="its own words"), reading("runs/mine"):
        raise RunError("its own words")


WARM_UP = {"experiment": "warm-up", "training": {"epochs": 1}}
DOORS = {
    "Trajectory.load": ip.Trajectory.load,
    "Trajectory.save": ip.Trajectory([{"step": 0}]).save,
    "Curve.load": Curve.load,
    "verify": runs.verify,
    "overview": runs.overview,
    "read_record": runs.read_record,
    "export": runs.export,
    "force_unlock": runs.force_unlock,
    "resume": ip.resume,
    "run": lambda path: ip.experiments.load("warm-up").run(out=path),
    "run with force": lambda path: ip.experiments.load("warm-up").run(out=path, force=True),
    "run with resume": lambda path: ip.experiments.load("warm-up").run(out=path, resume=True),
    "measure_dump": lambda path: ip.measure_dump(f"{path}.npz"),
    "report": lambda path: ip.report(path, "report.html"),
    "sweep": lambda path: ip.sweep(WARM_UP, out=path),
    "plan": ip.sweep,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_name_that_no_system_takes_is_an_error_of_infoplane_at_every_door(tmp_path, door):
    with pytest.raises((DataFileError, RunError), match="too long") as caught:
        DOORS[door](tmp_path / ("n" * 300))
    assert "nnn" in str(caught.value)


def test_a_file_with_its_own_checksum_is_read_as_it_was_written(tmp_path):
    path, content = tmp_path / "run.json", {"format_version": 3, "name": "\udc80 β", "values": [1.0, 1, -0.0, None]}
    path.write_bytes(sealed(content))
    assert read_json(path) == content
    path.write_bytes(sealed(read_json(path)))  # and sealing again changes nothing
    assert read_json(path) == content
    for change in ({"name": "x"}, {"values": [1, 1, -0.0, None]}, {"own_sha256": None}, {"more": 1}):
        path.write_text(json.dumps(json.loads(sealed(content)) | change))
        with pytest.raises(DataFileError, match="does not say what was written"):
            read_json(path)


def test_json_is_strict_and_plain():
    value = {"nan": math.nan, "inf": [math.inf], "one": np.float32(0.5), "many": np.arange(3), "path": Path("a/b")}
    found = json.loads(json_bytes(value), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found == {"nan": None, "inf": [None], "one": 0.5, "many": [0, 1, 2], "path": "a/b"}
    with pytest.raises(InputError, match="which JSON has no form for"):
        json_bytes({"function": print})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b'{"a": ', "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[1]", "a JSON list"),
        (b'{"format_version": 99, "versions": {"infoplane": "7.1"}}', r"written by infoplane 7\.1.*upgrade infoplane"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_with_its_path(tmp_path, content, words):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataFileError, match=words) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_nothing_that_steers_a_terminal_passes(text):
    shown = clean(text)
    assert all(ord(letter) >= 32 and not 127 <= ord(letter) < 160 for letter in shown)
    assert clean(shown) == shown


def test_plain_names_stay_and_escape_codes_lose_their_power():
    assert clean("encoder.layer.3 β 🙂 日本") == "encoder.layer.3 β 🙂 日本"
    assert clean("\x1b]0;owned\x07\x1b[31mred\x9b2J\u202efdp.exe") == "]0;owned[31mred2Jfdp.exe"
