"""Points -> the distance to the k-th nearest other point, and how many other points lie nearer than a distance.

Distances are in the max-norm, max_u |a_u - b_u|, in float64 and without rounding beyond that of one subtraction, so
that the ways of finding them agree exactly: a k-d tree (few dimensions), compiled loops over all pairs, tensors in
chunks of rows (any device), and, for a few thousand samples, the matrix of all distances, which serves every later
question about the same points. Memory: O(samples), O(samples), O(chunk x samples) and O(samples^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError

#: Up to this many columns a k-d tree finds the nearest points faster than all pairs do.
TREE_COLUMNS = 7
#: ... and counts those within a distance, which are many more, faster.
TREE_COLUMNS_COUNTING = 3
#: Distances that the tensor version holds at a time.
_CHUNK_VALUES = 1 << 23
#: Points that the compiled loops compare at a time: they stay in the cache.
_BLOCK = 1024
_TILE = 32  # ... and transpose
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
        distances = torch.from_numpy(_pairs(_transposed(points)))
        return cls(points, (distances, distances))

    @classmethod
    def joint(cls, a: Cloud, b: Cloud) -> Cloud:
        """The same samples in all columns of two clouds that are not joint themselves."""
        points = torch.cat([a.points, b.points], 1)
        if a.held is None and b.held is None:
            return cls(points)
        first, second = (one.held or cls.of(one.points, few=0).held for one in (a, b))
        return cls(points, None if first is None or second is None else (first[0], second[0]))

    def take(self, chosen: Tensor) -> Cloud:
        """The points that ``chosen`` numbers."""
        points = self.points[chosen]
        if self.held is None:
            return Cloud(points)
        first, second = (torch.from_numpy(_held_among(one.numpy(), chosen.numpy())) for one in self.held)
        return Cloud(points, (first, second))

    def kth(self, k: int) -> Tensor:
        """The distance of each point to its k-th nearest other point: (samples,)."""
        if self.held is None:
            return kth_distance(self.points, k)
        check_k(k, len(self.points))
        return torch.from_numpy(_held_kth(self.held[0].numpy(), self.held[1].numpy(), k))

    def nearer(self, radius: Tensor) -> Tensor:
        """How many other points lie strictly nearer than ``radius`` (samples,) to each: int64."""
        if self.held is None:
            return count_nearer(self.points, radius)
        return torch.from_numpy(_held_nearer(self.held[0].numpy(), self.held[1].numpy(), radius.numpy()))

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
    return torch.from_numpy(_pairs_kth(_transposed(points), k))


def count_nearer(points: Tensor, distance: Tensor) -> Tensor:
    """How many other points lie strictly nearer to each of ``points`` than its ``distance`` (samples,): int64."""
    if points.device.type != "cpu":
        return tensor_count_nearer(points, distance)
    if points.shape[1] <= TREE_COLUMNS_COUNTING:
        return tree_count_nearer(points, distance)
    return torch.from_numpy(_pairs_nearer(_transposed(points), distance.numpy()))


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


# ---------------------------------------------------------------- all pairs, compiled


@numba.njit(cache=True, fastmath={"nnan", "nsz"})
def _distances(columns, at, start, stop, distance):  # type: ignore[no-untyped-def]
    """Distances of point ``at`` to the points ``start`` to ``stop``."""
    distance[: stop - start] = 0.0
    for unit in range(columns.shape[0]):
        row = columns[unit, start:stop]
        value = columns[unit, at]
        for j in range(stop - start):
            distance[j] = max(distance[j], abs(row[j] - value))


@numba.njit(cache=True)
def _pairs_kth(columns, k):  # type: ignore[no-untyped-def]
    n = columns.shape[1]
    nearest = np.full((n, k), np.inf)  # ascending
    distance = np.empty(_BLOCK)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for at in range(n):
            _distances(columns, at, start, stop, distance)
            for j in range(stop - start):
                if distance[j] < nearest[at, k - 1] and start + j != at:
                    place = k - 1
                    while place > 0 and nearest[at, place - 1] > distance[j]:
                        nearest[at, place] = nearest[at, place - 1]
                        place -= 1
                    nearest[at, place] = distance[j]
    return nearest[:, k - 1].copy()


@numba.njit(cache=True)
def _pairs_nearer(columns, radius):  # type: ignore[no-untyped-def]
    n = columns.shape[1]
    count = np.zeros(n, dtype=np.int64)
    distance = np.empty(_BLOCK)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for at in range(n):
            _distances(columns, at, start, stop, distance)
            nearer = 0
            for j in range(stop - start):
                nearer += distance[j] < radius[at]
            count[at] += nearer
    return count - (radius > 0)  # the point itself lies at distance 0


# ---------------------------------------------------------------- distances that are held


@numba.njit(cache=True, fastmath={"nnan", "nsz"})
def _pairs(columns):  # type: ignore[no-untyped-def]
    """Each pair once, then the other half."""
    units, n = columns.shape
    distances = np.zeros((n, n))
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for at in range(stop):
            first = max(start, at)
            distance = distances[at, first:stop]
            for unit in range(units):
                row = columns[unit, first:stop]
                value = columns[unit, at]
                for j in range(stop - first):
                    distance[j] = max(distance[j], abs(row[j] - value))
    for i in range(0, n, _TILE):
        for j in range(0, i + 1, _TILE):
            for a in range(i, min(i + _TILE, n)):
                for b in range(j, min(j + _TILE, a)):
                    distances[a, b] = distances[b, a]
    return distances


@numba.njit(cache=True)
def _held_among(distances, chosen):  # type: ignore[no-untyped-def]
    among = np.empty((len(chosen), len(chosen)))
    for i in range(len(chosen)):
        row = distances[chosen[i]]
        for j in range(len(chosen)):
            among[i, j] = row[chosen[j]]
    return among


@numba.njit(cache=True)
def _held_kth(first, second, k):  # type: ignore[no-untyped-def]
    n = len(first)
    kth = np.empty(n)
    nearest = np.empty(k)  # ascending
    for at in range(n):
        nearest[:] = np.inf
        for j in range(n):
            distance = max(first[at, j], second[at, j])
            if distance < nearest[k - 1] and j != at:
                place = k - 1
                while place > 0 and nearest[place - 1] > distance:
                    nearest[place] = nearest[place - 1]
                    place -= 1
                nearest[place] = distance
        kth[at] = nearest[k - 1]
    return kth


@numba.njit(cache=True)
def _held_nearer(first, second, radius):  # type: ignore[no-untyped-def]
    n = len(first)
    count = np.zeros(n, dtype=np.int64)
    for at in range(n):
        nearer = 0
        for j in range(n):
            nearer += (first[at, j] < radius[at]) & (second[at, j] < radius[at])
        count[at] = nearer
    return count - (radius > 0)  # the point itself lies at distance 0


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
