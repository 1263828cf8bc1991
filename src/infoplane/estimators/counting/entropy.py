"""Codes -> counts -> entropies: the plug-in mathematics of whole numbers, in nats.

The counting stands twice: compiled for main memory, with a hash table, and as plain tensor operations for wherever else
the tensors are, by sorting, run lengths and sums of logarithms, without atomics or transfers. Both give the same whole
numbers. Pure functions.

With n samples, counts c of the K occupied cells, f_1 cells of one sample and S = sum c log c, the plug-in entropy is
log n - S/n. Corrections:

- Miller-Madow (1955): plug-in + (K - 1) / 2n.
- jackknife (Zahl 1977): n H - (n - 1) mean(H without one sample) = d(n) - sum c d(c) / n with
  d(k) = k log k - (k-1) log(k-1) = log k - (k-1) log(1 - 1/k), since a sample of a cell of count c takes d(c) out
  of S: no refits.
- Grassberger (2003), arXiv:physics/0307138, eq. 28 to 30: log n - sum c G(c) / n with G(1) = -gamma - log 2,
  G(2) = 2 + G(1), G(2k+1) = G(2k), G(2k+2) = G(2k) + 2/(2k+1).
- Chao-Shen (2003), Environmental and Ecological Statistics 10, 429: -sum p log p / (1 - (1-p)^n) with p = C c/n and
  the coverage C = 1 - f_1/n (f_1 = n - 1 where every sample is alone).
- James-Stein (Hausser, Strimmer 2009), JMLR 10, 1469, eq. 4 and 5: the plug-in entropy of lambda/K + (1-lambda) c/n
  with lambda = (1 - sum (c/n)^2) / ((n-1) sum (1/K - c/n)^2), at most 1. K counts the cells that may occur: the
  occupied ones, unless counts of zero are given.

All are functions of the spectrum, how many cells have each count, and each is applied to every entropy of a sum, so
that I(T;Y) = H(T) + H(Y) - H(T,Y) is corrected term by term.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled

#: The bias corrections, by name.
CORRECTIONS = ("none", "miller-madow", "jackknife", "grassberger", "chao-shen", "james-stein")

#: The columns of ``tabulate``, entropies in nats.
SUMMARY = ("h_t", "h_ty", "h_tx", "cells", "singletons", "cells_ty", "singletons_ty", "all_differ", "n")

_G_OF_ONE = -0.5772156649015329 - math.log(2.0)  # minus Euler's constant, minus log 2


def tabulate(codes: Tensor, y: Tensor, classes: int, x: Tensor, groups: int, *, correction: str = "none") -> Tensor:
    """Entropies and counts of each row of codes, alone and together with y and with x.

    ``codes`` (rows, n) int64, where n is the number of samples, or a multiple of it: all samples once for each of
    several copies, copy after copy. ``y`` (samples,) in 0..classes-1 and ``x`` (samples,) in 0..groups-1, int64.
    Returns (rows, 9) float64 with the columns of ``SUMMARY``; ``all_differ`` is the share of the samples on which all
    copies' codes differ.
    """
    if codes.device.type != "cpu":
        return tensor_tabulate(codes, y, classes, x, groups, correction=correction)
    out = np.empty((codes.shape[0], len(SUMMARY)))
    mode = CORRECTIONS.index(correction)
    _tabulate(codes.contiguous().numpy(), len(y), y.numpy(), classes, x.numpy(), groups, mode, out)
    return torch.from_numpy(out)


def cell_sizes(codes: Tensor, other: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """How many samples share each sample's code, and its code and ``other`` number; how many cells of both kinds.

    ``codes`` (rows, samples) int64, ``other`` (samples,) in 0..classes-1; (rows, samples) int64 twice, (rows, 2) int64.
    """
    if codes.device.type != "cpu":
        return tensor_cell_sizes(codes, other, classes)
    alone, together = np.empty(codes.shape, np.int64), np.empty(codes.shape, np.int64)
    cells = np.empty((len(codes), 2), np.int64)
    _cell_sizes(codes.contiguous().numpy(), other.numpy(), classes, alone, together, cells)
    return torch.from_numpy(alone), torch.from_numpy(together), torch.from_numpy(cells)


def entropy_of_counts(counts: Tensor, correction: str = "none") -> float:
    """Entropy of counts (cells,), whole numbers, in nats; a count of zero is a cell that might have been met."""
    array = counts.cpu().numpy().astype(np.int64)
    spectrum = np.zeros(int(array.max()) + 2, np.int64)
    spectrum[0] = (array == 0).sum()
    return float(_entropy(array, int(array.sum()), spectrum, CORRECTIONS.index(correction))[0])


# ---------------------------------------------------------------- compiled, for main memory


@compiled(nogil=True, error_model="numpy")
def _rank(codes, keys, slots, ids, counts):  # type: ignore[no-untyped-def]
    """Number equal codes alike, 0, 1, ... by first appearance; returns how many there are. ``slots`` comes in as -1."""
    mask = len(keys) - 1  # the table's size is a power of two, at least twice the codes: chains stay short
    cells = 0
    for i in range(len(codes)):
        code = codes[i]
        h = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio (Knuth, TAOCP 6.4)
        slot = np.int64((h ^ (h >> np.uint64(32))) & np.uint64(mask))
        while slots[slot] >= 0 and keys[slot] != code:
            slot = (slot + 1) & mask
        if slots[slot] < 0:
            slots[slot] = cells
            keys[slot] = code
            counts[cells] = 0
            cells += 1
        ids[i] = slots[slot]
        counts[ids[i]] += 1
    return cells


@compiled(nogil=True, error_model="numpy")
def _c_log_c(c):  # type: ignore[no-untyped-def]
    return c * math.log(c) if c > 0 else 0.0


@compiled(nogil=True, error_model="numpy")
def _taken(c):  # type: ignore[no-untyped-def]
    """d(c), without the loss of digits of a difference."""
    return math.log(c) - (c - 1) * math.log1p(-1 / c) if c > 1 else 0.0


@compiled(nogil=True, error_model="numpy")
def _corrected(spectrum, top, n, total, cells, correction):  # type: ignore[no-untyped-def]
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


@compiled(nogil=True, error_model="numpy")
def _jackknife(spectrum, top, n):  # type: ignore[no-untyped-def]
    total = 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            total += spectrum[c] * c * _taken(c)
    return _taken(n) - total / n


@compiled(nogil=True, error_model="numpy")
def _grassberger(spectrum, top, n):  # type: ignore[no-untyped-def]
    total, g = 0.0, _G_OF_ONE
    for c in range(1, top + 1):
        if c % 2 == 0:
            g += 2 / (c - 1)
        total += spectrum[c] * c * g
    return math.log(n) - total / n


@compiled(nogil=True, error_model="numpy")
def _chao_shen(spectrum, top, n):  # type: ignore[no-untyped-def]
    coverage = 1 - min(spectrum[1], n - 1) / n
    entropy = 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            p = coverage * c / n
            seen = -math.expm1(n * math.log1p(-p)) if p < 1 else 1.0
            entropy -= spectrum[c] * p * math.log(p) / seen
    return entropy


@compiled(nogil=True, error_model="numpy")
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


@compiled(nogil=True, error_model="numpy")
def _entropy_of_spectrum(spectrum, top, n, correction):  # type: ignore[no-untyped-def]
    """Entropy, occupied cells and singletons of how many cells have each count up to ``top``; leaves zeros behind."""
    cells, singletons, total = np.int64(0), spectrum[1], 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            cells += spectrum[c]
            total += spectrum[c] * _c_log_c(c)
    entropy = _corrected(spectrum, top, n, total, cells, correction)
    spectrum[: top + 1] = 0
    return entropy, cells, singletons


@compiled(nogil=True, error_model="numpy")
def _entropy(counts, n, spectrum, correction):  # type: ignore[no-untyped-def]
    """Entropy, occupied cells and singletons of counts; ``spectrum`` comes in as zeros, and is left so.

    Counts are first counted themselves, so that the sums do not depend on the order of the cells.
    """
    top = 0
    for c in counts:
        if c > 0:
            spectrum[c] += 1
            top = max(top, c)
    return _entropy_of_spectrum(spectrum, top, n, correction)


@compiled(nogil=True, error_model="numpy")
def _with_distinct_inputs(ids, cells, samples, spectrum, correction):  # type: ignore[no-untyped-def]
    """H(T,X) where every sample is an input of its own, met once by each copy; share of them that all copies split."""
    n = len(ids)
    members = n // samples
    owner, times = np.full(cells, -1, np.int32), np.zeros(cells, np.int32)
    split = 0
    for i in range(samples):
        distinct = 0
        for m in range(members):
            symbol = ids[m * samples + i]
            if owner[symbol] != i:
                owner[symbol], times[symbol] = i, 0
                distinct += 1
            times[symbol] += 1
            spectrum[times[symbol]] += 1  # a cell of count c is counted at 1, 2, ..., c
        split += distinct == members
    for c in range(1, members):
        spectrum[c] -= spectrum[c + 1]
    return _entropy_of_spectrum(spectrum, members, n, correction)[0], split / samples


@compiled(nogil=True, error_model="numpy")
def _pair(ids, count, other, pairs):  # type: ignore[no-untyped-def]
    """One number for each (id, other number below count), copy after copy."""
    samples = len(other)
    for m in range(0, len(ids), samples):
        for i in range(samples):
            pairs[m + i] = np.int64(ids[m + i]) * count + other[i]


@compiled(nogil=True, error_model="numpy")
def _tabulate(codes, samples, y, classes, x, groups, correction, out):  # type: ignore[no-untyped-def]
    rows, n = codes.shape
    size = 2
    while size < 2 * n:
        size *= 2
    keys, slots = np.empty(size, np.int64), np.empty(size, np.int32)
    ids, pair_ids = np.empty(n, np.int32), np.empty(n, np.int32)
    counts, pair_counts = np.empty(n, np.int32), np.empty(n, np.int32)
    pairs = np.empty(n, np.int64)
    spectrum = np.zeros(n + 2, np.int64)
    for r in range(rows):
        slots[:] = -1
        cells = _rank(codes[r], keys, slots, ids, counts)
        out[r, 0], out[r, 3], out[r, 4] = _entropy(counts[:cells], n, spectrum, correction)
        if cells * classes <= 8 * n:  # a table of all pairs fits the cache, and needs no hashing
            table = np.zeros(cells * classes, np.int32)
            for m in range(0, n, samples):
                for i in range(samples):
                    table[ids[m + i] * classes + y[i]] += 1
            out[r, 1], out[r, 5], out[r, 6] = _entropy(table, n, spectrum, correction)
        else:
            _pair(ids, classes, y, pairs)
            slots[:] = -1
            joint = _rank(pairs, keys, slots, pair_ids, pair_counts)
            out[r, 1], out[r, 5], out[r, 6] = _entropy(pair_counts[:joint], n, spectrum, correction)
        out[r, 8] = n
        out[r, 2], out[r, 7] = _with_distinct_inputs(ids, cells, samples, spectrum, correction)
        if groups < samples:
            _pair(ids, groups, x, pairs)
            slots[:] = -1
            joint = _rank(pairs, keys, slots, pair_ids, pair_counts)
            out[r, 2] = _entropy(pair_counts[:joint], n, spectrum, correction)[0]


@compiled(nogil=True, error_model="numpy")
def _cell_sizes(codes, other, classes, alone, together, cells):  # type: ignore[no-untyped-def]
    rows, n = codes.shape
    size = 2
    while size < 2 * n:
        size *= 2
    keys, slots = np.empty(size, np.int64), np.empty(size, np.int32)
    ids, counts, pairs = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64)
    for r in range(rows):
        slots[:] = -1
        cells[r, 0] = _rank(codes[r], keys, slots, ids, counts)
        alone[r] = counts[ids]
        _pair(ids, classes, other, pairs)
        slots[:] = -1
        cells[r, 1] = _rank(pairs, keys, slots, ids, counts)
        together[r] = counts[ids]


# ---------------------------------------------------------------- as tensors, for any device


def tensor_tabulate(
    codes: Tensor, y: Tensor, classes: int, x: Tensor, groups: int, *, correction: str = "none"
) -> Tensor:
    """What ``tabulate`` gives, on the device of the codes."""
    copies = codes.shape[1] // len(y)
    ranks = tensor_ranks(codes)  # (rows, samples), small enough that pairs of numbers do not overflow
    h_t, cells, singletons = _run_entropy(ranks, correction)
    h_ty, cells_ty, singletons_ty = _run_entropy(ranks * classes + y.repeat(copies), correction)
    h_tx = _run_entropy(ranks * groups + x.repeat(copies), correction)[0]
    by_sample = ranks.view(len(codes), copies, -1).sort(dim=1).values
    differ = (by_sample[:, 1:] != by_sample[:, :-1]).all(1).to(torch.float64).mean(-1)
    n = torch.full_like(h_t, codes.shape[1])
    return torch.stack([h_t, h_ty, h_tx, cells, singletons, cells_ty, singletons_ty, differ, n], dim=-1)


def tensor_ranks(codes: Tensor) -> Tensor:
    """Number equal codes of a row alike, 0, 1, ... in ascending order; (rows, samples) int64."""
    ordered, where = codes.sort(dim=-1)
    steps = torch.zeros_like(codes)
    steps[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return torch.empty_like(codes).scatter_(-1, where, steps.cumsum(-1))


def _run_entropy(codes: Tensor, correction: str) -> tuple[Tensor, Tensor, Tensor]:
    """Entropy, occupied cells and singletons of each row of codes (rows, samples), (rows,) float64 each."""
    n = codes.shape[-1]
    ordered = codes.sort(dim=-1).values
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    final = first.roll(-1, dims=-1)  # the next place starts a run, and the last place always ends one
    place = torch.arange(n, device=codes.device)
    start = torch.where(first, place, 0).cummax(-1).values
    lengths = torch.where(final, place - start + 1, 0)  # one entry a run, at its end
    cells, singletons = final.sum(-1).to(torch.float64), (lengths == 1).sum(-1).to(torch.float64)
    entropy = tensor_corrected(lengths.to(torch.float64), n, cells, singletons, correction)
    return entropy, cells, singletons


def tensor_cell_sizes(codes: Tensor, other: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """What ``cell_sizes`` gives, on the device of the codes."""
    ranks = tensor_ranks(codes)
    joint = tensor_ranks(ranks * classes + other)
    sizes = [
        torch.zeros_like(of).scatter_add_(1, of, torch.ones_like(of)).gather(1, of)  # whole numbers: exact in any order
        for of in (ranks, joint)
    ]
    return sizes[0], sizes[1], torch.stack([ranks.amax(-1), joint.amax(-1)], dim=-1) + 1


def tensor_corrected(counts: Tensor, n: int, cells: Tensor, singletons: Tensor, correction: str) -> Tensor:
    """Entropy (rows,) of counts (rows, places) float64, in which zeros stand for nothing; each row sums to ``n``."""
    if correction == "jackknife":
        return tensor_taken(counts.new_tensor(float(n))) - (counts * tensor_taken(counts)).sum(-1) / n
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


def tensor_taken(counts: Tensor) -> Tensor:
    """d of counts, float64; 0 for a count of 0."""
    return torch.where(counts > 1, counts.log() - (counts - 1) * torch.log1p(-1 / counts), 0.0)
