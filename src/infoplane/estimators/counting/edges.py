"""Activations -> where the cuts between their bins lie: even ones, ones of equal share, and those of k-means."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.counting import kernels
from infoplane.estimators.counting.symbols import Cuts

MOST_ROUNDS = 100  # of k-means; a layer of tanh units and 30 bins needs some 40


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
    # more cuts than 100 000 leave a guess in float32 no margin: its error grows with the bin's number
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

    Rows with NaN or infinity, which are reported elsewhere, are left out.
    """
    low, high = t.amin(over), t.amax(over)  # NaN and infinity show in them, so most layers need no second look
    if t.device.type != "cpu" or not bool((low.isfinite() & high.isfinite()).all()):
        bad = ~t.isfinite().all(-1, keepdim=True)
        low, high = t.masked_fill(bad, math.inf).amin(over), t.masked_fill(bad, -math.inf).amax(over)
        low, high = low.where(low <= high, 0.0), high.where(low <= high, 0.0)  # no row was left
    return low.reshape(-1, 1), high.reshape(-1, 1)


def ranged_cuts(low: Tensor, high: Tensor, bins: int) -> Cuts:
    """Inner edges of ``bins`` bins on [low, high], each (rows, 1); a range of width 0 gets width 1."""
    dtype, device = low.dtype, low.device
    low, high = low.to(torch.float64), high.to(torch.float64)  # a float32 range may overflow when it is subtracted
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


def equal_shares(t: Tensor, bins: int) -> Cuts:
    """Cuts between ``bins`` equal shares of all values of a layer."""
    ordered = ordered_values(t)
    if bins == 1 or len(ordered) == 0:
        return Cuts(torch.full((1, 1), math.inf, dtype=t.dtype, device=t.device), even=False)
    places = torch.arange(1, bins, device=t.device) * len(ordered) // bins
    return Cuts(ordered[places][None], even=False)


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
        # in one dimension clusters are runs of the ascending values, so a round costs a search and sums of runs
        cuts = torch.searchsorted(ordered, ((means[1:] + means[:-1]) / 2).to(ordered.dtype))
        if torch.equal(cuts, before):
            break
        before = cuts
        sizes = torch.cat([cuts, cuts.new_full((1,), len(ordered))]).diff(prepend=cuts.new_zeros(1))
        totals = torch.segment_reduce(exact, "sum", lengths=sizes)
        means = torch.where(sizes > 0, totals / sizes.clamp(min=1), means)
    return means


def ordered_values(t: Tensor) -> Tensor:
    """All values of the layer (values,), ascending; -0.0 is 0.0."""
    values = whole_rows(t).flatten() + 0.0
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy()))  # in vectors, several times faster than torch's
    return values.sort().values
