"""Plain numbers that belong to a step beside the information: losses, accuracies, statistics of gradients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from infoplane.checks import step_number
from infoplane.columns import SCALAR_COLUMNS, SCALARS
from infoplane.errors import DataFileError, InputError
from infoplane.io.files import atomic_write
from infoplane.io.tables import csv_bytes, read_csv
from infoplane.trajectory.store import ColumnStore

if TYPE_CHECKING:
    import pandas

_EVERY: dict[str, Any] = {"split": "", "layer": "", "copy": -1}  # what a column holds where a number speaks of all


@final
class Scalars:
    """A tidy table: one number for every step, name, split, layer and copy.

    ``rows`` are mappings with the columns ``SCALAR_COLUMNS``. ``step`` counts optimiser steps; ``split`` and
    ``layer`` are empty where a number speaks of none; ``name`` is ``loss``, ``accuracy``, ``gradient_mean``, ...

    Raises:
        InputError: a row with a column that is none of these, or without step, name or value.

    Example:
        >>> scalars = Scalars()
        >>> scalars.add(10, "loss", 0.25, split="train")
        >>> [(row["step"], row["value"]) for row in scalars.select(name="loss")]
        [(10, 0.25)]
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._store = ColumnStore(SCALARS)
        given = ColumnStore(SCALARS)
        given.extend_rows(rows)
        self._extend(given.columns())

    def add(self, step: int, name: str, value: float, *, split: str = "", layer: str = "", copy: int = -1) -> None:
        """Add one number."""
        row = {
            "step": step_number(step),
            "split": split,
            "name": name,
            "layer": layer,
            "copy": int(copy),
            "value": float(value),
        }
        self._store.extend({column: (cell,) for column, cell in row.items()})

    def _extend(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows that are given as columns; a number without split, layer or copy speaks of all."""
        whole = dict(columns)
        for name, values in columns.items():
            if None in values:
                if name not in _EVERY:
                    raise InputError(f"{name} of a scalar is empty: step, name and value are needed")
                whole[name] = [_EVERY[name] if value is None else value for value in values]
        self._store.extend(whole)

    def select(self, **column: Any) -> Scalars:
        """The rows in which every named column has the given value.

        Raises:
            UnknownNameError: no such column.
        """
        self._store.check(column)
        return self._where([self._store[name].equal(value) for name, value in column.items()])

    def about(self, **column: Any) -> Scalars:
        """As :meth:`select`, with the rows that speak of every split, layer or copy; columns of no scalar do not count.

        Example:
            >>> scalars = Scalars([{"step": 1, "name": "loss", "value": 0.5}])
            >>> len(scalars.about(step=1, layer="fc1", estimator="kde"))
            1
        """
        matches = []
        for name in SCALAR_COLUMNS:
            if name in column:
                cells = self._store[name]
                every = cells.equal(_EVERY[name]) if name in _EVERY else False
                matches.append(cells.equal(column[name]) | every)
        return self._where(matches)

    def _where(self, matches: list[np.ndarray]) -> Scalars:
        # each of the matches: (rows,)
        chosen = Scalars()
        chosen._store = self._store.take(np.logical_and.reduce([np.ones(len(self), dtype=bool), *matches]))
        return chosen

    def extend(self, other: Scalars) -> None:
        """Add all rows of another table."""
        self._store.extend_store(other._store)

    def since(self, count: int) -> list[dict[str, Any]]:
        """The rows after the first ``count``."""
        return self._store.rows(count)

    def to_columns(self, since: int = 0) -> dict[str, list[Any]]:
        """The rows after the first ``since`` as columns: names with lists of values."""
        return self._store.columns(since)

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._store)

    def __repr__(self) -> str:
        names = sorted(set(self._store["name"].values(0, len(self))))
        return f"Scalars({len(self)} rows: {', '.join(names) or 'none'})"

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a table."""
        return self._store.to_pandas()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file, whole or not at all, with numbers that :meth:`load` gives back to the last bit.

        Raises:
            RunError: the place cannot be written.
        """
        atomic_write(path, csv_bytes(self.to_columns()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Scalars:
        """Read what :meth:`save` wrote.

        Raises:
            DataFileError: nothing to read there, or another kind of table.
        """
        scalars = cls()
        for columns in read_csv(path, SCALAR_COLUMNS):
            try:
                scalars._extend(columns)
            except InputError as error:
                raise DataFileError(f"{path}: {error}") from error
        return scalars
