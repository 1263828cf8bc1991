"""Plain numbers that belong to a step beside the information: losses, accuracies, statistics of gradients."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, final

from infoplane.columns import SCALAR_COLUMNS
from infoplane.errors import UnknownNameError
from infoplane.io.files import atomic_write, csv_bytes, read_csv

if TYPE_CHECKING:
    import pandas

_EVERY: dict[str, Any] = {"split": "", "layer": "", "copy": -1}  # what a column holds where a number speaks of all


@final
class Scalars:
    """A tidy table: one number for every step, name, split, layer and copy.

    ``rows`` are mappings with the columns ``SCALAR_COLUMNS``. ``step`` counts optimiser steps; ``split`` and
    ``layer`` are empty where a number speaks of none; ``name`` is ``loss``, ``accuracy``, ``gradient_mean``, ...

    Raises:
        UnknownNameError: a row with a column that is none of these.

    Example:
        >>> scalars = Scalars()
        >>> scalars.add(10, "loss", 0.25, split="train")
        >>> [(row["step"], row["value"]) for row in scalars.select(name="loss")]
        [(10, 0.25)]
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._rows: list[tuple[Any, ...]] = []
        for row in rows:
            _check(row)
            said = {column: row[column] for column in SCALAR_COLUMNS if row.get(column) is not None}
            self.add(**said)

    def add(self, step: int, name: str, value: float, *, split: str = "", layer: str = "", copy: int = -1) -> None:
        """Add one number."""
        self._rows.append((int(step), split, name, layer, int(copy), float(value)))

    def select(self, **column: Any) -> Scalars:
        """The rows in which every named column has the given value.

        Raises:
            UnknownNameError: no such column.
        """
        _check(column)
        wanted = [(SCALAR_COLUMNS.index(name), value) for name, value in column.items()]
        chosen = Scalars()
        chosen._rows = [row for row in self._rows if all(row[at] == value for at, value in wanted)]
        return chosen

    def about(self, **column: Any) -> Scalars:
        """As :meth:`select`, with the rows that speak of every split, layer or copy; columns of no scalar do not count.

        Example:
            >>> scalars = Scalars([{"step": 1, "name": "loss", "value": 0.5}])
            >>> len(scalars.about(step=1, layer="fc1", estimator="kde"))
            1
        """
        wanted = [(at, column[name]) for at, name in enumerate(SCALAR_COLUMNS) if name in column]
        chosen = Scalars()
        chosen._rows = [
            row for row in self._rows if all(row[at] in (value, _EVERY.get(SCALAR_COLUMNS[at])) for at, value in wanted)
        ]
        return chosen

    def extend(self, other: Scalars) -> None:
        """Add all rows of another table."""
        self._rows.extend(other._rows)

    def since(self, count: int) -> list[dict[str, Any]]:
        """The rows after the first ``count``."""
        return [dict(zip(SCALAR_COLUMNS, row, strict=True)) for row in self._rows[count:]]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            yield dict(zip(SCALAR_COLUMNS, row, strict=True))

    def __repr__(self) -> str:
        return f"Scalars({len(self)} rows: {', '.join(sorted({row[2] for row in self._rows})) or 'none'})"

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a table."""
        import pandas

        return pandas.DataFrame(self._rows, columns=list(SCALAR_COLUMNS))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file, whole or not at all, with numbers that :meth:`load` gives back to the last bit.

        Raises:
            RunError: the place cannot be written.
        """
        atomic_write(path, csv_bytes(self._rows, SCALAR_COLUMNS))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Scalars:
        """Read what :meth:`save` wrote.

        Raises:
            DataFileError: nothing to read there, or another kind of table.
        """
        return cls(read_csv(path, SCALAR_COLUMNS))


def _check(row: Mapping[str, Any]) -> None:
    for column in row:
        if column not in SCALAR_COLUMNS:
            raise UnknownNameError("column", column, SCALAR_COLUMNS)
