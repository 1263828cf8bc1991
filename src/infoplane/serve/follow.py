"""A run that another process may be writing -> the rows that are new since the last look."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, final

from infoplane.columns import COLUMNS, SCALAR_COLUMNS
from infoplane.errors import DataFileError, InfoplaneError
from infoplane.io.jsonlines import row_of
from infoplane.io.tables import read_csv
from infoplane.runs.names import file_in

_MOST_BYTES = 2**20  # read at one look, so that viewers of long runs cost little memory
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
        """Whether the file begins anew, and its new rows, at most 1 MB of them.

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
    """The rows and scalars that a run gains; of a run that was saved whole, its tables part by part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows, self._scalars = self._begin()
        self._whole = WholeTables(folder)

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
            if anew or rows or scalars or (self._folder / "trajectory.jsonl").exists():
                return News(anew, rows, scalars)
            return self._whole.look()
        self._rows, self._scalars = self._begin()
        return News(True, self._rows.look()[1], self._scalars.look()[1])


@final
class WholeTables:
    """``trajectory.csv`` and ``scalars.csv`` of a folder, a block of each at a look, and anew once changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None  # time of change and size of the table that is being read
        self._rows: Iterator[dict[str, list[Any]]] = iter(())
        self._scalars: Iterator[dict[str, list[Any]]] = iter(())
        self._fault: InfoplaneError | None = None

    def look(self) -> News:
        """The next rows.

        Raises:
            DataFileError: a damaged table, or no regular file; again at each look until the table changes.
            RunError: the file is a link that leads out of the run directory.
        """
        try:
            status = _regular(file_in(self._folder, "trajectory.csv")).stat()
        except FileNotFoundError:
            return News(False)
        stamp = (status.st_mtime_ns, status.st_size)
        restarted = self._stamp not in (None, stamp)
        if stamp != self._stamp:
            self._stamp, self._fault = stamp, None
            self._rows = read_csv(self._folder / "trajectory.csv")
            scalars = file_in(self._folder, "scalars.csv")
            self._scalars = read_csv(scalars, SCALAR_COLUMNS) if scalars.exists() else iter(())
        if self._fault is not None:
            raise self._fault
        try:
            return News(restarted, _rows_of(next(self._rows, {})), _rows_of(next(self._scalars, {})))
        except InfoplaneError as error:
            self._fault = error
            raise


def _rows_of(columns: dict[str, list[Any]]) -> list[Row]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _regular(path: Path) -> Path:
    """``path``, which is no pipe or device, whose reading might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataFileError(f"{path.name} is no regular file")
    return path


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns that JSON has a form for: no NaN and infinity, and flags joined with ``;``."""
    columns = {name: [_plain(row.get(name)) for row in rows] for name in names}
    if "flags" in columns:
        columns["flags"] = [flags if isinstance(flags, str) else ";".join(flags or ()) for flags in columns["flags"]]
    return columns


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
