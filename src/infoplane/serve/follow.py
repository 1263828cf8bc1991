"""A run that another process may be writing -> the rows that are new since the last look."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, final

from infoplane.columns import COLUMNS, SCALAR_COLUMNS
from infoplane.errors import DataFileError, InfoplaneError
from infoplane.io.jsonlines import row_of
from infoplane.runs.names import file_in
from infoplane.trajectory.trajectory import Trajectory

_MOST_BYTES = 2**22  # read at one look
_TAIL = 128  # bytes before the place of the last look that have to be as they were

Row = dict[str, Any]


@dataclass(frozen=True)
class News:
    """What is new of a run; ``restarted``: all earlier rows are void, since the file was cut or replaced."""

    restarted: bool
    rows: list[Row] = field(default_factory=list)
    scalars: list[Row] = field(default_factory=list)


@final
class LineFollower:
    """The rows that a file of JSON lines gains. A last line that is not whole waits for the next look."""

    def __init__(self, folder: Path, name: str, columns: Sequence[str]) -> None:
        self._folder, self._name, self._columns = folder, name, columns
        self._offset, self._lines, self._tail = 0, 0, b""

    def look(self) -> tuple[bool, list[Row]]:
        """Whether the file begins anew, and its new rows, at most 4 MB of them.

        Raises:
            DataFileError: a line that is no row, or no regular file.
            RunError: the file is a link that leads out of the run directory.
        """
        try:
            with open(_regular(file_in(self._folder, self._name)), "rb") as file:
                restarted = self._forget_what_changed(file)
                data = file.read(_MOST_BYTES)
        except FileNotFoundError:
            gone = self._offset > 0
            self._offset, self._lines, self._tail = 0, 0, b""
            return gone, []
        except OSError as error:
            if isinstance(error, InfoplaneError):
                raise
            raise DataFileError(f"cannot read {self._name}: {(error.strerror or str(error)).lower()}") from error
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and len(data) == _MOST_BYTES:
            raise DataFileError(
                f"{self._name}, line {self._lines + 1} is longer than {_MOST_BYTES} bytes: it is damaged"
            )
        rows = [
            row_of(line, f"{self._name}, line {number}", self._columns)
            for number, line in enumerate(whole.splitlines(), self._lines + 1)
        ]
        self._offset += len(whole)
        self._lines += len(rows)
        self._tail = (self._tail + whole)[-_TAIL:]
        return restarted, rows

    def _forget_what_changed(self, file: BinaryIO) -> bool:
        """Stand where the last look ended; at the beginning where the file is shorter now, or another one."""
        file.seek(self._offset - len(self._tail))
        same = file.read(len(self._tail)) == self._tail
        if not same:
            self._offset, self._lines, self._tail = 0, 0, b""
            file.seek(0)
        return not same


@final
class RunFollower:
    """The rows and scalars that a run gains; of a run that was saved whole, all of them at the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows, self._scalars = self._begin()
        self._whole: tuple[int, int] | None = None  # of a trajectory.csv without lines: time of change and size

    def _begin(self) -> tuple[LineFollower, LineFollower]:
        rows = LineFollower(self._folder, "trajectory.jsonl", COLUMNS)
        return rows, LineFollower(self._folder, "scalars.jsonl", SCALAR_COLUMNS)

    def look(self) -> News:
        """What is new.

        Raises:
            DataFileError, RunError: as in :meth:`LineFollower.look`.
        """
        anew, rows = self._rows.look()
        again, scalars = self._scalars.look()
        if anew == again:
            return News(anew, rows, scalars) if anew or rows or scalars else self._look_at_whole()
        self._rows, self._scalars = self._begin()
        return News(True, self._rows.look()[1], self._scalars.look()[1])

    def _look_at_whole(self) -> News:
        if (self._folder / "trajectory.jsonl").exists():
            return News(False)
        try:
            status = _regular(file_in(self._folder, "trajectory.csv")).stat()
        except FileNotFoundError:
            return News(False)
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._whole:
            return News(False)
        file_in(self._folder, "scalars.csv")
        trajectory = Trajectory.load(self._folder)
        restarted, self._whole = self._whole is not None, stamp
        return News(restarted, list(trajectory), list(trajectory.scalars))


def _regular(path: Path) -> Path:
    """``path``, which is no pipe or device, whose reading might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataFileError(f"{path.name} is no regular file")
    return path


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns; flags joined with ``;``."""
    columns = {name: [row.get(name) for row in rows] for name in names}
    if "flags" in columns:
        columns["flags"] = [";".join(flags or ()) for flags in columns["flags"]]
    return columns
