"""The hot loops of ``neighbours``, compiled: distances of all pairs in the max-norm, and questions about them.

Points come as ``columns`` (columns, samples) float64. Where distances are held, those in two sets of columns together
are the larger ones of two matrices (samples, samples).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_BLOCK = 512  # points compared at a time: they stay in the cache
_TILE = 32  # ... with so many others, and transposed
_RUN = 64  # ... and look at before any of them is looked at by itself


@numba.njit(cache=True, nogil=True)
def _insert(nearest, distance):  # type: ignore[no-untyped-def]
    """Into the smallest ones so far, ascending, where it is one of them."""
    place = len(nearest) - 1
    if distance < nearest[place]:
        while place > 0 and nearest[place - 1] > distance:
            nearest[place] = nearest[place - 1]
            place -= 1
        nearest[place] = distance


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _distances(columns, at, start, stop, distance):  # type: ignore[no-untyped-def]
    """Distances of point ``at`` to the points ``start`` to ``stop``."""
    distance[: stop - start] = 0.0
    for unit in range(columns.shape[0]):
        row = columns[unit, start:stop]
        value = columns[unit, at]
        for j in range(stop - start):
            distance[j] = max(distance[j], abs(row[j] - value))


@numba.njit(cache=True, nogil=True)
def pairs_kth(columns, k):  # type: ignore[no-untyped-def]
    n = columns.shape[1]
    nearest = np.full((n, k), np.inf)  # ascending
    distance = np.empty(_BLOCK)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for at in range(n):
            _distances(columns, at, start, stop, distance)
            for j in range(stop - start):
                if start + j != at:
                    _insert(nearest[at], distance[j])
    return nearest[:, k - 1].copy()


@numba.njit(cache=True, nogil=True)
def pairs_nearer(columns, radius):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _widen_by_four(distances, units, at, start, stop):  # type: ignore[no-untyped-def]
    """The distances of point ``at`` to the points ``start`` to ``stop`` in four units more."""
    p, q, r, s = units[0, start:stop], units[1, start:stop], units[2, start:stop], units[3, start:stop]
    to_p, to_q, to_r, to_s = units[0, at], units[1, at], units[2, at], units[3, at]
    distance = distances[start:stop]
    for j in range(stop - start):
        two, more = max(abs(p[j] - to_p), abs(q[j] - to_q)), max(abs(r[j] - to_r), abs(s[j] - to_s))
        distance[j] = max(distance[j], max(two, more))


def all_distances(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between all points of ``columns`` (columns, samples): (samples, samples)."""
    distances = np.empty((columns.shape[1], columns.shape[1]))  # NumPy's memory comes in large pages, Numba's not
    _fill_distances(columns, distances)
    return distances


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _fill_distances(columns, distances):  # type: ignore[no-untyped-def]  # noqa: C901
    """Each pair once, four units at a time, then the other half."""
    units, n = columns.shape
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for top in range(0, stop, _TILE):
            bottom = min(top + _TILE, stop)
            for at in range(top, bottom):
                distances[at, max(start, at) : stop] = 0.0
            for unit in range(0, units - 3, 4):
                for at in range(top, bottom):
                    _widen_by_four(distances[at], columns[unit : unit + 4], at, max(start, at), stop)
            for unit in range(units - units % 4, units):
                for at in range(top, bottom):
                    first = max(start, at)
                    row, value, distance = columns[unit, first:stop], columns[unit, at], distances[at, first:stop]
                    for j in range(stop - first):
                        distance[j] = max(distance[j], abs(row[j] - value))
    for i in range(0, n, _TILE):
        for j in range(0, i + 1, _TILE):
            for a in range(i, min(i + _TILE, n)):
                for b in range(j, min(j + _TILE, a)):
                    distances[a, b] = distances[b, a]


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
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
            for j in range(len(run)):
                some += np.int32(run[j] < bound)
            for j in range(len(run) if some else 0):
                _insert(nearest, run[j])
        reach, in_a, in_b = nearest[k - 1], np.int32(0), np.int32(0)
        for j in range(n):
            in_a += np.int32(a[j] < reach)
            in_b += np.int32(b[j] < reach)
        kth[at], counts[0, at], counts[1, at] = reach, in_a, in_b
    return kth, counts - (kth > 0)  # the point itself lies at distance 0


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def smallest(values, places, bounds):  # type: ignore[no-untyped-def]
    """Where the ``len(places)`` smallest of at least as many ``values`` are, ascending.

    ``bounds`` (groups,) for the smallest one of every group-th value: so many groups of them show what is too large.
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
    for j in range(len(values)):
        few[count] = j
        count += values[j] <= bound
    places[:] = few[:count][values[few[:count]].argsort()[:many]]


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
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


@numba.njit(cache=True, nogil=True)
def held_candidates_within(distances, order, sizes, many):  # type: ignore[no-untyped-def]
    """The ``many`` nearest others of the same group, filled up with the point itself; see ``held_within``."""
    places, bounds = np.empty((len(order), many), np.int64), np.empty(2 * many)
    start = 0
    for size in sizes:
        members = order[start : start + size]
        for at in members:
            row = distances[at][members]
            row[members == at] = np.inf
            found = min(many, size - 1)
            smallest(row, places[at, :found], bounds)
            places[at, :found] = members[places[at, :found]]
            places[at, found:] = at
        start += size
    return places


@numba.njit(cache=True, nogil=True)
def held_within(distances, order, sizes, k):  # type: ignore[no-untyped-def]
    """``order`` numbers the members of one group after the other."""
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
                    _insert(nearest, row[j])
            kth[at] = nearest[-1]
        start += size
    return kth


@numba.njit(cache=True, nogil=True)
def held_nearer(first, second, radius):  # type: ignore[no-untyped-def]
    n = len(first)
    count = np.zeros(n, dtype=np.int64)
    for at in range(n):
        a, b, reach, nearer = first[at], second[at], radius[at], np.int32(0)
        for j in range(n):
            nearer += np.int32(a[j] < reach) & np.int32(b[j] < reach)
        count[at] = nearer
    return count - (radius > 0)  # the point itself lies at distance 0
