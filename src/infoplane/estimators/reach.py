"""Rows of a layer -> the pairs that are within reach of each other's noise, of which there are few; in main memory."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

#: Half squared distance, d^2 / 2, from which on 10 d - d^2 / 2 < -50: densities that e^50 hides, unless a normal number
#: exceeds 10, which one in 10^23 does.
REACH = (10 + 200**0.5) ** 2 / 2
_PAIRS = 1 << 19  # distances that are looked at at a time
_UNITS = 256  # in which most rows of a wide layer are out of reach already
_RUN = 64  # distances that are counted before any of them is looked at by itself
_FEW = 16  # times fewer pairs than all: their distances are formed one by one


@dataclass(frozen=True)
class Reachable:
    """Half squared distances within reach, row after row: of row r those from ``first[r]`` on, ``counts[r]`` many."""

    first: Tensor
    counts: Tensor
    centres: Tensor
    halves: Tensor

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Which of ``rows``, which centre, and the half squared distance, each (count,)."""
        counts = self.counts[rows]
        which = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        at = torch.arange(len(which), device=rows.device) + (self.first[rows] - counts.cumsum(0) + counts)[which]
        return which, self.centres[at], self.halves[at]


def within_reach(centres: Tensor, rows: Tensor, most: int) -> Reachable | None:
    """From ``rows`` to all centres; None where there are more than ``most``, a row counted as often as it is there."""
    drawn = rows.bincount(minlength=len(centres))
    counts, parts, total = torch.zeros_like(drawn), [], 0
    some = centres[:, :: max(1, centres.shape[1] // _UNITS)].contiguous()  # as far apart as in some units at least
    squares = some.square().sum(1)
    for chunk in drawn.nonzero()[:, 0].split(max(1, _PAIRS // len(centres))):
        found, which, halves = _near_in(some, squares, chunk)
        if some.shape[1] < centres.shape[1]:
            if len(which) * _FEW > len(chunk) * len(centres):
                some, squares = centres, centres.square().sum(1)
                found, which, halves = _near_in(some, squares, chunk)
            else:
                starts = chunk.repeat_interleave(found)
                _halves(centres.numpy(), starts.numpy(), which.numpy(), halves.numpy())
                near = halves <= REACH
                which, halves = which[near], halves[near]
                found = starts[near].bincount(minlength=len(centres))[chunk]
        counts[chunk] = found
        total += int((found * drawn[chunk]).sum())
        if total > most:
            return None
        parts.append((which, halves))
    which, halves = (torch.cat(each) for each in zip(*parts, strict=True))
    return Reachable(counts.cumsum(0) - counts, counts, which, halves)


def _near_in(points: Tensor, squares: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How many points, of squared lengths ``squares``, are within reach of each of ``rows``; which they are, and half
    their squared distances, row after row.
    """
    half = torch.addmm(squares[None], points[rows], points.T, beta=0.5, alpha=-1)
    counts = torch.empty_like(rows)
    _count_near(half.numpy(), squares.numpy(), rows.numpy(), counts.numpy())
    which = torch.empty(int(counts.sum()), dtype=torch.int64)
    halves = torch.empty(len(which), dtype=torch.float64)
    _take_near(half.numpy(), counts.numpy(), which.numpy(), halves.numpy())
    return counts, which, halves


@numba.njit(cache=True, nogil=True)
def _count_near(half, squares, rows, counts):  # type: ignore[no-untyped-def]
    """Complete half squared distances of ``rows``, and count those within reach."""
    for i in range(len(rows)):
        row, own, near = half[i], squares[rows[i]] / 2, np.int32(0)
        for j in range(len(row)):
            row[j] = max(row[j] + own, 0.0)
            near += np.int32(row[j] <= REACH)
        counts[i] = near + np.int32(row[rows[i]] > REACH)
        row[rows[i]] = 0.0


@numba.njit(cache=True, nogil=True)
def _take_near(half, counts, which, halves):  # type: ignore[no-untyped-def]
    """Those within reach, row after row."""
    at = 0
    for i in range(len(half)):
        stop = at + counts[i]
        for start in range(0, len(half[i]), _RUN):
            run, near = half[i, start : start + _RUN], np.int32(0)
            for j in range(len(run)):
                near += np.int32(run[j] <= REACH)
            for j in range(len(run) if near else 0):
                if run[j] <= REACH:
                    which[at], halves[at] = start + j, run[j]
                    at += 1
            if at == stop:
                break


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _halves(centres, starts, ends, halves):  # type: ignore[no-untyped-def]
    """|end - start|^2 / 2 of each pair."""
    for at in range(len(starts)):
        start, end, total = centres[starts[at]], centres[ends[at]], 0.0
        for unit in range(len(start)):
            total += (end[unit] - start[unit]) ** 2
        halves[at] = total / 2


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def products_of_pairs(noise, centres, places, products):  # type: ignore[no-untyped-def]
    """noise . (end - start) of each pair; ``places``: the numbers of its noise, its end and its start."""
    draws, ends, starts = places
    for at in range(len(draws)):
        z, end, start, total = noise[draws[at]], centres[ends[at]], centres[starts[at]], 0.0
        for unit in range(len(z)):
            total += z[unit] * (end[unit] - start[unit])
        products[at] = total
