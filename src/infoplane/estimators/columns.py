"""Units -> columns that can be compared: constant ones left out, the others scaled or replaced by their ranks.

Every function gives the same numbers, to the last bit, whatever the order of the samples: neighbours of tied samples
would otherwise change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

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
    varies = t.amin(0) != t.amax(0)
    constant = int((~varies).sum())
    return Columns(t[:, varies] if constant else t, constant)


def scaled(t: Tensor, standardise: bool = True) -> Columns:
    """The varying units in float64, each over its standard deviation if ``standardise``."""
    columns = varying(t)
    values = columns.values.to(torch.float64)
    if standardise and columns.count:
        values = values / ascending(values).std(0)  # sums in ascending order: the same for every order of samples
    return Columns(values, columns.constant)


def ascending(values: Tensor) -> Tensor:
    """Each column sorted; ``values`` (samples, columns)."""
    if values.device.type != "cpu":
        return values.sort(0).values
    columns = np.sort(values.T.numpy(), axis=1)
    return torch.from_numpy(columns).T.contiguous()


def normal_scores(t: Tensor) -> Columns:
    """The varying units as normal scores, Phi^-1(rank / (n + 1)); equal values share the mean of their ranks."""
    columns = varying(t)
    values = torch.empty_like(columns.values, memory_format=torch.contiguous_format)
    if values.device.type != "cpu":
        for at in range(columns.count):
            values[:, at] = column_scores(columns.values[:, at])
        return Columns(values, columns.constant)
    twice = torch.arange(2, 2 * columns.n + 1, dtype=torch.float64)  # a mean rank
    table = torch.special.ndtri(twice / 2 / (columns.n + 1)).to(values.dtype).numpy()
    step = max(1, _AT_ONCE // columns.n)
    for some, target in zip(columns.values.split(step, 1), values.split(step, 1), strict=True):
        units = some.T.contiguous().numpy()  # (columns, samples)
        _fill_scores(units, units.argsort(1, kind="stable"), table, target.numpy())
    return Columns(values, columns.constant)


@numba.njit(cache=True, nogil=True)
def _fill_scores(units, order, table, scores):  # type: ignore[no-untyped-def]
    """``scores`` (samples, columns) of ``units`` (columns, samples), whose ascending ``order`` is known."""
    for unit in range(len(units)):
        start = 0
        while start < len(order[unit]):
            value, stop = units[unit, order[unit, start]], start + 1
            while stop < len(order[unit]) and units[unit, order[unit, stop]] == value:
                stop += 1
            for at in range(start, stop):
                scores[order[unit, at], unit] = table[start + stop - 1]
            start = stop


def column_scores(column: Tensor) -> Tensor:
    """``normal_scores`` of one varying unit (samples,), on any device."""
    _, inverse, counts = column.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    rank = (2 * last - counts + 1).to(torch.float64) / 2
    return torch.special.ndtri(rank / (len(column) + 1))[inverse].to(column.dtype)
