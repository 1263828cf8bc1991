"""The hot loop: values -> bin numbers -> one 64-bit code per row.

It stands twice: compiled for arrays in main memory, and as plain tensor operations (``tensor_...``) for wherever else
the tensors are. Both give the same whole numbers. Pure functions.

A row of bin numbers k_j becomes the code sum(weight_j * k_j) mod 2^64. With positional weights (1, b, b^2, ...) it is
unique; with random odd weights two different rows of bin numbers below b meet with probability at most
2^-(63 - log2 b), that is 2^-57 for 64 bins.
"""

from __future__ import annotations

from typing import Any, Literal

import numba
import numpy as np
import torch
from torch import Tensor

_TENSOR_CHUNK = 1 << 17  # values in one chunk of the tensor version, so that its temporaries stay in the cache
_CAREFUL_RUN = 16  # rows taken the careful way after one that needed it
_ENDS = ("keep", "wrap", "clip")
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # splitmix64 (Steele, Lea, Flood 2014)


def signed(number: int) -> int:
    """A 64-bit pattern as the int64 with the same bits."""
    return number - (1 << 64) if number >= 1 << 63 else number


# ---------------------------------------------------------------- values -> codes


Ends = Literal["keep", "wrap", "clip"]


def cut_codes(
    t: Tensor, cuts: Tensor, weights: Tensor, *, even: bool, ends: Ends
) -> tuple[Tensor, Tensor, int | Tensor]:
    """Codes of rows; the bin number of a value is how many cuts are at or below it.

    ``t`` (samples, units); ``cuts`` (1 or units, cuts) ascending, of t's type; ``even`` says that they are evenly
    spaced; ``weights`` (units,) int64. ``ends`` says what becomes of values below the first cut and at or above the
    last one: ``"keep"`` leaves them bins of their own, ``"wrap"`` gives the lower ones the upper ones' number,
    ``"clip"`` gives them the number of the bin next to them.
    Returns codes (samples,) int64; whether each row holds NaN or infinity (samples,) bool; how many values lie below
    the first cut or above the last one (a () int64 tensor on a GPU).
    """
    if t.device.type != "cpu":
        return tensor_cut_codes(t, cuts, weights, even=even, ends=ends)
    codes = np.empty(t.shape[0], np.int64)
    bad = np.zeros(t.shape[0], np.bool_)
    mode = _ENDS.index(ends)
    values, edges, signs = t.numpy(), cuts.numpy(), weights.numpy().view(np.uint64)
    if even:
        units = t.shape[1]
        low, per = (np.ascontiguousarray(np.broadcast_to(a, units)) for a in _spacing(edges))
        outside = _even_codes(values, edges, low, per, signs, mode, codes, bad)
    else:
        outside = _searched_codes(values, edges, signs, mode, codes, bad)
    return torch.from_numpy(codes), torch.from_numpy(bad), int(outside)


def _spacing(cuts: Any) -> tuple[Any, Any]:
    """First cut and cuts per unit of value of evenly spaced cuts (numpy or torch)."""
    return cuts[:, 0], (cuts.shape[1] - 1) / (cuts[:, -1] - cuts[:, 0])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _quick_row(row, low, per, weights, limit, margin):  # type: ignore[no-untyped-def]
    """Code of a row by guess alone, and how many guesses lie too near an edge or outside to be certain."""
    half = limit * row.dtype.type(0.5)
    total, doubts = np.uint64(0), np.int64(0)
    for j in range(row.shape[0]):
        guess = (row[j] - low[j]) * per[j]
        k = np.int32(guess)
        certain = (abs(guess - row.dtype.type(k) - row.dtype.type(0.5)) < margin) & (abs(guess - half) < half)
        doubts += np.int64(not certain)  # NaN makes both comparisons false
        total += weights[j] * np.uint64(np.int64(k) + 1)
    return total, doubts


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _careful_row(row, cuts, low, per, weights, mode):  # type: ignore[no-untyped-def]
    """Code of a row with each value held against its nearest cut; values outside; values not finite."""
    last = np.int32(cuts.shape[1])
    top = row.dtype.type(last - 1)
    total, outside, bad = np.uint64(0), np.int64(0), np.int64(0)
    shared, wrap = cuts.shape[0] == 1, mode == 1
    first, final = (np.int32(1), last - np.int32(1)) if mode == 2 else (np.int32(0), last)
    for j in range(row.shape[0]):
        value = row[j]
        near = min(max((value - low[j]) * per[j] + row.dtype.type(0.5), row.dtype.type(0)), top)
        r = min(max(np.int32(near), np.int32(0)), last - np.int32(1))  # NaN converts to a huge negative number
        u = 0 if shared else j
        k = r + np.int32(value >= cuts[u, r])
        outside += np.int64((value < cuts[u, 0]) | (value > cuts[u, last - 1]))
        bad += np.int64(not (abs(value) < np.inf))
        k = last if wrap & ((k == 0) | (value != value)) else k
        k = min(max(k, first), final)
        total += weights[j] * np.uint64(np.int64(k))
    return total, outside, bad


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _even_codes(t, cuts, low, per, weights, mode, codes, bad):  # type: ignore[no-untyped-def]
    last = cuts.shape[1]
    margin = t.dtype.type(max(0.5 - 5e-7 * (last + 2), 0.0))
    limit = t.dtype.type(last - 1)
    outside, careful, many = np.int64(0), 0, t.shape[1] // 8
    for i in range(t.shape[0]):
        row = t[i]
        total, doubts = np.uint64(0), np.int64(1)
        if careful == 0:
            total, doubts = _quick_row(row, low, per, weights, limit, margin)
        else:
            careful -= 1
        if doubts > 0:
            total, out, wrong = _careful_row(row, cuts, low, per, weights, mode)
            outside += out
            bad[i] = wrong > 0
            if doubts > many and careful == 0:
                careful = _CAREFUL_RUN
        codes[i] = np.int64(total)
    return outside


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _searched_codes(t, cuts, weights, mode, codes, bad):  # type: ignore[no-untyped-def]
    last = cuts.shape[1]
    outside = np.int64(0)
    for i in range(t.shape[0]):
        total = np.uint64(0)
        for j in range(t.shape[1]):
            value = t[i, j]
            row = cuts[0 if cuts.shape[0] == 1 else j]
            k = np.searchsorted(row, value, side="right")
            outside += np.int64((value < row[0]) | (value > row[last - 1]))
            if not (abs(value) < np.inf):
                bad[i] = True
            if mode == 1 and (k == 0 or value != value):
                k = last
            elif mode == 2:
                k = min(max(k, 1), last - 1)
            total += weights[j] * np.uint64(np.int64(k))
        codes[i] = np.int64(total)
    return outside


def tensor_cut_codes(
    t: Tensor, cuts: Tensor, weights: Tensor, *, even: bool, ends: Ends
) -> tuple[Tensor, Tensor, Tensor]:
    """``cut_codes`` in tensor operations, a few thousand rows at a time."""
    last, units = cuts.shape[1], max(t.shape[1], 1)
    outside = torch.zeros((), dtype=torch.int64, device=t.device)
    codes, bad = [], []
    for rows in t.split(max(_TENSOR_CHUNK // units, 1)) if len(t) else [t]:
        k = _tensor_even(rows, cuts) if even else _tensor_search(rows, cuts)
        outside += ((rows < cuts[:, 0]) | (rows > cuts[:, -1])).sum()
        if ends == "wrap":
            k = k.masked_fill_((k == 0) | rows.isnan(), last)
        elif ends == "clip":
            k = k.clamp_(1, last - 1)
        codes.append(k.to(torch.int64).mul_(weights).sum(-1))
        bad.append(~rows.isfinite().all(-1))
    return torch.cat(codes), torch.cat(bad), outside


def _tensor_even(rows: Tensor, cuts: Tensor) -> Tensor:
    low, per = _spacing(cuts)
    near = ((rows - low) * per).add_(0.5).clamp_(0, cuts.shape[1] - 1).nan_to_num_(0.0).to(torch.int32)
    at = cuts[0][near] if len(cuts) == 1 else cuts.T.gather(0, near.to(torch.int64))
    return near.add_(rows >= at)


def _tensor_search(rows: Tensor, cuts: Tensor) -> Tensor:
    if len(cuts) == 1:
        return torch.bucketize(rows, cuts[0], right=True, out_int32=True)
    return torch.searchsorted(cuts, rows.T.contiguous(), right=True, out_int32=True).T.contiguous()


# ---------------------------------------------------------------- whole numbers -> codes


def word_codes(words: Tensor, weights: Tensor, *, mix: bool) -> Tensor:
    """Codes of rows of int64 numbers, sum(weight_j * f(word_j)); f scrambles the bits first where ``mix`` is set.

    ``words`` (samples, units) int64, ``weights`` (units,) int64 -> (samples,) int64.
    """
    units = max(words.shape[1], 1)
    chunks = words.split(max(_TENSOR_CHUNK // units, 1)) if len(words) else [words]
    return torch.cat([(scramble(chunk) if mix else chunk).mul(weights).sum(-1) for chunk in chunks])


def scramble(words: Tensor) -> Tensor:
    """A bijection of the int64 numbers whose low bits depend on all bits (splitmix64)."""
    z = words + signed(_MIX[0])
    z = (z ^ _shift(z, 30)) * signed(_MIX[1])
    z = (z ^ _shift(z, 27)) * signed(_MIX[2])
    return z ^ _shift(z, 31)


def _shift(words: Tensor, by: int) -> Tensor:
    """Shift to the right with zeros coming in."""
    return (words >> by) & ((1 << (64 - by)) - 1)
