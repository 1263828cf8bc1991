"""Points -> the distance to the k-th nearest other point, and how many other points lie nearer than a distance.

Distances are in the max-norm, max_u |a_u - b_u|, in float64 and without rounding beyond that of one subtraction, so
that the ways of finding them agree exactly: a k-d tree (few columns), compiled loops over all pairs, and tensors in
chunks of rows (any device). Nothing is kept between two questions: memory O(samples), O(samples), O(chunk x samples).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.compiled import compiled

#: Up to this many columns a k-d tree finds the nearest points faster than all pairs do.
TREE_COLUMNS = 7
#: ... and counts those within a distance, which are many more, faster.
TREE_COLUMNS_COUNTING = 3
#: Distances that the tensor version holds at a time.
_CHUNK_VALUES = 1 << 23
_BLOCK = 512  # points compared at a time: one column of them and their distances stay in the first cache


def check_k(k: int, n: int) -> None:
    """There must be a k-th nearest other point.

    Raises:
        InputError: ``k`` is below 1, or there are not so many other points.
    """
    if not 1 <= k < n:
        raise InputError(f"k={k} neighbours among {n} points: k must lie between 1 and {n - 1}")


def kth_distance(points: Tensor, k: int) -> Tensor:
    """Distance of each of ``points`` (samples, columns) float64 to its k-th nearest other point: (samples,)."""
    check_k(k, len(points))
    if points.device.type != "cpu":
        return tensor_kth_distance(points, k)
    if points.shape[1] <= TREE_COLUMNS:
        return tree_kth_distance(points, k)
    return torch.from_numpy(pairs_kth(_transposed(points), k))


def count_nearer(points: Tensor, distance: Tensor) -> Tensor:
    """How many other points lie strictly nearer to each of ``points`` than its ``distance`` (samples,): int64."""
    if points.device.type != "cpu":
        return tensor_count_nearer(points, distance)
    if points.shape[1] <= TREE_COLUMNS_COUNTING:
        return tree_count_nearer(points, distance)
    return torch.from_numpy(pairs_nearer(_transposed(points), distance.numpy()))


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
    just_below = np.nextafter(radius, 0.0)  # the tree counts what is at the radius too
    count = cKDTree(array).query_ball_point(array, just_below, p=np.inf, return_length=True) - 1
    return torch.from_numpy(np.where(radius > 0, count, 0).astype(np.int64))


# ---------------------------------------------------------------- all pairs, compiled


@compiled(nogil=True)
def pairs_kth(columns, k):  # type: ignore[no-untyped-def]
    """Of ``columns`` (columns, samples): distance of each point to its ``k``-th nearest other point, (samples,)."""
    n = columns.shape[1]
    nearest = np.full((n, k), np.inf)  # ascending
    distance = np.empty(_BLOCK)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for at in range(n):
            _distances(columns, at, start, stop, distance)
            for j in range(stop - start):
                if start + j != at:
                    insert(nearest[at], distance[j])
    return nearest[:, k - 1].copy()


@compiled(nogil=True)
def pairs_nearer(columns, radius):  # type: ignore[no-untyped-def]
    """Of ``columns`` (columns, samples): how many other points lie nearer than ``radius`` (samples,) to each."""
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


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _distances(columns, at, start, stop, distance):  # type: ignore[no-untyped-def]
    """Distances of point ``at`` to the points ``start`` to ``stop``.

    A column after the other, so that the innermost loop has no branch and runs in vectors: a maximum is one where NaN
    and the sign of zero need no care, and points have neither NaN nor a use for -0.0.
    """
    distance[: stop - start] = 0.0
    for unit in range(columns.shape[0]):
        row = columns[unit, start:stop]
        value = columns[unit, at]
        for j in range(stop - start):
            distance[j] = max(distance[j], abs(row[j] - value))


@compiled(nogil=True)
def insert(nearest, distance):  # type: ignore[no-untyped-def]
    """A distance into the smallest ones so far, ascending, where it is one of them.

    Compiled into loops of ``neighbours`` too, whose cache does not see a change here: delete it after one.
    """
    place = len(nearest) - 1
    if distance < nearest[place]:
        while place > 0 and nearest[place - 1] > distance:
            nearest[place] = nearest[place - 1]
            place -= 1
        nearest[place] = distance


# ---------------------------------------------------------------- all pairs, as tensors


def tensor_kth_distance(points: Tensor, k: int) -> Tensor:
    """``kth_distance`` in chunks of rows, where the points are."""
    # a point itself is among them, at distance 0: k + 1 of them, from 0 on
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
        for column in columns:  # (samples,): memory does not grow with the columns
            torch.maximum(rows, (column[start : start + step, None] - column).abs_(), out=rows)
        yield start, rows
