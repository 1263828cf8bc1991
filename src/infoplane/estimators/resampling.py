"""Intervals for the population from estimating again on some of the samples, whole groups of them where there are such.

Leaving groups out, for estimators that are smooth in the shares of the samples (delete-a-group jackknife; Efron, Stein
1981, Annals of Statistics 9, 586; Shao, Wu 1989, Annals of Statistics 17, 1176, on where it holds). With I(b) the value
without block b of B,

    centre = B I - (B - 1) mean I(b),     SE^2 = (B - 1)/B sum_b (I(b) - mean I(b))^2,     centre +- t SE

Small parts, for all others: neighbours, cells that follow the values, and eigenvalues are not smooth. Of K parts that
share nothing each value has K times the variance of the whole (Politis, Romano, Wolf 1999, Subsampling, section 2;
Holmes, Nemenman 2019, Physical Review E 100, 022404, for neighbours), and what the whole has more than its halves says
how much bias is left:

    SE^2 = var(parts) / K,     I +- (t SE + BIAS_FACTOR |I - mean of both halves|)

t is the quantile of Student's distribution for B - 1, or K - 1, degrees of freedom. A bias that falls as n^-a changes
by 2^a - 1 times itself at the last doubling: BIAS_FACTOR covers a >= 1/2. Coverage: docs/coverage.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.pieces import RowWise
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.doubt import group_members
from infoplane.flags import RED
from infoplane.types import Estimate, Units

#: Estimates without some of the groups that an interval takes.
MOST_BLOCKS = 50
#: Parts that an interval takes: fewer have a large quantile, more are too small to be like the whole.
PARTS = 8
#: Parts below which their spread says nothing.
_FEWEST_PARTS = 4
#: How often the change over the last doubling is added on both sides.
BIAS_FACTOR = 2.5


def with_interval(
    estimate: Estimate, estimator: Estimator, t: Tensor, ready: Any, y: Variable, *, seed: int = 0
) -> Estimate:
    """The estimate with an interval for the population, where it has none; of groups where there are such.

    None for a red estimate, nor where an estimate of some of the samples is not possible: ``details["interval"]`` says
    how it was made, or why there is none.
    """
    if RED in estimate.flags:
        return without_interval(estimate, "none: the light is red")
    missing = estimate.interval in (None, "Monte Carlo 95 %")
    if estimator.resampling == "own" or (y.groups is None and not missing):
        return estimate
    members = group_members(y.groups, len(t))
    if len(members) < 2:
        raise InputError("all samples are in one group: an interval over groups needs at least two")
    make = _without_blocks if estimator.resampling == "jackknife" and y.groups is not None else _of_parts
    order = np.random.default_rng(seed).permutation(len(members))
    try:
        return make(estimate, [members[at] for at in order], _Again(estimator, t, ready, y, estimate.units))
    except InputError as error:
        return without_interval(estimate, f"none: {error}")


def without_interval(estimate: Estimate, why: str) -> Estimate:
    return replace(estimate, low=None, high=None, interval=None, details={**estimate.details, "interval": why})


@final
@dataclass(frozen=True)
class _Again:
    """The same estimate of some of the samples: in the same cells, where there are cells."""

    estimator: Estimator
    t: Tensor
    ready: Any
    y: Variable
    units: Units

    def __call__(self, members: list[np.ndarray]) -> float:
        keep = torch.from_numpy(np.sort(np.concatenate(members))).to(self.t.device)
        stays = isinstance(self.estimator, SymbolEstimator | RowWise)
        ready = self.ready.take(keep) if stays else self.estimator.prepare(self.t[keep])
        return self.estimator.about_label(ready, self.y.take(keep), self.units).value


def _without_blocks(estimate: Estimate, members: list[np.ndarray], again: _Again) -> Estimate:
    blocks = np.array_split(np.arange(len(members)), min(len(members), MOST_BLOCKS))
    count = len(blocks)
    without = np.array([again([members[g] for g in np.setdiff1d(np.arange(len(members)), block)]) for block in blocks])
    centre = count * estimate.value - (count - 1) * float(without.mean())
    error = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(count - 1, 0.975)) * error
    return _ended(estimate, centre, half, error, {"interval": f"jackknife over {count} groups"})


def _of_parts(estimate: Estimate, members: list[np.ndarray], again: _Again) -> Estimate:
    count = min(PARTS, len(members) // 2)
    if count < _FEWEST_PARTS:
        raise InputError(f"{len(members)} groups are too few, give at least {2 * _FEWEST_PARTS}")
    parts = [again(members[at::count]) for at in range(count)]
    change = estimate.value - float(np.mean([again(members[at::2]) for at in range(2)]))
    error = float(np.std(parts, ddof=1)) / count**0.5
    half = float(stdtrit(count - 1, 0.975)) * error + BIAS_FACTOR * abs(change)
    grouped = "groups" if any(len(each) > 1 for each in members) else "samples"
    how = {"interval": f"{count} parts of {len(members)} {grouped}", "last_doubling": change}
    return _ended(estimate, estimate.value, half, error, how)


def _ended(estimate: Estimate, centre: float, half: float, error: float, how: dict[str, object]) -> Estimate:
    details = {**estimate.details, **how, "standard_error": error}
    return replace(estimate, low=centre - half, high=centre + half, details=details, interval="population 95 %")
