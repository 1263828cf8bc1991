"""Rows of a layer -> the pairs that are within reach of each other's noise, where these are few; in main memory.

Distances in some of the units bound those in all from below. They come from float32 products, whose rounding is bounded
too: what may be near is then measured in float64, pair by pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled
from infoplane.estimators.distances.pairwise import half_squares

#: Half squared distance d^2 / 2 in units of the noise from which on nothing counts: exp(-d^2 / 8) < e^-80, and
#: 10 d - d^2 / 2 < -60, where one normal number in 10^23 exceeds 10.
REACH = 320.0
#: So many times fewer pairs than all are measured one by one in less time than all by products.
FEW = 32
_LARGEST = {torch.float32: 1e30, torch.float64: 1e300}  # half squares up to which nothing overflows
_BLOCK = 512  # rows whose products with so many others are looked at at a time
_UNITS = 256  # in which most rows of a wide layer are out of reach already
_RUN = 64  # products, or units, that are taken together before any decision
_SLACK = 32  # roundings of a distance beside one for each unit


@dataclass(frozen=True)
class Pairs:
    """Pairs of different rows, each once: their numbers (2, count) int32, and half their squared distances (count,)."""

    ends: Tensor
    halves: Tensor

    def of_each_row(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where the others of each of ``n`` rows start (n + 1,); their numbers, and half their squared distances."""
        starts, count = torch.zeros(n + 1, dtype=torch.int64), 2 * len(self.halves)
        torch.cumsum(self.ends.flatten().bincount(minlength=n), 0, out=starts[1:])
        others, halves = self.ends.new_empty(count), self.halves.new_empty(count)
        _sort(self.ends.numpy(), self.halves.numpy(), starts[:-1].numpy().copy(), others.numpy(), halves.numpy())
        return starts, others, halves


def within_reach(t: Tensor, noise: float, rows: Tensor, most: int) -> Pairs | None:
    """The pairs of ``t`` (samples, units), in units of the ``noise``, of which one is among ``rows``, no two of these
    alike; None where there are more than ``most``, or numbers overflow.
    """
    others = torch.ones(len(t), dtype=torch.bool)
    others[rows] = False
    order = torch.cat([rows, others.nonzero()[:, 0]])
    in_order = bool((order.diff() > 0).all())
    few = len(rows) * (2 * len(t) - len(rows)) // (2 * FEW)
    for apart in _strides(t.shape[1]):
        # a distance in some of the units is at most that in all
        some = t[:, ::apart] if in_order else t[order, ::apart]
        pairs = _maybe_near(some, noise, len(rows), most if apart == 1 else min(few, most))
        if pairs is not None:
            ends, halves = order.numpy().astype(np.int32)[pairs].T.copy(), np.empty(len(pairs))
            _measure(t.contiguous().numpy(), 1 / noise, ends, halves)
            near = halves <= REACH
            return Pairs(torch.from_numpy(ends.compress(near, axis=1)), torch.from_numpy(halves[near]))
    return None


def _strides(units: int) -> Iterator[int]:
    """Through the units: over most of them at first, then over fewer, at last over none."""
    apart = max(1, units // _UNITS)
    while apart > 1:
        yield apart
        apart //= 4
    yield 1


def _maybe_near(t: Tensor, noise: float, first: int, most: int) -> np.ndarray | None:
    """The pairs (count, 2) within reach, and maybe others, of which one is among the ``first`` rows."""
    points, halves = _points(t, noise)
    if not float(halves.max()) < _LARGEST[points.dtype]:
        return None
    # |a - b|^2 / 2 >= kept (|a|^2 + |b|^2) / 2 - a.b: a sum of ``units`` products errs by at most so many roundings
    kept = 1 - (points.shape[1] + _SLACK) * torch.finfo(points.dtype).eps / 2  # of |a|^2 + |b|^2, beside a.b
    limits = (1.001 * REACH - kept * halves).to(points.dtype).numpy()
    ends, kept_halves, count = np.empty((most, 2), np.int32), (kept * halves).to(points.dtype), 0
    for top in range(0, first, _BLOCK):
        rows = points[top : min(top + _BLOCK, first)]
        for left in range(top, len(t), _BLOCK):
            others = slice(left, left + _BLOCK)
            block = torch.addmm(kept_halves[None, others], rows, points[others].T, alpha=-1)  # (rows, others)
            count = _note_near(block.numpy(), limits[top:], top, left, ends, count)
            if count < 0:
                return None
    return ends[:count]


def _points(t: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """The rows in units of the noise, about their mean, in float32 if that is exact enough; and their half squares."""
    if torch.get_float32_matmul_precision() == "highest":  # the bound of rounding holds for no other products
        points = ((t - t.mean(0)) * (1 / noise)).to(torch.float32)
        halves = half_squares(points)
        if float(halves.max()) < _LARGEST[torch.float32]:
            return points, halves
    exact = t.to(torch.float64)
    points = (exact - exact.mean(0)) * (1 / noise)
    return points, half_squares(points)


@compiled(nogil=True)
def _note_near(block, limits, top, left, ends, count):  # type: ignore[no-untyped-def]
    """Note the pairs whose number in ``block``, of the rows from ``top`` and those from ``left`` on, is below the limit
    of the former; how many are noted then, -1 where they have no room.
    """
    for i in range(len(block)):
        for start in range(max(0, top + i + 1 - left), block.shape[1], _RUN):
            run, near = block[i, start : start + _RUN], np.int32(0)
            for j in range(len(run)):  # counted without a branch: most runs have none
                near += np.int32(run[j] <= limits[i])
            if count + near > len(ends):
                return -1
            for j in range(len(run) if near else 0):
                if run[j] <= limits[i]:
                    ends[count, 0], ends[count, 1] = top + i, left + start + j
                    count += 1
    return count


@compiled(nogil=True, fastmath={"reassoc", "contract"})
def _measure(t, scale, ends, halves):  # type: ignore[no-untyped-def]
    """Half the squared distance of each pair, or of a part of the units that exceeds the reach already."""
    for at in range(len(halves)):
        a, b, total = t[ends[0, at]], t[ends[1, at]], 0.0
        for left in range(0, len(a), _RUN):
            p, q = a[left : left + _RUN], b[left : left + _RUN]
            for unit in range(len(p)):
                total += ((np.float64(p[unit]) - np.float64(q[unit])) * scale) ** 2
            if total > 2 * REACH:
                break
        halves[at] = total / 2


@compiled(nogil=True)
def _sort(ends, of_pairs, places, others, halves):  # type: ignore[no-untyped-def]
    """The other end and the distance of each pair, to the next of the ``places`` of either end."""
    for at in range(len(of_pairs)):
        for end in range(2):
            row = ends[end, at]
            others[places[row]], halves[places[row]] = ends[1 - end, at], of_pairs[at]
            places[row] += 1
