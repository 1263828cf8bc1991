"""A worker has a process for its runs, which it keeps from run to run and replaces when it dies."""

import os
import signal

import pytest

from infoplane.io.files import read_json
from infoplane.sweeps.process import release, run_task

TABLES = {"experiment": "warm-up", "training": {"epochs": 1}}


@pytest.fixture
def worker(tmp_path):
    """Does a run of this name; the id of the process that did it, and what went wrong."""

    def run(name):
        error = run_task({"tables": TABLES, "out": str(tmp_path / name)})
        return read_json(tmp_path / name / "run.json")["pid"] if error is None else None, error

    release()  # what another test may have left
    yield run
    release()


def test_one_process_for_all_runs_until_it_is_released(worker):
    (first, _), (second, _) = worker("one"), worker("two")
    assert first == second != os.getpid()
    release()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    release()  # there is none: nothing happens


def test_a_process_that_is_killed_is_one_error_and_the_next_run_has_a_new_one(worker):
    first, _ = worker("one")
    os.kill(first, signal.SIGKILL)
    pid, error = worker("two")
    assert pid is None
    assert error.startswith("the process of the run ended with SIGKILL: it was killed, ran out of memory")
    third, error = worker("three")
    assert error is None
    assert third != first
