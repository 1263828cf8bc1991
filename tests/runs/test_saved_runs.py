"""Run directories that were written by version 0.1.0: what was saved is read, verified and gone on with."""

import json
import random
import shutil

import pytest

import infoplane as ip
from infoplane import runs
from infoplane.errors import DataFileError
from infoplane.io.files import FORMAT_VERSION, read_json, sealed

FINISHED = {"finished": (252, 6), "from-toml": (69, 3)}


@pytest.fixture
def saved(data_folder, tmp_path):
    """A copy of a saved run, which a test may change."""
    return lambda name: shutil.copytree(data_folder / "saved-runs" / name, tmp_path / name)


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_run_loads_and_is_whole(saved, name):
    folder = saved(name)
    trajectory = ip.Trajectory.load(folder)
    assert (len(trajectory), len({row["layer"] for row in trajectory})) == FINISHED[name]
    assert runs.verify(folder) == []
    assert list(trajectory) == list(ip.Trajectory.load(folder / "trajectory.csv"))


def test_a_killed_run_goes_on_to_the_rows_of_the_whole_one(saved, data_folder):
    folder = saved("interrupted")
    before = list(ip.Trajectory.load(folder))
    whole = list(ip.Trajectory.load(data_folder / "saved-runs" / "interrupted-whole.csv"))
    assert before == whole[: len(before)]
    after = list(ip.resume(folder).trajectory)
    assert after[: len(before)] == before
    assert [(row["step"], row["layer"], row["family"]) for row in after] == [
        (row["step"], row["layer"], row["family"]) for row in whole
    ]
    # another processor rounds the training otherwise, and single samples change their bins
    assert [row["i_ty"] for row in after] == pytest.approx([row["i_ty"] for row in whole], abs=0.05)


@pytest.fixture
def killed(saved):
    """A killed run as it is written today: its record and its checkpoint have checksums."""
    folder = saved("interrupted")
    for name in ("run.json", "checkpoint.json"):
        (folder / name).write_bytes(sealed(read_json(folder / name) | {"format_version": FORMAT_VERSION}))
    assert runs.verify(folder) == []
    return folder


@pytest.mark.parametrize(
    ("file", "said"),
    [("checkpoint.json", "step"), ("run.json", "every"), ("run.json", "learning_rate"), ("run.json", "batch_size")],
)
def test_a_plausible_change_of_a_killed_run_is_found_before_anything_is_read(killed, file, said):
    content = json.loads((killed / file).read_text())
    part = content["settings"] if file == "run.json" else content
    part[said] = (part[said] or 2) + (-2 if said == "step" else 1)
    (killed / file).write_text(json.dumps(content))
    before = {path.name: path.read_bytes() for path in killed.iterdir()}
    (finding,) = runs.verify(killed)
    assert finding.endswith(f"{file} does not say what was written (its checksum differs): restore it from a copy")
    with pytest.raises(DataFileError, match="its checksum differs"):
        ip.resume(killed)
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == before


@pytest.mark.parametrize("file", ["run.json", "checkpoint.json"])
def test_no_changed_byte_of_a_killed_run_changes_what_it_says(killed, file):
    whole, said, chance = (killed / file).read_bytes(), read_json(killed / file), random.Random(0)
    for _ in range(1000):
        at, byte = chance.randrange(len(whole)), bytes([chance.randrange(32, 127)])
        (killed / file).write_bytes(whole[:at] + byte + whole[at + 1 :])
        try:
            assert read_json(killed / file) == said  # another white space, or the same byte
        except DataFileError:
            continue
    (killed / file).write_bytes(whole.replace(b"\n", b"\r\n"))  # as a copy on another system has it
    assert runs.verify(killed) == []


def test_a_checkpoint_that_is_gone_is_found(killed):
    (killed / "checkpoint.json").unlink()
    assert any("checkpoint.json is missing, and" in finding for finding in runs.verify(killed))
