"""The counted table of several layers -> readings: both informations of a layer with their doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from infoplane.errors import NonFiniteError
from infoplane.estimators.entropy import SUMMARY
from infoplane.estimators.samples import Ids
from infoplane.estimators.symbols import Symbols
from infoplane.types import NATS_PER, Estimate, Kind, Units

Nonfinite = Literal["error", "drop-row", "own-cell", "keep"]


@dataclass(slots=True)
class Reading:
    """What one layer shows, in one unit: the numbers of a trajectory's row. Made for every layer after every step."""

    i_xt: float | None
    i_ty: float
    n: int
    flags: tuple[str, ...] = ()
    h_t: float | None = None
    h_t_given_x: float | None = None
    i_xt_low: float | None = None
    i_xt_high: float | None = None
    i_ty_low: float | None = None
    i_ty_high: float | None = None
    i_xt_null: float | None = None
    i_ty_null: float | None = None

    @classmethod
    def of(cls, i_xt: Estimate | None, i_ty: Estimate) -> Reading:
        """The reading that two estimates make."""
        flags = tuple(dict.fromkeys((*(i_xt.flags if i_xt else ()), *i_ty.flags)))
        reading = cls(i_xt.value if i_xt else None, i_ty.value, i_ty.n, flags)
        if i_xt:
            reading.i_xt_low, reading.i_xt_high = i_xt.low, i_xt.high
        reading.i_ty_low, reading.i_ty_high = i_ty.low, i_ty.high
        return reading


@dataclass(frozen=True)
class Count:
    """The counts of several layers, still on the device: ``numbers`` (layers, columns) float64.

    ``places`` says for each layer where it is, for messages.
    """

    numbers: Tensor
    layers: Sequence[Symbols]
    x: Ids
    y: Ids
    family: str
    correction: str
    nonfinite: Nonfinite
    measurement: str
    places: Sequence[str] = ()

    def read(self, numbers: list[list[float]], units: Units = "bits") -> list[list[Reading]]:
        """Readings from the transferred ``numbers``; NaN or infinity is an error here if it is to be one."""
        width, scale = len(SUMMARY), NATS_PER[units]
        result = []
        for at, (*counts, bad, outside, constant) in enumerate(numbers):
            if bad and self.nonfinite == "error":
                place = f"{self.places[at]}: " if self.places else ""
                raise NonFiniteError(place + nonfinite_message(self.layers[at].bad))
            flags = _layer_flags(bad, outside, constant)
            lines = (counts[start : start + width] for start in range(0, len(counts), width))
            result.append([self._reading(line, flags, scale) for line in lines])
        return result

    def _reading(self, line: list[float], flags: tuple[str, ...], scale: float) -> Reading:
        """Both informations from one row of the table; the formulas of the module ``family``."""
        h_t, h_ty, h_tx, _, _, cells_ty, singletons_ty, _, n = line
        h_x, h_y = self._marginals()
        i_xt, i_ty, h_t_given_x = h_t - h_tx + h_x, h_t + h_y - h_ty, h_tx - h_x
        light = _light(h_t, i_ty, (cells_ty, singletons_ty, n), h_y)
        if self._copies > 1 and h_t_given_x >= 0.8 * math.log(self._copies):
            light = ("red", *light[1:], "copies-differ")
        return Reading(i_xt / scale, i_ty / scale, int(n), light + flags, h_t / scale, h_t_given_x / scale)

    @property
    def _copies(self) -> int:
        """Among how many copies a symbol of one input is spread."""
        return len(self.layers[0].codes) if self.family in ("exact", "sampled") else 1

    def _marginals(self) -> tuple[float, float]:
        times = len(self.layers[0].codes) if self.family == "exact" else 1
        return self.x.entropy(self.correction, times), self.y.entropy(self.correction, times)

    def estimates(self, units: Units = "bits") -> tuple[Estimate, Estimate]:
        """I(X;T) and I(T;Y) of the first layer (and its first copy), with all that is known beside them."""
        numbers = self.numbers.tolist()
        reading = self.read(numbers, units)[0][0]
        details = self._details(numbers[0], NATS_PER[units])
        kind: Kind = "plug-in" if self.correction == "none" else "estimate"
        i_xt, i_ty = (
            Estimate(value, units, low, high, kind, reading.n, reading.flags, details)
            for value, low, high in (
                (reading.i_xt or 0.0, reading.i_xt_low, reading.i_xt_high),
                (reading.i_ty, reading.i_ty_low, reading.i_ty_high),
            )
        )
        return i_xt, i_ty

    def _details(self, numbers: list[float], scale: float) -> dict[str, Any]:
        fact = dict(zip(SUMMARY, numbers, strict=False))
        h_x, h_y = self._marginals()
        return {
            "measurement": self.measurement,
            "estimand": "empirical",
            "correction": self.correction,
            "family": self.family,
            "copies": len(self.layers[0].codes),
            "h_t": fact["h_t"] / scale,
            "h_t_given_x": (fact["h_tx"] - h_x) / scale,
            "h_x": h_x / scale,
            "h_y": h_y / scale,
            **{name: fact[name] for name in ("cells", "singletons", "cells_ty", "singletons_ty")},
            "all_differ": fact["all_differ"] if self.family == "exact" else None,
            "outside": int(numbers[-2]),
            "constant_units": int(numbers[-1]),
        }


def layer_facts(layers: Sequence[Symbols], device: torch.device) -> Tensor:
    """(layers, 3) float64: whether any row is not finite, values outside, constant units."""
    if device.type == "cpu":
        return torch.tensor(
            [[float(s.bad.any()), float(s.outside), float(s.constant)] for s in layers], dtype=torch.float64
        )
    rows = [
        torch.stack(
            [torch.as_tensor(fact, device=device).to(torch.float64) for fact in (s.bad.any(), s.outside, s.constant)]
        )
        for s in layers
    ]
    return torch.stack(rows)


def nonfinite_message(bad: Tensor) -> str:
    rows = bad.any(0)
    return (
        f"{int(rows.sum())} of {rows.numel()} rows contain NaN/Inf (first row {int(rows.to(torch.int64).argmax())}). "
        'Set nonfinite="drop-row" or "own-cell" to continue.'
    )


def _layer_flags(bad: float, outside: float, constant: float) -> tuple[str, ...]:
    if not (bad or outside or constant):
        return ()
    named = (("nonfinite", bad), ("outside-bins", outside), ("constant-units", constant))
    return tuple(flag for flag, found in named if found)


def _light(h_t: float, i_ty: float, counts: tuple[float, float, float], h_y: float) -> tuple[str, ...]:
    """The traffic light of the joint (T, Y) table, and the reasons for red.

    Green: singletons at most 2 % of the samples and 7 samples a cell. Red: symbols nearly as many as samples, or too
    few samples a cell.
    """
    cells_ty, singletons_ty, n = counts
    lone = singletons_ty / n
    saturated = h_t >= 0.9 * math.log(n)
    undersampled = lone > 0.15 or n < 2.5 * cells_ty or (lone > 0.02 and i_ty >= 0.95 * h_y)
    if saturated or undersampled:
        return ("red", *(["saturated"] if saturated else []), *(["undersampled"] if undersampled else []))
    return ("green" if lone <= 0.02 and n >= 7 * cells_ty else "amber",)
