"""The counted table of several layers -> readings: both informations of a layer with their doubt."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import NonFiniteError
from infoplane.estimators.counting.entropy import SUMMARY
from infoplane.estimators.counting.intervals import NORMAL, intervals
from infoplane.estimators.counting.samples import Ids
from infoplane.estimators.counting.symbols import Symbols
from infoplane.estimators.light import is_mostly_null
from infoplane.flags import (
    ABOVE_CEILING,
    AMBER,
    APPROXIMATE_INTERVAL,
    COARSE,
    CONSTANT_UNITS,
    COPIES_DIFFER,
    GREEN,
    NEGATIVE,
    NONFINITE,
    NULL_EXCEEDS_HALF,
    OUTSIDE_BINS,
    RED,
    SATURATED,
    UNDERSAMPLED,
    Flag,
    lit,
    merged,
)
from infoplane.types import NATS_PER, Estimate, Information, IntervalKind, Kind, Units

AMBER_FACTOR = 3.0  # how often the distance of two corrections is added to an interval in amber
MOST_EDGES = 1000  # edges up to which an estimate lists them

_SLACK = 1e-9  # rounding, in any unit
_TWO_CELLS = 0.673  # nats, the entropy of two cells that hold .6 and .4 of the samples

Nonfinite = Literal["error", "drop-row", "own-cell", "keep"]


class Reading(NamedTuple):
    """What one layer shows, in one unit: the numbers of a trajectory's row.

    One is made for every layer after every step: a named tuple takes a quarter of the time of a frozen dataclass.
    """

    i_xt: float | None
    i_ty: float
    n: int
    flags: tuple[Flag, ...] = ()
    h_t: float | None = None
    h_t_given_x: float | None = None
    i_xt_low: float | None = None
    i_xt_high: float | None = None
    i_ty_low: float | None = None
    i_ty_high: float | None = None
    i_xt_nulls: tuple[float, ...] = ()
    i_ty_nulls: tuple[float, ...] = ()
    all_differ: float | None = None
    i_xt_interval: IntervalKind | None = None
    i_ty_interval: IntervalKind | None = None
    i_ty_flags: tuple[Flag, ...] | None = None  #: of I(T;Y) alone, where it was estimated by itself

    @property
    def i_xt_null(self) -> float | None:
        """The mean on shuffled inputs."""
        return float(np.mean(self.i_xt_nulls)) if self.i_xt_nulls else None

    @property
    def i_ty_null(self) -> float | None:
        """The mean on shuffled labels."""
        return float(np.mean(self.i_ty_nulls)) if self.i_ty_nulls else None

    @property
    def p_xt(self) -> float | None:
        """The p-value of I(X;T)."""
        return None if self.i_xt is None else p_value(self.i_xt, self.i_xt_nulls)

    @property
    def p_ty(self) -> float | None:
        """The p-value of I(T;Y)."""
        return p_value(self.i_ty, self.i_ty_nulls)

    @classmethod
    def of(cls, i_xt: Estimate | None, i_ty: Estimate) -> Reading:
        """The reading that two estimates make."""
        flags = merged(i_xt.flags if i_xt else (), i_ty.flags)
        each: dict[str, Any] = {"i_ty_low": i_ty.low, "i_ty_high": i_ty.high, "i_ty_interval": i_ty.interval}
        each["i_ty_flags"] = i_ty.flags
        if i_xt is None:
            return cls(None, i_ty.value, i_ty.n, flags, **each)
        each |= {"i_xt_low": i_xt.low, "i_xt_high": i_xt.high, "i_xt_interval": i_xt.interval}
        return cls(i_xt.value, i_ty.value, i_ty.n, flags, **each)


def p_value(value: float, nulls: Sequence[float]) -> float | None:
    """(1 + nulls that reach the value) / (1 + nulls), which is never 0; None without nulls."""
    reaching = sum(null >= value - _SLACK for null in nulls)  # equal but for rounding is equal
    return (1 + reaching) / (1 + len(nulls)) if nulls else None


@dataclass(frozen=True)
class Manner:
    """How an estimator of symbols counts: its name, and its options as ``Binned`` explains them."""

    name: str
    correction: str
    nonfinite: Nonfinite
    interval: str
    kind: Kind


@dataclass(slots=True)
class Count:
    """The counts of several layers, still on the device: ``numbers`` (layers, columns) float64.

    ``codes`` (layers, members, samples) are what was counted; ``places`` says for each layer where it is, for messages.
    """

    numbers: Tensor
    codes: Tensor
    layers: Sequence[Symbols]
    x: Ids
    y: Ids
    family: str
    manner: Manner
    places: Sequence[str] = ()

    def read(self, numbers: list[list[float]], units: Units = "bits") -> list[list[Reading]]:
        """Readings from the transferred ``numbers``; NaN or infinity is an error here if it is to be one."""
        readings = self._readings(numbers, units)
        if self.manner.interval != "none":
            return self._doubt(readings, self.manner.interval, units)[0]
        return readings

    def _readings(self, numbers: list[list[float]], units: Units) -> list[list[Reading]]:
        """Both informations of every line of the table; the formulas of the module ``family``."""
        scale, (h_x, h_y) = NATS_PER[units], self._marginals()
        differ = 0.8 * math.log(self._copies) if self._copies > 1 else math.inf
        result = []
        for at, (*counts, bad, outside, constant) in enumerate(numbers):
            flags = self._layer_flags(at, bad, outside, constant) if bad or outside or constant else ()
            lines = []
            for start in range(0, len(counts), len(SUMMARY)):
                line = dict(zip(SUMMARY, counts[start : start + len(SUMMARY)], strict=True))
                h_t, n = line["h_t"], line["n"]
                i_ty, h_t_given_x = h_t + h_y - line["h_ty"], line["h_tx"] - h_x
                null = null_nats(line, n, self.y.count) if self.manner.correction == "none" else 0.0
                light = _light(line, i_ty, n, h_y, null)
                if h_t_given_x >= differ:
                    light = (RED, *light[1:], COPIES_DIFFER)
                cut = self.layers[at].cuts is not None or line["cells"] == 1  # else values are counted as they are
                if cut and constant < self.layers[at].units and _is_coarse(line, i_ty, h_y):
                    light = lit((*light, COARSE))
                i_xt = h_t - line["h_tx"] + h_x
                entropies = h_t / scale, h_t_given_x / scale
                all_differ = line["all_differ"] if self.family == "exact" else None
                lines.append(
                    Reading(i_xt / scale, i_ty / scale, int(n), light + flags, *entropies, all_differ=all_differ)
                )
            result.append(lines)
        return result

    def _layer_flags(self, at: int, bad: float, outside: float, constant: float) -> tuple[Flag, ...]:
        if bad and self.manner.nonfinite == "error":
            place = f"{self.places[at]}: " if self.places else ""
            raise NonFiniteError(place + nonfinite_message(self.layers[at].bad))
        named = ((NONFINITE, bad), (OUTSIDE_BINS, outside), (CONSTANT_UNITS, constant))
        return tuple(flag for flag, found in named if found)

    def _doubt(
        self, readings: list[list[Reading]], method: str, units: Units
    ) -> tuple[list[list[Reading]], list[list[list[list[float]]]]]:
        """The readings with their intervals, and what these were made from, for x and for y, as ``intervals`` does."""
        if self.family not in ("single", "per-copy") and self.codes.shape[1] > 1:
            return readings, []
        parts = torch.stack(
            [intervals(self.codes, ids, method, mean=self.family == "per-copy") for ids in (self.x, self.y)]
        ).tolist()
        scale = NATS_PER[units]
        doubted = [
            [_with_interval(reading, *about, scale=scale) for reading, *about in zip(lines, of_x, of_y, strict=True)]
            for lines, of_x, of_y in zip(readings, *parts, strict=True)
        ]
        return doubted, parts

    @property
    def _copies(self) -> int:
        """Among how many copies a symbol of one input is spread."""
        return len(self.layers[0].codes) if self.family in ("exact", "sampled") else 1

    def _marginals(self) -> tuple[float, float]:
        times = len(self.layers[0].codes) if self.family == "exact" else 1
        return self.x.entropy(self.manner.correction, times), self.y.entropy(self.manner.correction, times)

    def informations(self) -> tuple[Information, Information]:
        """I(X;T) and I(T;Y) of the first layer (and its first copy), with all that is known beside them.

        They come with the jackknife's interval where the estimator has none of its own.
        """
        numbers = self.numbers.tolist()
        readings = self._readings(numbers, "nats")
        method = self.manner.interval if self.manner.interval != "none" else "jackknife"
        doubted, parts = self._doubt(readings, method, "nats")
        reading = doubted[0][0]
        amounts, facts = self._amounts(reading), self._facts(numbers[0], reading)
        ends = ((reading.i_xt_low, reading.i_xt_high), (reading.i_ty_low, reading.i_ty_high))
        ceilings = (amounts["log_n"], amounts["h_y"])
        each = []
        for at, value in enumerate((reading.i_xt or 0.0, reading.i_ty)):
            flags = ((ABOVE_CEILING, value > ceilings[at] + _SLACK), (NEGATIVE, value < -_SLACK))
            errors = {}
            if parts and method == "jackknife":
                centre, half, *_ = parts[at][0][0]
                errors = {"jackknife": centre, "standard_error": half / NORMAL}
            each.append(
                Information(
                    value,
                    reading.n,
                    "empirical" if self.manner.correction == "none" else "population",
                    self.manner.kind,
                    *ends[at],
                    flags=(*reading.flags, *(flag for flag, raised in flags if raised)),
                    amounts={**amounts, **errors},
                    facts={**facts, "interval": "none" if ends[at][0] is None else method},
                    interval=(reading.i_xt_interval, reading.i_ty_interval)[at],
                )
            )
        return each[0], each[1]

    def _amounts(self, reading: Reading) -> dict[str, Any]:
        """Details in nats."""
        h_x, h_y = self._marginals()
        log_n, log_j = math.log(self.x.n), math.log(len(self.layers[0].codes))
        entropies = {"h_t": reading.h_t, "h_t_given_x": reading.h_t_given_x, "h_x": h_x, "h_y": h_y}
        return {**entropies, "log_n": log_n, "log_j": log_j}

    def _facts(self, numbers: list[float], reading: Reading) -> dict[str, Any]:
        """Details without a unit."""
        fact, layer = dict(zip(SUMMARY, numbers, strict=False)), self.layers[0]
        n, copies = reading.n, len(self.layers[0].codes)
        h_x, h_y = self._marginals()
        counted = {name: int(fact[name]) for name in ("cells", "singletons", "cells_ty", "singletons_ty")}
        lone = counted["singletons_ty"] / n
        return {
            "estimator": self.manner.name,
            "version": _version(),
            "edges": None if layer.cuts is None or layer.cuts.numel() > MOST_EDGES else layer.cuts.squeeze(0).tolist(),
            "correction": self.manner.correction,
            "family": self.family,
            "copies": copies,
            **counted,
            "singleton_share": lone,
            "coverage": 1 - lone,
            "saturation": fact["h_t"] / math.log(n) if n > 1 else None,
            "copies_share": (fact["h_tx"] - h_x) / math.log(copies) if copies > 1 else None,
            "label_share": reading.i_ty / h_y if h_y > 0 else None,
            "all_differ": fact["all_differ"] if self.family == "exact" else None,
            "outside": int(numbers[-2]),
            "outside_share": numbers[-2] / (layer.codes.numel() * layer.units),
            "constant_units": int(numbers[-1]),
        }


def with_layer_facts(table: Tensor, layers: Sequence[Symbols]) -> Tensor:
    """The table (layers, lines, columns) as (layers, lines x columns + 3): whether any row of the layer is not finite,
    values outside, constant units.
    """
    table, bad = table.flatten(1), torch.stack([symbols.bad for symbols in layers]).flatten(1)
    if table.device.type == "cpu":
        some = bad.any(1).tolist() if bad.any() else [False] * len(layers)
        numbers = np.empty((len(layers), table.shape[1] + 3))
        numbers[:, :-3] = table.numpy()
        numbers[:, -3:] = [(b, s.outside, s.constant) for b, s in zip(some, layers, strict=True)]
        return torch.from_numpy(numbers)
    counted = [
        torch.stack([torch.as_tensor(getattr(s, name), device=table.device) for s in layers])
        for name in ("outside", "constant")
    ]
    facts = torch.stack([bad.any(1), *counted], dim=1)
    return torch.cat([table, facts.to(torch.float64)], dim=1)


@functools.cache
def _version() -> str:
    return metadata.version("infoplane")


def _with_interval(reading: Reading, about_x: Sequence[float], about_y: Sequence[float], *, scale: float) -> Reading:
    """The reading with both intervals: none in red, wider in amber, where the correction itself is uncertain."""
    if RED in reading.flags or math.isnan(about_y[0]):
        return reading
    factor = 1.0 if GREEN in reading.flags else AMBER_FACTOR
    i_xt_low, i_xt_high = _ends(about_x, factor, scale)
    i_ty_low, i_ty_high = _ends(about_y, factor, scale)
    flags = (*reading.flags, *((APPROXIMATE_INTERVAL,) if AMBER in reading.flags else ()))
    return reading._replace(
        i_xt_low=i_xt_low,
        i_xt_high=i_xt_high,
        i_ty_low=i_ty_low,
        i_ty_high=i_ty_high,
        flags=flags,
        i_xt_interval="population 95 %",
        i_ty_interval="population 95 %",
    )


def _ends(about: Sequence[float], factor: float, scale: float) -> tuple[float, float]:
    """Both ends of an interval from its centre, how far it reaches, and what is added for bias."""
    centre, below, above, bias = about
    return (centre - below - factor * bias) / scale, (centre + above + factor * bias) / scale


def nonfinite_message(bad: Tensor, policies: str = '"drop-row" or nonfinite="own-cell"') -> str:
    """How many of the samples, ``bad`` (members, samples), and what to type for another policy."""
    rows = bad.any(0)
    return (
        f"{int(rows.sum())} of {rows.numel()} rows contain NaN/Inf (first row {int(rows.to(torch.int64).argmax())}). "
        f"Set nonfinite={policies} to continue."
    )


def _light(line: dict[str, float], i_ty: float, n: float, h_y: float, null: float) -> tuple[Flag, ...]:
    """The traffic light of the joint (T, Y) table, and the reasons for red; ``line`` as ``SUMMARY``, in nats.

    Green: singletons at most 2 % of the samples and 7 samples a cell. Red: symbols nearly as many as samples, too few
    samples a cell, or a number that is mostly its ``null``.
    """
    cells, singletons = line["cells_ty"], line["singletons_ty"]
    lone = singletons / n
    reasons = {
        SATURATED: line["h_t"] >= 0.9 * math.log(n),
        UNDERSAMPLED: lone > 0.15 or n < 2.5 * cells or (lone > 0.02 and i_ty >= 0.95 * h_y),
        NULL_EXCEEDS_HALF: is_mostly_null(i_ty, null),
    }
    red = tuple(flag for flag, true in reasons.items() if true)
    if red:
        return RED, *red
    return (GREEN if lone <= 0.02 and n >= 7 * cells else AMBER,)


def null_nats(line: dict[str, float], n: float, classes: int) -> float:
    """What the plug-in shows on average where nothing is shared: (K_TY - K_T - K_Y + 1) / 2n of the occupied cells.

    Miller (1955), Note on the bias of information estimates, equation 2, for each of the three entropies.
    """
    return max(line["cells_ty"] - line["cells"] - classes + 1, 0.0) / (2 * n)


def _is_coarse(line: dict[str, float], i_ty: float, h_y: float) -> bool:
    """Whether bins hide what a layer that varies may know.

    H(T) below that of two cells of shares .6 and .4 means that one cell holds more than half of the samples; a value at
    its own ceiling H(T) that more cells could raise. Not where all of H(Y) is seen already.
    """
    return i_ty < 0.95 * h_y and (line["h_t"] < _TWO_CELLS or i_ty >= 0.95 * line["h_t"])
