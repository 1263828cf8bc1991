"""Points -> the distance to the k-th nearest other point, and how many other points lie nearer than a distance.

Distances are in the max-norm, max_u |a_u - b_u|, in float64 and without rounding beyond that of one subtraction, so
that the ways of finding them agree exactly: a k-d tree (few dimensions), compiled loops over all pairs, tensors in
chunks of rows (any device), and, for a few thousand samples, the matrix of all distances, which serves every later
question about the same points. Memory: O(samples), O(samples), O(chunk x samples) and O(samples^2).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators import neighbour_loops as loops

#: Up to this many columns a k-d tree finds the nearest points faster than all pairs do.
TREE_COLUMNS = 7
#: ... and counts those within a distance, which are many more, faster.
TREE_COLUMNS_COUNTING = 3
#: Distances that the tensor version holds at a time.
_CHUNK_VALUES = 1 << 23
#: Up to this many points their distances are held: 134 MB.
MOST_HELD = 4096


@dataclass(frozen=True)
class Cloud:
    """Points (samples, columns) float64, and where held the distances between all of them: the larger of the two
    matrices ``held`` (samples, samples).
    """

    points: Tensor
    held: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, points: Tensor, *, few: int = TREE_COLUMNS_COUNTING) -> Cloud:
        """With the distances where they can be held, and there are more than ``few`` columns."""
        if points.shape[1] <= few or points.device.type != "cpu" or len(points) > MOST_HELD:
            return cls(points)
        distances = torch.from_numpy(loops.all_distances(_transposed(points)))
        return cls(points, (distances, distances))

    @classmethod
    def joint(cls, a: Cloud, b: Cloud) -> Cloud:
        """The same samples in all columns of two clouds that are not joint themselves."""
        return cls(torch.cat([a.points, b.points], 1), a._held_with(b))

    def _held_with(self, other: Cloud) -> tuple[Tensor, Tensor] | None:
        """The distances in both, where one of them holds its own."""
        if self.held is None and other.held is None:
            return None
        first, second = (one.held or Cloud.of(one.points, few=0).held for one in (self, other))
        return None if first is None or second is None else (first[0], second[0])

    def take(self, chosen: Tensor) -> Cloud:
        """The points that ``chosen`` numbers."""
        return Cloud(self.points[chosen]) if self.held is None else Cloud.of(self.points[chosen], few=0)

    def kth(self, k: int) -> Tensor:
        """The distance of each point to its k-th nearest other point: (samples,)."""
        if self.held is None:
            return kth_distance(self.points, k)
        check_k(k, len(self.points))
        return torch.from_numpy(loops.held_around(self.held[0].numpy(), self.held[1].numpy(), k)[0])

    def nearer(self, radius: Tensor) -> Tensor:
        """How many other points lie strictly nearer than ``radius`` (samples,) to each: int64."""
        if self.held is None:
            return count_nearer(self.points, radius)
        return torch.from_numpy(loops.held_nearer(self.held[0].numpy(), self.held[1].numpy(), radius.numpy()))

    def around(self, other: Cloud, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of two clouds together: the distance of each point to its k-th nearest other point (samples,) float64, and
        how many other points lie strictly nearer in each of the clouds, (samples,) int64 twice.
        """
        held = self._held_with(other)
        if held is None:
            distance = Cloud.joint(self, other).kth(k)
            return distance, self.nearer(distance), other.nearer(distance)
        check_k(k, len(self.points))
        kth, counts = loops.held_around(held[0].numpy(), held[1].numpy(), k)
        return torch.from_numpy(kth), *torch.from_numpy(counts)

    def within(self, groups: Tensor, sizes: Tensor, k: int) -> Tensor:
        """The distance of each point to its k-th nearest other point of the same group, or to the farthest in a smaller
        one; 0 for a lone point: (samples,). ``groups`` (samples,) from 0 on, ``sizes`` (groups,) int64.
        """
        order = groups.argsort(stable=True)
        if self.held is not None:
            return torch.from_numpy(loops.held_within(self.held[0].numpy(), order.numpy(), sizes.numpy(), k))
        distance = torch.zeros(len(groups), dtype=torch.float64, device=self.points.device)
        for members in order.split(sizes.tolist()):
            if len(members) > 1:
                distance[members] = kth_distance(self.points[members], min(k, len(members) - 1))
        return distance

    @functools.cached_property
    def equal(self) -> Tensor:
        """How many other points equal each: (samples,) int64."""
        if self.held is None:
            return count_equal(self.points)
        return self.nearer(
            torch.full((len(self.points),), np.finfo(np.float64).smallest_subnormal, dtype=torch.float64)
        )


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
