"""Activations -> sums and matrices over all pairs of samples, and the nulls of what is made of them.

Squared distances come in blocks, each pair once: |a|^2 + |b|^2 - 2 a.b, one matrix product a block. That of a sample to
itself is set to exactly 0, and no exponent is ever positive. Rounding matters only between samples that are near each
other while the layer is wide: a float32 block with such pairs is done again in float64. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from infoplane.estimators.counting.samples import Ids
from infoplane.flags import CONSTANT_UNITS, ZERO_ROWS, Flag

_CHUNK = {"cpu": 512}  # samples on a side of a block; a block and its copies fit a core's cache
_CHUNK_ELSEWHERE = 4096
_AT_ONCE = 1 << 17  # values that are squared at a time, a megabyte in float64
_NEGLIGIBLE = -80.0  # exponents below are as good as none: n e^-80 is nothing beside the 1 of a sample and itself
_NEAR = -20.0  # exponents above it are worth their digits
_MATERIAL = 1e-3  # the error of an exponent that calls for float64
_CENTRE_OF = 64  # samples, evenly spaced, whose mean is near enough that of all
_SMALL = 2**28  # multiplications up to which float64 costs no time worth saving
_UNITS = 256  # whose products are added at a time
_LARGEST = 1e30  # half squares up to which float32 cannot overflow
_ROUNDING = {"highest": 2.0**-24, "high": 2.0**-11, "medium": 2.0**-8}  # of torch's float32 matrix products


@dataclass(frozen=True)
class Scaled:
    """Rows (samples, units) at half squared distances of d^2 / 8v; half their squared lengths (samples,) float64."""

    rows: Tensor
    halves: Tensor


def scaled(t: Tensor, variance: float, *, single: bool | None = None) -> Scaled:
    """The rows of ``t`` (samples, units) about their centre and over 2 sqrt(v), v the ``variance``.

    ``single``: float32, for products where they are accurate; default for large float32 layers.
    """
    if single is None:
        single = t.dtype == torch.float32 and len(t) ** 2 * t.shape[1] > _SMALL
    rows = recentred(t.to(torch.float32 if single else torch.float64)).mul_(0.5 / math.sqrt(variance))
    return Scaled(rows, half_squares(rows))


def kernel_sums(points: Scaled, ids: Tensor, *, chunk: int | None = None) -> Tensor:
    """For each sample i the sums over all j with the id of i of exp(-d_ij^2 / 2v) and of exp(-d_ij^2 / 8v).

    ``ids`` (samples,) whole numbers. Returns (2, samples) float64, at least 1 everywhere. Memory is a few blocks of
    ``chunk`` x ``chunk``, and a copy of the rows where they are not in the order of their ids.
    """
    order = ids.argsort(stable=True)
    if bool((ids.diff() < 0).any()):
        points = Scaled(points.rows[order], points.halves[order])
    classes = ids[order]
    sums = torch.zeros((2, len(ids)), dtype=torch.float64, device=ids.device)
    for i, j, mixed in _blocks(classes, chunk or _CHUNK.get(ids.device.type, _CHUNK_ELSEWHERE)):
        kernel = _kernel_block(points.rows, points.halves, i, j)  # (chunk, chunk)
        if mixed:
            kernel.mul_(classes[i, None] == classes[None, j])
        for row in (1, 0):  # exp(-d^2 / 8v), and its fourth power
            if row == 0:
                # subnormal numbers are many times slower, so none is made: e^-80 is still a normal one in float32
                kernel.clamp_(min=math.exp(_NEGLIGIBLE / 4)).square_().square_()
            sums[row, i] += kernel.sum(1)
            if i != j:  # each block of pairs is made once, and serves both of its sides
                sums[row, j] += kernel.sum(0)
    result = torch.empty_like(sums)
    result[:, order] = sums
    return result


def half_squares(rows: Tensor) -> Tensor:
    """Half of each row's squared length (samples,) float64, in pieces that stay in the cache."""
    step = max(1, _AT_ONCE // max(1, rows.shape[1])) if rows.device.type == "cpu" else len(rows)
    return torch.cat([piece.to(torch.float64).square().sum(1).div_(2) for piece in rows.split(step)])


def _blocks(classes: Tensor, chunk: int) -> Iterator[tuple[slice, slice, bool]]:
    """The pairs of runs i <= j that share a class, and whether they hold several; ``classes`` ascending."""
    runs = _runs(classes.unique_consecutive(return_counts=True)[1].tolist(), chunk)
    first = classes[[run.start for run in runs]].tolist()
    last = classes[[run.stop - 1 for run in runs]].tolist()
    for a, run in enumerate(runs):
        for b in range(a, len(runs)):
            if first[b] > last[a]:
                break
            yield run, runs[b], first[a] < last[b]


def _runs(sizes: list[int], chunk: int) -> list[slice]:
    """Runs of at most ``chunk`` samples: small classes together, a large one by itself in even pieces."""
    runs, start, end = [], 0, 0
    for size in [*sizes, chunk + 1]:  # the last one only closes the run before it
        if end > start and end + size - start > chunk:
            piece = math.ceil((end - start) / math.ceil((end - start) / chunk))
            runs += [slice(at, min(at + piece, end)) for at in range(start, end, piece)]
            start = end
        end += size
    return runs


def _kernel_block(rows: Tensor, halves: Tensor, i: slice, j: slice) -> Tensor:
    """exp(-|z_i - z_j|^2 / 2) of two runs of scaled rows, (chunk, chunk), 1 for a sample and itself."""
    exponent = _exponents(rows[i], rows[j], halves[i], halves[j])
    if rows.dtype == torch.float32 and _doubtful(exponent, float(halves[i].max() + halves[j].max()), i == j):
        exponent = _exponents(rows[i].to(torch.float64), rows[j].to(torch.float64), halves[i], halves[j])
    if i == j:  # a rounded distance to itself would make a kernel below 1, and an entropy above log n
        exponent.fill_diagonal_(0.0)
    return exponent.clamp_(_NEGLIGIBLE, 0.0).exp_()


def _exponents(a: Tensor, b: Tensor, half_a: Tensor, half_b: Tensor) -> Tensor:
    """-|a - b|^2 / 2 = a.b - |b|^2 / 2 - |a|^2 / 2 of rows (chunk, units) each: (chunk, chunk)."""
    return torch.addmm(half_b[None].to(a.dtype), a, b.T, beta=-1).sub_(half_a[:, None].to(a.dtype))


def _doubtful(exponent: Tensor, reach: float, diagonal: bool) -> bool:
    """Whether float32 errors of about 32 roundings of ``reach`` can be seen in a pair that is near."""
    if reach > _LARGEST:
        return True
    if 32 * _ROUNDING[torch.get_float32_matmul_precision()] * reach < _MATERIAL:
        return False
    if diagonal:  # a sample and itself are set to 0 later, whatever was rounded
        exponent.fill_diagonal_(-math.inf)
    return bool(exponent.max() > _NEAR)


def recentred(t: Tensor) -> Tensor:
    """``t`` (samples, units) minus each unit's mean over some of them: distances stay, rounding shrinks."""
    some = t[:: max(1, len(t) // _CENTRE_OF)]  # any point near them does, so it need not be the mean of all
    return (t - some.mean(0, dtype=torch.float64).to(t.dtype)).contiguous()


def squared_distances(t: Tensor, *, chunk: int = 256) -> Tensor:
    """All of them, (samples, samples) float64, symmetric, 0 on the diagonal; ``t`` (samples, units).

    Some units at a time, and each pair once: memory is the result and a few blocks.
    """
    n = len(t)
    distances = torch.empty((n, n), dtype=torch.float64, device=t.device)
    squares, beta = distances.new_zeros(n), 0
    for piece in t.split(_UNITS, 1):
        rows = recentred(piece.to(torch.float64))
        squares += rows.square().sum(1)  # (samples,)
        for start in range(0, n, chunk):
            distances[start : start + chunk, start:].addmm_(
                rows[start : start + chunk], rows[start:].T, beta=beta, alpha=-2
            )
        beta = 1
    for start in range(0, n, chunk):
        i, after = slice(start, start + chunk), slice(start + chunk, None)
        distances[i, start:].add_(squares[start:]).add_(squares[i, None]).clamp_(min=0.0)
        distances[i, i] = (distances[i, i] + distances[i, i].T) / 2  # in exact arithmetic it is symmetric already
        distances[after, i] = distances[i, after].T
    return distances.fill_diagonal_(0.0)


def unit_rows(t: Tensor) -> Tensor:
    """Rows of length 1 (samples, units) float64; rows of zeros stay."""
    rows = t.to(torch.float64).contiguous()
    largest = rows.abs().amax(1, keepdim=True)
    rows = rows / torch.where(largest > 0, largest, 1.0)  # squares neither overflow nor vanish
    return torch.nn.functional.normalize(rows, dim=1)


def shuffles(labels: Ids, times: int, seed: int) -> Iterator[Ids]:
    """The labels in ``times`` random orders, the same ones on every device."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(times):
        order = torch.randperm(labels.n, generator=generator).to(labels.ids.device)
        yield Ids(labels.ids[order], labels.counts)


def doubts(*, constant_units: int, zero_rows: int) -> tuple[Flag, ...]:
    """What is doubtful about the rows themselves."""
    raised = {CONSTANT_UNITS: constant_units > 0, ZERO_ROWS: zero_rows > 0}
    return tuple(flag for flag, true in raised.items() if true)
