"""Units -> columns that can be compared: constant ones left out, the others scaled or replaced by their ranks.

Every function gives the same numbers, to the last bit, whatever the order of the samples: neighbours of tied samples
would otherwise change with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoplane.estimators.compiled import compiled

_FIRST = 64  # samples in which most units vary
_AT_ONCE = 1 << 18  # values that are ranked at a time


@dataclass(frozen=True)
class Columns:
    """``values`` (samples, columns): the units that vary; ``constant`` counts those that do not."""

    values: Tensor
    constant: int = 0

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def count(self) -> int:
        return self.values.shape[1]


def varying(t: Tensor) -> Columns:
    """The units of ``t`` (samples, units) that take more than one value."""
    varies = (t[:_FIRST] != t[0]).any(0)  # (units,); a look at few samples settles most units
    if not varies.all():
        varies[~varies] = (t[:, ~varies] != t[0, ~varies]).any(0)
    constant = int((~varies).sum())
    return Columns(t.index_select(1, varies.nonzero()[:, 0]) if constant else t, constant)


@final
@dataclass(frozen=True)
class Standardiser:
    """The units that vary among some samples, over these samples' moments: fitted to them, and used for others too.

    ``mean`` and ``spread`` (units,) float64, the latter over n; ``varies`` (units,) bool. Plain sums, which depend on
    the order of the samples in their last bits, as training does anyhow.
    """

    mean: Tensor
    spread: Tensor
    varies: Tensor

    @classmethod
    def of(cls, known: Tensor) -> Standardiser:
        """Fitted to ``known`` (samples, units)."""
        exact = known.to(torch.float64)
        spread = exact.std(0, correction=0)
        varies = (exact != exact[:1]).any(0) & (spread > 0)  # rounding gives equal numbers a spread, too
        return cls(exact.mean(0), spread, varies)

    def __call__(self, rows: Tensor) -> Tensor:
        """(samples, units) -> (samples, units that vary) float64."""
        chosen = rows[:, self.varies].to(torch.float64)  # a copy already, so it may be changed
        return chosen.sub_(self.mean[self.varies]).div_(self.spread[self.varies])


def scaled(t: Tensor, standardise: bool = True) -> Columns:
    """The varying units in float64, each over its standard deviation if ``standardise``."""
    columns = varying(t)
    return Columns(over(columns.values, scales(columns, standardise)), columns.constant)


def scales(columns: Columns, standardise: bool = True) -> Tensor:
    """What the units are divided by, (columns,) float64: standard deviations, or 1."""
    if not (standardise and columns.count):
        return torch.ones(columns.count, dtype=torch.float64, device=columns.values.device)
    return moments(columns.values)[1] * (columns.n / (columns.n - 1)) ** 0.5


def over(values: Tensor, scale: Tensor) -> Tensor:
    """values / scale in float64."""
    return centred(values, torch.zeros_like(scale), scale)


def centred(values: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """(values - centre) / scale in float64."""
    if values.device.type != "cpu":
        return (values.to(torch.float64) - centre) / scale
    rows = values.numpy() - centre.numpy()  # numpy's memory comes in large pages
    rows /= scale.numpy()
    return torch.from_numpy(rows)


def moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (over n) of each column, (columns,) float64."""
    sums = _sums_here if values.device.type == "cpu" else sums_of_parts
    n, low, high = len(values), values.amin(0).to(torch.float64), values.amax(0).to(torch.float64)
    # parts are brought to a size of at most 1 by a power of two, which rounds nothing
    size = _power_above(torch.maximum(-low, high))
    mean = sums(values, torch.zeros_like(size), 1 / size, False) * size / n
    size = _power_above(torch.maximum(mean - low, high - mean))
    return mean, (sums(values, mean, 1 / size, True) / n).sqrt() * size


def sums_of_parts(values: Tensor, centre: Tensor, scale: Tensor, square: bool) -> Tensor:
    """Sums over the samples of part = (values - centre) * scale, at most 1 in size, or of their squares.

    Each is cut into multiples of a coarse and of a fine grid, whose sums are exact and so the same in every order:
    Demmel, Nguyen (2013), IEEE Symposium on Computer Arithmetic 21, 163.
    """
    coarse, fine = _grids(len(values))
    part = (values.to(torch.float64) - centre) * scale
    part = part * part if square else part
    high = (part + coarse) - coarse  # the nearest multiple of the coarse grid: a large number added rounds to it
    low = ((part - high) + fine) - fine
    return high.sum(0) + low.sum(0)


def _sums_here(values: Tensor, centre: Tensor, scale: Tensor, square: bool) -> Tensor:
    """``sums_of_parts`` without copies of the values, on the CPU."""
    grids = _grids(len(values))
    return torch.from_numpy(_sum_parts(values.numpy(), centre.numpy(), scale.numpy(), square, *grids))


@compiled(nogil=True)
def _sum_parts(values, centre, scale, square, coarse, fine):  # type: ignore[no-untyped-def]
    high, low = np.zeros(len(centre)), np.zeros(len(centre))
    for sample in range(len(values)):
        for unit in range(len(centre)):
            part = (values[sample, unit] - centre[unit]) * scale[unit]
            if square:
                part = part * part
            up = (part + coarse) - coarse
            high[unit] += up
            low[unit] += ((part - up) + fine) - fine
    return high + low


def _grids(n: int) -> tuple[float, float]:
    """Numbers that round one of at most 1 to the two grids when they are added to it and taken off again."""
    grid = 2.0 ** ((n - 1).bit_length() - 52)  # n multiples of it, of at most 1 each, add up within 53 bits
    return 1.5 * 2.0**52 * grid, 1.5 * 2.0**52 * grid**2


def _power_above(x: Tensor) -> Tensor:
    """Powers of two above ``x``, or about it where there is none; 1 for 0."""
    exponent = torch.frexp(x).exponent.clamp(-1000, 1023)
    return torch.from_numpy(np.ldexp(1.0, exponent.cpu().numpy())).to(x.device)


def total_variance(t: Tensor) -> float:
    """The variance of a layer (samples, units), that of all units together: what a declared noise is held against."""
    return float(t.var(0, correction=0).sum())


def normal_scores(values: Tensor) -> Tensor:
    """Phi^-1(rank / (n + 1)) in each of ``values`` (samples, units); equal values share the mean of their ranks."""
    n, units = values.shape
    scores = torch.empty_like(values, memory_format=torch.contiguous_format)
    if values.device.type != "cpu":
        for at in range(units):
            scores[:, at] = column_scores(values[:, at])
        return scores
    twice = torch.arange(2, 2 * n + 1, dtype=torch.float64)  # a mean rank
    table = torch.special.ndtri(twice / 2 / (n + 1)).to(values.dtype).numpy()
    step = max(1, _AT_ONCE // n)
    for some, target in zip(values.split(step, 1), scores.split(step, 1), strict=True):
        _fill_scores(_ascending(some.numpy()), table, target.numpy())
    return scores


def _ascending(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Words (units, samples), ascending in each: a number for the value in the high half, the sample in the low."""
    if values.dtype == np.float32:
        words = np.empty(values.shape[::-1], np.int64)
        _pack(values.view(np.int32), words)
        words.sort(1)
        return words
    units = np.ascontiguousarray(values.T)
    order = units.argsort(1)
    units = np.take_along_axis(units, order, 1)
    rises = np.diff(units, axis=1, prepend=units[:, :1]) != 0
    return (rises.cumsum(1) << 32) | order


@compiled(nogil=True)
def _pack(bits, words):  # type: ignore[no-untyped-def]
    """``words`` (units, samples) of the ``bits`` (samples, units) of float32, which fall where values below 0 rise."""
    for sample in range(len(bits)):
        for unit in range(len(words)):
            value = np.int64(bits[sample, unit])
            # whole numbers that ascend as the values do: one sort of integers gives values and samples
            words[unit, sample] = ((value if value >= 0 else -(2**31) - value) << 32) | sample


@compiled(nogil=True)
def _fill_scores(words, table, scores):  # type: ignore[no-untyped-def]
    """``scores`` (samples, units) of ascending ``words``; ``table``: the score of the mean rank 1, 1.5, 2, ..."""
    units, samples = words.shape
    for unit in range(units):
        start = 0
        while start < samples:
            value, stop = words[unit, start] >> 32, start + 1
            while stop < samples and words[unit, stop] >> 32 == value:
                stop += 1
            for at in range(start, stop):
                scores[words[unit, at] & 0xFFFFFFFF, unit] = table[start + stop - 1]
            start = stop


def column_scores(column: Tensor) -> Tensor:
    """``normal_scores`` of one varying unit (samples,), on any device."""
    _, inverse, counts = column.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    rank = (2 * last - counts + 1).to(torch.float64) / 2
    return torch.special.ndtri(rank / (len(column) + 1))[inverse].to(column.dtype)
