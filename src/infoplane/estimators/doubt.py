"""How far an estimate can be trusted: what it is on shuffled labels, and whether more samples would still change it.

Samples may come in groups that belong together (the tokens of one text): labels are then shuffled as whole groups,
and samples are left out as whole groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from infoplane.checks import whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Variable, as_array
from infoplane.flags import NOT_CONVERGED, NULL_EXCEEDS_HALF, RED
from infoplane.types import NATS_PER, Estimate, Units

#: A curve has converged where its last doubling changes it by at most this share of its last value...
CONVERGED_SHARE = 0.05
#: ... or by at most this many bits.
CONVERGED_BITS = 0.02
#: Estimates without some of the groups that an interval takes.
MOST_BLOCKS = 50


@dataclass(frozen=True)
class Null:
    """The estimate on shuffled labels, ``values`` in its unit, and the share of them that reaches the estimate.

    ``p_value`` is (1 + number of values at or above the estimate) / (1 + number of shuffles): it is exact where the
    samples (or the groups) are exchangeable, and never 0.
    """

    values: tuple[float, ...]
    p_value: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))


def label_null(
    estimator: Estimator,
    prepared: Any,
    y: Variable,
    estimate: Estimate,
    *,
    shuffles: int,
    groups: Any = None,
    seed: int = 0,
) -> Null:
    """I(T;Y) on ``shuffles`` random orders of the labels, held against the estimate on the labels as they are.

    What is prepared of the layer is used again.
    """
    whole_number("shuffles", shuffles, least=1, example=20)
    values = [
        estimator.about_label(prepared, reordered(y, order), estimate.units).value
        for order in orders(group_members(groups, y.n), shuffles, seed)
    ]
    reaching = sum(value >= estimate.value for value in values)
    return Null(tuple(values), (1 + reaching) / (1 + shuffles))


def orders(members: list[np.ndarray], times: int, seed: int) -> Iterator[Tensor]:
    """``times`` random orders of the samples (samples,) in which groups change places as wholes.

    The one source of nulls: single estimates, comparisons and planes draw the same orders from the same seed.
    """
    random = np.random.default_rng(seed)
    for _ in range(times):
        yield torch.from_numpy(shuffled(members, random))


def with_null(estimate: Estimate, null: Null) -> Estimate:
    """The estimate with its null in the details, and a flag where the null is more than half of it."""
    flags = estimate.flags
    if null.mean > estimate.value / 2 and NULL_EXCEEDS_HALF not in flags:
        flags = (*flags, NULL_EXCEEDS_HALF)
    details = {**estimate.details, "null": null.mean, "null_values": null.values, "p_value": null.p_value}
    return replace(estimate, flags=flags, details=details)


def group_members(groups: Any, n: int) -> list[np.ndarray]:
    """The samples of every group, in order; every sample by itself where ``groups`` is None."""
    if groups is None:
        return [np.array([i]) for i in range(n)]
    names = as_array(groups).reshape(-1)
    if len(names) != n:
        raise InputError(f"groups has {len(names)} entries and there are {n} samples: give one group for each sample")
    _, which = np.unique(names, return_inverse=True)
    return [np.flatnonzero(which == group) for group in range(which.max() + 1)]


def shuffled(members: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A new order of the samples: groups change places as wholes, samples keep their order inside them."""
    order = np.concatenate([members[group] for group in random.permutation(len(members))])
    places = np.concatenate(members)
    result = np.empty_like(order)
    result[places] = order
    return result


def reordered(variable: Variable, order: Tensor) -> Variable:
    """The samples of a variable in another order."""
    ids = variable.ids
    if ids is not None:
        ids = replace(ids, ids=ids.ids[order.to(ids.ids.device)])
    numbers = variable.numbers
    return Variable(ids, None if numbers is None else numbers[order.to(numbers.device)])


def with_group_interval(
    estimate: Estimate, estimator: Estimator, t: Tensor, y: Variable, *, groups: Any, seed: int = 0
) -> Estimate:
    """The estimate with an interval from leaving out whole groups (a delete-a-group jackknife).

    There are as many leavings as groups, at most ``MOST_BLOCKS``: beyond that whole groups are left out together. The
    interval, around the jackknife's value, has 95 % by Student's distribution. None for a red estimate, or where an
    estimate without some group is not possible.
    """
    if RED in estimate.flags:
        return replace(estimate, low=None, high=None)
    members = group_members(groups, len(t))
    order = np.random.default_rng(seed).permutation(len(members))
    blocks = [
        np.concatenate([members[g] for g in part]) for part in np.array_split(order, min(len(order), MOST_BLOCKS))
    ]
    if len(blocks) < 2:
        raise InputError("all samples are in one group: an interval over groups needs at least two")
    values = []
    for block in blocks:
        keep = torch.from_numpy(np.setdiff1d(np.arange(len(t)), block))
        try:
            prepared = estimator.prepare(t[keep.to(t.device)])
            values.append(estimator.about_label(prepared, y.take(keep), estimate.units).value)
        except InputError:
            return replace(estimate, low=None, high=None)
    count, without = len(blocks), np.array(values)
    centre = count * estimate.value - (count - 1) * without.mean()
    error = np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    half = float(stdtrit(count - 1, 0.975) * error)
    details = {**estimate.details, "interval": f"jackknife over {count} groups", "standard_error": float(error)}
    return replace(estimate, low=float(centre) - half, high=float(centre) + half, details=details)


def convergence_curve(
    estimator: Estimator, t: Tensor, y: Variable, *, groups: Any = None, seed: int = 0, units: Units = "bits"
) -> list[tuple[int, float]]:
    """I(T;Y) of nested random subsets of n/8, n/4, n/2 and n samples (or groups): pairs (samples, value).

    A subset in which an estimator cannot work (too few samples, one class) is left out.
    """
    members = group_members(groups, len(t))
    order = np.random.default_rng(seed).permutation(len(members))
    curve = []
    for part in (8, 4, 2, 1):
        chosen = np.sort(np.concatenate([members[group] for group in order[: max(len(members) // part, 1)]]))
        keep = torch.from_numpy(chosen)
        try:
            prepared = estimator.prepare(t[keep.to(t.device)])
            curve.append((len(chosen), estimator.about_label(prepared, y.take(keep), units).value))
        except InputError:
            if part == 1:
                raise
    return curve


def with_curve(estimate: Estimate, curve: list[tuple[int, float]]) -> Estimate:
    """The estimate with its convergence curve in the details, and a flag where its last doubling changed much."""
    bits = NATS_PER["bits"] / NATS_PER[estimate.units]
    flags = estimate.flags if has_converged(curve, bits) else (*estimate.flags, NOT_CONVERGED)
    return replace(estimate, flags=flags, details={**estimate.details, "convergence": curve})


def has_converged(curve: list[tuple[int, float]], bits: float = 1.0) -> bool:
    """Whether the last doubling of the samples changed little; ``bits`` is the value of one bit in the curve's unit."""
    if len(curve) < 2:
        return False
    before, after = curve[-2][1], curve[-1][1]
    return abs(after - before) <= max(CONVERGED_SHARE * abs(after), CONVERGED_BITS * bits)
