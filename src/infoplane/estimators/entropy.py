"""Codes -> counts -> entropies: the plug-in mathematics of whole numbers, in nats.

The counting stands twice: compiled for main memory, and as plain tensor operations (``tensor_...``) for wherever else
the tensors are; both give the same whole numbers. Pure functions.

Bias corrections (module ``corrections``) are applied to every entropy of a sum, so that I(T;Y) = H(T) + H(Y) - H(T,Y)
is corrected term by term.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.corrections import CORRECTIONS, c_log_c, corrected, tensor_corrected

#: The columns of ``tabulate``, entropies in nats.
SUMMARY = ("h_t", "h_ty", "h_tx", "cells", "singletons", "cells_ty", "singletons_ty", "all_differ", "n")


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rank(codes, keys, slots, ids, counts):  # type: ignore[no-untyped-def]
    """Number equal codes alike, 0, 1, ... by first appearance; returns how many there are. ``slots`` comes in as -1."""
    mask = len(keys) - 1
    cells = 0
    for i in range(len(codes)):
        code = codes[i]
        h = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _entropy_of_spectrum(spectrum, top, n, correction):  # type: ignore[no-untyped-def]
    """Entropy, occupied cells and singletons of how many cells have each count up to ``top``; leaves zeros behind."""
    cells, singletons, total = np.int64(0), spectrum[1], 0.0
    for c in range(1, top + 1):
        if spectrum[c] > 0:
            cells += spectrum[c]
            total += spectrum[c] * c_log_c(c)
    entropy = corrected(spectrum, top, n, total, cells, correction)
    spectrum[: top + 1] = 0
    return entropy, cells, singletons


@numba.njit(cache=True, nogil=True, error_model="numpy")
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pair(ids, count, other, pairs):  # type: ignore[no-untyped-def]
    """One number for each (id, other number below count), copy after copy."""
    samples = len(other)
    for m in range(0, len(ids), samples):
        for i in range(samples):
            pairs[m + i] = np.int64(ids[m + i]) * count + other[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
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
        if cells * classes <= 8 * n:
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


def entropy_of_counts(counts: Tensor, correction: str = "none") -> float:
    """Entropy of counts (cells,), whole numbers, in nats; a count of zero is a cell that might have been met."""
    array = counts.cpu().numpy().astype(np.int64)
    spectrum = np.zeros(int(array.max()) + 2, np.int64)
    spectrum[0] = (array == 0).sum()
    return float(_entropy(array, int(array.sum()), spectrum, CORRECTIONS.index(correction))[0])


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


def tensor_tabulate(
    codes: Tensor, y: Tensor, classes: int, x: Tensor, groups: int, *, correction: str = "none"
) -> Tensor:
    """``tabulate`` in tensor operations: sort, run lengths, sums of logarithms; no atomics, no transfer."""
    copies = codes.shape[1] // len(y)
    ranks = tensor_ranks(codes)
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
