"""The named ways of cutting activations into bins: what a user writes -> a rule -> bins for a layer -> its symbols.

A rule is fitted to activations, since it may look at their range or their order, and gives a quantiser with fixed bins.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import real_number, whole_number
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.counting.edges import (
    cluster_means,
    equal_shares,
    fixed_cuts,
    ordered_values,
    ranged_cuts,
    value_range,
    whole_rows,
)
from infoplane.estimators.counting.symbols import Cuts, Quantiser, Symbols, Words, constant_units

Sees = Literal["nothing", "extremes", "rows"]

#: What may become of values outside fixed bins, and what each way has to see of a layer.
OUTSIDE: dict[str, Sees] = {"clip": "nothing", "extend": "extremes", "error": "rows", "quantile": "rows"}
MOST_BINS = 100_000  # to which fixed bins are extended


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
        quantisers = [self.fit(t) for t in ts]
        shared = quantisers[0]
        # rules that see nothing of a layer give the same object each time (``fixed_cuts``)
        if len(ts) > 1 and isinstance(shared, Cuts) and shared.even and all(each is shared for each in quantisers):
            together = shared.narrow_layers(ts)
            if together is not None:
                return together
        return [_read(quantiser, t) for quantiser, t in zip(quantisers, ts, strict=True)]


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

    @property
    def sees(self) -> Sees:
        return "nothing"

    def fit(self, t: Tensor) -> Quantiser:
        return fixed_cuts(self.edges, "wrap", torch.float32, t.dtype, t.device)


@dataclass(frozen=True)
class Fixed(Rule):
    """``bins`` bins of one width on [low, high], right-open but the last.

    ``outside`` says what becomes of values outside: ``"clip"`` puts them into the bin next to them and counts them
    (flag ``outside-bins``); ``"extend"`` continues the bins at their width as far as the layer's values go;
    ``"error"`` refuses the layer; ``"quantile"`` gives a layer with such values ``bins`` bins of equal share instead.
    """

    bins: int = 30
    low: float = -1.0
    high: float = 1.0
    outside: str = "clip"

    def __post_init__(self) -> None:
        whole_number("bins", self.bins, least=1, example=30)
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"bins need low < high, got low={self.low}, high={self.high}: swap or widen them")
        if self.outside not in OUTSIDE:
            raise UnknownNameError("way with values outside the bins", self.outside, OUTSIDE)

    @property
    def description(self) -> str:
        more = {"extend": ", continued as far as the values", "quantile": ", of equal share where values lie outside"}
        return f"{self.bins} bins on {_interval(self.low, self.high)}{more.get(self.outside, '')}"

    @property
    def sees(self) -> Sees:
        return OUTSIDE[self.outside]

    def fit(self, t: Tensor) -> Quantiser:
        inner = fixed_cuts(_edges(self.bins, self.low, self.high), "clip", t.dtype, t.dtype, t.device)
        if self.outside == "clip":
            return inner
        values = whole_rows(t)
        beyond = (values < inner.cuts[0, 0]) | (values > inner.cuts[0, -1])
        if not bool(beyond.any()):
            return inner
        if self.outside == "quantile":
            return equal_shares(t, self.bins)
        least, most = float(values.min()), float(values.max())
        if self.outside == "error":
            raise InputError(
                f"{int(beyond.sum())} of {values.numel()} values lie outside {_interval(self.low, self.high)}, between "
                f"{least:g} and {most:g}: widen low and high, or choose outside='clip', 'extend' or 'quantile'"
            )
        return self._extended(t, least, most)

    def _extended(self, t: Tensor, least: float, most: float) -> Quantiser:
        """The same bins and as many more on both sides as ``least`` and ``most`` need."""
        width = (self.high - self.low) / self.bins
        below = max(math.ceil((self.low - least) / width), 0)
        above = max(math.ceil((most - self.high) / width), 0)
        if below + above > MOST_BINS:
            raise InputError(
                f"outside='extend' needs {below + above} more bins of width {width:g} to reach from {least:g} to "
                f"{most:g}, more than {MOST_BINS}: choose outside='clip' or 'quantile', or the rule 'width'"
            )
        edges = np.asarray(_edges(self.bins, self.low, self.high))
        lower, upper = (edges[0] - width * np.arange(below, 0, -1), edges[-1] + width * np.arange(1, above + 1))
        whole = tuple(np.concatenate([lower, edges, upper]).tolist())
        return fixed_cuts(whole, "keep", t.dtype, t.dtype, t.device)


@functools.lru_cache(maxsize=256)
def _edges(bins: int, low: float, high: float) -> tuple[float, ...]:
    return tuple(np.linspace(low, high, bins + 1).tolist())


@dataclass(frozen=True)
class Numbered(Rule):
    """A rule whose one option is the number of bins."""

    bins: int = 30

    def __post_init__(self) -> None:
        whole_number("bins", self.bins, least=1, example=30)


@dataclass(frozen=True)
class Layer(Numbered):
    """``bins`` bins of one width from the smallest to the largest value of the layer, the last one closed."""

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of the layer"

    @property
    def sees(self) -> Sees:
        return "extremes"

    def fit(self, t: Tensor) -> Quantiser:
        return ranged_cuts(*value_range(t, tuple(range(t.ndim))), self.bins)


@dataclass(frozen=True)
class Unit(Numbered):
    """``bins`` bins of one width from the smallest to the largest value of each unit, the last one closed."""

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of each unit"

    @property
    def sees(self) -> Sees:
        return "extremes"

    def fit(self, t: Tensor) -> Quantiser:
        return ranged_cuts(*value_range(t, tuple(range(t.ndim - 1))), self.bins)


@dataclass(frozen=True)
class Quantile(Numbered):
    """``bins`` bins that hold as many samples as each other, for each unit: unchanged by any increasing map."""

    @property
    def description(self) -> str:
        return f"{self.bins} quantile bins of each unit"

    @property
    def sees(self) -> Sees:
        return "rows"

    def fit(self, t: Tensor) -> Quantiser:
        if self.bins == 1:
            return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
        rows = t.flatten(0, -2)
        whole = rows.isfinite().all(-1)
        ordered = rows.masked_fill(~whole[:, None], math.inf).sort(dim=0).values  # rows left out come last
        places = torch.arange(1, self.bins, device=t.device) * whole.sum() // self.bins
        return Cuts(ordered[places].T.contiguous(), even=False)


@dataclass(frozen=True)
class MaximumEntropy(Numbered):
    """``bins`` bins that hold as many as each other of all the layer's values (Chelombiev, Houghton, O'Donnell 2019,
    arXiv:1902.09037, section 3): the most entropy that one unit can have on average.
    """

    @property
    def description(self) -> str:
        return f"{self.bins} bins of equal share of the layer's values"

    @property
    def sees(self) -> Sees:
        return "rows"

    def fit(self, t: Tensor) -> Quantiser:
        return equal_shares(t, self.bins)


@dataclass(frozen=True)
class KMeans(Numbered):
    """``bins`` bins around the means of the clusters that the layer's values form: k-means in one dimension.

    Lloyd's algorithm from quantiles of the distinct values, so that the same values give the same bins whatever their
    order. A bin is cut off half-way between two means. Fewer distinct values than bins have a bin each.
    """

    @property
    def description(self) -> str:
        return f"{self.bins} k-means bins of the layer's values"

    @property
    def sees(self) -> Sees:
        return "rows"

    def fit(self, t: Tensor) -> Quantiser:
        ordered = ordered_values(t)
        means = cluster_means(ordered, self.bins)
        if len(means) < 2:
            return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
        return Cuts(((means[1:] + means[:-1]) / 2).to(t.dtype)[None], even=False)


@dataclass(frozen=True)
class Width(Rule):
    """Bins of one width from zero: floor(t / width), whatever the range (Saxe et al. 2018 use .07)."""

    width: float = 0.07

    def __post_init__(self) -> None:
        real_number("width", self.width, above=0, example=0.07)

    @property
    def description(self) -> str:
        return f"bins of width {self.width:g}"

    @property
    def sees(self) -> Sees:
        return "nothing"

    def fit(self, t: Tensor) -> Quantiser:
        return Words(self.width)


@dataclass(frozen=True)
class Distinct(Rule):
    """Every distinct row of numbers is a symbol of its own: no bins (-0.0 equals 0.0)."""

    @property
    def description(self) -> str:
        return "every distinct row"

    @property
    def sees(self) -> Sees:
        return "nothing"

    def fit(self, t: Tensor) -> Quantiser:
        return Words(None)


@dataclass(frozen=True)
class Sign(Rule):
    """Two symbols a unit, above zero or not: the activation pattern of a ReLU layer, which names its linear region."""

    @property
    def description(self) -> str:
        return "whether each unit is above zero"

    @property
    def sees(self) -> Sees:
        return "nothing"

    def fit(self, t: Tensor) -> Quantiser:
        return _above_zero(t.dtype, t.device)


@functools.lru_cache(maxsize=8)
def _above_zero(dtype: torch.dtype, device: torch.device) -> Cuts:
    zero = torch.zeros((1, 1), dtype=dtype)
    return Cuts(zero.nextafter(zero + 1).to(device), even=False)  # the smallest number above zero


def _read(quantiser: Quantiser, t: Tensor) -> Symbols:
    codes, bad, outside = quantiser.codes(t)
    cuts = quantiser.cuts if isinstance(quantiser, Cuts) else None
    return Symbols(codes, bad, outside, constant_units(t), t.shape[-1], cuts)


def _interval(low: float, high: float) -> str:
    return f"[{low:g}, {high:g}]"


RULES: dict[str, type[Rule]] = {
    "report": Report,
    "fixed": Fixed,
    "layer": Layer,
    "unit": Unit,
    "quantile": Quantile,
    "entropy": MaximumEntropy,
    "kmeans": KMeans,
    "width": Width,
    "distinct": Distinct,
    "sign": Sign,
}

RuleLike = Rule | str | int | Sequence[float] | np.ndarray | Mapping[str, Any]


def rule(bins: RuleLike) -> Rule:
    """A rule from what a user may write: a rule, a name, a number of bins per layer, the report's edges, or a table.

    Raises:
        UnknownNameError: no such rule, or no such option of it.
        InputError: an option is out of range.

    Example:
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
