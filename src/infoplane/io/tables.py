"""Columns of our own tables <-> CSV files, as strict as they are exact: every number comes back with the same bits."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infoplane.columns import COLUMNS, KINDS, LATER
from infoplane.errors import DataFileError
from infoplane.io.files import reading
from infoplane.io.limits import LONGEST_LINE, check_regular, lines_within

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]*")  # a text that stands in a table as it is
_FORMULA = tuple("=+-@'\t\r")  # what makes a spreadsheet take a cell for a formula, and the escape itself
_LARGE = 2**18  # bytes of a file for which pandas is worth its import
_BLOCK_BYTES = 2**22
_QUOTED_CELL = re.compile(rb'(?<=[,\n])"[^"\r\n]*"(?=[,\n])|\A"[^"\r\n]*"(?=[,\n])')
_BLOCK = 4096  # lines that are read at a time: a column of them is turned at once, a file never lies in memory as cells
_TOO_LARGE = 2**63


def csv_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as a CSV file with a header; numbers in full precision, ``None`` an empty cell.

    Example:
        >>> csv_bytes({"step": [3, 4], "layer": ["=fc", None], "i_xt": [0.1, float("nan")]}).decode().split()
        ['step,layer,i_xt', "3,'=fc,0.1", '4,,nan']
    """
    cells = [_cells(name, values) for name, values in columns.items()]
    lines = [",".join(columns), *map(",".join, zip(*cells, strict=True))]
    return ("\n".join(lines) + "\n").encode("utf-8", errors="backslashreplace")


def _cells(name: str, values: Sequence[Any]) -> list[str]:
    """A column's values as they stand between two commas."""
    if KINDS[name] in ("text", "flags"):
        shown = {value: _text_cell(value) for value in set(values)}  # a few texts, many times
        return [shown[value] for value in values]
    return ["" if value is None else repr(value) for value in values]


def _text_cell(value: str | tuple[str, ...] | None) -> str:
    if value is None or value == ():
        return ""
    text = ";".join(value) if isinstance(value, tuple) else value
    if _PLAIN.fullmatch(text):
        return text
    text = "'" + text if not text or text.startswith(_FORMULA) else text
    quoted = any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if quoted else text


def read_csv(path: str | os.PathLike[str], names: Sequence[str] = COLUMNS) -> Iterator[dict[str, list[Any]]]:
    """The columns that :func:`csv_bytes` wrote, block by block; they may stand in any order.

    A cell is a text, a whole number or a float, or ``None`` where it is empty; flags stay one text.

    Raises:
        DataFileError: no such file, another header, or a cell that does not fit its column.
    """
    try:
        with reading(path):
            check_regular(Path(path))
            with open(path, encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(lines_within(path, file, LONGEST_LINE), strict=True), [])
            _check_header(path, header, names)
            done = 0  # lines after the header
            if os.stat(path).st_size >= _LARGE:
                for lines, columns in _plain_blocks(path, header):
                    yield columns
                    done += lines
            yield from _careful_blocks(path, header, done)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(f"{path} is not a CSV file in UTF-8: {error}") from error


# ------------------------------------------------------------ the quick way: five times as fast, for the usual file


def _plain_blocks(path: str | os.PathLike[str], header: list[str]) -> Iterator[tuple[int, dict[str, list[Any]]]]:
    """The number of lines and the columns of blocks of a file, as far as it is plain.

    A block is plain where no reader could take it for something else: every line has its cells, quotes stand around
    whole cells, and pandas finds in every cell what its column holds. Where one is not, :func:`_careful_blocks` goes
    on from there: it knows all that is allowed, and says what is wrong where.
    """
    with open(path, "rb") as file:
        first = file.readline()
        if b'"' in first or b"\r" in first:
            return
        while block := file.read(_BLOCK_BYTES):
            block += file.readline(LONGEST_LINE)
            columns = _plain_columns(block, header) if block.endswith(b"\n") else None
            if columns is None:
                return
            yield block.count(b"\n"), columns


def _plain_columns(text: bytes, header: list[str]) -> dict[str, list[Any]] | None:
    import pandas

    bare = _QUOTED_CELL.sub(b"", text) if b'"' in text else text
    # pandas fills up lines that are too short, reads over odd quotes, takes truth values for numbers, and has one NaN
    # for None and NaN
    odd = b'"' in bare or any(mark in text for mark in (b"\r", b"\0"))
    lowered = text.lower()
    odd = odd or any(word in lowered for word in (b"nan", b"true", b"false"))
    if odd or any(line.count(b",") != len(header) - 1 for line in bare.splitlines()):
        return None
    numbers = [name for name in header if KINDS[name] == "number"]
    try:
        table = pandas.read_csv(
            io.BytesIO(text), names=header, dtype={name: float if name in numbers else object for name in header},
            header=None, index_col=False, keep_default_na=False, na_values={name: [""] for name in numbers},
            skip_blank_lines=False, encoding="utf-8", **_exact_floats(),
        )  # fmt: skip
        columns = {name: table[name].tolist() for name in header}
        for name in header:
            if name not in numbers:
                columns[name] = _values(name, columns[name])
            elif table[name].hasnans:
                columns[name] = [None if cell != cell else cell for cell in columns[name]]
    except (ValueError, OverflowError):  # a cell that does not fit, or that pandas does not know
        return None
    return columns


def _exact_floats() -> dict[str, Any]:
    """What makes pandas read floats to the last bit: the default from version 3 on, where the option goes away."""
    import pandas

    return {} if int(pandas.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}


# ------------------------------------------------------------ the careful way: all that is allowed, and what is not


def _careful_blocks(path: str | os.PathLike[str], header: list[str], done: int) -> Iterator[dict[str, list[Any]]]:
    """The columns of what comes after the header and ``done`` lines."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        each = lines_within(path, file, LONGEST_LINE)
        lines = csv.reader(each, strict=True)
        next(lines, None)  # the header
        for _ in itertools.islice(each, done):
            pass
        for numbers, rows, fault in _blocks(path, lines, len(header), done):
            yield _columns(path, header, numbers, rows)
            if fault is not None:  # after what is wrong in the lines before it
                raise fault


def _check_header(path: str | os.PathLike[str], header: list[str], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in header and name not in LATER]
    unknown = [name for name in header if name not in names]
    if missing or unknown or len(header) != len(set(header)):
        faults = [f"the columns {', '.join(missing)} are missing"] if missing else []
        faults += [f"the columns {', '.join(map(reprlib.repr, unknown[:10]))} are unknown"] if unknown else []
        raise DataFileError(
            f"{path} is another table: {'; '.join(faults) or 'a column stands twice'}. "
            f"The first line has to be {','.join(names)}"
        )


def _blocks(
    path: str | os.PathLike[str], lines: Any, width: int, done: int
) -> Iterator[tuple[list[int], list[list[str]], Exception | None]]:
    """Line numbers and cells of some lines, and what is wrong with the line after them."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    fault: Exception | None = None
    try:
        for cells in lines:
            if len(cells) != width:
                fault = DataFileError(
                    f"{path}, line {done + lines.line_num}: {len(cells)} cells, the header has {width}"
                )
                break
            numbers.append(done + lines.line_num)
            rows.append(cells)
            if len(rows) == _BLOCK:
                yield numbers, rows, None
                numbers, rows = [], []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fault = error
    yield numbers, rows, fault


def _columns(
    path: str | os.PathLike[str], header: list[str], numbers: list[int], rows: list[list[str]]
) -> dict[str, list[Any]]:
    if not rows:
        return {name: [] for name in header}
    try:
        return {name: _values(name, cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    except ValueError:  # again, cell by cell in the order of the file, for the first that does not fit
        for number, row in zip(numbers, rows, strict=True):
            for name, cell in zip(header, row, strict=True):
                _check_cell(f"{path}, line {number}: {name} is {reprlib.repr(cell)}", name, cell)
        raise


def _values(name: str, cells: Sequence[str]) -> list[Any]:
    """What the cells of a column say: the inverse of :func:`_cells`; ``ValueError`` where one does not fit."""
    kind = KINDS[name]
    if kind == "number":
        return [float(cell) if cell else None for cell in cells] if any(cells) else [None] * len(cells)
    if kind == "whole":
        wholes = {cell: int(cell) for cell in set(cells) if cell}  # a few of them, many times, as texts are
        if any(abs(whole) >= _TOO_LARGE for whole in wholes.values()):
            raise ValueError("too large")
        return list(map(wholes.get, cells))
    texts = {cell: cell.removeprefix("'") for cell in set(cells) if cell}
    return list(map(texts.get, cells))


def _check_cell(place: str, name: str, cell: str) -> None:
    if not cell or KINDS[name] in ("text", "flags"):
        return
    kind: Callable[[str], float] = int if KINDS[name] == "whole" else float
    try:
        number = kind(cell)
    except ValueError as error:
        needed = "whole number" if kind is int else "number"
        raise DataFileError(f"{place}, a {needed} or nothing is needed") from error
    if kind is int and abs(number) >= _TOO_LARGE:
        raise DataFileError(f"{place}, which is too large to count")
