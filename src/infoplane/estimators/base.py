"""What an estimator is: activations are prepared once, then held against the input and against labels."""

from __future__ import annotations

import abc
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor

from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators.family import TABLE, family_table
from infoplane.estimators.samples import Ids, Variable, distinct_ids, number
from infoplane.estimators.symbols import Symbols
from infoplane.types import NATS_PER, Estimate, Kind, Units

Nonfinite = Literal["error", "drop-row", "own-cell", "keep"]


class Estimator(abc.ABC):
    """One way of estimating mutual information; its options are its constructor's arguments, kept by their names.

    ``continuous`` says whether it takes a continuous label, ``informations`` which of I(X;T) and I(T;Y) it defines.
    """

    name: ClassVar[str]
    continuous: ClassVar[bool] = False
    informations: ClassVar[tuple[str, ...]] = ("i_xt", "i_ty")

    @abc.abstractmethod
    def prepare(self, t: Tensor) -> Any:
        """What with_input and with_label share, computed once; ``t`` (samples, units) finite float32 or float64."""

    @abc.abstractmethod
    def with_input(self, prepared: Any, x: Variable, units: Units = "bits") -> Estimate:
        """I(X;T) in ``units``; called only where ``informations`` has it."""

    @abc.abstractmethod
    def with_label(self, prepared: Any, y: Variable, units: Units = "bits") -> Estimate:
        """I(T;Y) in ``units``."""

    @property
    @abc.abstractmethod
    def measurement(self) -> str:
        """The measurement model that belongs beside every number: "30 bins on [-1, 1]"."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options, by name (as scikit-learn's)."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


@dataclass(frozen=True)
class Reading:
    """What one layer shows: both informations, and the entropies behind them (in the units of the estimates)."""

    i_xt: Estimate | None
    i_ty: Estimate
    h_t: float | None = None
    h_t_given_x: float | None = None


class SymbolEstimator(Estimator):
    """An estimator that counts symbols: everything follows from one 64-bit code a sample."""

    nonfinite: Nonfinite
    correction: str

    @abc.abstractmethod
    def symbols(self, t: Tensor) -> Symbols:
        """Codes of ``t`` (members, samples, units)."""

    def prepare(self, t: Tensor) -> Symbols:
        return self.symbols(t[None])

    def with_input(self, prepared: Symbols, x: Variable, units: Units = "bits") -> Estimate:
        inputs = x.classes()
        (reading,) = self.readings([prepared], inputs, number(torch.zeros_like(inputs.ids)), "single", units=units)[0]
        return cast(Estimate, reading.i_xt)

    def with_label(self, prepared: Symbols, y: Variable, units: Units = "bits") -> Estimate:
        labels = y.classes()
        (reading,) = self.readings([prepared], distinct_ids(y.n, labels.ids.device), labels, "single", units=units)[0]
        return reading.i_ty

    def readings(
        self,
        layers: Sequence[Symbols],
        x: Ids,
        y: Ids,
        family: str,
        *,
        draws: Tensor | None = None,
        units: Units = "bits",
    ) -> list[list[Reading]]:
        """Both informations of several layers; for each one reading, or one a copy where ``family`` is ``single``."""
        count = self.count(layers, x, y, family, draws=draws)
        return count.read(count.numbers.tolist(), units)

    def count(
        self,
        layers: Sequence[Symbols],
        x: Ids,
        y: Ids,
        family: str,
        *,
        draws: Tensor | None = None,
        places: Sequence[str] = (),
    ) -> Count:
        """Everything counted, where the symbols are; nothing is transferred before ``Count.read``.

        ``places`` says for each layer where it is, for messages: "layer 'fc1', step 3".
        """
        codes, x, y, draws = self._screen(layers, x, y, draws)
        table = family_table(codes, x, y, family, draws=draws, correction=self.correction)
        numbers = torch.cat([table.flatten(1), _facts(layers, table.device)], dim=1)
        return Count(numbers, layers, x, y, family, self, places)

    def _screen(
        self, layers: Sequence[Symbols], x: Ids, y: Ids, draws: Tensor | None
    ) -> tuple[Tensor, Ids, Ids, Tensor | None]:
        """Codes (layers, members, samples) with rows of NaN or infinity treated as ``nonfinite`` says."""
        codes = torch.stack([symbols.codes for symbols in layers])
        if self.nonfinite in ("error", "keep"):
            return codes, x, y, draws
        bad = torch.stack([symbols.bad for symbols in layers])
        if self.nonfinite == "own-cell":
            return codes.masked_fill(bad, -1), x, y, draws
        keep = ~bad.any(0).any(0)
        if not bool(keep.any()):
            raise NonFiniteError(f"all {keep.numel()} rows contain NaN/Inf: nothing is left to measure")
        return codes[..., keep], x.take(keep), y.take(keep), None if draws is None else draws[keep]


@dataclass(frozen=True)
class Count:
    """The counts of several layers, still on the device: ``numbers`` (layers, columns) float64."""

    numbers: Tensor
    layers: Sequence[Symbols]
    x: Ids
    y: Ids
    family: str
    estimator: SymbolEstimator
    places: Sequence[str] = ()

    def read(self, numbers: list[list[float]], units: Units = "bits") -> list[list[Reading]]:
        """Readings from the transferred ``numbers``; NaN or infinity is an error here if it is to be one."""
        width = len(TABLE)
        result = []
        for at, (symbols, (*counts, bad, outside, constant)) in enumerate(zip(self.layers, numbers, strict=True)):
            if bad and self.estimator.nonfinite == "error":
                place = f"{self.places[at]}: " if self.places else ""
                raise NonFiniteError(place + _nonfinite_message(symbols.bad))
            flags = _layer_flags(bad, outside, constant)
            facts = {"outside": int(outside), "constant_units": int(constant)}
            lines = [counts[start : start + width] for start in range(0, len(counts), width)]
            result.append([self._reading(line, len(symbols.codes), flags, facts, units) for line in lines])
        return result

    def _reading(
        self, line: list[float], members: int, flags: list[str], facts: dict[str, int], units: Units
    ) -> Reading:
        """Both estimates from one row of the table; the formulas of the module ``family``."""
        fact = dict(zip(TABLE, line, strict=True))
        correction, scale = self.estimator.correction, NATS_PER[units]
        times = members if self.family == "exact" else 1
        h_x, h_y = self.x.entropy(correction, times), self.y.entropy(correction, times)
        h_t, h_t_given_x = fact["h_t"], fact["h_tx"] - h_x
        i_xt, i_ty = h_t - h_t_given_x, h_t + h_y - fact["h_ty"]
        copies = members if self.family in ("exact", "sampled") else 1
        doubt = (*_light(fact, i_ty, h_t_given_x, h_y, copies), *flags)
        details = {
            "measurement": self.estimator.measurement,
            "estimand": "empirical",
            "correction": correction,
            "family": self.family,
            "copies": members,
            "h_t": h_t / scale,
            "h_t_given_x": h_t_given_x / scale,
            "h_x": h_x / scale,
            "h_y": h_y / scale,
            "cells": fact["cells"],
            "singletons": fact["singletons"],
            "cells_ty": fact["cells_ty"],
            "singletons_ty": fact["singletons_ty"],
            "all_differ": fact["all_differ"] if self.family == "exact" else None,
            **facts,
        }
        kind: Kind = "plug-in" if correction == "none" else "estimate"
        n = int(fact["n"])
        return Reading(
            Estimate(i_xt / scale, units, kind=kind, n=n, flags=doubt, details=details),
            Estimate(i_ty / scale, units, kind=kind, n=n, flags=doubt, details=details),
            h_t / scale,
            h_t_given_x / scale,
        )


def _facts(layers: Sequence[Symbols], device: torch.device) -> Tensor:
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


def _nonfinite_message(bad: Tensor) -> str:
    rows = bad.any(0)
    return (
        f"{int(rows.sum())} of {rows.numel()} rows contain NaN/Inf (first row {int(rows.to(torch.int64).argmax())}). "
        'Set nonfinite="drop-row" or "own-cell" to continue.'
    )


def _layer_flags(bad: float, outside: float, constant: float) -> list[str]:
    flags = []
    if bad:
        flags.append("nonfinite")
    if outside:
        flags.append("outside-bins")
    if constant:
        flags.append("constant-units")
    return flags


def _light(fact: dict[str, float], i_ty: float, h_t_given_x: float, h_y: float, copies: int) -> list[str]:
    """The traffic light of the joint (T, Y) table, and the reasons for red.

    Green: singletons at most 2 % of the samples and 7 samples a cell. Red: symbols nearly as many as samples, or
    copies that nearly always differ, or too few samples a cell.
    """
    n = fact["n"]
    lone = fact["singletons_ty"] / n
    reasons = []
    if fact["h_t"] >= 0.9 * math.log(n):
        reasons.append("saturated")
    if copies > 1 and h_t_given_x >= 0.8 * math.log(copies):
        reasons.append("copies-differ")
    if lone > 0.15 or n < 2.5 * fact["cells_ty"] or (lone > 0.02 and i_ty >= 0.95 * h_y):
        reasons.append("undersampled")
    if reasons:
        return ["red", *reasons]
    return ["green" if lone <= 0.02 and n >= 7 * fact["cells_ty"] else "amber"]


def check_nonfinite(policy: str) -> Nonfinite:
    """The policy, or an error that lists the ones there are."""
    policies = ("error", "drop-row", "own-cell", "keep")
    if policy not in policies:
        raise InputError(f"nonfinite={policy!r} is not known: choose one of {', '.join(policies)}")
    return cast(Nonfinite, policy)


def check_finite(t: Tensor, place: str = "") -> None:
    """An error that counts the rows of ``t`` (samples, units) with NaN or infinity, where there are any."""
    bad = ~t.isfinite().all(-1)
    if bool(bad.any()):
        where = f"{place}: " if place else ""
        raise NonFiniteError(where + _nonfinite_message(bad[None]).split(" Set ")[0])
