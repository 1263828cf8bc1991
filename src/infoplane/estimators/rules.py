"""The named ways of cutting activations into bins.

A rule is fitted to activations, since it may look at their range, and gives a quantiser with fixed cuts.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import kernels
from infoplane.estimators.symbols import Cuts, Quantiser, Symbols, Words, constant_units


class Rule(abc.ABC):
    """A named way of cutting activations into bins."""

    @abc.abstractmethod
    def fit(self, t: Tensor) -> Quantiser:
        """Bins for activations ``t`` (..., units), float32 or float64."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """The measurement model, for axes and tables."""

    def symbols(self, t: Tensor) -> Symbols:
        """Codes of activations ``t`` (members, samples, units); all members share the bins."""
        codes, bad, outside = self.fit(t).codes(t)
        return Symbols(codes, bad, outside, constant_units(t), t.shape[-1])

    def layers(self, ts: Sequence[Tensor]) -> list[Symbols]:
        """Codes of several layers; narrow ones that share their bins are read in one call."""
        fitted = [self.fit(t) for t in ts]
        shared = fitted[0]
        if len(ts) > 1 and all(one is shared for one in fitted) and isinstance(shared, Cuts) and shared.even:
            together = shared.narrow_layers(ts)
            if together is not None:
                return together
        return [self.symbols(t) for t in ts]


@dataclass(frozen=True)
class Report(Rule):
    """The original's edges, value for value: float32 edges, right-open bins, and everything below the first edge (and
    NaN) gets the symbol of everything at or above the last one. ``edges`` monotone; default ``linspace(-1, 1, 50)``.
    """

    edges: tuple[float, ...] = tuple(np.linspace(-1, 1, 50).tolist())

    def __post_init__(self) -> None:
        steps = np.diff(np.asarray(self.edges, dtype=np.float64))
        if len(self.edges) < 2 or not (np.all(steps > 0) or np.all(steps < 0)):
            raise InputError(
                f"edges must be at least two ascending (or descending) numbers, got {len(self.edges)} of them: "
                "pass for example numpy.linspace(-1, 1, 50)"
            )

    @property
    def description(self) -> str:
        return f"{len(self.edges)} report bins on {_interval(min(self.edges), max(self.edges))}"

    def fit(self, t: Tensor) -> Quantiser:
        return _fixed_cuts(self.edges, "wrap", torch.float32, t.dtype, t.device)


@dataclass(frozen=True)
class Fixed(Rule):
    """``bins`` bins of one width on [low, high], right-open but the last; values outside are clipped and counted."""

    bins: int = 30
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_bins(self.bins)
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"bins need low < high, got low={self.low}, high={self.high}: swap or widen them")

    @property
    def description(self) -> str:
        return f"{self.bins} bins on {_interval(self.low, self.high)}"

    def fit(self, t: Tensor) -> Quantiser:
        edges = tuple(np.linspace(self.low, self.high, self.bins + 1).tolist())
        return _fixed_cuts(edges, "clip", t.dtype, t.dtype, t.device)


@functools.lru_cache(maxsize=256)
def _fixed_cuts(
    edges: tuple[float, ...], ends: kernels.Ends, store: torch.dtype, dtype: torch.dtype, device: torch.device
) -> Cuts:
    exact = torch.tensor(sorted(edges), dtype=torch.float64)
    cuts = exact.to(store).to(dtype)
    return Cuts(cuts[None].to(device), even=_evenly_spaced(cuts[None]), ends=ends)


def _evenly_spaced(cuts: Tensor) -> bool:
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


@dataclass(frozen=True)
class Layer(Rule):
    """``bins`` bins of one width from the smallest to the largest value of the layer, the last one closed."""

    bins: int = 30

    def __post_init__(self) -> None:
        _check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of the layer"

    def fit(self, t: Tensor) -> Quantiser:
        return _ranged_cuts(*_range(t, tuple(range(t.ndim))), self.bins)


@dataclass(frozen=True)
class Unit(Rule):
    """``bins`` bins of one width from the smallest to the largest value of each unit, the last one closed."""

    bins: int = 30

    def __post_init__(self) -> None:
        _check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of each unit"

    def fit(self, t: Tensor) -> Quantiser:
        return _ranged_cuts(*_range(t, tuple(range(t.ndim - 1))), self.bins)


def _range(t: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Smallest and largest value over some dimensions, (rows, 1) each.

    Rows with NaN or infinity, which are reported elsewhere, have no say.
    """
    low, high = t.amin(over), t.amax(over)
    if t.device.type != "cpu" or not bool((low.isfinite() & high.isfinite()).all()):
        bad = ~t.isfinite().all(-1, keepdim=True)
        low, high = t.masked_fill(bad, math.inf).amin(over), t.masked_fill(bad, -math.inf).amax(over)
        low, high = low.where(low <= high, 0.0), high.where(low <= high, 0.0)
    return low.reshape(-1, 1), high.reshape(-1, 1)


def _ranged_cuts(low: Tensor, high: Tensor, bins: int) -> Cuts:
    """Inner edges of ``bins`` bins on [low, high], each (rows, 1); a range of width 0 gets width 1."""
    dtype, device = low.dtype, low.device
    low, high = low.to(torch.float64), high.to(torch.float64)
    width = torch.where(high > low, high - low, 1.0) / bins
    cuts = low + width * torch.arange(1, bins, device=device)
    if bins == 1:
        cuts = torch.full_like(low, math.inf)
    cuts = cuts.to(dtype)
    return Cuts(cuts, even=device.type == "cpu" and _evenly_spaced(cuts))


@dataclass(frozen=True)
class Quantile(Rule):
    """``bins`` bins that hold as many samples as each other, for each unit: unchanged by any increasing map."""

    bins: int = 30

    def __post_init__(self) -> None:
        _check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} quantile bins of each unit"

    def fit(self, t: Tensor) -> Quantiser:
        if self.bins == 1:
            return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
        rows = t.flatten(0, -2)
        whole = rows.isfinite().all(-1)
        ordered = rows.masked_fill(~whole[:, None], math.inf).sort(dim=0).values
        places = torch.arange(1, self.bins, device=t.device) * whole.sum() // self.bins
        return Cuts(ordered[places].T.contiguous(), even=False)


@dataclass(frozen=True)
class Width(Rule):
    """Bins of one width from zero: floor(t / width), whatever the range (Saxe et al. 2018 use .07)."""

    width: float = 0.07

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise InputError(f"width must be a positive number, got {self.width}: for example width=0.07")

    @property
    def description(self) -> str:
        return f"bins of width {self.width:g}"

    def fit(self, t: Tensor) -> Quantiser:
        return Words(self.width)


@dataclass(frozen=True)
class Distinct(Rule):
    """Every distinct row of numbers is a symbol of its own: no bins (-0.0 equals 0.0)."""

    @property
    def description(self) -> str:
        return "every distinct row"

    def fit(self, t: Tensor) -> Quantiser:
        return Words(None)


def _check_bins(bins: int) -> None:
    if isinstance(bins, bool) or not isinstance(bins, Integral) or bins < 1:
        raise InputError(f"bins must be a whole number of at least 1, got {bins!r}: for example bins=30")


def _interval(low: float, high: float) -> str:
    return f"[{low:g}, {high:g}]"


RULES: dict[str, type[Rule]] = {
    "report": Report,
    "fixed": Fixed,
    "layer": Layer,
    "unit": Unit,
    "quantile": Quantile,
    "width": Width,
    "distinct": Distinct,
}

RuleLike = Rule | str | int | Sequence[float] | np.ndarray | Mapping[str, Any]


def rule(bins: RuleLike) -> Rule:
    """A rule from what a user may write: a rule, a name, a number of bins per layer, the report's edges, or a table.

    >>> rule("width"), rule(30).description
    (Width(width=0.07), '30 bins from minimum to maximum of the layer')
    >>> rule({"rule": "fixed", "bins": 8, "low": 0, "high": 2}).description
    '8 bins on [0, 2]'
    """
    if isinstance(bins, Rule):
        return bins
    if isinstance(bins, str):
        return _named(bins, {})
    if isinstance(bins, Integral):
        return Layer(bins if isinstance(bins, bool) else int(bins))
    if isinstance(bins, Mapping):
        options = dict(bins)
        return _named(str(options.pop("rule", "layer")), options)
    return Report(tuple(np.asarray(bins, dtype=np.float64).ravel().tolist()))


def _named(name: str, options: dict[str, Any]) -> Rule:
    if name not in RULES:
        raise UnknownNameError("bin rule", name, RULES)
    known = list(getattr(RULES[name], "__dataclass_fields__", {}))
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the bin rule {name!r}", option, known or ["none"])
    if "edges" in options:
        options["edges"] = tuple(options["edges"])
    return RULES[name](**options)
