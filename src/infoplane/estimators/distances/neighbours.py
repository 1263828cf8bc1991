"""Points -> the distance to the k-th nearest other point, and how many other points lie nearer than a distance.

Distances are in the max-norm, max_u |a_u - b_u|, in float64 and without rounding beyond that of one subtraction, so
that the ways of finding them agree exactly: a k-d tree (few dimensions), compiled loops over all pairs, tensors in
chunks of rows (any device), and, for a few thousand samples, the matrix of all distances, which serves every later
question about the same points, or of as many of them as questions need (``neighbour_distances``). Memory: O(samples),
O(samples), O(chunk x samples), O(samples^2), and a copy of the points more.
"""

from __future__ import annotations

import abc
import functools
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.distances import loops
from infoplane.estimators.distances.bounded import Bounded, Distances, Every
from infoplane.estimators.distances.columns import over

#: Up to this many columns a k-d tree finds the nearest points faster than all pairs do.
TREE_COLUMNS = 7
#: ... and counts those within a distance, which are many more, faster.
TREE_COLUMNS_COUNTING = 3
#: Distances that the tensor version holds at a time.
_CHUNK_VALUES = 1 << 23
#: Up to this many points their distances are held: 134 MB.
MOST_HELD = 4096
#: Of more columns than this, distances are found only as far as they are asked for.
MANY_COLUMNS = 512
#: So many points more than k are looked at for the k-th nearest of all.
_SPARE = 8


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
        return torch.from_numpy(loops.held_nearer(*self._lower, radius.numpy()))

    def around(self, other: Cloud, k: int) -> tuple[Tensor, Tensor, Tensor]:
        distance, counts = self.with_other(other.hold())._around(k)
        return distance, counts[0], counts[1]

    def within(self, groups: Tensor, sizes: Tensor, k: int) -> Tensor:
        order, counts = groups.argsort(stable=True).numpy(), sizes.numpy()
        if self._open:
            self._settle_near(loops.held_candidates_within(self._longest, order, counts, k + _SPARE), k)
        return torch.from_numpy(loops.held_within(self._longest, order, counts, k))

    @functools.cached_property
    def equal(self) -> Tensor:
        smallest = np.finfo(np.float64).smallest_subnormal
        return self.nearer(torch.full((len(self.parts[0].lower),), smallest, dtype=torch.float64))

    def _around(self, k: int) -> tuple[Tensor, Tensor]:
        """The distance to the k-th nearest in all parts, and how many are nearer in the first and in the last."""
        n = len(self.parts[0].lower)
        check_k(k, n)
        if self._open:
            self._settle_near(loops.held_candidates(*self._lower, min(k + _SPARE, n - 1)), k)
        kth, counts = loops.held_around(*self._lower, k)
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


def check_k(k: int, n: int) -> None:
    """Whether there is a k-th nearest other point."""
    if not 1 <= k < n:
        raise InputError(f"k={k} neighbours among {n} points: k must lie between 1 and {n - 1}")


def kth_distance(points: Tensor, k: int) -> Tensor:
    """Distance of each of ``points`` (samples, columns) float64 to its k-th nearest other point: (samples,)."""
    check_k(k, len(points))
    if points.device.type != "cpu":
        return tensor_kth_distance(points, k)
    if points.shape[1] <= TREE_COLUMNS:
        return tree_kth_distance(points, k)
    return torch.from_numpy(loops.pairs_kth(_transposed(points), k))


def count_nearer(points: Tensor, distance: Tensor) -> Tensor:
    """How many other points lie strictly nearer to each of ``points`` than its ``distance`` (samples,): int64."""
    if points.device.type != "cpu":
        return tensor_count_nearer(points, distance)
    if points.shape[1] <= TREE_COLUMNS_COUNTING:
        return tree_count_nearer(points, distance)
    return torch.from_numpy(loops.pairs_nearer(_transposed(points), distance.numpy()))


def count_equal(points: Tensor) -> Tensor:
    """How many other points equal each of ``points`` (samples, columns): (samples,) int64."""
    _, inverse, counts = torch.unique(points, dim=0, return_inverse=True, return_counts=True)
    return counts[inverse] - 1


def _transposed(points: Tensor) -> np.ndarray:
    return np.ascontiguousarray(points.numpy().T)  # (columns, samples)


# ---------------------------------------------------------------- a tree


def tree_kth_distance(points: Tensor, k: int) -> Tensor:
    """``kth_distance`` by scipy's k-d tree."""
    from scipy.spatial import cKDTree

    array = points.numpy()
    distance, _ = cKDTree(array).query(array, k=[k + 1], p=np.inf)  # the nearest of all is the point itself
    return torch.from_numpy(distance[:, 0])


def tree_count_nearer(points: Tensor, distance: Tensor) -> Tensor:
    """``count_nearer`` by scipy's k-d tree."""
    from scipy.spatial import cKDTree

    array, radius = points.numpy(), distance.numpy()
    just_below = np.nextafter(radius, 0.0)
    count = cKDTree(array).query_ball_point(array, just_below, p=np.inf, return_length=True) - 1
    return torch.from_numpy(np.where(radius > 0, count, 0).astype(np.int64))


# ---------------------------------------------------------------- all pairs, as tensors


def tensor_kth_distance(points: Tensor, k: int) -> Tensor:
    """``kth_distance`` in chunks of rows, where the points are."""
    return torch.cat([rows.topk(k + 1, largest=False).values[:, k] for _, rows in _tensor_rows(points)])


def tensor_count_nearer(points: Tensor, distance: Tensor) -> Tensor:
    """``count_nearer`` in chunks of rows, where the points are."""
    counts = [(rows < distance[start : start + len(rows), None]).sum(1) for start, rows in _tensor_rows(points)]
    return torch.cat(counts) - (distance > 0).to(torch.int64)


def _tensor_rows(points: Tensor):  # type: ignore[no-untyped-def]
    """Chunks of the distances between all points: the first row's number, and (chunk, samples)."""
    columns = points.T.contiguous()  # (columns, samples)
    step = max(1, _CHUNK_VALUES // len(points))
    for start in range(0, len(points), step):
        rows = torch.zeros(len(points[start : start + step]), len(points), dtype=points.dtype, device=points.device)
        for column in columns:
            torch.maximum(rows, (column[start : start + step, None] - column).abs_(), out=rows)
        yield start, rows
