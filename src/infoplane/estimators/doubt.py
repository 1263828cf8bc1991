"""How far an estimate can be trusted: what it is on shuffled labels, and whether more samples would still change it.

Samples may come in groups that belong together (the tokens of one text): groups then change their labels as wholes,
and samples are left out as whole groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.readings import p_value
from infoplane.estimators.counting.samples import Ids, Variable, named_groups
from infoplane.estimators.light import is_mostly_null
from infoplane.flags import NOT_CONVERGED, NULL_EXCEEDS_HALF, lit
from infoplane.types import NATS_PER, Estimate, Units

#: A curve has converged where its last doubling changes it by at most this share of its last value...
CONVERGED_SHARE = 0.05
#: ... or by at most this many bits.
CONVERGED_BITS = 0.02


@dataclass(frozen=True)
class Null:
    """The estimate on shuffled labels, ``values`` in its unit, and the share of them that reaches the estimate.

    ``p_value`` is (1 + number of values at or above the estimate) / (1 + number of shuffles), and never 0. It is valid
    (at most p with probability p where there is no information) if what ``shuffled`` exchanges is exchangeable.
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
    seed: int = 0,
) -> Null:
    """I(T;Y) on ``shuffles`` random orders of the labels, held against the estimate on the labels as they are.

    What is prepared of the layer is used again.
    """
    whole_number("shuffles", shuffles, least=1, example=20)
    members = group_members(y.groups, y.n)
    values = tuple(
        estimator.about_label(prepared, reordered(y, order), estimate.units).value
        for order in orders(members, shuffles, seed, whole=one_value_each(y, members))
    )
    return Null(values, cast(float, p_value(estimate.value, values)))


def orders(members: list[np.ndarray], times: int, seed: int, *, whole: bool = False) -> Iterator[Tensor]:
    """``times`` random orders of the samples (samples,) in which groups change places; see ``shuffled``.

    The one source of nulls: single estimates, comparisons and planes draw the same orders from the same seed.
    """
    random = np.random.default_rng(seed)
    for _ in range(times):
        yield torch.from_numpy(shuffled(members, random, whole=whole))


def with_null(estimate: Estimate, null: Null) -> Estimate:
    """The estimate with its null in the details, and a flag where the null is more than half of it."""
    flags, nats = estimate.flags, NATS_PER[estimate.units]
    if is_mostly_null(estimate.value * nats, null.mean * nats) and NULL_EXCEEDS_HALF not in flags:
        flags = lit((*flags, NULL_EXCEEDS_HALF))
    details = {**estimate.details, "null": null.mean, "null_values": null.values, "p_value": null.p_value}
    return replace(estimate, flags=flags, details=details)


def group_members(groups: Any, n: int) -> list[np.ndarray]:
    """The samples of every group, in order; every sample by itself where ``groups`` is None."""
    if groups is None:
        return [np.array([i]) for i in range(n)]
    _, which = np.unique(named_groups(groups, n), return_inverse=True)
    return [np.flatnonzero(which == group) for group in range(which.max() + 1)]


def one_value_each(variable: Variable, members: list[np.ndarray]) -> bool:
    """Whether the variable is a function of the group: one value on all samples of each."""
    if len(members) == variable.n:
        return True
    values = variable.values() if variable.ids is None else variable.ids.ids[:, None]
    values = values.cpu()
    first = torch.empty(variable.n, dtype=torch.int64)  # (samples,) the first sample of each one's group
    for group in members:
        first[torch.from_numpy(group)] = int(group[0])
    return bool((values == values[first]).all())


def shuffled(members: list[np.ndarray], random: np.random.Generator, *, whole: bool = False) -> np.ndarray:
    """Which sample gives its value to each, (samples,): a random one of the orders that leave groups together.

    Groups of one size change places as wholes, and samples keep their order inside them: valid where whole groups are
    exchangeable. Blocks of unequal sizes would fall over the borders of other groups, and two groups that share a
    value by that are no longer independent: shuffled values would agree with the layer less than chance does. So:

    - ``whole``, for a variable with one value a group: groups change their values, and keep their sizes. Valid where
      the values of the groups are exchangeable, whatever their sizes and layers are.
    - otherwise: groups of the same size change places as wholes, and one that shares its size with no other is turned
      round by a random number of samples. Valid where groups of one size are exchangeable and the values inside of the
      others have no place in time of their own (stationary). It sees only what such changes break: with groups of
      all different sizes, not what a whole group has in common with its layer.
    """
    sizes = np.array([len(group) for group in members])
    if (sizes == sizes[0]).all():
        order = np.concatenate([members[group] for group in random.permutation(len(members))])
        places = np.concatenate(members)
        result = np.empty_like(order)
        result[places] = order
        return result
    result = np.empty(sizes.sum(), dtype=np.int64)
    if whole:
        for group, giver in zip(members, random.permutation(len(members)), strict=True):
            result[group] = members[giver][0]
        return result
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        if len(alike) == 1:
            result[members[alike[0]]] = np.roll(members[alike[0]], random.integers(size))
            continue
        for place, giver in zip(alike, random.permutation(alike), strict=True):
            result[members[place]] = members[giver]
    return result


def reordered(variable: Variable, order: Tensor) -> Variable:
    """The samples of a variable in another order (samples,), in which some may come twice and others not at all."""
    ids = variable.ids
    if ids is not None:
        numbers = ids.ids[order.to(ids.ids.device)]
        ids = Ids(numbers, torch.bincount(numbers, minlength=ids.count).cpu())
    values = variable.numbers
    return replace(variable, ids=ids, numbers=None if values is None else values[order.to(values.device)])


def convergence_curve(
    estimator: Estimator, t: Tensor, y: Variable, *, seed: int = 0, units: Units = "bits"
) -> list[tuple[int, float]]:
    """I(T;Y) of nested random subsets of n/8, n/4, n/2 and n samples (or groups): pairs (samples, value).

    A subset in which an estimator cannot work (too few samples, one class) is left out.
    """
    members = group_members(y.groups, len(t))
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
    flags = estimate.flags if has_converged(curve, bits) else lit((*estimate.flags, NOT_CONVERGED))
    return replace(estimate, flags=flags, details={**estimate.details, "convergence": curve})


def has_converged(curve: list[tuple[int, float]], bits: float = 1.0) -> bool:
    """Whether the last doubling of the samples changed little; ``bits`` is the value of one bit in the curve's unit."""
    if len(curve) < 2:
        return False
    before, after = curve[-2][1], curve[-1][1]
    return abs(after - before) <= max(CONVERGED_SHARE * abs(after), CONVERGED_BITS * bits)
