"""Values of many layers and steps, each with its shuffles -> p-values that hold for all of them together.

Among a hundred layers and steps that know nothing, five have p <= .05. Two corrections, of values I(i) whose shuffles
I(i, b), b = 1 ... B, were made by the same orders of the samples for every i:

- ``max`` (Westfall, Young 1993, Resampling-Based Multiple Testing, algorithm 2.8 in one step): with z the deviation
  from the mean of I(i), I(i, 1) ... I(i, B) in their standard deviation, and M(b) the largest z(i, b) over all i,
  p(i) = (1 + number of M(b) >= z(i)) / (1 + B). The chance that any layer or step that knows nothing gets p <= a is at
  most a, however the layers depend on each other.
- ``fdr`` (Benjamini, Hochberg 1995, Journal of the Royal Statistical Society B 57, 289): with p(1) <= p(2) <= ... of m
  sorted, the smallest m p(j) / j over j >= i. Among all with p <= a at most a share a knows nothing, on average, where
  tests depend on each other positively. It needs many shuffles: no p is below 1 / (1 + B).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from infoplane.checks import choice
from infoplane.columns import TRAJECTORY
from infoplane.errors import InputError
from infoplane.estimators.counting.readings import p_value
from infoplane.plane.measure import Answer
from infoplane.plane.question import Question

Correction = Literal["max", "fdr"] | None

_PLACES = tuple(column.name for column in TRAJECTORY if column.role == "place" and column.name != "units")
_SLACK = 1e-9  # rounding


@final
@dataclass(frozen=True)
class ShuffledValue:
    """One number beside its shuffles: where it stands in a trajectory, and which of ``i_xt`` and ``i_ty`` it is."""

    place: Mapping[str, Any]
    quantity: str
    value: float
    nulls: tuple[float, ...]


def shuffled_values(
    question: Question, layers: Sequence[str], answers: Sequence[Answer], step: int
) -> list[ShuffledValue]:
    """All numbers of a measurement that have shuffles, in the order of its rows."""
    each = []
    for at, layer in enumerate(layers):
        for answer in answers:
            for copy, reading in enumerate(answer.layers[at]):
                place = {
                    "step": step,
                    "split": question.split,
                    "layer": layer,
                    "layer_index": at,
                    "copy": copy if answer.kind == "single" else -1,
                    "family": answer.kind,
                    "estimator": answer.name,
                    "label": answer.label,
                }
                if reading.i_xt is not None and reading.i_xt_nulls:
                    each.append(ShuffledValue(place, "i_xt", reading.i_xt, reading.i_xt_nulls))
                if answer.label != question.condition and reading.i_ty_nulls:
                    each.append(ShuffledValue(place, "i_ty", reading.i_ty, reading.i_ty_nulls))
    return each


def p_values(tests: Sequence[ShuffledValue], quantity: str, correction: Correction) -> list[dict[str, Any]]:
    """A row for each number of a quantity: its place, the value, the mean of its shuffles, its p-value, and corrected.

    Raises:
        InputError: nothing was shuffled.
        UnknownNameError: no such quantity or correction.
    """
    choice("quantity", quantity, ("i_ty", "i_xt"))
    choice("correction", str(correction), ("max", "fdr", "None"))
    chosen = [test for test in tests if test.quantity == quantity]
    if not chosen:
        raise InputError("nothing was measured on shuffled samples: give the plane shuffles=99, and measure")
    values, nulls = np.array([test.value for test in chosen]), np.array([test.nulls for test in chosen])
    singly = np.array([p_value(test.value, test.nulls) for test in chosen])
    together = {"max": lambda: _largest(values, nulls), "fdr": lambda: _discoveries(singly), "None": lambda: singly}
    p_name = f"p_{quantity[2:]}"
    return [
        {name: test.place[name] for name in _PLACES}
        | {quantity: test.value, f"{quantity}_null": float(np.mean(test.nulls)), p_name: float(single)}
        | ({} if correction is None else {f"{p_name}_{correction}": float(corrected)})
        for test, single, corrected in zip(chosen, singly, together[str(correction)](), strict=True)
    ]


def _largest(values: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    """Corrected p-values (tests,) by the largest deviation; values (tests,), nulls (tests, shuffles)."""
    every = np.column_stack([values, nulls])
    spread = every.std(axis=1, keepdims=True)
    z = np.divide(every - every.mean(axis=1, keepdims=True), spread, out=np.zeros_like(every), where=spread > _SLACK)
    most = z[:, 1:].max(axis=0)  # (shuffles,)
    return (1 + (most >= z[:, :1] - _SLACK).sum(axis=1)) / (1 + len(most))


def _discoveries(p: np.ndarray) -> np.ndarray:
    """Corrected p-values (tests,) by the false discovery rate."""
    order = np.argsort(p)
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1)
    return corrected
