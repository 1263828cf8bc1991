"""One writer a run directory: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import final

from infoplane.errors import RunError
from infoplane.io.files import cannot_write, clean
from infoplane.runs.record import whereabouts

try:
    import fcntl
except ImportError:  # pragma: no cover: a system without flock, where nothing keeps a second writer away
    fcntl = None  # type: ignore[assignment]

LOCK = "run.lock"

_TRIES, _PAUSE = 5, 0.02  # a reader that asks whether a run is alive holds the lock for microseconds


@final
class Lock:
    """The right to write into a run directory; ``run.lock`` in it says which process has it.

    Raises:
        RunError: another process has the lock, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        try:
            self._file = self._opened()
            os.truncate(self._file, 0)
            os.write(self._file, json.dumps(whereabouts()).encode())
        except RunError:
            raise
        except OSError as error:
            raise cannot_write(folder, error) from error

    def _opened(self) -> int:
        for attempt in range(_TRIES):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            if fcntl is None:  # pragma: no cover
                return file
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is(file, self.path):  # and not one that its owner has just removed
                    return file
                os.close(file)
            except BlockingIOError:
                os.close(file)
                if attempt + 1 < _TRIES:
                    time.sleep(_PAUSE)
        raise in_use(self.path.parent)

    def check(self) -> None:
        """Raise a RunError where the directory is gone, or another process has taken the lock by force."""
        if not _is(self._file, self.path):
            folder = self.path.parent
            if folder.is_dir():
                raise RunError(f"cannot write {folder}: its lock was taken by {_owner(self.path)}; this run stops here")
            raise RunError(f"cannot write {folder}: the directory is gone; what was measured is in the result")

    def release(self) -> None:
        """Let others write; harmless where that is so already."""
        if self._file >= 0:
            if _is(self._file, self.path):
                self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1


def in_use(folder: Path) -> RunError:
    """The error for a second writer."""
    return RunError(
        f"run {folder.name!r} is in use by {_owner(folder / LOCK)}; choose another name or --force-unlock "
        f"(which deletes {LOCK}: for when that process cannot be alive)"
    )


def force_unlock(folder: str | os.PathLike[str]) -> None:
    """Take away a lock that is stuck, for example on a network file system after its machine is gone.

    The other writer, should it live, notices at its next write and stops.

    Raises:
        RunError: it cannot be deleted.
    """
    try:
        (Path(folder) / LOCK).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(Path(folder) / LOCK, error) from error


def is_locked(folder: Path) -> bool:
    """Whether a process is writing into the run directory now."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _is(file: int, path: Path) -> bool:
    """Whether the open file is the one that has this path."""
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except OSError:
        return False


def _owner(path: Path) -> str:
    """What a lock file says about its process."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"pid {int(owner['pid'])} on host {clean(owner['host'])}"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"
