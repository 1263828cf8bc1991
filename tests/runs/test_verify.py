"""Whatever is changed in a run directory is found, and where nothing is, nothing is."""

import os
import tracemalloc

import pytest
import torch

from infoplane.errors import DataFileError
from infoplane.io import tables
from infoplane.io.files import read_json, sealed
from infoplane.runs import RunDirectory, verify
from infoplane.trajectory.trajectory import Trajectory


def rows():
    values = [float("nan"), 0.1, None, float("inf")]
    return Trajectory([{"step": s, "layer": "-fc", "i_xt": v, "flags": ("red",)} for s, v in enumerate(values)])


@pytest.fixture
def run(tmp_path):
    """A run that has ended."""
    made, trajectory = RunDirectory.create(tmp_path / "run", settings={}, data_checksum="0", seed=0), rows()
    trajectory.scalars.add(1, "loss", 0.5)
    made.append(trajectory)
    made.save_checkpoint(3, {"w": torch.ones(3)}, {})
    made.write_trajectory(trajectory)
    made.path_of("plane.png").write_bytes(b"picture")
    made.finish("finished")
    made.close()
    return made.path


def test_a_whole_run_has_no_findings(run):
    assert verify(run) == []
    (run / "plane.png").write_bytes(b"drawn again")
    (run / "notes.txt").write_text("mine")
    assert verify(run) == []


def test_every_file_that_is_changed_cut_or_gone_is_found(run):
    names = set(os.listdir(run)) - {"plane.png"}
    assert len(names) == 8
    for name in names:
        whole = (run / name).read_bytes()
        at = len(whole) // 2
        for content, said in ((whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], name), (whole[:-3], name)):
            (run / name).write_bytes(content)
            findings = verify(run)
            assert findings
            assert any(said in finding for finding in findings) or name == "manifest.json"
        (run / name).unlink()
        assert any(name in finding for finding in verify(run))
        (run / name).write_bytes(whole)
    assert verify(run) == []


def test_tables_that_say_something_else_than_the_lines_are_found(run):
    (run / "manifest.json").unlink()
    other = Trajectory.load(run)
    Trajectory([*other][:-1]).save(run / "trajectory.csv")
    assert any("has 3 rows, trajectory.jsonl has 4" in finding for finding in verify(run))
    Trajectory([*[*other][:-1], [*other][-1] | {"i_xt": 0.2}]).save(run / "trajectory.csv")
    assert any("row 4 says something else" in finding for finding in verify(run))


def test_a_run_that_has_not_ended(tmp_path):
    run = RunDirectory.create(tmp_path / "run", settings={}, data_checksum="0", seed=0)
    run.append(rows())
    run.save_checkpoint(3, {"w": torch.ones(3)}, {})
    lines = run.path / "trajectory.jsonl"
    whole = lines.read_bytes()
    lines.write_bytes(whole + b'{"step":4,')
    assert verify(run.path) == []  # a line that is being written is no damage
    lines.write_bytes(whole + b"{}{}\n")
    assert any("line 5 is not valid JSON" in finding for finding in verify(run.path))
    lines.write_bytes(whole.replace(b"fc", b"cf"))
    assert any("not as it was at the checkpoint" in finding for finding in verify(run.path))
    lines.write_bytes(whole[: len(whole) // 2])
    assert any("were there at the checkpoint" in finding for finding in verify(run.path))
    run.close()


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/b", "", "run.json\n", "CON"])
def test_a_manifest_leads_nowhere_else(run, name):
    manifest = read_json(run / "manifest.json")
    manifest["files"][name] = {"size": 4, "sha256": "00"}
    (run / "manifest.json").write_bytes(sealed(manifest))
    assert any("cannot be a file name" in finding for finding in verify(run))


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(DataFileError, match="is no folder"):
        verify(tmp_path / "nowhere")


def peak_of_verify(folder, rows):
    """Bytes that it takes to look at a finished run of so many rows."""
    run, long = RunDirectory.create(folder, settings={}, data_checksum="0", seed=0), Trajectory()
    long.extend([{"step": s, "layer": "fc", "i_xt": s / 7, "flags": ("red",)} for s in range(rows)])
    run.append(long)
    run.write_trajectory(long)
    run.finish("finished")
    run.close()
    tracemalloc.start()
    try:
        assert verify(folder) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_long_run_is_looked_at_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_LARGE", 0)
    monkeypatch.setattr(tables, "_BLOCK_BYTES", 2**14)
    peak_of_verify(tmp_path / "first", 500)  # what is imported for it
    assert peak_of_verify(tmp_path / "long", 3000) < 1.2 * peak_of_verify(tmp_path / "short", 1000)
    path = tmp_path / "long" / "trajectory.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2500], lines[0], *lines[2501:]]))
    assert any("row 2501 says something else" in finding for finding in verify(tmp_path / "long"))
