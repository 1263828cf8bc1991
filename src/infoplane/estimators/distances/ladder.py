"""A layer behind Gaussian noise, at many noise levels at once: sums over all pairs, by two matrix products.

With t_i the centred rows, z_i standard normal and s the deviation of the noise in one direction,

    D_ij = |t_i - t_j|^2        C_ij = z_i . (t_i - t_j)        e_ij(s) = -D_ij / 2s^2 - C_ij / s

e_ij is log p(t_i + s z_i | x_j) - log p(t_i + s z_i | x_i); with -z_i in the place of z_i the sign of C turns. D and C
depend neither on s nor on labels, so one pass over them serves every level and every set of labels. Where s halves,
exp(-D / 2s^2) becomes its fourth power and exp(-C / s) its square: on such a ladder most levels need no exponential.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled

TINY = 1e-30  #: what a sum of nothing counts as, where it is divided by
UNLIKELY = 0.002  #: share of the prior in what a sample's neighbours say of its label: no label is ever ruled out

_BLOCK_VALUES = 2**17  # pairs of one block: its four float32 matrices stay in the second cache
_RUNGS = 6  # levels after one exponential: each rung quadruples its rounding error, 4^6 * 6e-8 = 2e-4 nats at most
# Products of the two exponentials must not become subnormal numbers, which are slow, nor infinite. C / s is normal with
# variance D / s^2, so that exp(-C / s) is outside of these ends only where exp(-D / 2s^2) is next to nothing.
_SMALLEST = np.float32(1e-30)
_FLOOR, _CEILING = np.float32(1e-7), np.float32(1e36)
_NEAREST = math.log(_SMALLEST) - 1
_LEAST, _MOST = math.log(_FLOOR), math.log(_CEILING)
_FINE = 3000.0  # signal-to-noise ratio up to which float32 products will do: they know D to some 1e-7 of the signal
_NEAR = 1e-9  # two ratios are a rung apart where their quotient is 4 to this accuracy


@dataclass(frozen=True)
class PairSums:
    """Sums of exp e_ij over the other samples, and what each sample adds to the others' logarithms as a centre.

    ``sums`` (levels, 1 + label sets, draws, samples): over all samples outside of i's group, then over those of i's
    label. ``moved`` (levels, 2 + 3 * label sets, samples): by how much a sample's weight as a centre moves

        sum_i log(1 + total_i), sum_i log total_i, and for each label set
        sum_i log(1 + own_i), sum_i log own_i, sum_i log q_i

    with q_i = (1 - UNLIKELY) own_i / total_i + UNLIKELY prior_i, as seen by the first draw.

    ``variate`` (samples,): the mean over j of (z_i . t_j)^2 - |t_j|^2. Its mean over z is 0 whatever the layer, and it
    goes with the logarithms, since much of these is how long z_i is where the layer varies: a control variate.
    """

    sums: np.ndarray
    moved: np.ndarray
    variate: np.ndarray


def pair_sums(
    t: Tensor, labels: np.ndarray, priors: np.ndarray, deviations: Sequence[float], *, seed: int, groups: np.ndarray
) -> PairSums:
    """All pairs of the rows ``t`` (samples, units), centred, at every noise level.

    ``labels`` (label sets, samples) whole numbers, ``priors`` (label sets, samples) the share of each sample's label,
    ``deviations`` (levels,) of the noise; ``groups`` (samples,) whole numbers: samples of one group say
    nothing of one another. The noise is drawn from ``seed``, as z and -z.
    """
    n, levels, sets = len(t), len(deviations), len(labels)
    result = PairSums(np.zeros((levels, 1 + sets, 2, n)), np.zeros((levels, 2 + 3 * sets, n)), np.zeros(n))
    rows = reduced(t, deviations)
    z = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(rows.dtype)
    squares, crossed = rows.square().sum(1), (z * rows).sum(1)
    size = min(max(_BLOCK_VALUES // n, 16), n)
    pairs = np.empty((3, size, n), np.float32)
    near, ahead, behind = map(torch.from_numpy, pairs)
    for start in range(0, n, size):
        block, noise = rows[start : start + size], z[start : start + size]
        # (rows of the block, samples)
        d = torch.addmm(squares[start : start + size, None] + squares, block, rows.T, alpha=-2).clamp_(min=0)
        c = torch.addmm(crossed[start : start + size, None], noise, rows.T, alpha=-1)
        crossing = (crossed[start : start + size, None] - c).square_().mean(1)
        result.variate[start : start + size] = (crossing - squares.mean()).double().numpy()
        itself = torch.arange(len(block))
        d[itself, itself + start] = 0.0  # exactly: rounding would make a sample its own neighbour at a distance
        c[itself, itself + start] = 0.0
        d, c = d.float(), c.float()
        for chain in _chains(deviations):
            scale = deviations[chain[0]]
            torch.mul(d, -0.5 / scale**2, out=near[: len(block)]).clamp_(min=_NEAREST).exp_()
            torch.mul(c, -1 / scale, out=ahead[: len(block)]).clamp_(_LEAST, _MOST).exp_()
            torch.mul(c, 1 / scale, out=behind[: len(block)]).clamp_(_LEAST, _MOST).exp_()
            _climb(pairs[:, : len(block)], start, chain, labels, priors, groups, result.sums, result.moved)
    return result


def reduced(t: Tensor, deviations: Sequence[float]) -> Tensor:
    """Rows with the same distances, in no more dimensions than there are samples; float32 where that is enough."""
    rows = t.double() if (max(deviations) / min(deviations)) ** 2 > _FINE or t.dtype == torch.float64 else t.float()
    if rows.shape[1] <= len(rows):
        return rows
    return torch.linalg.qr(rows.T, mode="r").R.T.contiguous()  # rows @ rows.T is unchanged


def _chains(deviations: Sequence[float]) -> list[np.ndarray]:
    """The levels, as chains in which each has half the deviation of the one before; exponentials start a chain."""
    left = dict(enumerate(deviations))
    chains = []
    while left:
        level = max(left, key=left.__getitem__)
        chain = [level]
        deviation = left.pop(level)
        while len(chain) <= _RUNGS:
            half = next((other for other, each in left.items() if abs(deviation / each - 2) < _NEAR), None)
            if half is None:
                break
            chain.append(half)
            deviation = left.pop(half)
        chains.append(np.array(chain))
    return chains


# The loops below are plain passes over a few float32 arrays, which the compiler turns into vectors.


@compiled(nogil=True, fastmath=True)
def _climb(pairs, start, chain, labels, priors, groups, sums, moved):  # type: ignore[no-untyped-def]
    """One block of rows through one chain of levels; ``pairs`` (3, rows, samples) is overwritten."""
    _, rows, n = pairs.shape
    count, sets = len(chain), len(labels)
    same = np.empty((sets, n), np.float32)
    columns = np.zeros((count, 2 + 3 * sets, n), np.float32)
    for row in range(rows):
        i = start + row
        near, ahead, behind = pairs[0, row], pairs[1, row], pairs[2, row]
        _leave_out(near, groups, groups[i])
        for k in range(sets):
            _alike(labels[k], labels[k, i], same[k])
        for rung in range(count):
            level = chain[rung]
            if rung:
                _rise(near, ahead, behind)
            total, other = _sums(near, ahead, behind)
            sums[level, 0, 0, i], sums[level, 0, 1, i] = total, other
            total = max(total, TINY)
            _add(columns[rung, 0], columns[rung, 1], near, ahead, (1 / (1 + total), 1 / total))
            for k in range(sets):
                own, other = _sums_of(near, ahead, behind, same[k])
                sums[level, 1 + k, 0, i], sums[level, 1 + k, 1, i] = own, other
                q = (1 - UNLIKELY) * own / total + UNLIKELY * priors[k, i]
                of_own = (1 - UNLIKELY) / (total * q)
                weights = (1 / (1 + own), 1 / max(own, TINY), of_own, -of_own * own / total)
                _add_of(columns[rung, 2 + 3 * k : 5 + 3 * k], near, ahead, same[k], weights)
    for rung in range(count):
        moved[chain[rung]] += columns[rung]


@compiled(nogil=True, fastmath=True)
def _leave_out(near, groups, group):  # type: ignore[no-untyped-def]
    for j in range(len(near)):
        near[j] = near[j] if groups[j] != group and near[j] > _SMALLEST else np.float32(0)


@compiled(nogil=True, fastmath=True)
def _alike(label, wanted, same):  # type: ignore[no-untyped-def]
    for j in range(len(label)):
        same[j] = np.float32(1) if label[j] == wanted else np.float32(0)


@compiled(nogil=True, fastmath=True)
def _rise(near, ahead, behind):  # type: ignore[no-untyped-def]
    """The next level: half the deviation."""
    for j in range(len(near)):
        square = near[j] * near[j]
        fourth = square * square
        near[j] = fourth if fourth > _SMALLEST else np.float32(0)
        ahead[j] = min(max(ahead[j] * ahead[j], _FLOOR), _CEILING)
        behind[j] = min(max(behind[j] * behind[j], _FLOOR), _CEILING)


@compiled(nogil=True, fastmath=True)
def _sums(near, ahead, behind):  # type: ignore[no-untyped-def]
    plus, minus = np.float32(0), np.float32(0)
    for j in range(len(near)):
        plus += near[j] * ahead[j]
        minus += near[j] * behind[j]
    return float(plus), float(minus)


@compiled(nogil=True, fastmath=True)
def _sums_of(near, ahead, behind, same):  # type: ignore[no-untyped-def]
    plus, minus = np.float32(0), np.float32(0)
    for j in range(len(near)):
        mine = near[j] * same[j]
        plus += mine * ahead[j]
        minus += mine * behind[j]
    return float(plus), float(minus)


@compiled(nogil=True, fastmath=True)
def _add(lower, upper, near, ahead, weights):  # type: ignore[no-untyped-def]
    by_lower, by_upper = np.float32(weights[0]), np.float32(weights[1])
    for j in range(len(near)):
        w = near[j] * ahead[j]
        lower[j] += by_lower * w
        upper[j] += by_upper * w


@compiled(nogil=True, fastmath=True)
def _add_of(columns, near, ahead, same, weights):  # type: ignore[no-untyped-def]
    own_lower, own_upper, told = columns[0], columns[1], columns[2]
    by_lower, by_upper = np.float32(weights[0]), np.float32(weights[1])
    of_own, of_all = np.float32(weights[2]), np.float32(weights[3])
    for j in range(len(near)):
        w = near[j] * ahead[j]
        mine = w * same[j]
        own_lower[j] += by_lower * mine
        own_upper[j] += by_upper * mine
        told[j] += of_own * mine + of_all * w
