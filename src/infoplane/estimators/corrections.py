"""Counts -> entropies with their bias corrected, in nats; compiled, and as tensor operations. Pure functions.

With n samples, counts c of the K occupied cells, f_1 cells of one sample and S = sum c log c, the plug-in entropy is
log n - S/n. Corrections:

- Miller-Madow (1955): plug-in + (K - 1) / 2n.
- jackknife (Zahl 1977): n H - (n - 1) mean(H without one sample) = d(n) - sum c d(c) / n with
  d(k) = k log k - (k-1) log(k-1), since a sample of a cell of count c takes d(c) out of S: no refits.
- Grassberger (2003), arXiv:physics/0307138, eq. 28 to 30: log n - sum c G(c) / n with G(1) = -gamma - log 2,
  G(2) = 2 + G(1), G(2k+1) = G(2k), G(2k+2) = G(2k) + 2/(2k+1).
- Chao-Shen (2003), Environmental and Ecological Statistics 10, 429: -sum p log p / (1 - (1-p)^n) with p = C c/n and
  the coverage C = 1 - f_1/n (f_1 = n - 1 where every sample is alone).
- James-Stein (Hausser, Strimmer 2009), JMLR 10, 1469, eq. 4 and 5: the plug-in entropy of lambda/K + (1-lambda) c/n
  with lambda = (1 - sum (c/n)^2) / ((n-1) sum (1/K - c/n)^2), at most 1. K counts the cells that may occur: the
  occupied ones, unless counts of zero are given.

All are functions of the spectrum: how many cells have each count.
"""

from __future__ import annotations

import math

import numba
import torch
from torch import Tensor

#: The bias corrections, by name.
CORRECTIONS = ("none", "miller-madow", "jackknife", "grassberger", "chao-shen", "james-stein")

_G_OF_ONE = -0.5772156649015329 - math.log(2.0)  # minus Euler's constant, minus log 2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def c_log_c(c):  # type: ignore[no-untyped-def]
    return c * math.log(c) if c > 0 else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def corrected(spectrum, top, n, total, cells, correction):  # type: ignore[no-untyped-def]
    """Entropy of a spectrum up to count ``top``; ``total`` is S; ``correction`` numbers ``CORRECTIONS``.

    ``spectrum[0]`` counts the cells without samples that may occur.
    """
    plug_in = math.log(n) - total / n
    if correction == 1:
        return plug_in + (cells - 1) / (2 * n)
    if correction == 2:
        return _jackknife(spectrum, top, n)
    if correction == 3:
        return _grassberger(spectrum, top, n)
    if correction == 4:
        return _chao_shen(spectrum, top, n)
    if correction == 5:
        return _james_stein(spectrum, top, n, cells + spectrum[0])
    return plug_in


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _jackknife(spectrum, top, n):  # type: ignore[no-untyped-def]
    total = 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            total += spectrum[c] * c * (c_log_c(c) - c_log_c(c - 1))
    return c_log_c(n) - c_log_c(n - 1) - total / n


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _grassberger(spectrum, top, n):  # type: ignore[no-untyped-def]
    total, g = 0.0, _G_OF_ONE
    for c in range(1, top + 1):
        if c % 2 == 0:
            g += 2 / (c - 1)
        total += spectrum[c] * c * g
    return math.log(n) - total / n


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _chao_shen(spectrum, top, n):  # type: ignore[no-untyped-def]
    coverage = 1 - min(spectrum[1], n - 1) / n
    entropy = 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            p = coverage * c / n
            entropy -= spectrum[c] * p * math.log(p) / -math.expm1(n * math.log1p(-p))
    return entropy


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _james_stein(spectrum, top, n, cells):  # type: ignore[no-untyped-def]
    squares = 0.0
    for c in range(1, top + 1):
        squares += spectrum[c] * float(c) * c
    spread = (n - 1) * (cells * squares - float(n) * n)
    shrinkage = min(1.0, cells * (float(n) * n - squares) / spread) if spread > 0 else 1.0
    entropy = 0.0
    for c in range(top + 1):
        p = shrinkage / cells + (1 - shrinkage) * c / n
        if spectrum[c] > 0 and p > 0:
            entropy -= spectrum[c] * p * math.log(p)
    return entropy


def tensor_corrected(counts: Tensor, n: int, cells: Tensor, singletons: Tensor, correction: str) -> Tensor:
    """Entropy (rows,) of counts (rows, places) float64, in which zeros stand for nothing; each row sums to ``n``."""
    if correction == "jackknife":
        fewer = (counts - 1).clamp(min=0)
        taken = torch.xlogy(counts, counts) - torch.xlogy(fewer, fewer)
        return c_log_c(n) - c_log_c(n - 1) - (counts * taken).sum(-1) / n
    if correction == "grassberger":  # G(c) = digamma(floor(c/2) + 1/2) + log 2
        return math.log(n) - (counts * (torch.special.digamma((counts / 2).floor() + 0.5) + math.log(2))).sum(-1) / n
    if correction == "chao-shen":
        p = (1 - singletons.clamp(max=n - 1) / n)[:, None] * counts / n
        seen = -torch.expm1(n * torch.log1p(-p))
        return -(torch.xlogy(p, p) / seen.where(counts > 0, 1.0)).sum(-1)
    if correction == "james-stein":
        return _tensor_james_stein(counts, n, cells)
    plug_in = math.log(n) - torch.xlogy(counts, counts).sum(-1) / n
    return plug_in + (cells - 1) / (2 * n) if correction == "miller-madow" else plug_in


def _tensor_james_stein(counts: Tensor, n: int, cells: Tensor) -> Tensor:
    squares = (counts * counts).sum(-1)
    spread = (n - 1) * (cells * squares - float(n) * n)
    shrinkage = torch.where(spread > 0, cells * (float(n) * n - squares) / spread, 1.0).clamp(max=1)[:, None]
    p = shrinkage / cells[:, None] + (1 - shrinkage) * counts / n
    return -torch.xlogy(p, p).where(counts > 0, 0.0).sum(-1)
