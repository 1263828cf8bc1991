"""Rows <-> files with one JSON object a line, which only ever grow: what is written stays readable, come what may."""

from __future__ import annotations

import hashlib
import json
import os
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from infoplane.columns import COLUMNS, KINDS
from infoplane.errors import DataFileError, RunError
from infoplane.io.files import cannot_write, reading
from infoplane.io.limits import check_regular

#: The key beside the columns for numbers that JSON has no form for: column -> "nan", "inf" or "-inf".
NOT_FINITE = "not_finite"

_LONGEST_LINE = 2**20
_NOT_FINITE_TEXTS = frozenset(("nan", "inf", "-inf"))
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def lines_of(columns: Mapping[str, Sequence[Any]]) -> list[bytes]:
    r"""Rows as lines of strict JSON: ``None`` is null; NaN and infinity are null, and named under ``not_finite``.

    Args:
        columns: of one length, with Python's own values; flags as tuples.

    Example:
        >>> lines_of({"step": [3, 4], "i_xt": [0.5, None], "flags": [(), ("red",)]})
        [b'{"step":3,"i_xt":0.5,"flags":[]}\n', b'{"step":4,"i_xt":null,"flags":["red"]}\n']
        >>> lines_of({"i_xt": [float("nan")]})
        [b'{"i_xt":null,"not_finite":{"i_xt":"nan"}}\n']
    """
    cells: list[list[str]] = []
    not_finite: dict[int, dict[str, str]] = {}  # row -> column -> which of the three it is
    for name, values in columns.items():
        key = f'"{name}":'
        if KINDS[name] in ("text", "flags"):
            texts = {value: key + _ENCODE(value) for value in set(values)}  # a few texts, many times
            cells.append([texts[value] for value in values])
            continue
        numbers = ["null" if value is None else repr(value) for value in values]
        if not _NOT_FINITE_TEXTS.isdisjoint(numbers):
            for at, text in enumerate(numbers):
                if text in _NOT_FINITE_TEXTS:
                    not_finite.setdefault(at, {})[name] = text
                    numbers[at] = "null"
        cells.append([key + number for number in numbers])
    lines = list(map(",".join, zip(*cells, strict=True)))
    for at, marks in not_finite.items():
        lines[at] += f',"{NOT_FINITE}":{_ENCODE(marks)}'
    return [b"{" + line.encode() + b"}\n" for line in lines]


def read_lines(
    path: str | os.PathLike[str], columns: Sequence[str] = COLUMNS, *, warn: bool = True
) -> Iterator[dict[str, Any]]:
    """The rows of a file of lines; a last line that is not whole is left out, with a warning.

    Raises:
        DataFileError: no such file, a line that is no JSON object, or a value that does not fit its column.
    """
    with reading(path):
        check_regular(Path(path))
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE:
                    raise DataFileError(f"{path}, line {number} is longer than {_LONGEST_LINE} bytes: it is damaged")
                if line.endswith(b"\n"):
                    yield row_of(line, f"{path}, line {number}", columns)
                elif warn:
                    warnings.warn(
                        f"{path}: line {number} was being written when the run stopped, and is left out",
                        RuntimeWarning,
                        stacklevel=2,
                    )


def last_rows(path: str | os.PathLike[str], columns: Sequence[str] = COLUMNS) -> list[dict[str, Any]]:
    """The rows of the newest step in the last mebibyte of a file of lines, however long it is.

    Raises:
        DataFileError: as for :func:`read_lines`.
    """
    with reading(path):
        check_regular(Path(path))
        with open(path, "rb") as file:
            beginning = max(0, os.fstat(file.fileno()).st_size - _LONGEST_LINE)
            file.seek(beginning)
            lines = file.read(_LONGEST_LINE).splitlines(keepends=True)
    newest: list[dict[str, Any]] = []
    for line in reversed(lines[1 if beginning else 0 :]):
        if not line.endswith(b"\n"):
            continue
        row = dict.fromkeys(columns) | row_of(line, f"{path}, near its end", columns)
        if newest and row["step"] != newest[0]["step"]:
            break
        newest.insert(0, row)
    return newest


def row_of(line: bytes, place: str, columns: Sequence[str]) -> dict[str, Any]:
    """The row in a line of :func:`lines_of`, every value of its column's kind; ``place`` is for the DataFileError."""
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{place} is not valid JSON ({error}): restore the file from a copy") from error
    if not isinstance(row, dict):
        raise DataFileError(f"{place} holds a JSON {type(row).__name__}, an object in braces is needed")
    marks = row.pop(NOT_FINITE, {})
    if not isinstance(marks, dict) or not all(mark in ("nan", "inf", "-inf") for mark in marks.values()):
        raise DataFileError(f"{place}: {NOT_FINITE} is {marks!r}, columns with 'nan', 'inf' or '-inf' are needed")
    row |= {name: float(mark) for name, mark in marks.items()}
    for name, value in row.items():
        if name not in columns or not _fits(name, value):
            shown = f"{reprlib.repr(name)} is {reprlib.repr(value)}"
            raise DataFileError(f"{place}: {shown}, which is no column or no value of {', '.join(columns)}")
    return row


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return True
    kind = KINDS[name]
    if kind == "flags":
        return isinstance(value, list) and all(isinstance(flag, str) for flag in value)
    if kind == "text":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int if kind == "whole" else int | float):
        return False
    return isinstance(value, float) or abs(value) < 2**63


@final
class LineFile:
    """A file that grows by whole lines; ``size`` bytes of it are whole and have the checksum ``sha256``.

    Args:
        path: the file; it is made where it is missing.
        keep: how many bytes of it to keep, the rest is cut off.

    Raises:
        RunError: it cannot be opened, or is shorter than ``keep``.
    """

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        self.path, self.size = path, keep
        self._digest = hashlib.sha256()
        try:
            self._file = open(path, "r+b" if path.exists() else "x+b", buffering=0)  # noqa: SIM115
            try:
                self._take_over(keep)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            if isinstance(error, RunError):
                raise
            raise cannot_write(path, error) from error

    def _take_over(self, keep: int) -> None:
        if (size := self.path.stat().st_size) < keep:
            raise RunError(f"{self.path} has {size} bytes and had {keep} at the checkpoint: restore it from a copy")
        left = keep
        while left and (part := self._file.read(min(left, 2**20))):
            self._digest.update(part)
            left -= len(part)
        self._file.truncate(keep)

    @property
    def sha256(self) -> str:
        """The checksum of everything written."""
        return self._digest.hexdigest()

    def append(self, lines: Iterable[bytes]) -> None:
        """Write lines at the end, for whoever reads the file now; where that fails, it is as it was before.

        Raises:
            RunError: they cannot be written.
        """
        data = b"".join(lines)
        try:
            done = 0
            while done < len(data):
                done += self._file.write(data[done:])
        except BaseException as error:
            self._file.truncate(self.size)
            self._file.seek(self.size)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error, size=len(data)) from error
            raise
        self._digest.update(data)
        self.size += len(data)

    def sync(self) -> None:
        """Wait until the disk has everything, so that it survives a loss of power too.

        Raises:
            RunError: the disk refuses.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
