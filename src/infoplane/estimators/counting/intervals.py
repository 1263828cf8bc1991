"""Symbols and classes -> intervals for their mutual information in the population, from one table of counts.

Jackknife (Efron, Stein 1981): with a, b, c the counts of a sample's symbol, its class and both, d(k) = k log k -
(k-1) log(k-1) and g = d(a) + d(b) - d(c), the information without that sample is const + g / (n-1), so that

    I_jack = n I - (n-1) mean(I without one sample) = d(n) - mean(g),    SE^2 = var(g) / (n-1)

and the interval is I_jack +- (1.96 SE + f |I_jack - I_MM|). The distance to the Miller-Madow estimate stands for the
bias that is left; f is 1 where the table is well filled, and 3 where it is thin (module ``readings``). Measured
coverage: docs/coverage.md.

Bootstrap: ``REPEATS`` tables are drawn from the shares of the table. ``percentile`` takes the quantiles of their
plug-in information as they are, which adds the bias a second time; ``reflected`` mirrors them at the estimate.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from infoplane.estimators.counting.entropy import cell_sizes, tensor_ranks, tensor_taken
from infoplane.estimators.counting.samples import Ids

INTERVALS = ("none", "jackknife", "reflected", "percentile")
NORMAL = 1.96  # standard errors on each side of 95 % of a normal distribution
REPEATS = 500  # tables of a bootstrap
_AT_ONCE = 1 << 20  # cells that are drawn at a time
_SEED = 20030607  # of the tables drawn: the same interval in every process


def error_of_mean(each: Tensor, groups: Tensor | None = None) -> tuple[float, float]:
    """The standard error of the mean of terms (samples,), and how far 95 % of the population's means reach from it.

    With ``groups`` (samples,), whole numbers, the sums of whole groups are what is independent: Liang, Zeger (1986),
    Biometrika 73, 13, equation 7, for a mean, with G / (G - 1) for G groups and Student's distribution. NaN for a
    single group.
    """
    apart, n = each - each.mean(), len(each)
    if groups is None:
        error = math.sqrt(float(apart.square().sum())) / n
        return error, NORMAL * error
    sums = torch.zeros(int(groups.max()) + 1, dtype=each.dtype, device=each.device).index_add_(0, groups, apart)
    count = len(groups.unique())
    if count < 2:
        return math.nan, math.nan
    error = math.sqrt(count / (count - 1) * float(sums.square().sum())) / n
    return error, float(stdtrit(count - 1, 0.975)) * error


def intervals(codes: Tensor, other: Ids, method: str, *, mean: bool = False) -> Tensor:
    """Centre, how far below and above it the interval reaches, and what is added for bias: (layers, lines, 4) float64.

    ``codes`` (layers, members, samples) int64; in nats. A line for each member, or with ``mean`` one for the mean of
    the members' informations, which share the samples; the bootstrap has none for it (NaN).
    """
    if method == "jackknife":
        return _jackknife(codes, other, mean)
    rows = [_bootstrap(row, other, method == "reflected") for row in codes.flatten(0, 1)]
    lines = torch.tensor(rows, dtype=torch.float64, device=codes.device).view(*codes.shape[:2], 4)
    return torch.full_like(lines[:, :1], math.nan) if mean and codes.shape[1] > 1 else lines


def _jackknife(codes: Tensor, other: Ids, mean: bool) -> Tensor:
    n = codes.shape[-1]
    a, c, occupied = cell_sizes(codes.flatten(0, 1), other.ids, other.count)  # (layers x members, samples), twice
    b = other.counts.to(codes.device)[other.ids].expand_as(a)
    k = torch.arange(n + 1, dtype=torch.float64, device=codes.device)
    step, log = tensor_taken(k), k.log()
    cells = (occupied[:, 0] - occupied[:, 1] + other.count - 1).to(torch.float64)  # K_T + K_Y - K_TY - 1
    each = torch.stack([log[c] - log[a] - log[b], step[a] + step[b] - step[c]])  # (2, layers x members, samples)
    each, cells = each.view(2, *codes.shape), cells.view(codes.shape[:2])
    if mean:
        each, cells = each.mean(2, keepdim=True), cells.mean(1, keepdim=True)
    each = _ascending(each)  # so that sums do not depend on the order of the samples
    plug_in, g = math.log(n) + each[0].mean(-1), each[1].mean(-1)
    jackknife = step[n] - g
    error = (each[1].var(-1, correction=0) / (n - 1)).sqrt()
    distance = (jackknife - plug_in - cells / (2 * n)).abs()
    return torch.stack([jackknife, NORMAL * error, NORMAL * error, distance], dim=-1)


def _ascending(values: Tensor) -> Tensor:
    if values.device.type == "cpu":
        return torch.from_numpy(np.sort(values.numpy()))
    return values.sort().values


def _bootstrap(codes: Tensor, other: Ids, reflect: bool) -> tuple[float, float, float, float]:
    """One row of symbols (samples,)."""
    pairs = (tensor_ranks(codes[None])[0] * other.count + other.ids).cpu().numpy()
    cells, counts = np.unique(pairs, return_counts=True)  # drawing counts of cells is drawing samples, and cheaper
    generator, n = np.random.default_rng(_SEED), len(pairs)
    value = float(_information(counts[None], cells, other.count)[0])
    at_once = max(_AT_ONCE // len(cells), 1)
    drawn = np.concatenate(
        [
            _information(generator.multinomial(n, counts / n, size=min(at_once, REPEATS - start)), cells, other.count)
            for start in range(0, REPEATS, at_once)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    below, above = (high - value, value - low) if reflect else (value - low, high - value)
    return value, below, above, 0.0


def _information(tables: np.ndarray, cells: np.ndarray, classes: int) -> np.ndarray:
    """Plug-in information of tables (repeats, cells) of the pairs symbol * classes + class ``cells``, ascending."""
    by_class = np.argsort(cells % classes, kind="stable")
    starts = np.flatnonzero(np.diff(cells // classes, prepend=-1))
    class_starts = np.flatnonzero(np.diff(cells[by_class] % classes, prepend=-1))
    symbols = np.add.reduceat(tables, starts, axis=1)
    labels = np.add.reduceat(tables[:, by_class], class_starts, axis=1)
    n = tables.sum(1)
    c_log_c = [(counts * np.log(np.maximum(counts, 1))).sum(1) for counts in (tables, symbols, labels)]
    return np.log(n) + (c_log_c[0] - c_log_c[1] - c_log_c[2]) / n
