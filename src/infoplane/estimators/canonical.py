"""Linear algebra of jointly Gaussian columns: canonical correlations, and classes that share a covariance.

Samples pass in chunks through a QR decomposition, whose triangle (columns, columns) holds all second moments without
squaring the condition number; memory is O(chunk x columns) beside the data. Where there are few values, a basis of
each variable (samples, rank) takes its place: it can be kept, and serves for all variables it is held against. In nats.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
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
#: Times more columns and samples than the principal directions that are looked for: these are then found alone.
_MANY = 64
_LEAST = 1e-8  # variance beside the largest one that can be told from rounding of products
_BLOCK = 500  # products on a side: each pair is formed about once
#: Values (samples x columns) up to which a variable gets a basis of its own.
_MOST_VALUES = 1 << 24


@dataclass(frozen=True)
class Basis:
    """An orthonormal basis ``q`` (samples, rank) of standardised columns, q = rows @ ``to`` (columns, rank)."""

    q: Tensor
    to: Tensor


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

    @functools.cached_property
    def spans_all(self) -> bool:
        """Whether n - 1 columns are independent, so that any other variable is a linear function of them.

        Seen from 2 n columns without their singular values: with R their triangle, the least one is 1 / |R^-1| or more.
        """
        n, count = self.n, self.columns.count
        if not n - 1 <= count or n * count > _MOST_VALUES or n < 2:
            return False
        some = torch.linspace(0, count - 1, min(count, 2 * n), device=self.mean.device).round().to(torch.int64)
        rows = (self.columns.values[:-1, some].to(torch.float64) - self.mean[some]) / self.scale[some]
        triangle = torch.linalg.qr(rows.T, mode="r").R  # (n - 1, n - 1)
        if bool((triangle.diagonal() == 0).any()):
            return False
        unit = torch.eye(n - 1, dtype=torch.float64, device=self.mean.device)
        least = 1 / float(torch.linalg.solve_triangular(triangle, unit, upper=True).norm())
        return least > _negligible(n, count) * (n * count) ** 0.5  # the largest singular value is no larger

    @functools.cached_property
    def basis(self) -> Basis | None:
        """None where it would take too much memory, or there are no columns."""
        if not 0 < self.n * self.columns.count <= _MOST_VALUES:
            return None
        q, triangle = torch.linalg.qr(self.rows(0, self.n))
        within, to = _basis(triangle, self.n)
        return Basis(q @ within, to)


@dataclass(frozen=True)
class Canonical:
    """``correlations`` (pairs,) descending; ``t`` (columns, pairs) and ``other``: directions whose scores have them, or
    none of them (columns, 0).
    """

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


def canonical(t: Standard, other: Standard, *, directions: bool = True) -> Canonical:
    """Canonical correlations; columns that depend linearly on others are left out. ``directions``: with them."""
    if not directions and t.spans_all and other.basis is not None:
        rank = other.basis.to.shape[1]
        return _all_of(t, t.mean.new_ones(rank), rank)
    if t.basis is not None and other.basis is not None:
        q_t, to_t, q_other, to_other = t.basis.q, t.basis.to, other.basis.q, other.basis.to
    else:
        triangle, width = _triangle(t, other), t.columns.count
        q_t, to_t = _basis(triangle[:, :width], t.n)
        q_other, to_other = _basis(triangle[:, width:], t.n)
    ranks, root = (to_t.shape[1], to_other.shape[1]), t.n**0.5
    if not directions:
        correlations = torch.linalg.svdvals(q_t.T @ q_other).clamp(max=1.0)
        return Canonical(correlations, to_t[:, :0], to_other[:, :0], *ranks)
    left, correlations, right = torch.linalg.svd(q_t.T @ q_other, full_matrices=False)
    return Canonical(correlations.clamp(max=1.0), root * to_t @ left, root * to_other @ right.T, *ranks)


def _all_of(t: Standard, correlations: Tensor, rank: int) -> Canonical:
    """What columns that span everything share with a variable of a rank; without directions."""
    nothing = t.mean.new_empty(t.columns.count, 0)
    return Canonical(correlations, nothing, nothing[:0], t.n - 1, rank)


def principal(t: Standard, most: int | None = None) -> tuple[Tensor, Tensor]:
    """Principal directions (columns, k), and the share of the variance of each (k,), descending; at most ``most``."""
    if most is not None and _MANY * most <= min(t.n, t.columns.count) and t.mean.device.type == "cpu":
        found = _leading(t, most)
        if found is not None:
            return found
    _, values, directions = torch.linalg.svd(_triangle(t), full_matrices=False)
    return directions.T[:, :most], (values.square() / values.square().sum())[:most]


def _leading(t: Standard, most: int) -> tuple[Tensor, Tensor] | None:
    """``principal`` from all products of samples, or of columns where they are fewer, and their leading eigenvectors.

    None where the last of them is too small beside the first to be found in this way.
    """
    from scipy.sparse.linalg import eigsh

    few = t.n < t.columns.count
    pieces = _column_pieces(t) if few else (t.rows(a, b).T for a, b in _chunks(t.n))
    size = min(t.n, t.columns.count)
    products = torch.zeros(size, size, dtype=torch.float64)
    for piece in pieces:  # (size, some)
        for start in range(0, size, _BLOCK):
            products[start : start + _BLOCK, start:].addmm_(piece[start : start + _BLOCK], piece[start:].T)
    products = products.triu() + products.triu(1).T
    start_vector = np.random.default_rng(0).normal(size=size)
    values, vectors = (torch.from_numpy(one).flip(-1) for one in eigsh(products.numpy(), most, v0=start_vector))
    if values[-1] < _LEAST * values[0]:
        return None
    if few:
        vectors = torch.cat([piece.T @ vectors for piece in _column_pieces(t)]) / values.sqrt()
    return vectors, values / (t.n * t.columns.count)


def _column_pieces(t: Standard) -> Iterator[Tensor]:
    """Some columns at a time, (samples, some) float64 of mean 0 and variance 1."""
    for some in torch.arange(t.columns.count).split(_CHUNK):
        yield (t.columns.values[:, some].to(torch.float64) - t.mean[some]) / t.scale[some]


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
    if t.spans_all:
        correlations = t.mean.new_ones(classes.count)
        correlations[-1] = 0.0  # classes - 1 directions tell them apart
        return classes.entropy(), _all_of(t, correlations, classes.count - 1)
    shares = classes.counts.to(t.mean) / t.n
    root = shares.sqrt()[:, None]  # (classes, 1)
    to_t = _basis(_triangle(t), t.n)[1] if t.basis is None else t.basis.to
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
    rank = int((values > _negligible(n, triangle.shape[1]) * values[0]).sum())
    return q[:, :rank], directions.T[:, :rank] / values[:rank]


def _negligible(n: int, columns: int) -> float:
    """The singular value beside the largest that is taken for rounding."""
    return max(n, columns) * torch.finfo(torch.float64).eps


def _mean_log_det(rank: int, n: int) -> float:
    """E log det of the sample covariance of ``rank`` independent normal columns, but for terms linear in ``rank``."""
    return float(torch.special.digamma((n - torch.arange(1, rank + 1, dtype=torch.float64)) / 2).sum())


def _chunks(n: int, step: int = _CHUNK) -> Iterator[tuple[int, int]]:
    return ((start, min(start + step, n)) for start in range(0, n, step))
