"""A table of text -> its columns: as pandas and spreadsheets write them, with commas, semicolons or tabs."""

from __future__ import annotations

import array
import csv
import itertools
import math
import re
import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from infoplane.errors import DataFileError
from infoplane.io.limits import LONGEST_LINE, MAX_BYTES, check_shape, lines_within

if TYPE_CHECKING:
    Column = array.array[float] | list[str | None]

_MISSING = frozenset(("", "NA", "N/A", "<NA>", "NaN", "nan", "NULL", "null"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_LOOKED_AT = 50  # rows from which separator and header are told

Row = tuple[int, list[str]]  #: the number of its last line, and its cells


def read_delimited(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """The columns by name, or by number ("0", "1", ...) where the first line is a row.

    Cells are separated by commas, semicolons or tabs, whichever cut the first lines into as many cells each; where it
    is not a comma, 1,5 is a number. Whole numbers are int64, others float64; an empty cell, NA or NaN is NaN, and None
    beside texts. An index that pandas wrote, without a name, is left out. The first line holds the names where a column
    goes on in another kind, or does not say again below what it says there.

    Raises:
        DataFileError: with the line, cells that do not fit, or texts that take more than ``max_bytes``.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            separator = _separator(path, file)
            lines = csv.reader(lines_within(path, file, LONGEST_LINE), strict=True, delimiter=separator)
            rows = ((lines.line_num, cells) for cells in lines if cells != ["sep=", ""])
            first = next(rows, (1, []))
            few = [row for row in itertools.islice(rows, _LOOKED_AT) if row[1]]
            decimal_comma = separator != ","
            names, begun = _names(path, first[1], [cells for _, cells in few], decimal_comma)
            every = itertools.chain([first] if begun else [], few, rows)
            columns = _columns(path, names, every, decimal_comma)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(f"{path} is not a csv file in UTF-8 ({error}): save it as one") from error
    if not columns or not len(columns[0]):
        raise DataFileError(f"{path} has names and no line of numbers: save it again")
    texts = [name for name, column in zip(names, columns, strict=True) if isinstance(column, list)]
    if len(texts) > 1:
        shown = ", ".join(map(reprlib.repr, texts[:10]))
        raise DataFileError(f"{path}: the columns {shown} hold texts, one may: drop the others")
    for column in columns:
        if isinstance(column, list):  # an array gives each of its texts the room of the longest
            check_shape(path, (len(column), max(len(cell or "") for cell in column)), 4, max_bytes)
    arrays = {name: _values(column) for name, column in zip(names, columns, strict=True)}
    if "" in arrays:
        index = arrays.pop("")
        if not arrays or not np.array_equal(index, np.arange(len(index))):
            raise DataFileError(f"{path}: a column has no name: name each (with pandas: to_csv(path, index=False))")
    return arrays


def _separator(path: Path, file: TextIO) -> str:
    """The one that cuts the first lines into as many cells each, two at least; a comma where none does."""
    begin = list(itertools.islice(lines_within(path, file, LONGEST_LINE), _LOOKED_AT))
    file.seek(0)
    if begin and begin[0].strip() in ("sep=;", "sep=,", "sep=\t"):  # what spreadsheets write and read
        return begin[0].rstrip("\r\n")[-1]
    for separator in "\t;":
        try:
            widths = {len(cells) for cells in csv.reader(begin, delimiter=separator) if cells}
        except csv.Error:
            continue
        if len(widths) == 1 and widths.pop() > 1:
            return separator
    return ","


def _names(path: Path, first: list[str], few: Sequence[list[str]], comma: bool) -> tuple[list[str], bool]:
    """The names of the columns, and whether the first line is a row already."""
    if not first:
        raise DataFileError(f"{path}: the first line is empty: put the names of the columns there")
    counted = [str(number) for number in range(len(first))]
    above = [_number(cell, comma) is not None for cell in first]
    below = [_is_of_numbers([cells[at] for cells in few if at < len(cells)], comma) for at in range(len(first))]
    again = any(
        not number and any(at < len(cells) and cells[at] == first[at] != "" for cells in few)
        for at, number in enumerate(above)
    )
    changes = any(number is not None and number != begins for number, begins in zip(below, above, strict=True))
    if all(above) and not changes:
        return counted, len(first) == 1 or first != counted
    if not changes and again:
        return counted, True
    numbers = [at for at, number in enumerate(above) if number]
    are_counts = len(numbers) > 1 and all(first[at] == counted[at] for at in numbers)  # names that pandas gave
    if not changes and any(above) and not are_counts:
        raise DataFileError(
            f"{path}: the first line holds numbers and texts, so it is neither names nor all numbers: put a line of "
            "names above it"
        )
    names = [cell.strip() for cell in first]
    if names.count("") > (names[0] == "") or len(set(names)) < len(names):
        raise DataFileError(
            f"{path}: a column has no name, or two have one: name each (with pandas: to_csv(path, index=False))"
        )
    return names, False


def _is_of_numbers(cells: Sequence[str], comma: bool) -> bool | None:
    """Whether the first cell that is there is a number; None where none is there."""
    return next((_number(cell, comma) is not None for cell in cells if cell.strip() not in _MISSING), None)


def _number(cell: str, comma: bool) -> float | None:
    """A cell's number; None where it is none."""
    if comma and _DECIMAL_COMMA.fullmatch(cell.strip()):
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        return None


def _columns(path: Path, names: list[str], rows: Iterator[Row], comma: bool) -> list[Column]:
    """The cells of every row, by column: of numbers or of texts, as the first cell that is there."""
    columns: list[Column | None] = [None] * len(names)
    count = 0
    for line, cells in rows:
        if not cells:  # an empty line is none
            continue
        if len(cells) != len(names):
            raise DataFileError(f"{path}, line {line}: {len(cells)} cells, and {len(names)} columns: mend that line")
        for at, cell in enumerate(cells):
            number, column = _number(cell, comma), columns[at]
            missing = number is None and cell.strip() in _MISSING
            if column is None and not missing:
                columns[at] = column = [None] * count if number is None else array.array("d", [math.nan]) * count
            if isinstance(column, list):
                column.append(None if missing else cell)
            elif column is not None:
                if number is None and not missing:
                    raise DataFileError(
                        f"{path}, line {line}: column {reprlib.repr(names[at])} is {reprlib.repr(cell)}, a number is "
                        "needed as in the lines above: fill it in, or leave the line out"
                    )
                column.append(math.nan if number is None else number)
        count += 1
    return [array.array("d", [math.nan]) * count if column is None else column for column in columns]


def _values(column: Column) -> np.ndarray:
    if isinstance(column, list):
        return np.array(column, dtype=object if None in column else None)
    numbers = np.frombuffer(column, dtype=np.float64).copy()
    whole = np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all() and (abs(numbers) < 2**53).all()
    return numbers.astype(np.int64) if whole else numbers
