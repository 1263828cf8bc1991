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
by 2^a - 1 times itself at the last doubling: BIAS_FACTOR covers a >= .36, that of neighbours in six columns. A value
that changes by more than a tenth is flagged ``not-converged``. Coverage: docs/coverage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.pieces import RowWise
from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.doubt import group_members
from infoplane.flags import NOT_CONVERGED, RED, merged
from infoplane.types import NATS_PER, Estimate, Units

About = Literal["input", "label"]

#: Estimates without some of the groups that an interval takes.
MOST_BLOCKS = 50
#: Parts that an interval takes: fewer have a large quantile, more are too small to be like the whole.
PARTS = 8
#: Parts below which their spread says nothing.
_FEWEST_PARTS = 4
#: What the last doubling may change, as a share of the value, or in bits.
_MOST_CHANGE = 0.1
#: How often the change over the last doubling is added on both sides.
BIAS_FACTOR = 3.5


def with_interval(
    estimate: Estimate,
    estimator: Estimator,
    t: Tensor | None,
    ready: Any,
    y: Variable,
    *,
    about: About = "label",
    seed: int = 0,
) -> Estimate:
    """The estimate with an interval for the population, where it has none; of groups where there are such.

    ``t`` may be missing where ``ready`` can be taken apart. None for a red estimate, nor where an estimate of some of
    the samples is not possible: ``details["interval"]`` says how it was made, or why there is none.
    """
    if RED in estimate.flags:
        return without_interval(estimate, "none: the light is red")
    if estimator.resampling == "none":
        return without_interval(
            estimate, f"none: the bias of {estimator.name} falls too slowly to be seen in the samples"
        )
    missing = estimate.interval in (None, "Monte Carlo 95 %")
    if estimator.resampling == "own" or (y.groups is None and not missing):
        return estimate
    members = group_members(y.groups, y.n)
    if len(members) < 2:
        raise InputError("all samples are in one group: an interval over groups needs at least two")
    make = _without_blocks if estimator.resampling == "jackknife" and y.groups is not None else _of_parts
    order = np.random.default_rng(seed).permutation(len(members))
    try:
        return make(estimate, [members[at] for at in order], Again(estimator, t, ready, y, about, estimate.units))
    except InputError as error:
        return without_interval(estimate, f"none: {error}")


def without_interval(estimate: Estimate, why: str) -> Estimate:
    return replace(estimate, low=None, high=None, interval=None, details={**estimate.details, "interval": why})


@final
@dataclass(frozen=True)
class Again:
    """The same estimate of some of the samples: in the same cells, where there are cells."""

    estimator: Estimator
    t: Tensor | None
    ready: Any
    y: Variable
    about: About
    units: Units

    def __call__(self, members: list[np.ndarray]) -> float:
        keep = torch.from_numpy(np.sort(np.concatenate(members)))
        if isinstance(self.estimator, SymbolEstimator | RowWise) or self.t is None:
            ready = self.ready.take(keep)
        else:
            ready = self.estimator.prepare(self.t[keep.to(self.t.device)])
        ask = self.estimator.about_label if self.about == "label" else self.estimator.about_input
        return ask(ready, self.y.take(keep), self.units).value


def _without_blocks(estimate: Estimate, members: list[np.ndarray], again: Again) -> Estimate:
    without = [again([members[g] for g in kept]) for kept in kept_groups(len(members))]
    centre, half, error = jackknife(estimate.value, without)
    return _ended(estimate, centre, half, error, {"interval": f"jackknife over {len(without)} groups"})


def kept_groups(count: int) -> list[np.ndarray]:
    """The groups that stay where some are left out, each of them once."""
    return [np.delete(np.arange(count), some) for some in np.array_split(np.arange(count), min(count, MOST_BLOCKS))]


def jackknife(value: float, without: Sequence[float]) -> tuple[float, float, float]:
    """Centre, how far the interval reaches, and the standard error."""
    count, each = len(without), np.array(without)
    error = float(np.sqrt((count - 1) / count * ((each - each.mean()) ** 2).sum()))
    return count * value - (count - 1) * float(each.mean()), float(stdtrit(count - 1, 0.975)) * error, error


def with_group_intervals(
    readings: list[list[Reading]], again: Callable[[Tensor], list[list[Reading]]], groups: Tensor, *, seed: int = 0
) -> list[list[Reading]]:
    """Counts of layers and copies with intervals from leaving out groups (samples,); ``again`` counts some samples."""
    members = group_members(groups, len(groups))
    if len(members) < 2:
        raise InputError("all samples are in one group: an interval over groups needs at least two")
    order = np.random.default_rng(seed).permutation(len(members))
    without = [
        again(torch.from_numpy(np.sort(np.concatenate([members[order[at]] for at in kept]))))
        for kept in kept_groups(len(members))
    ]

    def ended(reading: Reading, at: int, copy: int) -> Reading:
        fields: dict[str, Any] = dict.fromkeys(("i_xt_low", "i_xt_high", "i_xt_interval"))
        fields |= dict.fromkeys(("i_ty_low", "i_ty_high", "i_ty_interval"))
        for name in ("i_xt", "i_ty") if RED not in reading.flags else ():
            centre, half, _ = jackknife(getattr(reading, name), [getattr(each[at][copy], name) for each in without])
            fields |= {f"{name}_low": centre - half, f"{name}_high": centre + half}
            fields[f"{name}_interval"] = "population 95 %"
        return reading._replace(**fields)

    return [[ended(reading, at, copy) for copy, reading in enumerate(line)] for at, line in enumerate(readings)]


def _of_parts(estimate: Estimate, members: list[np.ndarray], again: Again) -> Estimate:
    count = min(PARTS, len(members) // 2)
    if count < _FEWEST_PARTS:
        raise InputError(f"{len(members)} groups are too few, give at least {2 * _FEWEST_PARTS}")
    parts = [again(members[at::count]) for at in range(count)]
    change = estimate.value - float(np.mean([again(members[at::2]) for at in range(2)]))
    bits = NATS_PER["bits"] / NATS_PER[estimate.units]
    if abs(change) > _MOST_CHANGE * max(abs(estimate.value), bits):
        estimate = replace(estimate, flags=merged(estimate.flags, [NOT_CONVERGED]))
    error = float(np.std(parts, ddof=1)) / count**0.5
    half = float(stdtrit(count - 1, 0.975)) * error + BIAS_FACTOR * abs(change)
    grouped = "groups" if any(len(each) > 1 for each in members) else "samples"
    how = {"interval": f"{count} parts of {len(members)} {grouped}", "last_doubling": change}
    return _ended(estimate, estimate.value, half, error, how)


def _ended(estimate: Estimate, centre: float, half: float, error: float, how: dict[str, object]) -> Estimate:
    details = {**estimate.details, **how, "standard_error": error}
    return replace(estimate, low=centre - half, high=centre + half, details=details, interval="population 95 %")
