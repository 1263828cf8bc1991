"""Probabilities -> soft codes, whole numbers; soft codes and groups of samples -> entropies of the groups.

A row of numbers a with the sum S weighs S log S - sum of a log a: S times the entropy of its shares, in nats. Samples
and groups are weighed twice: compiled for main memory, and in tensor operations for wherever else the codes are. Both
add the same whole numbers, whose sums do not depend on the order of the samples. Pure functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled
from infoplane.estimators.counting.samples import Ids

_ROOT = 2**16 - 1  # the root of a probability of 1
_ROWS = 4096  # rows that are spelt out at a time in tensor operations
_LOG_2 = math.log(2)
_BITS_OF_ROOT_HALF = 0x3FE6A09E667F3BCD  # of sqrt(1/2) in float64
_BITS_OF_FRACTION = 52  # of a float64; those of its power of 2 are above


@dataclass(frozen=True)
class Groups:
    """Samples in groups, and in shuffled groups of the same sizes.

    ``orders`` (orders, samples) int32 has the group of each sample, in main memory or where the codes are; ``counts``
    (groups,) how many samples are in each, in main memory.
    """

    orders: Tensor
    counts: Tensor

    @classmethod
    def of(cls, orders: list[Ids]) -> Groups:
        return cls(torch.stack([order.ids.to(torch.int32) for order in orders]), orders[0].counts)


def soft_codes(shares: Tensor) -> Tensor:
    """Roots of probabilities as whole numbers of 16 bits without a sign, in a tensor of int16; ``shares`` are lost."""
    return shares.sqrt_().mul_(_ROOT).round_().to(torch.int32).to(torch.int16)  # the 16 lowest bits stay


def sample_weights(codes: Tensor) -> tuple[Tensor, Tensor]:
    """What each sample weighs, (samples,) float64, and the sum of their numbers, (codewords,) int64.

    ``codes`` (samples, codewords); their squares are the probabilities as whole numbers of 1 / (2^16 - 1)^2.
    """
    if codes.device.type != "cpu":
        return tensor_sample_weights(codes)
    weights, sums = torch.empty(len(codes), dtype=torch.float64), torch.zeros(codes.shape[1], dtype=torch.int64)
    _weigh_samples(codes.numpy().view(np.uint16), weights.numpy(), sums.numpy())
    return weights, sums


def group_weights(codes: Tensor, groups: Groups, alone: Tensor) -> list[float]:
    """What all groups weigh together, in each order; ``alone`` (samples,) is what each sample weighs."""
    if codes.device.type != "cpu":
        return tensor_group_weights(codes, groups, alone)
    several = groups.counts > 1
    lines = torch.where(several, several.cumsum(0) - 1, -1)  # where a group of several samples has its sums
    sums = np.empty((int(several.sum()), codes.shape[1]), np.int64)
    arrays = groups.orders.numpy(), lines.numpy(), alone.numpy()
    weights = np.empty((len(groups.orders), len(several)))
    _weigh_groups(codes.numpy().view(np.uint16), *arrays, sums, weights)
    return [float(each) for each in weights.sum(1)]


def row_weights(numbers: Tensor) -> Tensor:
    """What each row of whole ``numbers`` (rows, codewords) weighs, (rows,) float64."""
    exact = numbers.to(torch.float64)
    totals = exact.sum(1)
    return torch.xlogy(totals, totals) - torch.xlogy(exact, exact).sum(1)


def tensor_sample_weights(codes: Tensor) -> tuple[Tensor, Tensor]:
    """``sample_weights`` in tensor operations."""
    pieces = [_numbers(piece) for piece in codes.split(_ROWS)]
    return torch.cat([row_weights(piece) for piece in pieces]), torch.stack([piece.sum(0) for piece in pieces]).sum(0)


def tensor_group_weights(codes: Tensor, groups: Groups, alone: Tensor) -> list[float]:
    """``group_weights`` in tensor operations."""
    if len(groups.counts) == len(codes):
        return [float(alone.sum())] * len(groups.orders)
    totals = []
    for ids in groups.orders:
        sums = torch.zeros((len(groups.counts), codes.shape[1]), dtype=torch.int64, device=codes.device)
        for some, piece in zip(ids.split(_ROWS), codes.split(_ROWS), strict=True):
            sums.index_add_(0, some, _numbers(piece))  # whole numbers: exact in any order
        totals.append(float(torch.cat([row_weights(piece) for piece in sums.split(_ROWS)]).sum()))
    return totals


def _numbers(codes: Tensor) -> Tensor:
    return (codes.to(torch.int32) & _ROOT).to(torch.int64).square_()


@compiled(nogil=True)
def _weigh_samples(codes, weights, sums):  # type: ignore[no-untyped-def]
    samples, codewords = codes.shape
    numbers, value, power = np.empty(codewords, np.int64), np.empty(codewords), np.empty(codewords)
    for i in range(samples):
        for k in range(codewords):
            numbers[k] = np.int64(codes[i, k]) * np.int64(codes[i, k])
            sums[k] += numbers[k]
        weights[i] = _weigh(numbers, value, power)


@compiled(nogil=True)
def _weigh_groups(codes, orders, lines, alone, sums, weights):  # type: ignore[no-untyped-def]
    """Fill ``weights`` (orders, groups); a group with the line -1 weighs what its one sample does."""
    samples, codewords = codes.shape
    value, power = np.empty(codewords), np.empty(codewords)
    for order in range(len(orders)):
        ids = orders[order]
        sums[:] = 0
        for i in range(samples):
            line = lines[ids[i]]
            if line < 0:
                weights[order, ids[i]] = alone[i]
                continue
            for k in range(codewords):
                sums[line, k] += np.int64(codes[i, k]) * np.int64(codes[i, k])
        for group in range(len(lines)):
            if lines[group] >= 0:
                weights[order, group] = _weigh(sums[lines[group]], value, power)


@compiled(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _weigh(numbers, value, power):  # type: ignore[no-untyped-def]
    """What a row of whole numbers weighs; ``value`` and ``power`` (codewords,) are room to work in.

    A loop that calls the library's logarithm takes one number at a time, which is most of the time here. So a number is
    cut into 2^power times a value between sqrt(1/2) and sqrt(2), and of s = (value - 1) / (value + 1) the series of
    log(value) = 2 artanh(s) is summed: its next term is below 1e-17.
    """
    total, bits = np.int64(0), value.view(np.int64)
    for k in range(len(numbers)):
        total += numbers[k]
        value[k] = max(numbers[k], 1)  # the logarithm of 0 is multiplied by 0
    for k in range(len(numbers)):
        # the power of two, read off the bits: those of sqrt(1/2) are taken away first, so that the value left lies
        # between sqrt(1/2) and sqrt(2), where the series is shortest
        above = (bits[k] - np.int64(_BITS_OF_ROOT_HALF)) >> _BITS_OF_FRACTION
        power[k] = above
        bits[k] -= above << _BITS_OF_FRACTION
    weight = total * math.log(max(total, 1))
    for k in range(len(numbers)):
        s = (value[k] - 1) / (value[k] + 1)
        q = s * s
        series = 1 / 21
        series = series * q + 1 / 19
        series = series * q + 1 / 17
        series = series * q + 1 / 15
        series = series * q + 1 / 13
        series = series * q + 1 / 11
        series = series * q + 1 / 9
        series = series * q + 1 / 7
        series = series * q + 1 / 5
        series = series * q + 1 / 3
        weight -= numbers[k] * (power[k] * _LOG_2 + 2 * s * (series * q + 1))
    return weight


def influence(codes: Tensor, labels: Ids) -> tuple[Tensor, float]:
    """What each sample adds to the information of codeword and label, (samples,) nats, and its bias to first order.

    The information of a joint distribution moves by its log ratio, here of codeword k and label y: sample i adds

        sum_k p_ik log(m_k|y / m_k)        m: mean probabilities, of all samples and of those with the label

    (Hampel 1974, J. American Statistical Association 69, 383). Second derivatives give the bias of both entropies,

        1/2n [ sum_y sum_k var_y(p_k) / m_k|y - sum_k var(p_k) / m_k ].
    """
    n, classes, device = len(codes), labels.count, codes.device
    counts = labels.counts.to(device, torch.float64)[:, None]
    sums = torch.zeros(classes, codes.shape[1], dtype=torch.float64, device=device)  # (classes, codewords)
    squares = torch.zeros_like(sums)
    for rows in range(0, n, _ROWS):
        shares, ids = _shares(codes[rows : rows + _ROWS]), labels.ids[rows : rows + _ROWS]
        sums.index_add_(0, ids, shares)
        squares.index_add_(0, ids, shares.square())
    given, mean = sums / counts, sums.sum(0) / n
    ratios = (given / mean).clamp_(min=torch.finfo(torch.float64).tiny).log_()
    terms = [
        (_shares(codes[rows : rows + _ROWS]) * ratios[labels.ids[rows : rows + _ROWS]]).sum(1)
        for rows in range(0, n, _ROWS)
    ]
    within = (squares - counts * given.square()) / (counts - 1).clamp_(min=1)
    across = (squares.sum(0) - n * mean.square()) / (n - 1)
    occupied = given > 0
    of_each = torch.where(occupied, within / torch.where(occupied, given, 1.0), 0.0).sum()
    bias = float(of_each - torch.where(mean > 0, across / torch.where(mean > 0, mean, 1.0), 0.0).sum()) / (2 * n)
    return torch.cat(terms), bias


def _shares(codes: Tensor) -> Tensor:
    """Probabilities (samples, codewords) float64 of soft codes."""
    squares = (codes.to(torch.int32) & _ROOT).to(torch.float64).square_()
    return squares / squares.sum(1, keepdim=True)
