"""Linear algebra of jointly Gaussian columns: canonical correlations, and classes that share a covariance.

Samples pass in chunks through a QR decomposition, whose triangle (columns, columns) holds all second moments without
squaring the condition number; memory is O(chunk x columns) beside the data. Where there are few values, a basis of
each variable (samples, rank) takes its place: it can be kept, and serves for all variables it is held against. In nats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from infoplane.estimators.columns import Columns
from infoplane.estimators.samples import Ids

#: A share of variance that is taken for rounding: below it a variable is a function of the others.
RESOLUTION = 1e-12
#: Samples in a chunk.
_CHUNK = 2048
#: Distances to class means held at a time.
_CHUNK_VALUES = 1 << 22
#: Values (samples x columns) up to which a variable gets a basis of its own.
_MOST_VALUES = 1 << 24


@dataclass(frozen=True)
class Standard:
    """Columns with what centres and scales them: ``mean`` and ``scale`` (columns,) float64."""

    columns: Columns
    mean: Tensor
    scale: Tensor

    @property
    def n(self) -> int:
        return self.columns.n

    def rows(self, start: int, stop: int) -> Tensor:
        """(stop - start, columns) float64 of mean 0 and variance 1."""
        return (self.columns.values[start:stop].to(torch.float64) - self.mean) / self.scale

    def scores(self, directions: Tensor) -> Tensor:
        """All samples along ``directions`` (columns, k): (samples, k) float64."""
        return torch.cat([self.rows(start, stop) @ directions for start, stop in _chunks(self.n)])


@dataclass(frozen=True)
class Canonical:
    """``correlations`` (pairs,) descending; ``t`` (columns, pairs) and ``other``: directions whose scores have them."""

    correlations: Tensor
    t: Tensor
    other: Tensor
    rank_t: int
    rank_other: int

    @property
    def residual(self) -> Tensor:
        """1 - correlation^2, not below the resolution."""
        return ((1 - self.correlations) * (1 + self.correlations)).clamp(min=RESOLUTION)


def standardised(columns: Columns) -> Standard:
    """Mean and standard deviation (over n) of the columns."""
    n, values = columns.n, columns.values
    mean = sum((values[a:b].to(torch.float64).sum(0) for a, b in _chunks(n)), torch.zeros(())) / n
    mean = mean.to(values.device).expand(columns.count)
    square = torch.zeros(columns.count, dtype=torch.float64, device=values.device)
    for start, stop in _chunks(n):
        square += (values[start:stop].to(torch.float64) - mean).square().sum(0)
    return Standard(columns, mean, (square / n).sqrt())


@dataclass(frozen=True)
class Basis:
    """An orthonormal basis ``q`` (samples, rank) of standardised columns, q = rows @ ``to`` (columns, rank)."""

    q: Tensor
    to: Tensor


def basis_of(t: Standard) -> Basis | None:
    """None where it would take too much memory, or there are no columns."""
    if not 0 < t.n * t.columns.count <= _MOST_VALUES:
        return None
    q, triangle = torch.linalg.qr(t.rows(0, t.n))
    within, to = _basis(triangle, t.n)
    return Basis(q @ within, to)


def canonical(t: Standard, other: Standard, basis: Basis | None = None) -> Canonical:
    """Canonical correlations; columns that depend linearly on others are left out. ``basis``: that of ``other``."""
    own, basis = basis_of(t), basis or basis_of(other)
    if own is not None and basis is not None:
        q_t, to_t, q_other, to_other = own.q, own.to, basis.q, basis.to
    else:
        triangle, width = _triangle(t, other), t.columns.count
        q_t, to_t = _basis(triangle[:, :width], t.n)
        q_other, to_other = _basis(triangle[:, width:], t.n)
    left, correlations, right = torch.linalg.svd(q_t.T @ q_other, full_matrices=False)
    root = t.n**0.5
    return Canonical(
        correlations.clamp(max=1.0), root * to_t @ left, root * to_other @ right.T, to_t.shape[1], to_other.shape[1]
    )


def principal(t: Standard) -> tuple[Tensor, Tensor]:
    """Principal directions (columns, k), and the share of the variance of each (k,), descending."""
    _, values, directions = torch.linalg.svd(_triangle(t), full_matrices=False)
    return directions.T, values.square() / values.square().sum()


def gaussian_nats(found: Canonical, n: int, correction: str) -> float:
    """I = -1/2 sum log(1 - correlation^2), less its mean excess in samples of size n where ``correction`` is wishart.

    Needs n - 1 above the sum of the ranks; otherwise no correction is known, and none is made.
    """
    nats = -0.5 * float(found.residual.log().sum())
    if correction == "none" or n - 1 <= found.rank_t + found.rank_other:
        return nats
    excess = [_mean_log_det(rank, n) for rank in (found.rank_t, found.rank_other, found.rank_t + found.rank_other)]
    return nats - 0.5 * (excess[0] + excess[1] - excess[2])


def class_nats(t: Standard, classes: Ids) -> tuple[float, Canonical]:
    """I(T;Y) = H(Y) + mean log p(y|t), where the classes are Gaussians of one covariance: at most H(Y)."""
    shares = classes.counts.to(t.mean) / t.n
    root = shares.sqrt()[:, None]  # (classes, 1)
    _, to_t = _basis(_triangle(t), t.n)
    whiten = t.n**0.5 * to_t  # (columns, rank)
    means = _class_sums(t, classes) / (shares[:, None] * t.n) @ whiten  # (classes, rank)
    left, correlations, right = torch.linalg.svd(root * means, full_matrices=False)
    found = Canonical(correlations.clamp(max=1.0), whiten @ right.T, left / root, to_t.shape[1], classes.count - 1)
    unit = found.residual.rsqrt()  # within classes the variance becomes 1
    centres = means @ right.T * unit  # (classes, pairs)
    total = torch.zeros((), dtype=torch.float64, device=t.mean.device)
    for start, stop in _chunks(t.n, min(_CHUNK, max(1, _CHUNK_VALUES // classes.count))):
        scores = t.rows(start, stop) @ (found.t * unit)
        distance = torch.cdist(scores, centres, compute_mode="donot_use_mm_for_euclid_dist")
        posterior = (shares.log() - 0.5 * distance.square()).log_softmax(1)  # (chunk, classes)
        total += posterior.gather(1, classes.ids[start:stop, None]).sum()
    return classes.entropy() + float(total) / t.n, found


def _class_sums(t: Standard, classes: Ids) -> Tensor:
    sums = torch.zeros(classes.count, t.columns.count, dtype=torch.float64, device=t.mean.device)
    for start, stop in _chunks(t.n):
        sums.index_add_(0, classes.ids[start:stop], t.rows(start, stop))
    return sums


def _triangle(*parts: Standard) -> Tensor:
    """R of the QR decomposition of all columns side by side: R'R = n times their correlations."""
    width = sum(part.columns.count for part in parts)
    triangle = torch.zeros(0, width, dtype=torch.float64, device=parts[0].mean.device)
    for start, stop in _chunks(parts[0].n, max(_CHUNK, width)):
        rows = torch.cat([part.rows(start, stop) for part in parts], 1)
        triangle = torch.linalg.qr(torch.cat([triangle, rows]), mode="r").R
    return triangle


def _basis(triangle: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """An orthonormal basis Q (rows, rank) of the columns, and D (columns, rank) with Q = triangle @ D."""
    q, values, directions = torch.linalg.svd(triangle, full_matrices=False)
    rank = int((values > max(n, triangle.shape[1]) * torch.finfo(torch.float64).eps * values[0]).sum())
    return q[:, :rank], directions.T[:, :rank] / values[:rank]


def _mean_log_det(rank: int, n: int) -> float:
    """E log det of the sample covariance of ``rank`` independent normal columns, but for terms linear in ``rank``."""
    return float(torch.special.digamma((n - torch.arange(1, rank + 1, dtype=torch.float64)) / 2).sum())


def _chunks(n: int, step: int = _CHUNK) -> Iterator[tuple[int, int]]:
    return ((start, min(start + step, n)) for start in range(0, n, step))
