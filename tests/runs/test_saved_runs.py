"""Run directories that were written by version 0.1.0: what was saved is read, verified and gone on with."""

import shutil

import pytest

import infoplane as ip
from infoplane import runs

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
