"""Points -> the distances between all of them, kept for many questions: all at once, or as far as they are asked for.

Where points have thousands of columns, most distances in the max-norm need not be known, only that they are too long:

- each point has a few witnesses, columns in which it lies far from the middle of all points. What a witness says about
  any other point is at most the distance, and mostly not much less;
- in a piece of neighbouring columns two points differ at most by the sum of their swings, which are their largest
  differences from the middle there: a piece is not looked at where that is no longer than what was found elsewhere;
- a question has a radius, and a pair is not looked at further when it is known to be as far apart as that. Where most
  pairs are nearer, all distances are found.

Differences are those of ``search``, to the last bit; swings are rounded upwards, so that no piece is left out wrongly.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoplane.estimators.compiled import compiled
from infoplane.estimators.distances.columns import over

_PIECE = 64  # columns: all points in one of them stay in the cache
_WITNESSES = 8  # of each point, a multiple of four
_MIDDLE = 64  # points whose mean is the middle
_UPWARDS = 1 + 1e-15  # more than what three roundings can take from a swing
_BLOCK = 128  # points whose witnesses stay in the cache
_TILE = 16  # rows or columns of bounds mirrored at a time
_RUN = 64  # distances looked at before any of them is looked at by itself
_ROW = 512  # of all distances: points compared at a time, which stay in the cache
_ROWS = 32  # ... with so many others, and mirrored at a time


class Distances(abc.ABC):
    """Bounds from below, ``lower`` (samples, samples) float64 and symmetric: distances as far as they are settled."""

    lower: Tensor

    @abc.abstractmethod
    def settle(self, radius: Tensor) -> None:
        """Make ``lower`` the distance where it is shorter than the ``radius`` (samples,) of one of the two points."""

    @abc.abstractmethod
    def find(self, near: Tensor) -> Tensor:
        """The distances of all points to those that ``near`` (samples, some) numbers for each: (samples, some)."""

    @abc.abstractmethod
    def take(self, chosen: Tensor) -> Distances:
        """Those between the points that ``chosen`` numbers."""


@final
@dataclass(frozen=True)
class Every(Distances):
    """All distances."""

    lower: Tensor

    @classmethod
    def of(cls, points: Tensor) -> Every:
        """Between points (samples, columns) float64."""
        columns = np.ascontiguousarray(points.numpy().T)  # (columns, samples)
        return cls(torch.from_numpy(all_distances(columns)))

    def settle(self, radius: Tensor) -> None:
        """Nothing is left to do."""

    def find(self, near: Tensor) -> Tensor:
        return self.lower.gather(1, near)

    def take(self, chosen: Tensor) -> Every:
        return Every(_between(self.lower, chosen))


@final
@dataclass(frozen=True)
class Bounded(Distances):
    """Distances that are found when they are asked for: every question leaves ``lower`` better, so ask one at a time.

    ``known`` (samples, samples) says which are exact; the samples are the ``rows`` of all points, which are cut into
    ``pieces`` (pieces, all, columns), with their ``swings`` (pieces, all). ``settled`` (samples,) is the largest radius
    so far.
    """

    pieces: Tensor
    swings: Tensor
    rows: Tensor
    lower: Tensor
    known: Tensor
    settled: Tensor

    @classmethod
    def of(cls, points: Tensor, scale: Tensor) -> Bounded:
        """Between points (samples, columns) over the ``scale`` (columns,) float64."""
        n, some = len(points), over(points[:: -(-len(points) // _MIDDLE)], scale).numpy()
        middle = (some / len(some)).sum(0)
        pieces = np.empty((-(-points.shape[1] // _PIECE), n, _PIECE))
        swings = _cut(points.numpy(), scale.numpy(), middle, pieces)
        few = min(_WITNESSES, len(pieces))
        largest = np.resize(np.argpartition(swings, -few, 0)[-few:], (_WITNESSES, n))
        witnesses, values = _witnesses(pieces, middle, largest)
        units, places = np.unique(witnesses, return_inverse=True)
        lower = np.zeros((n, n))
        _raise_bounds(pieces, units, places.reshape(witnesses.shape), values, lower)
        parts = pieces, swings * _UPWARDS, np.arange(n, dtype=np.int32), lower, np.eye(n, dtype=np.bool_), np.zeros(n)
        return cls(*map(torch.from_numpy, parts))

    def settle(self, radius: Tensor) -> None:
        if bool((radius <= self.settled).all()):
            return
        pairs = _unsettled(self.lower.numpy(), self.known.numpy(), radius.numpy())
        if 4 * len(pairs) > self.lower.numel():  # half of all pairs, as where all are about as far apart
            self._find_all()
        else:
            self._widen(pairs, radius.numpy())
        torch.maximum(radius, self.settled, out=self.settled)

    def find(self, near: Tensor) -> Tensor:
        self._widen(_unknown(self.known.numpy(), near.numpy()), np.full(len(self.rows), np.inf))
        return self.lower.gather(1, near)

    def take(self, chosen: Tensor) -> Bounded:
        lower, known = _between(self.lower, chosen), _between(self.known, chosen)
        return Bounded(self.pieces, self.swings, self.rows[chosen], lower, known, self.settled[chosen])

    def _find_all(self) -> None:
        columns = self.pieces.transpose(1, 2).index_select(2, self.rows)  # (pieces, columns, samples)
        self.lower.copy_(torch.from_numpy(all_distances(columns.flatten(0, 1).numpy())))
        self.known.fill_(True)

    def _widen(self, pairs: np.ndarray, radius: np.ndarray) -> None:
        """Find the distances of ``pairs`` (pairs, 2) of samples where shorter than the ``radius`` of one of the two."""
        lower, known, rows = self.lower.numpy(), self.known.numpy(), self.rows.numpy()
        distance, enough = _bounds_of(pairs, lower, radius)
        _widen(self.pieces.numpy(), self.swings.numpy(), rows[pairs], distance, enough)
        _enter(pairs, lower, known, distance, enough)


def _between(matrix: Tensor, chosen: Tensor) -> Tensor:
    square = np.empty((len(chosen), len(chosen)), matrix.numpy().dtype)
    _fill_square(matrix.numpy(), chosen.numpy(), square)
    return torch.from_numpy(square)


@compiled(nogil=True)
def _fill_square(matrix, chosen, square):  # type: ignore[no-untyped-def]
    """Some rows of a matrix, and the same columns."""
    for at in range(len(chosen)):
        row = matrix[chosen[at]]
        for place in range(len(chosen)):
            square[at, place] = row[chosen[place]]


# ---------------------------------------------------------------- all distances at once


def all_distances(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Between all points of ``columns`` (columns, samples): (samples, samples)."""
    distances = np.empty((columns.shape[1], columns.shape[1]))  # NumPy's memory comes in large pages, Numba's not
    _fill_distances(columns, distances)
    return distances


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _fill_distances(columns, distances):  # type: ignore[no-untyped-def]
    """Each pair once, four units at a time, then the other half.

    Four units at a time, since a distance that is read and written for every unit costs more than its maximum.
    """
    units, n = columns.shape
    for start in range(0, n, _ROW):
        stop = min(start + _ROW, n)
        for top in range(0, stop, _ROWS):
            bottom = min(top + _ROWS, stop)
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
    _mirror(distances)


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _widen_by_four(distances, units, at, start, stop):  # type: ignore[no-untyped-def]
    """The distances of point ``at`` to the points ``start`` to ``stop`` in four units more."""
    p, q, r, s = units[0, start:stop], units[1, start:stop], units[2, start:stop], units[3, start:stop]
    to_p, to_q, to_r, to_s = units[0, at], units[1, at], units[2, at], units[3, at]
    distance = distances[start:stop]
    for j in range(stop - start):
        two, more = max(abs(p[j] - to_p), abs(q[j] - to_q)), max(abs(r[j] - to_r), abs(s[j] - to_s))
        distance[j] = max(distance[j], max(two, more))


@compiled(nogil=True)
def _mirror(distances):  # type: ignore[no-untyped-def]
    """The upper half into the lower one, in tiles: a whole column would take a line of the cache for each number."""
    n = len(distances)
    for i in range(0, n, _ROWS):
        for j in range(0, i + 1, _ROWS):
            for a in range(i, min(i + _ROWS, n)):
                for b in range(j, min(j + _ROWS, a)):
                    distances[a, b] = distances[b, a]


# ---------------------------------------------------------------- distances as far as they are asked for


@compiled(nogil=True, error_model="numpy")
def _cut(points, scale, middle, pieces):  # type: ignore[no-untyped-def]
    """Fill ``pieces`` (pieces, samples, columns), and how far points are from the ``middle``: (pieces, samples)."""
    pieces[-1] = 0.0
    swings = np.empty(pieces.shape[:2], np.int64)
    swing = np.empty(_PIECE)
    bits = swing.view(np.int64)  # floats of at least 0 have the order of their bits, whose maximum is found faster
    for at in range(len(points)):
        for piece in range(len(pieces)):
            start = piece * _PIECE
            row, centre, target = points[at, start : start + _PIECE], middle[start : start + _PIECE], pieces[piece, at]
            widths = scale[start : start + _PIECE]
            for unit in range(len(row)):
                target[unit] = row[unit] / widths[unit]
                swing[unit] = abs(target[unit] - centre[unit])
            largest = np.int64(0)
            for unit in range(len(row)):
                largest = max(largest, bits[unit])
            swings[piece, at] = largest
    return swings.view(np.float64)


@compiled(nogil=True)
def _witnesses(pieces, middle, chosen):  # type: ignore[no-untyped-def]
    """The farthest column in each of the ``chosen`` pieces (witnesses, samples), turned, and what points are there."""
    witnesses, values = np.empty(chosen.T.shape, np.int64), np.empty(chosen.T.shape)
    for at in range(len(witnesses)):
        for rank in range(len(chosen)):
            start = chosen[rank, at] * _PIECE
            centre = middle[start : start + _PIECE]
            piece = pieces[chosen[rank, at], at, : len(centre)]
            far = np.abs(piece - centre).argmax()
            witnesses[at, rank], values[at, rank] = start + far, piece[far]
    return witnesses, values


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _raise_bounds(pieces, units, places, values, lower):  # type: ignore[no-untyped-def]
    """To the largest difference of two points in the witnesses of both: those of a point are the columns that its
    ``places`` (samples, witnesses) number among ``units``, and its ``values`` there.
    """
    n, columns = len(places), np.empty((len(units), _BLOCK))
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        for place in range(len(units)):
            piece, unit = units[place] // _PIECE, units[place] % _PIECE
            for at in range(start, stop):
                columns[place, at - start] = pieces[piece, at, unit]
        for at in range(n):
            row, place, value = lower[at, start:stop], places[at], values[at]
            for rank in range(0, _WITNESSES, 4):
                p, q = columns[place[rank]], columns[place[rank + 1]]
                r, s = columns[place[rank + 2]], columns[place[rank + 3]]
                to_p, to_q, to_r, to_s = value[rank], value[rank + 1], value[rank + 2], value[rank + 3]
                for j in range(stop - start):
                    two, more = max(abs(p[j] - to_p), abs(q[j] - to_q)), max(abs(r[j] - to_r), abs(s[j] - to_s))
                    row[j] = max(row[j], max(two, more))
    for i in range(0, n, _TILE):
        for j in range(0, i + 1, _TILE):
            for a in range(i, min(i + _TILE, n)):
                for b in range(j, min(j + _TILE, a)):
                    lower[a, b] = lower[b, a] = max(lower[a, b], lower[b, a])


@compiled(nogil=True)
def _unsettled(lower, known, radius):  # type: ignore[no-untyped-def]
    """Pairs that may be nearer than the radius of one of them: (pairs, 2)."""
    n, count = len(lower), 0
    pairs = np.empty((n, 2), np.int32)
    for at in range(n):
        row, reach = lower[at], radius[at]
        for start in range(0, at, _RUN):
            stop, some = min(start + _RUN, at), np.int32(0)
            for j in range(start, stop):  # counting has no branch; most runs have none, and are done with
                some += np.int32(row[j] < max(reach, radius[j]))
            if count + some > len(pairs):
                pairs = np.concatenate((pairs, np.empty_like(pairs)))
            for j in range(start, stop if some else start):
                if row[j] < max(reach, radius[j]) and not known[at, j]:
                    pairs[count] = at, j
                    count += 1
    return pairs[:count]


@compiled(nogil=True)
def _unknown(known, near):  # type: ignore[no-untyped-def]
    """Pairs of a point and one of those ``near`` (samples, some) it that are not known, each once: (pairs, 2)."""
    count, listed = 0, known.copy()
    pairs = np.empty((near.size, 2), np.int32)
    for at in range(len(near)):
        for j in near[at]:
            if not listed[at, j]:
                listed[at, j] = listed[j, at] = True
                pairs[count] = at, j
                count += 1
    return pairs[:count]


@compiled(nogil=True)
def _bounds_of(pairs, lower, radius):  # type: ignore[no-untyped-def]
    """What is known of the distances of pairs, and what is as good as infinity, (pairs,) each."""
    distance, enough = np.empty(len(pairs)), np.empty(len(pairs))
    for at in range(len(pairs)):
        i, j = pairs[at]
        distance[at], enough[at] = lower[i, j], max(radius[i], radius[j])
    return distance, enough


@compiled(nogil=True)
def _enter(pairs, lower, known, distance, enough):  # type: ignore[no-untyped-def]
    """What is known of the distances of pairs now: all of it below ``enough``."""
    for at in range(len(pairs)):
        i, j = pairs[at]
        lower[i, j] = lower[j, i] = distance[at]
        known[i, j] = known[j, i] = distance[at] < enough[at]


@compiled(nogil=True)
def _widen(pieces, swings, pairs, distance, enough):  # type: ignore[no-untyped-def]
    """Raise the bounds ``distance`` (pairs,) piece by piece, of all ``pairs`` (pairs, 2) of rows that need it."""
    bound = distance.copy()  # infinite where the distance does not matter any more
    for number in range(len(pieces)):
        piece, swing = pieces[number], swings[number]
        for at in range(len(pairs)):
            i, j = pairs[at, 0], pairs[at, 1]
            if not swing[i] + swing[j] <= bound[at]:
                farther = _farther(piece[i], piece[j], bound[at])
                if farther > bound[at]:
                    distance[at], bound[at] = farther, np.inf if farther >= enough[at] else farther


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _farther(a, b, least):  # type: ignore[no-untyped-def]
    """The largest difference of two rows, or ``least`` where none is above it.

    Counting the differences above it is what is fast, and mostly there are none.
    """
    count = np.int64(0)
    for unit in range(_PIECE):
        count += np.int64(abs(a[unit] - b[unit]) > least)
    for unit in range(_PIECE if count else 0):
        least = max(least, abs(a[unit] - b[unit]))
    return least
