"""Linear algebra of jointly Gaussian columns: canonical correlations, and classes that share a covariance.

Samples pass in chunks through a QR decomposition, whose triangle (columns, columns) holds all second moments without
squaring the condition number; memory is O(chunk x columns) beside the data. Where there are few values, a basis of
each variable (samples, rank) takes its place: it can be kept, and serves for all variables it is held against. In nats.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoplane.estimators.counting.samples import Ids
from infoplane.estimators.distances.columns import Columns, centred, moments

#: A share of variance that is taken for rounding: below it a variable is a function of the others.
RESOLUTION = 1e-12
#: Samples, or columns, in a chunk.
_CHUNK = 2048
#: Distances to class means held at a time.
_CHUNK_VALUES = 1 << 22
#: Times more columns and samples than the principal directions that are looked for: these are then found alone.
_MANY = 64
_SMALLEST_SHARE = 1e-8  # variance beside the largest one that can be told from rounding of products
_PROBES = 64  # normal vectors that try out an inverse
#: Values (samples x columns) up to which a variable gets a basis of its own.
_MOST_VALUES = 1 << 24


@dataclass(frozen=True)
class Basis:
    """An orthonormal basis ``q`` (samples, rank) of standardised columns, q = rows @ ``to`` (columns, rank)."""

    q: Tensor
    to: Tensor


@dataclass(frozen=True)
class Standard:
    """``units`` that vary, or what ``made`` makes of each, with its moments; computed where they are asked for."""

    units: Columns
    made: Callable[[Tensor], Tensor] | None = None

    @property
    def n(self) -> int:
        return self.units.n

    @property
    def device(self) -> torch.device:
        return self.units.values.device

    @functools.cached_property
    def columns(self) -> Columns:
        """What is centred and scaled."""
        return Columns(self.made(self.units.values), self.units.constant) if self.made else self.units

    @functools.cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        return moments(self.columns.values)

    @property
    def mean(self) -> Tensor:
        """(columns,) float64."""
        return self._moments[0]

    @property
    def scale(self) -> Tensor:
        """The standard deviation over n, (columns,) float64."""
        return self._moments[1]

    def rows(self, start: int, stop: int, columns: slice = slice(None)) -> Tensor:
        """(stop - start, columns) float64 of mean 0 and variance 1."""
        return centred(self.columns.values[start:stop, columns], self.mean[columns], self.scale[columns])

    def scores(self, directions: Tensor) -> Tensor:
        """All samples along ``directions`` (columns, k): (samples, k) float64."""
        return torch.cat([self.rows(start, stop) @ directions for start, stop in _chunks(self.n)])

    def spread(self, most: int) -> Standard:
        """At most so many of the units, evenly spaced."""
        count = self.units.count
        which = torch.linspace(0, count - 1, min(count, most), device=self.device).round().to(torch.int64)
        return Standard(Columns(self.units.values.index_select(1, which)), self.made)

    @functools.cached_property
    def spans_all(self) -> bool:
        """Whether n - 1 columns are independent, so that any other variable is a linear function of them.

        Seen from little more than n columns: those that pivots choose, if they are ``made`` (the units of a layer
        without a nonlinearity are too nearly dependent), or all of them.
        """
        n, count = self.n, self.units.count
        if not 2 <= n <= count + 1 or n * count > _MOST_VALUES:
            return False
        least = _negligible(n, count) * (n * count) ** 0.5  # the largest singular value is no larger
        ways = ((least_of_pivots, 1.05), (least_of_all, 1.05), (least_of_all, 2.0))
        return any(
            way(self.spread(int(share * n)).rows(0, n - 1).cpu().numpy()) > least
            for way, share in (ways if self.made else ways[1:])
        )

    @functools.cached_property
    def basis(self) -> Basis | None:
        """None where it would take too much memory, or there are no columns."""
        if not 0 < self.n * self.units.count <= _MOST_VALUES:
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


def least_of_all(rows: NDArray[np.float64]) -> float:
    """A lower bound of the singular values of ``rows`` (samples, columns), destroyed, of no fewer columns: QR."""
    from scipy.linalg import lapack

    factors, *_ = lapack.dgeqrt(min(128, len(rows)), rows.T, overwrite_a=1)
    return _least(factors, {}, {"trans": 1}, {}) ** (1 / 3)  # in the cube of the inverse it stands out


def least_of_pivots(rows: NDArray[np.float64]) -> float:
    """A lower bound as that of ``least_of_all`` from n columns that LU chooses; below 0 where its rounding hides it."""
    from scipy.linalg import lapack

    factors, *_ = lapack.dgetrf(rows.T, overwrite_a=1)
    # |L| <= n / sqrt(2), and three times n eps / 2: Higham (2002), Accuracy and Stability, theorems 8.5 and 9.3
    rounding = 1.1 * len(rows) ** 2 * float(np.finfo(float).eps * np.linalg.norm(factors))
    return _least(factors, {"lower": 1, "unitdiag": 1}, {}) - rounding


def _least(factors: NDArray[np.float64], *triangles: dict[str, int]) -> float:
    """A lower bound for a product of ``triangles`` in ``factors``, by normal vectors: wrong once in 10^8 at most."""
    from scipy.linalg import lapack

    solved = np.asfortranarray(np.random.default_rng(0).normal(size=(factors.shape[1], _PROBES)))
    for triangle in triangles:
        solved, singular = lapack.dtrtrs(factors, solved, overwrite_b=1, **triangle)
        if singular:
            return 0.0
    return 0.5 * _PROBES**0.5 / float(np.linalg.norm(solved))


def canonical(t: Standard, other: Standard, *, directions: bool = True) -> Canonical:
    """Canonical correlations; columns that depend linearly on others are left out. ``directions``: with them."""
    if not directions and t.spans_all and other.basis is not None:
        rank = other.basis.to.shape[1]
        return _all_of(t, torch.ones(rank, dtype=torch.float64, device=t.device), rank)
    if t.basis is not None and other.basis is not None:
        q_t, to_t, q_other, to_other = t.basis.q, t.basis.to, other.basis.q, other.basis.to
    else:
        triangle, width = _triangle(t, other), t.units.count
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
    nothing = correlations.new_empty(t.units.count, 0)
    return Canonical(correlations, nothing, nothing[:0], t.n - 1, rank)


def principal(t: Standard, most: int | None = None) -> tuple[Tensor, Tensor]:
    """Scores (samples, k) of the first principal components, and the share of the variance of each (k,), descending."""
    if most is not None and _MANY * most <= min(t.n, t.units.count) and t.device.type == "cpu":
        leading = _leading(t, most)
        if leading is not None:
            return leading
    _, values, directions = torch.linalg.svd(_triangle(t), full_matrices=False)
    return t.scores(directions.T[:, :most]), (values.square() / values.square().sum())[:most]


def _leading(t: Standard, most: int) -> tuple[Tensor, Tensor] | None:
    """``principal`` from all products of samples, or of columns where they are fewer, and their leading eigenvectors.

    None where the last of them is too small beside the first to be found in this way.
    """
    from scipy.linalg import blas
    from scipy.sparse.linalg import LinearOperator, eigsh

    few, size = t.n < t.units.count, min(t.n, t.units.count)
    products = np.zeros((size, size), order="F")  # the upper triangle
    for a, b in _chunks(max(t.n, t.units.count)):
        piece = t.rows(0, t.n, slice(a, b)) if few else t.rows(a, b)
        products = blas.dsyrk(1.0, piece.numpy().T, beta=1.0, c=products, trans=few, overwrite_c=1)
    times = LinearOperator((size, size), lambda v: blas.dsymv(1.0, products, v), dtype=products.dtype)
    start = np.random.default_rng(0).normal(size=size)  # the same directions every time
    values, vectors = (torch.from_numpy(part).flip(-1) for part in eigsh(times, most, v0=start))
    if values[-1] < _SMALLEST_SHARE * values[0]:
        return None
    return vectors * values.sqrt() if few else t.scores(vectors), values / (t.n * t.units.count)


def gaussian_nats(pairs: Canonical, n: int, correction: str) -> float:
    """I = -1/2 sum log(1 - correlation^2), less its mean excess in samples of size n where ``correction`` is wishart.

    Needs n - 1 above the sum of the ranks; otherwise no correction is known, and none is made.
    """
    nats = -0.5 * float(pairs.residual.log().sum())
    if correction == "none" or n - 1 <= pairs.rank_t + pairs.rank_other:
        return nats
    excess = [_mean_log_det(rank, n) for rank in (pairs.rank_t, pairs.rank_other, pairs.rank_t + pairs.rank_other)]
    return nats - 0.5 * (excess[0] + excess[1] - excess[2])


def class_nats(t: Standard, classes: Ids) -> tuple[float, float, Canonical]:
    """I(T;Y) = H(Y) + mean log p(y|t), where the classes are Gaussians of one covariance: at most H(Y).

    And its mean excess in samples of size n, 1/2n tr(J C), J the information about the parameters that p(y|t) has and C
    n times their covariance (Konishi, Kitagawa 1996, Biometrika 83, 875, equation 10). For each direction of t, and p_k
    the shares of the classes, this is 1/2n sum_k E[p(k|t) (1 - p(k|t))] / p_k: (classes - 1) / 2n where t says nothing,
    and 0 where it says all. The fitted p(k|t) vary by rank / n too much, which is taken back.
    """
    if t.spans_all:
        correlations = torch.ones(classes.count, dtype=torch.float64, device=t.device)
        correlations[-1] = 0.0  # classes - 1 directions tell them apart
        return classes.entropy(), 0.0, _all_of(t, correlations, classes.count - 1)
    shares = classes.counts.to(t.device, torch.float64) / t.n
    root = shares.sqrt()[:, None]  # (classes, 1)
    to_t = _basis(_triangle(t), t.n)[1] if t.basis is None else t.basis.to
    whiten = t.n**0.5 * to_t  # (columns, rank)
    means = _class_sums(t, classes) / (shares[:, None] * t.n) @ whiten  # (classes, rank)
    left, correlations, right = torch.linalg.svd(root * means, full_matrices=False)
    pairs = Canonical(correlations.clamp(max=1.0), whiten @ right.T, left / root, to_t.shape[1], classes.count - 1)
    unit = pairs.residual.rsqrt()  # within classes the variance becomes 1
    centres = means @ right.T * unit  # (classes, pairs)
    total, open_to_doubt = torch.zeros(2, dtype=torch.float64, device=t.device)
    for start, stop in _chunks(t.n, min(_CHUNK, max(1, _CHUNK_VALUES // classes.count))):
        scores = t.rows(start, stop) @ (pairs.t * unit)  # (chunk, pairs)
        # differences, not products: near a class's mean these would cancel
        distance = torch.cdist(scores, centres, compute_mode="donot_use_mm_for_euclid_dist")
        posterior = (shares.log() - 0.5 * distance.square()).log_softmax(1)  # (chunk, classes)
        total += posterior.gather(1, classes.ids[start:stop, None]).sum()
        open_to_doubt += ((posterior.exp() - (2 * posterior).exp()) / shares).sum()
    excess = pairs.rank_t * float(open_to_doubt) / (2 * t.n * max(t.n - pairs.rank_t, 1))
    return classes.entropy() + float(total) / t.n, excess, pairs


def _class_sums(t: Standard, classes: Ids) -> Tensor:
    sums = torch.zeros(classes.count, t.units.count, dtype=torch.float64, device=t.device)
    for start, stop in _chunks(t.n):
        sums.index_add_(0, classes.ids[start:stop], t.rows(start, stop))
    return sums


def _triangle(*parts: Standard) -> Tensor:
    """R of the QR decomposition of all columns side by side: R'R = n times their correlations."""
    width = sum(part.units.count for part in parts)
    triangle = torch.zeros(0, width, dtype=torch.float64, device=parts[0].device)
    for start, stop in _chunks(parts[0].n, max(_CHUNK, width)):
        rows = torch.cat([part.rows(start, stop) for part in parts], 1)
        triangle = torch.linalg.qr(torch.cat([triangle, rows]), mode="r").R  # of all rows so far
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
