"""A csv file -> its columns: numbers, and at most one column of texts."""

from __future__ import annotations

import array
import csv
import itertools
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infoplane.errors import DataFileError
from infoplane.io.limits import LONGEST_LINE, MAX_BYTES, check_shape, lines_within

if TYPE_CHECKING:
    Column = array.array[float] | list[str]


def read_delimited(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """The columns by name, or by number ("0", "1", ...) where the first line is of numbers.

    Whole numbers are int64, others float64. A first line without any number holds the names.

    Raises:
        DataFileError: with the line, cells that do not fit, or texts that take more than ``max_bytes``.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(lines_within(path, file, LONGEST_LINE), strict=True)
            first = next(lines, [])
            names, begun = _names(path, first)
            columns: list[Column] = []
            for cells in itertools.chain([first] if begun else [], lines):
                if cells:  # an empty line is none
                    columns = columns or [array.array("d") if _is_number(cell) else [] for cell in cells]
                    _add(f"{path}, line {lines.line_num}", names, columns, cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(f"{path} is not a csv file in UTF-8 with commas ({error}): save it as one") from error
    if not columns:
        raise DataFileError(f"{path} has names and no line of numbers: save it again")
    texts = [name for name, column in zip(names, columns, strict=True) if isinstance(column, list)]
    if len(texts) > 1:
        shown = ", ".join(map(reprlib.repr, texts[:10]))
        raise DataFileError(f"{path}: the columns {shown} hold texts, one may: drop the others")
    for column in columns:
        if isinstance(column, list):  # an array gives each of its texts the room of the longest
            check_shape(path, (len(column), max(map(len, column))), 4, max_bytes)
    return {name: _values(column) for name, column in zip(names, columns, strict=True)}


def _names(path: Path, first: list[str]) -> tuple[list[str], bool]:
    """The names of the columns, and whether the first line is a row already."""
    if not first:
        raise DataFileError(f"{path}: the first line is empty: put the names of the columns there")
    numbers = [_is_number(cell) for cell in first]
    counted = [str(number) for number in range(len(first))]
    if all(numbers):
        return counted, len(first) == 1 or first != counted
    if any(numbers):
        raise DataFileError(
            f"{path}: the first line holds numbers and texts, so it is neither names nor all numbers: put a line of "
            "names above it"
        )
    names = [cell.strip() for cell in first]
    if "" in names or len(set(names)) < len(names):
        raise DataFileError(
            f"{path}: a column has no name, or two have one: name each (with pandas: to_csv(path, index=False))"
        )
    return names, False


def _add(place: str, names: list[str], columns: list[Column], cells: list[str]) -> None:
    """One more row."""
    if len(cells) != len(names):
        raise DataFileError(f"{place}: {len(cells)} cells, and {len(names)} columns: mend that line")
    for name, column, cell in zip(names, columns, cells, strict=True):
        if isinstance(column, list):
            column.append(cell)
        elif _is_number(cell):
            column.append(float(cell))
        else:
            raise DataFileError(
                f"{place}: column {reprlib.repr(name)} is {reprlib.repr(cell)}, a number is needed as in the lines "
                "above: fill it in, or leave the line out"
            )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _values(column: Column) -> np.ndarray:
    if isinstance(column, list):
        return np.array(column)
    numbers = np.frombuffer(column, dtype=np.float64).copy()
    whole = np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all() and (abs(numbers) < 2**53).all()
    return numbers.astype(np.int64) if whole else numbers
