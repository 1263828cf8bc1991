"""Rows kept by columns: a few bytes a cell, and every cell reads back as what it was, None and NaN told apart."""

from __future__ import annotations

import math
import operator
import struct
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, TypeGuard, final

import numpy as np

from infoplane.columns import KINDS, Column
from infoplane.errors import InputError, UnknownNameError
from infoplane.flags import from_text

_BLOCK = 1024  # rows that are turned at a time, from rows into columns or back

# Every array has a bit pattern for None that no value of a file can have. A NaN has 51 bits of its own: arithmetic sets
# none of them, so one with these letters in it is no result of any.
_NO_WHOLE = -(2**63)
_NO_NUMBER_BITS = 0x7FF8_0000_0000_0000 | int.from_bytes(b"empty")
(_NO_NUMBER,) = struct.unpack("<d", struct.pack("<q", _NO_NUMBER_BITS))


class Cells(ABC):
    """The cells of one column, in an ``array``; it grows by a sixteenth at a time, so 6 % of it are empty at most."""

    array: array[Any]

    @abstractmethod
    def extend(self, values: Sequence[Any]) -> None:
        """Add values; ``TypeError``, ``ValueError`` or ``OverflowError`` for one that does not fit the column."""

    @abstractmethod
    def extend_empty(self, count: int) -> None:
        """Add cells that hold nothing."""

    @abstractmethod
    def extend_cells(self, other: Any) -> None:
        """Add the cells of another column of the same kind."""

    @abstractmethod
    def values(self, start: int, stop: int) -> list[Any]:
        """Cells as Python's own values, None where there is nothing."""

    @abstractmethod
    def to_numpy(self) -> np.ndarray:
        """All cells as a table has them."""

    @abstractmethod
    def equal(self, value: Any) -> np.ndarray:
        """Which cells hold ``value``."""  # (rows,)

    @abstractmethod
    def take(self, at: np.ndarray) -> Any:
        """A column of the cells at these places."""


def _begins(values: Sequence[Any]) -> TypeGuard[list[Any]]:
    """Whether this is a list that begins with a value: the rest of a measurement's column then is of values too."""
    return type(values) is list and len(values) > 0 and values[0] is not None


def _picked(cells: array[Any], at: np.ndarray) -> array[Any]:
    picked = array(cells.typecode, bytes(cells.itemsize * len(at)))
    # mode="raise" would go through a buffer; no place is outside
    np.take(np.asarray(cells), at, out=np.asarray(picked), mode="clip")
    return picked


@final
class Numbers(Cells):
    """Float64 cells, to the last bit."""

    def __init__(self) -> None:
        self.array = array("d")

    def extend(self, values: Sequence[Any]) -> None:
        # fromlist adds all of the list or nothing, and takes whatever has a float of its own: numpy's and torch's too
        if _begins(values):
            try:
                self.array.fromlist(values)
                return
            except TypeError:  # a None further on, or what fits nowhere
                pass
        self.array.fromlist([_NO_NUMBER if value is None else value for value in values])

    def extend_empty(self, count: int) -> None:
        self.array.extend(_NO_NUMBERS * count)

    def extend_cells(self, other: Numbers) -> None:
        self.array.extend(other.array)

    def values(self, start: int, stop: int) -> list[Any]:
        cells = self.array[start:stop]
        values = cells.tolist()
        if not math.isnan(sum(values)):  # else there is a NaN among them, which None is one of
            return values
        bits = array("q", cells.tobytes())  # only the bits tell None from another NaN
        return [None if bit == _NO_NUMBER_BITS else value for value, bit in zip(values, bits, strict=True)]

    def to_numpy(self) -> np.ndarray:
        numbers = np.array(self.array)
        numbers[self.equal(None)] = np.nan  # the pattern for None stays in here
        return numbers

    def equal(self, value: Any) -> np.ndarray:
        if value is None:
            return np.asarray(self.array).view(np.int64) == _NO_NUMBER_BITS
        return _equal(self.array, value)

    def take(self, at: np.ndarray) -> Numbers:
        chosen = Numbers()
        chosen.array = _picked(self.array, at)
        return chosen


@final
class Wholes(Cells):
    """Cells with whole numbers of 64 bits."""

    def __init__(self) -> None:
        self.array = array("q")

    def extend(self, values: Sequence[Any]) -> None:
        if _begins(values):
            try:
                self.array.fromlist(values)
                return
            except TypeError:  # a None further on, or a float, which may well be a whole number
                pass
        self.array.fromlist([_NO_WHOLE if value is None else _whole(value) for value in values])

    def extend_empty(self, count: int) -> None:
        self.array.extend(_NO_WHOLES * count)

    def extend_cells(self, other: Wholes) -> None:
        self.array.extend(other.array)

    def values(self, start: int, stop: int) -> list[Any]:
        values = self.array[start:stop].tolist()
        return [None if value == _NO_WHOLE else value for value in values] if _NO_WHOLE in values else values

    def to_numpy(self) -> np.ndarray:
        wholes, empty = np.array(self.array), self.equal(None)
        return np.where(empty, np.nan, wholes) if empty.any() else wholes

    def equal(self, value: Any) -> np.ndarray:
        return _equal(self.array, _NO_WHOLE if value is None else value)

    def take(self, at: np.ndarray) -> Wholes:
        chosen = Wholes()
        chosen.array = _picked(self.array, at)
        return chosen


def _whole(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        if isinstance(value, str) or float(value) != int(value):
            raise
        return int(value)


def _equal(cells: array[Any], value: Any) -> np.ndarray:
    """Which cells equal a number; none does, if the value is no number."""
    value = value.item() if hasattr(value, "item") else value
    return np.asarray(cells) == value if isinstance(value, Real) else np.zeros(len(cells), dtype=bool)


_NO_NUMBERS, _NO_WHOLES = array("d", [_NO_NUMBER]), array("q", [_NO_WHOLE])


@final
class Categories(Cells):
    """Cells with texts, or tuples of flags: each cell is the number of its category, in two bytes while that is enough.

    A trajectory of a million rows has a few layers, estimators and sets of flags.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.array = array("H")
        empty = () if kind == "flags" else None
        self.categories: list[Any] = [empty]
        self._codes: dict[Any, int] = {None: 0, empty: 0}  # of a category, and of other ways in which it was written

    def extend(self, values: Sequence[Any]) -> None:
        codes = self._codes
        try:
            fresh = list(map(codes.__getitem__, values))
        except KeyError:  # one is seen for the first time
            each = {value: self._code(value) for value in set(values)}
            fresh = [each[value] for value in values]
        except TypeError:  # a list of flags, which is no key
            fresh = [self._code(value) for value in values]
        try:
            self.array.fromlist(fresh)
        except OverflowError:
            self.array = array("I", self.array)
            self.array.fromlist(fresh)

    def _code(self, value: Any) -> int:
        if self.kind != "flags" and not (value is None or isinstance(value, str)):
            raise TypeError(f"{value!r} is no text")
        category = _flags(value) if self.kind == "flags" else value
        if category not in self._codes:
            self._codes[category] = len(self.categories)
            self.categories.append(category)
        code = self._codes[category]
        if isinstance(value, str | tuple):  # as it was written, so that the next one is found at once
            self._codes[value] = code
        return code

    def extend_empty(self, count: int) -> None:
        self.array.extend(array(self.array.typecode, [0]) * count)

    def extend_cells(self, other: Categories) -> None:
        theirs = [self._code(category) for category in other.categories]
        if len(self.categories) > 2**16 and self.array.typecode == "H":
            self.array = array("I", self.array)
        self.array.extend(array(self.array.typecode, map(theirs.__getitem__, other.array)))

    def values(self, start: int, stop: int) -> list[Any]:
        categories = self.categories
        return [categories[code] for code in self.array[start:stop]]

    def to_numpy(self) -> np.ndarray:
        texts = list(map(";".join, self.categories)) if self.kind == "flags" else self.categories
        return np.array(texts, dtype=object)[np.asarray(self.array)]

    def equal(self, value: Any) -> np.ndarray:
        same = [value in category if self.kind == "flags" else category == value for category in self.categories]
        return np.array(same, dtype=bool)[np.asarray(self.array)]

    def take(self, at: np.ndarray) -> Categories:
        chosen = Categories(self.kind)
        chosen.array = _picked(self.array, at)
        chosen.categories, chosen._codes = list(self.categories), dict(self._codes)
        return chosen


def _flags(value: Any) -> tuple[str, ...]:
    """Several flags, or a text in which they are joined, as a tuple of flags."""
    return from_text(value if isinstance(value, str) else ";".join(value)) if value else ()


@final
class ColumnStore:
    """The rows of one table.

    Args:
        table: its columns, as :mod:`infoplane.columns` has them.
    """

    def __init__(self, table: Sequence[Column]) -> None:
        self.names = tuple(column.name for column in table)
        self._cells = {name: _empty_cells(name) for name in self.names}

    def __len__(self) -> int:
        return len(self._cells[self.names[0]].array)

    def __getitem__(self, name: str) -> Cells:
        return self._cells[name]

    def check(self, names: Iterable[str]) -> None:
        """``UnknownNameError`` for the first name that is no column's."""
        for name in names:
            if name not in self._cells:
                raise UnknownNameError("column", name, self.names)

    def extend(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows that are given as columns; all of them, or none where there is an error.

        Raises:
            InputError: no such column, several lengths, or a value that does not fit its column.
        """
        before, count = len(self), -1
        name = ""
        try:
            for name, values in columns.items():
                cells = self._cells[name]
                if len(values) != count:
                    if count >= 0:
                        raise InputError(_lengths(columns))
                    count = len(values)
                cells.extend(values)
            for name, cells in self._cells.items():
                if name not in columns:
                    cells.extend_empty(max(count, 0))
        except BaseException as error:
            self.truncate(before)
            if isinstance(error, KeyError) and name not in self._cells:
                raise UnknownNameError("column", name, self.names) from None
            if isinstance(error, TypeError | ValueError | OverflowError) and not isinstance(error, InputError):
                raise InputError(_misfit(name, columns[name])) from error
            raise

    def extend_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows that are given as mappings; all of them, or none where there is an error."""
        before, names = len(self), self.names
        try:
            block: list[Mapping[str, Any]] = []
            for row in rows:
                if not self._cells.keys() >= row.keys():
                    self.check(row)
                block.append(row)
                if len(block) == _BLOCK:
                    self.extend({name: [row.get(name) for row in block] for name in names})
                    block.clear()
            self.extend({name: [row.get(name) for row in block] for name in names})
        except BaseException:
            self.truncate(before)
            raise

    def extend_store(self, other: ColumnStore) -> None:
        """Add the rows of another store of the same table."""
        for name, cells in self._cells.items():
            cells.extend_cells(other[name])

    def truncate(self, count: int) -> None:
        """Keep the first ``count`` rows."""
        for cells in self._cells.values():
            del cells.array[count:]

    def columns(self, start: int = 0, stop: int | None = None) -> dict[str, list[Any]]:
        """Rows as columns of Python's own values."""
        stop = len(self) if stop is None else stop
        return {name: cells.values(start, stop) for name, cells in self._cells.items()}

    def rows(self, start: int = 0, stop: int | None = None) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        names = self.names
        return [dict(zip(names, row, strict=True)) for row in zip(*self.columns(start, stop).values(), strict=True)]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        at = 0
        while block := self.rows(at, at + _BLOCK):
            yield from block
            at += len(block)

    def take(self, chosen: np.ndarray) -> ColumnStore:
        """The rows where ``chosen`` is true."""
        # chosen: (rows,)
        taken, at = ColumnStore(()), np.flatnonzero(chosen)
        taken.names = self.names
        taken._cells = {name: cells.take(at) for name, cells in self._cells.items()}
        return taken

    def to_pandas(self) -> Any:
        """A table; texts are objects, whole numbers int64 where no cell is empty, all others float64."""
        import pandas

        # pandas would turn arrays of texts into texts of its own kind, of which None is none
        series = {name: cells.to_numpy() for name, cells in self._cells.items()}
        return pandas.DataFrame(
            {name: pandas.Series(values, dtype=values.dtype, copy=False) for name, values in series.items()}, copy=False
        )


def _empty_cells(name: str) -> Cells:
    kind = KINDS[name]
    if kind == "number":
        return Numbers()
    return Wholes() if kind == "whole" else Categories(kind)


def _lengths(columns: Mapping[str, Sequence[Any]]) -> str:
    shown = ", ".join(f"{name} has {len(values)}" for name, values in columns.items())
    return f"columns of one length are needed: {shown} values"


def _misfit(name: str, values: Sequence[Any]) -> str:
    """Which of the values does not fit the column, and what would."""
    value = next(value for value in values if not _fits(name, value))
    needed = {"text": "a text", "whole": "a whole number of 64 bits", "number": "a number"}
    return f"{name} is {value!r}: {needed.get(KINDS[name], 'a text, or several,')} or None is needed"


def _fits(name: str, value: Any) -> bool:
    try:
        _empty_cells(name).extend([value])
    except (TypeError, ValueError, OverflowError):
        return False
    return True
