"""A checkpoint is a pair that never falls apart."""

import os

import pytest
import torch

from infoplane.errors import DataFileError, InfoplaneError, RunError
from infoplane.io.files import read_json, sealed
from infoplane.runs.checkpoint import Checkpoint, read_checkpoint, remove_leftovers, write_checkpoint


def checkpoint(step, value=0.0):
    tensors = {"w": torch.full((2, 3), value), "counts": torch.arange(4), "view": torch.arange(6).view(2, 3).T}
    return Checkpoint(step, tensors, {"best": 0.1 + 0.2, "over": False}, {"rows": {"size": 3, "sha256": "ab"}})


def test_what_is_read_is_what_was_written(tmp_path):
    assert read_checkpoint(tmp_path) is None
    write_checkpoint(tmp_path, checkpoint(3))
    write_checkpoint(tmp_path, checkpoint(7, 1 / 3))
    found, expected = read_checkpoint(tmp_path), checkpoint(7, 1 / 3)
    assert (found.step, found.facts, found.lines) == (7, expected.facts, expected.lines)
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(found.tensors[name], expected.tensors[name]) for name in expected.tensors)
    assert len(list(tmp_path.iterdir())) == 2


def test_equal_checkpoints_have_equal_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for _ in range(2):
            write_checkpoint(tmp_path / name, checkpoint(5))
    first, second = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second


@pytest.mark.parametrize("broken", [1, 3])  # of the tensors, and of the file that names them
def test_a_disk_that_fills_leaves_the_pair_before(tmp_path, monkeypatch, broken):
    write_checkpoint(tmp_path, checkpoint(3))
    before = {file.name for file in tmp_path.iterdir()}
    calls, original = [0], os.fsync

    def fsync(file):
        calls[0] += 1
        if calls[0] == broken:
            raise OSError(28, "No space left on device")
        return original(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RunError, match=r"no space left on device \(\S+ MB needed\)"):
        write_checkpoint(tmp_path, checkpoint(7))
    assert {file.name for file in tmp_path.iterdir()} == before
    assert read_checkpoint(tmp_path).step == 3


def test_tensors_without_a_name_for_them_go(tmp_path):
    write_checkpoint(tmp_path, checkpoint(3))
    for name in ("checkpoint-9-0123abcd.safetensors", "checkpoint-mine.safetensors"):
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert len(names) == 3
    assert {"checkpoint.json", "checkpoint-mine.safetensors"} <= names
    assert read_checkpoint(tmp_path).step == 3


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../elsewhere.safetensors"},
        {"file": "checkpoint-3-0000000g.safetensors"},
        {"file": "checkpoint-3-00000000.safetensors"},
        {"file": None},
        {"size": 10**15},
        {"size": 5},
        {"sha256": "00"},
        {"facts": []},
        {"lines": {"trajectory.jsonl": 3}},
        {"step": "3"},
        {"format_version": 99},
    ],
)
def test_a_pointer_that_no_run_writes_is_refused(tmp_path, change):
    write_checkpoint(tmp_path, checkpoint(3))
    pointer = read_json(tmp_path / "checkpoint.json")
    (tmp_path / "checkpoint.json").write_bytes(sealed(pointer | change))
    with pytest.raises(DataFileError, match=r"checkpoint"):
        read_checkpoint(tmp_path)


def test_every_flipped_bit_and_every_cut_is_seen(tmp_path):
    write_checkpoint(tmp_path, checkpoint(3))
    (file,) = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(InfoplaneError, match="its checksum differs"):
            read_checkpoint(tmp_path)
        file.write_bytes(whole[:at])
        with pytest.raises(InfoplaneError, match=f"has {at} bytes, {len(whole)} were written"):
            read_checkpoint(tmp_path)


def test_a_link_out_of_the_run_is_not_read(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    write_checkpoint(run, checkpoint(3))
    (file,) = run.glob("*.safetensors")
    file.rename(tmp_path / "outside")
    file.symlink_to(tmp_path / "outside")
    with pytest.raises(RunError, match="leads out of the run directory"):
        read_checkpoint(run)
