"""One writer a run: the lock is the system's, so it dies with its process."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from infoplane.errors import RunError
from infoplane.runs import force_unlock
from infoplane.runs.lock import LOCK, Lock, is_locked

HOLD = (
    "import sys, time; from pathlib import Path; from infoplane.runs.lock import Lock\n"
    "lock = Lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def other(tmp_path):
    """Another process that writes the run."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_told_who_the_first_is_and_the_lock_dies_with_it(tmp_path, other):
    assert is_locked(tmp_path)
    with pytest.raises(RunError) as caught:
        Lock(tmp_path)
    assert str(caught.value).startswith(
        f"run {tmp_path.name!r} is in use by pid {other.pid} on host {socket.gethostname()}; "
        "choose another name or --force-unlock"
    )
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not is_locked(tmp_path)
    Lock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_two_of_one_process_are_two(tmp_path):
    first = Lock(tmp_path)
    with pytest.raises(RunError, match=f"in use by pid {os.getpid()} "):
        Lock(tmp_path)
    first.release()
    first.release()
    Lock(tmp_path).release()


def test_who_loses_the_lock_by_force_notices(tmp_path):
    first = Lock(tmp_path)
    first.check()
    force_unlock(tmp_path)
    with pytest.raises(RunError, match="its lock was taken by another process"):
        first.check()
    second = Lock(tmp_path)
    with pytest.raises(RunError, match=f"its lock was taken by pid {os.getpid()}"):
        first.check()
    first.release()
    second.check()
    second.release()


def test_a_lock_file_that_says_nothing_is_no_riddle(tmp_path):
    lock = Lock(tmp_path)
    (tmp_path / LOCK).write_text('{"pid": "\x1b", "host": null}')
    with pytest.raises(RunError, match="in use by another process"):
        Lock(tmp_path)
    lock.release()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "mine.txt")
    with pytest.raises(RunError, match="cannot write"):
        Lock(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_asking_whether_a_run_is_alive_disturbs_nobody(tmp_path):
    lock = Lock(tmp_path)
    assert all(is_locked(tmp_path) for _ in range(100))
    lock.release()
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "nowhere")
