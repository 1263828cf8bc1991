"""Points -> answers about their neighbours, each found in the way that is fastest for so many points and columns.

A cloud of a few thousand points keeps the matrix of its distances (``matrix``), which serves every later question about
the same points, or about them together with other columns; a larger one, or one of few columns, searches anew for every
question (``search``). Distances are in the max-norm and agree exactly whichever way they are found. Memory of a matrix:
O(samples^2), and a copy of the points more where there are many columns.
"""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled
from infoplane.estimators.distances.columns import over
from infoplane.estimators.distances.matrix import Bounded, Distances, Every
from infoplane.estimators.distances.search import (
    TREE_COLUMNS_COUNTING,
    check_k,
    count_equal,
    count_nearer,
    insert,
    kth_distance,
)

#: Up to this many points their distances are held: 134 MB.
MOST_HELD = 4096
#: Of more columns than this, distances are found only as far as they are asked for.
MANY_COLUMNS = 512
#: So many points more than k are looked at for the k-th nearest of all.
_SPARE = 8
_RUN = 64  # distances looked at before any of them is looked at by itself


class Cloud(abc.ABC):
    """Points, and the questions about them."""

    @staticmethod
    def of(points: Tensor, scale: Tensor | None = None) -> Cloud:
        """Of points (samples, columns), over the ``scale`` (columns,) float64 or float64 themselves: their distances
        are held where they can be, and there are more than a few columns.
        """
        scale = torch.ones_like(points[0]) if scale is None else scale
        return Held((distances_of(points, scale),)) if _to_hold(points) else Loose(over(points, scale))

    @staticmethod
    def whole(points: Tensor) -> Cloud:
        """With all distances at once where they can be held: for points that are asked about again and again."""
        return Held((Every.of(points),)) if _to_hold(points) else Loose(points)

    @staticmethod
    def joint(a: Cloud, b: Cloud) -> Cloud:
        """The same samples in all columns of two clouds that are not joint themselves."""
        if isinstance(a, Loose) and isinstance(b, Loose):
            return Loose(torch.cat([a.points, b.points], 1))
        return a.hold().with_other(b.hold())

    @abc.abstractmethod
    def hold(self) -> Held:
        """The same points with their distances."""

    @abc.abstractmethod
    def take(self, chosen: Tensor) -> Cloud:
        """The points that ``chosen`` numbers."""

    @abc.abstractmethod
    def kth(self, k: int) -> Tensor:
        """The distance of each point to its k-th nearest other point: (samples,)."""

    @abc.abstractmethod
    def nearer(self, radius: Tensor) -> Tensor:
        """How many other points lie strictly nearer than ``radius`` (samples,) to each: int64."""

    @abc.abstractmethod
    def around(self, other: Cloud, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of two clouds together: the distance of each point to its k-th nearest other point (samples,) float64, and
        how many other points lie strictly nearer in each of the clouds, (samples,) int64 twice.
        """

    @abc.abstractmethod
    def within(self, groups: Tensor, sizes: Tensor, k: int) -> Tensor:
        """The distance of each point to its k-th nearest other point of the same group, or to the farthest in a smaller
        one; 0 for a lone point: (samples,). ``groups`` (samples,) from 0 on, ``sizes`` (groups,) int64.
        """

    @property
    @abc.abstractmethod
    def equal(self) -> Tensor:
        """How many other points equal each: (samples,) int64."""


@final
@dataclass(frozen=True)
class Loose(Cloud):
    """Points (samples, columns) float64 alone: every question looks at all of them."""

    points: Tensor

    def hold(self) -> Held:
        return Held((distances_of(self.points, torch.ones_like(self.points[0])),))

    def take(self, chosen: Tensor) -> Loose:
        return Loose(self.points[chosen])

    def kth(self, k: int) -> Tensor:
        return kth_distance(self.points, k)

    def nearer(self, radius: Tensor) -> Tensor:
        return count_nearer(self.points, radius)

    def around(self, other: Cloud, k: int) -> tuple[Tensor, Tensor, Tensor]:
        if isinstance(other, Held):
            return self.hold().around(other, k)
        distance = Cloud.joint(self, other).kth(k)
        return distance, self.nearer(distance), other.nearer(distance)

    def within(self, groups: Tensor, sizes: Tensor, k: int) -> Tensor:
        distance = torch.zeros(len(groups), dtype=torch.float64, device=self.points.device)
        for members in groups.argsort(stable=True).split(sizes.tolist()):
            if len(members) > 1:
                distance[members] = kth_distance(self.points[members], min(k, len(members) - 1))
        return distance

    @functools.cached_property
    def equal(self) -> Tensor:
        return count_equal(self.points)


@final
@dataclass(frozen=True)
class Held(Cloud):
    """The distances between all points: the larger one of one or two ``parts``."""

    parts: tuple[Distances, ...]

    def hold(self) -> Held:
        return self

    def with_other(self, other: Held) -> Held:
        """The same samples in both."""
        return Held(self.parts + other.parts)

    def take(self, chosen: Tensor) -> Held:
        return Held(tuple(part.take(chosen) for part in self.parts))

    def kth(self, k: int) -> Tensor:
        return self._around(k)[0]

    def nearer(self, radius: Tensor) -> Tensor:
        self._settle(radius)
        return torch.from_numpy(held_nearer(*self._lower, radius.numpy()))

    def around(self, other: Cloud, k: int) -> tuple[Tensor, Tensor, Tensor]:
        distance, counts = self.with_other(other.hold())._around(k)
        return distance, counts[0], counts[1]

    def within(self, groups: Tensor, sizes: Tensor, k: int) -> Tensor:
        order, counts = groups.argsort(stable=True).numpy(), sizes.numpy()
        if self._open:
            self._settle_near(held_candidates_within(self._longest, order, counts, k + _SPARE), k)
        return torch.from_numpy(held_within(self._longest, order, counts, k))

    @functools.cached_property
    def equal(self) -> Tensor:
        smallest = np.finfo(np.float64).smallest_subnormal
        return self.nearer(torch.full((len(self.parts[0].lower),), smallest, dtype=torch.float64))

    def _around(self, k: int) -> tuple[Tensor, Tensor]:
        """The distance to the k-th nearest in all parts, and how many are nearer in the first and in the last."""
        n = len(self.parts[0].lower)
        check_k(k, n)
        if self._open:
            self._settle_near(held_candidates(*self._lower, min(k + _SPARE, n - 1)), k)
        kth, counts = held_around(*self._lower, k)
        return torch.from_numpy(kth), torch.from_numpy(counts)

    @property
    def _open(self) -> bool:
        """Whether there are distances still to find."""
        return any(isinstance(part, Bounded) for part in self.parts)

    @property
    def _lower(self) -> tuple[np.ndarray, np.ndarray]:
        """What is known of the distances in the first and in the last part, (samples, samples) each."""
        return self.parts[0].lower.numpy(), self.parts[-1].lower.numpy()

    @property
    def _longest(self) -> np.ndarray:
        """... and in all parts."""
        return self._lower[0] if len(self.parts) == 1 else np.maximum(*self._lower)

    def _settle(self, radius: Tensor) -> None:
        for part in self.parts:
            part.settle(radius)

    def _settle_near(self, near: np.ndarray, k: int) -> None:
        """Settle as far as to the k-th of those ``near`` (samples, some), where a point itself stands for nothing."""
        numbers = torch.from_numpy(near)
        distance = torch.stack([part.find(numbers) for part in self.parts]).amax(0).sort(1).values
        nothing = (numbers == torch.arange(len(numbers))[:, None]).sum(1, keepdim=True)
        self._settle(distance.gather(1, (nothing + k - 1).clamp(max=near.shape[1] - 1))[:, 0])


def distances_of(points: Tensor, scale: Tensor) -> Distances:
    """Those of points (samples, columns) over the ``scale``: all, or with many columns those that will be asked for."""
    return Bounded.of(points, scale) if points.shape[1] > MANY_COLUMNS else Every.of(over(points, scale))


def _to_hold(points: Tensor) -> bool:
    return points.shape[1] > TREE_COLUMNS_COUNTING and points.device.type == "cpu" and len(points) <= MOST_HELD


# ---------------------------------------------------------------- of held distances
#
# ``first`` and ``second`` are matrices (samples, samples); distances in both together are the larger of the two.


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def held_around(first, second, k):  # type: ignore[no-untyped-def]
    """Distances to the k-th neighbour in both together (samples,), and how many are nearer in each (2, samples)."""
    n = len(first)
    kth, counts = np.empty(n), np.empty((2, n), np.int64)
    distance = np.empty(n)
    nearest = np.empty(k)  # ascending
    for at in range(n):
        a, b = first[at], second[at]
        for j in range(n):
            distance[j] = max(a[j], b[j])
        distance[at] = np.inf
        nearest[:] = np.inf
        for start in range(0, n, _RUN):
            run, some, bound = distance[start : start + _RUN], np.int32(0), nearest[k - 1]
            for j in range(len(run)):  # in vectors; nearly all runs have none after the first few
                some += np.int32(run[j] < bound)
            for j in range(len(run) if some else 0):
                insert(nearest, run[j])
        reach, in_a, in_b = nearest[k - 1], np.int32(0), np.int32(0)
        for j in range(n):
            in_a += np.int32(a[j] < reach)
            in_b += np.int32(b[j] < reach)
        kth[at], counts[0, at], counts[1, at] = reach, in_a, in_b
    return kth, counts - (kth > 0)  # the point itself lies at distance 0


@compiled(nogil=True)
def held_nearer(first, second, radius):  # type: ignore[no-untyped-def]
    """How many other points lie nearer than ``radius`` (samples,) in both together: (samples,)."""
    n = len(first)
    count = np.zeros(n, dtype=np.int64)
    for at in range(n):
        a, b, reach, nearer = first[at], second[at], radius[at], np.int32(0)
        for j in range(n):
            nearer += np.int32(a[j] < reach) & np.int32(b[j] < reach)
        count[at] = nearer
    return count - (radius > 0)  # the point itself lies at distance 0


@compiled(nogil=True)
def held_within(distances, order, sizes, k):  # type: ignore[no-untyped-def]
    """The distance to the k-th nearest of the same group, or to its farthest where it is smaller: (samples,).

    ``order`` (samples,) numbers the members of one group after the other, ``sizes`` (groups,) counts them.
    """
    kth = np.zeros(len(order))
    start = 0
    for size in sizes:
        members = order[start : start + size]
        nearest = np.empty(max(1, min(k, size - 1)))  # ascending
        for at in members if size > 1 else members[:0]:
            row = distances[at]
            nearest[:] = np.inf
            for j in members:
                if j != at:
                    insert(nearest, row[j])
            kth[at] = nearest[-1]
        start += size
    return kth


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def held_candidates(first, second, many):  # type: ignore[no-untyped-def]
    """The ``many`` nearest other points in both together: (samples, many)."""
    n = len(first)
    places, distance, bounds = np.empty((n, many), np.int64), np.empty(n), np.empty(2 * many)
    for at in range(n):
        a, b = first[at], second[at]
        for j in range(n):
            distance[j] = max(a[j], b[j])
        distance[at] = np.inf
        smallest(distance, places[at], bounds)
    return places


@compiled(nogil=True)
def held_candidates_within(distances, order, sizes, many):  # type: ignore[no-untyped-def]
    """The ``many`` nearest others of the same group, filled up with the point itself; see ``held_within``."""
    places, bounds = np.empty((len(order), many), np.int64), np.empty(2 * many)
    start = 0
    for size in sizes:
        members = order[start : start + size]
        for at in members:
            row = distances[at][members]
            row[members == at] = np.inf
            others = min(many, size - 1)
            smallest(row, places[at, :others], bounds)
            places[at, :others] = members[places[at, :others]]
            places[at, others:] = at
        start += size
    return places


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def smallest(values, places, bounds):  # type: ignore[no-untyped-def]
    """Where the ``len(places)`` smallest of at least as many ``values`` are, ascending.

    ``bounds`` (groups,) for the smallest one of every group-th value. At least ``many`` values are no larger than the
    many-th of these, so that what is above it need not be sorted: one pass without a branch leaves few.
    """
    groups, many, count = len(bounds), len(places), 0
    bounds[:] = np.inf
    for start in range(0, len(values), groups):
        run = values[start : start + groups]
        for j in range(len(run)):
            bounds[j] = min(bounds[j], run[j])
    bounds.sort()
    bound = bounds[many - 1]
    few = np.empty(len(values) + 1, np.int64)
    for j in range(len(values)):  # written always, kept only where the count goes on
        few[count] = j
        count += values[j] <= bound
    places[:] = few[:count][values[few[:count]].argsort()[:many]]
