"""Answers -> the columns of a trajectory, and these as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, final

from infoplane.columns import COLUMNS
from infoplane.flags import HALF_PRECISION
from infoplane.plane.measure import Answer
from infoplane.plane.question import Question

Columns = Mapping[str, Sequence[Any]]  #: equally long lists by name; one that is missing was not computed

_ABOUT_X = tuple(name for name in COLUMNS if name.startswith(("i_xt", "p_xt", "h_t")) or name == "n")
_ABOUT_Y = tuple(name for name in COLUMNS if name.startswith(("i_ty", "p_ty")))
_TAKEN = (*_ABOUT_X, *_ABOUT_Y, "flags")
_numbers_of = attrgetter(*_TAKEN)
#: What must agree for one row to be the null of another.
_KIND = ("split", "layer", "copy", "family", "estimator", "label")

Nulls = Mapping[tuple[Any, ...], tuple[float | None, float | None]]


@final
@dataclass(frozen=True)
class RowFrame:
    """What the rows of a question say at every step, as columns; made once for a question and a network.

    ``labelled`` says for each row whether I(T;Y) is about something that varies; None: in all of them.
    """

    fixed: Mapping[str, list[Any]]
    labelled: Sequence[bool] | None

    @classmethod
    def of(cls, question: Question, layers: Sequence[str], answers: Sequence[Answer]) -> RowFrame:
        """Row by row: layer, estimator, way of reading the copies, label set, copy."""
        rows = [
            (index, layer, copy if answer.kind == "single" else -1, answer)
            for index, layer in enumerate(layers)
            for answer in answers
            for copy in range(len(answer.layers[index]))
        ]
        indices, names, copies, asked = zip(*rows, strict=True)
        fixed = {
            "split": [question.split] * len(rows),
            "layer": list(names),
            "layer_index": list(indices),
            "copy": list(copies),
            "family": [answer.kind for answer in asked],
            "estimator": [answer.name for answer in asked],
            "label": [answer.label for answer in asked],
            "units": [question.units] * len(rows),
        }
        labelled = [answer.label != question.condition for answer in asked]
        return cls(fixed, None if all(labelled) else labelled)

    def filled(
        self, answers: Sequence[Sequence[Answer]], steps: Sequence[int], half: frozenset[str] = frozenset()
    ) -> Columns:
        """The columns at several steps, without those in which nothing was computed.

        ``half``: layers of half precision.
        """
        layers = [zip(*(answer.layers for answer in of_step), strict=True) for of_step in answers]
        readings = chain.from_iterable(chain.from_iterable(chain.from_iterable(layers)))
        numbers = zip(*map(_numbers_of, readings), strict=True)
        times = len(steps)
        columns: dict[str, Sequence[Any]] = {name: values * times for name, values in self.fixed.items()}
        labelled = None if self.labelled is None else [*self.labelled] * times
        for name, values in zip(_TAKEN, map(list, numbers), strict=True):
            if labelled is not None and name in _ABOUT_Y:
                values = [value if varies else None for value, varies in zip(values, labelled, strict=True)]
            if values[0] is not None or values.count(None) < len(values):
                columns[name] = values
        rows = len(self.fixed["layer"])
        columns["step"] = [step for step in steps for _ in range(rows)]
        if half:
            pairs = zip(columns["flags"], columns["layer"], strict=True)
            columns["flags"] = [(*flags, HALF_PRECISION) if layer in half else flags for flags, layer in pairs]
        return columns


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of several tables, one after the other."""
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [value for part in parts for value in _column(part, name)] for name in names}


def as_nulls(columns: Columns) -> Nulls:
    """Both informations of every row, by what the row is about."""
    pairs = zip(_column(columns, "i_xt"), _column(columns, "i_ty"), strict=True)
    return dict(zip(_kinds(columns), pairs, strict=True))


def with_nulls(columns: Columns, nulls: Nulls) -> Columns:
    """With the rows of another network as nulls; empty cells where it has no such row."""
    pairs = [nulls.get(kind, (None, None)) for kind in _kinds(columns)]
    return {**columns, "i_xt_null": [i_xt for i_xt, _ in pairs], "i_ty_null": [i_ty for _, i_ty in pairs]}


def _kinds(columns: Columns) -> Iterator[tuple[Any, ...]]:
    return zip(*(columns[name] for name in _KIND), strict=True)


def _column(columns: Columns, name: str) -> Sequence[Any]:
    return columns[name] if name in columns else [None] * len(columns["layer"])


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    """A dictionary for each row, with every column of a trajectory.

    Example:
        >>> rows = rows_of({"layer": ("fc1", "fc2"), "i_xt": (3.5, 2.0)})
        >>> len(rows), rows[1]["layer"], rows[1]["i_ty"]
        (2, 'fc2', None)
    """
    empty = [None] * len(next(iter(columns.values()), ()))
    table = zip(*(columns.get(name, empty) for name in COLUMNS), strict=True)
    return [dict(zip(COLUMNS, row, strict=True)) for row in table]
