"""What every bin rule is, and the mathematics of cuts that the rules share."""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Sequence
from numbers import Integral
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.counting import kernels
from infoplane.estimators.counting.pieces import Pieces, Rows, extremes, wider
from infoplane.estimators.counting.symbols import Cuts, Quantiser, Symbols, Varying, constant_units

Sees = Literal["nothing", "extremes", "rows"]


class Rule(abc.ABC):
    """A named way of cutting activations into bins."""

    @abc.abstractmethod
    def fit(self, t: Tensor) -> Quantiser:
        """Bins for activations ``t`` (..., units), float32 or float64."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """The measurement model, for axes and tables."""

    @property
    @abc.abstractmethod
    def sees(self) -> Sees:
        """What ``fit`` looks at: the extremes of every unit, whole rows, or nothing but the type of the values."""

    def symbols(self, t: Tensor) -> Symbols:
        """Codes of activations ``t`` (members, samples, units); all members share the bins."""
        return _read(self.fit(t), t)

    def layers(self, ts: Sequence[Tensor]) -> list[Symbols]:
        """Codes of several layers; narrow ones that share their bins are read in one call."""
        fitted = [self.fit(t) for t in ts]
        shared = fitted[0]
        if len(ts) > 1 and isinstance(shared, Cuts) and shared.even and all(one is shared for one in fitted):
            together = shared.narrow_layers(ts)
            if together is not None:
                return together
        return [_read(one, t) for one, t in zip(fitted, ts, strict=True)]


@final
class CodePieces(Pieces):
    """The codes of one layer that comes in pieces. The first of two passes finds the extremes of every unit."""

    def __init__(self, rule: Rule, samples: int) -> None:
        self._rule = rule
        self.passes = 2 if rule.sees == "extremes" else 1
        self._ends: Tensor | None = None
        self._quantiser: Quantiser | None = None
        self._codes, self._bad = Rows(samples), Rows(samples)
        self._outside: int | Tensor = 0
        self._varying = Varying()
        self._units = 0

    def look(self, t: Tensor) -> None:
        self._ends = wider(self._ends, extremes(t))

    def take(self, t: Tensor) -> None:
        if self._quantiser is None:
            self._quantiser, self._units = self._rule.fit(t if self._ends is None else self._ends), t.shape[2]
        codes, bad, outside = self._quantiser.codes(t)
        self._codes.add(codes)
        self._bad.add(bad)
        self._outside = self._outside + outside
        self._varying.take(t)

    def prepared(self) -> Symbols:
        cuts = self._quantiser.cuts if isinstance(self._quantiser, Cuts) else None
        constant = self._varying.constant
        return Symbols(self._codes.tensor(), self._bad.tensor(), self._outside, constant, self._units, cuts)


def _read(quantiser: Quantiser, t: Tensor) -> Symbols:
    codes, bad, outside = quantiser.codes(t)
    cuts = quantiser.cuts if isinstance(quantiser, Cuts) else None
    return Symbols(codes, bad, outside, constant_units(t), t.shape[-1], cuts)


@functools.lru_cache(maxsize=256)
def fixed_cuts(
    edges: tuple[float, ...], ends: kernels.Ends, store: torch.dtype, dtype: torch.dtype, device: torch.device
) -> Cuts:
    """The cuts at ``edges``, rounded to the type ``store`` first; the same object for the same question."""
    exact = torch.tensor(sorted(edges), dtype=torch.float64)
    cuts = exact.to(store).to(dtype)
    return Cuts(cuts[None].to(device), even=evenly_spaced(cuts[None]), ends=ends)


def evenly_spaced(cuts: Tensor) -> bool:
    """Whether a guess from the first cut and the mean width errs by less than half a bin; ``cuts`` in main memory.

    In the cuts' own type their span must not overflow, nor its inverse.
    """
    count, limits = cuts.shape[1], torch.finfo(cuts.dtype)
    if count < 2 or count > 100_000:
        return False
    exact = cuts.numpy().astype(np.float64)
    low, high = exact[:, :1], exact[:, -1:]
    width, far = (high - low) / (count - 1), np.maximum(abs(low), abs(high))
    if (width <= np.maximum(1e-5 * far, limits.tiny)).any() or (far > limits.max / 2).any():
        return False
    return bool((abs(exact - low - width * np.arange(count)) <= 0.05 * width).all())


def value_range(t: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Smallest and largest value over some dimensions, (rows, 1) each.

    Rows with NaN or infinity, which are reported elsewhere, have no say.
    """
    low, high = t.amin(over), t.amax(over)
    if t.device.type != "cpu" or not bool((low.isfinite() & high.isfinite()).all()):
        bad = ~t.isfinite().all(-1, keepdim=True)
        low, high = t.masked_fill(bad, math.inf).amin(over), t.masked_fill(bad, -math.inf).amax(over)
        low, high = low.where(low <= high, 0.0), high.where(low <= high, 0.0)
    return low.reshape(-1, 1), high.reshape(-1, 1)


def ranged_cuts(low: Tensor, high: Tensor, bins: int) -> Cuts:
    """Inner edges of ``bins`` bins on [low, high], each (rows, 1); a range of width 0 gets width 1."""
    dtype, device = low.dtype, low.device
    low, high = low.to(torch.float64), high.to(torch.float64)
    width = torch.where(high > low, high - low, 1.0) / bins
    cuts = low + width * torch.arange(1, bins, device=device)
    if bins == 1:
        cuts = torch.full_like(low, math.inf)
    cuts = cuts.to(dtype)
    return Cuts(cuts, even=device.type == "cpu" and evenly_spaced(cuts))


def whole_rows(t: Tensor) -> Tensor:
    """The rows of ``t`` (..., units) without NaN or infinity, (rows, units); those are reported elsewhere."""
    rows = t.flatten(0, -2)
    return rows[rows.isfinite().all(-1)]


def check_bins(bins: int) -> None:
    """A whole number of at least 1, or an error."""
    if isinstance(bins, bool) or not isinstance(bins, Integral) or bins < 1:
        raise InputError(f"bins must be a whole number of at least 1, got {bins!r}: for example bins=30")
