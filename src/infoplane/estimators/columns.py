"""Units -> columns that can be compared: constant ones left out, the others scaled or replaced by their ranks.

Every function gives the same numbers, to the last bit, whatever the order of the samples: neighbours of tied samples
would otherwise change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
        values = values / values.sort(0).values.std(0)  # sums in ascending order: the same for every order of samples
    return Columns(values, columns.constant)


def normal_scores(t: Tensor) -> Columns:
    """The varying units as normal scores, Phi^-1(rank / (n + 1)); equal values share the mean of their ranks."""
    columns = varying(t)
    values = torch.empty_like(columns.values)
    for at in range(columns.count):
        values[:, at] = _scores(columns.values[:, at])
    return Columns(values, columns.constant)


def _scores(column: Tensor) -> Tensor:
    _, inverse, counts = column.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    rank = (2 * last - counts + 1).to(torch.float64) / 2
    return torch.special.ndtri(rank / (len(column) + 1))[inverse].to(column.dtype)
