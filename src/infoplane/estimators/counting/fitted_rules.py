"""The bin rules that look at the activations: their range, their order, or where they gather."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.counting.cutting import Rule, Sees, check_bins, ranged_cuts, value_range, whole_rows
from infoplane.estimators.counting.symbols import Cuts, Quantiser

MOST_ROUNDS = 100  # of k-means; a layer of tanh units and 30 bins needs some 40


@dataclass(frozen=True)
class Layer(Rule):
    """``bins`` bins of one width from the smallest to the largest value of the layer, the last one closed."""

    bins: int = 30

    def __post_init__(self) -> None:
        check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of the layer"

    @property
    def sees(self) -> Sees:
        return "extremes"

    def fit(self, t: Tensor) -> Quantiser:
        return ranged_cuts(*value_range(t, tuple(range(t.ndim))), self.bins)


@dataclass(frozen=True)
class Unit(Rule):
    """``bins`` bins of one width from the smallest to the largest value of each unit, the last one closed."""

    bins: int = 30

    def __post_init__(self) -> None:
        check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} bins from minimum to maximum of each unit"

    @property
    def sees(self) -> Sees:
        return "extremes"

    def fit(self, t: Tensor) -> Quantiser:
        return ranged_cuts(*value_range(t, tuple(range(t.ndim - 1))), self.bins)


@dataclass(frozen=True)
class Quantile(Rule):
    """``bins`` bins that hold as many samples as each other, for each unit: unchanged by any increasing map."""

    bins: int = 30

    def __post_init__(self) -> None:
        check_bins(self.bins)

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
        ordered = rows.masked_fill(~whole[:, None], math.inf).sort(dim=0).values
        places = torch.arange(1, self.bins, device=t.device) * whole.sum() // self.bins
        return Cuts(ordered[places].T.contiguous(), even=False)


@dataclass(frozen=True)
class MaximumEntropy(Rule):
    """``bins`` bins that hold as many as each other of all the layer's values (Chelombiev, Houghton, O'Donnell 2019,
    arXiv:1902.09037, section 3): the most entropy that one unit can have on average.
    """

    bins: int = 30

    def __post_init__(self) -> None:
        check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} bins of equal share of the layer's values"

    @property
    def sees(self) -> Sees:
        return "rows"

    def fit(self, t: Tensor) -> Quantiser:
        return equal_shares(t, self.bins)


def equal_shares(t: Tensor, bins: int) -> Cuts:
    """Cuts between ``bins`` equal shares of all values of a layer."""
    ordered = _ordered_values(t)
    if bins == 1 or len(ordered) == 0:
        return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
    places = torch.arange(1, bins, device=t.device) * len(ordered) // bins
    return Cuts(ordered[places][None], even=False)


@dataclass(frozen=True)
class KMeans(Rule):
    """``bins`` bins around the means of the clusters that the layer's values form: k-means in one dimension.

    Lloyd's algorithm from quantiles of the distinct values, so that the same values give the same bins whatever their
    order. A bin is cut off half-way between two means. Fewer distinct values than bins have a bin each.
    """

    bins: int = 30

    def __post_init__(self) -> None:
        check_bins(self.bins)

    @property
    def description(self) -> str:
        return f"{self.bins} k-means bins of the layer's values"

    @property
    def sees(self) -> Sees:
        return "rows"

    def fit(self, t: Tensor) -> Quantiser:
        ordered = _ordered_values(t)
        means = cluster_means(ordered, self.bins)
        if len(means) < 2:
            return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
        return Cuts(((means[1:] + means[:-1]) / 2).to(t.dtype)[None], even=False)


def cluster_means(ordered: Tensor, clusters: int) -> Tensor:
    """Means, ascending, float64, of at most ``clusters`` clusters of ascending values (values,) that k-means finds."""
    distinct = torch.unique_consecutive(ordered).to(torch.float64)
    count = min(clusters, len(distinct))
    if count == 0:
        return distinct
    places = (2 * torch.arange(count, device=ordered.device) + 1) * len(distinct) // (2 * count)
    means, before = distinct[places], torch.full((count - 1,), -1, device=ordered.device)
    exact = ordered.to(torch.float64)
    for _ in range(MOST_ROUNDS):
        cuts = torch.searchsorted(ordered, ((means[1:] + means[:-1]) / 2).to(ordered.dtype))
        if torch.equal(cuts, before):
            break
        before = cuts
        sizes = torch.cat([cuts, cuts.new_full((1,), len(ordered))]).diff(prepend=cuts.new_zeros(1))
        totals = torch.segment_reduce(exact, "sum", lengths=sizes)
        means = torch.where(sizes > 0, totals / sizes.clamp(min=1), means)
    return means


def _ordered_values(t: Tensor) -> Tensor:
    """All values of the layer (values,), ascending; -0.0 is 0.0."""
    values = whole_rows(t).flatten() + 0.0
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy()))
    return values.sort().values
