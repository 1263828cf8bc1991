"""The hot loop: values -> bin numbers -> one 64-bit code per row.

It stands twice: compiled for arrays in main memory, and as plain tensor operations for wherever else the tensors are.
Both give the same whole numbers. Pure functions.

A row of bin numbers k_j becomes the code sum(weight_j * k_j) mod 2^64. With positional weights (1, b, b^2, ...) it is
unique; with random odd weights two different rows of bin numbers below b meet with probability at most
2^-(63 - log2 b), that is 2^-57 for 64 bins: where they differ by 2^s times an odd number in some unit, 63 - s random
bits of its weight matter, and only one of their patterns makes the codes equal; s is below log2 b.

Cutting is what costs, not hashing. Where cuts are evenly spaced, the bin number is guessed as k = int((t - first cut) *
cuts per unit of value), which no rounding can spoil while the guess's fraction keeps away from 0 and 1 by more than its
error. Such a loop has no branch and runs at the speed of memory; it counts the guesses that are in doubt, and only
where there are any are the values held against the cuts themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled

Ends = Literal["keep", "wrap", "clip"]

_NARROW = 64  # units below which a row is too short to be worth a loop of its own
_BLOCK = 256  # samples of one unit taken at a time: they, their bin numbers and their codes stay in the first cache
_CAREFUL_RUN = 16  # rows taken the careful way after one that needed it: saturated units come in every row
_GUESS_ERROR = 5e-7  # beside a guess's size: four times what a difference and a product in float32 round, 6e-8 each
_TENSOR_CHUNK = 1 << 18  # values in one chunk of the tensor version, so that its temporaries stay in the cache
_ENDS = ("keep", "wrap", "clip")


def cut_codes(
    t: Tensor, cuts: Tensor, weights: Tensor, *, even: bool, ends: Ends
) -> tuple[Tensor, Tensor, int | Tensor]:
    """Codes of rows; the bin number of a value is how many cuts are at or below it (for NaN: all of them).

    ``t`` (samples, units) or (members, samples, units); ``cuts`` (1 or units, cuts) ascending, of t's type; ``even``
    says that they are evenly spaced; ``weights`` (units,) int64. ``ends`` says what becomes of values below the first
    cut and at or above the last one: ``"keep"`` leaves them bins of their own, ``"wrap"`` gives the lower ones the
    upper ones' number, ``"clip"`` gives them the number of the bin next to them.
    Returns codes (..., samples) int64; whether each row holds NaN or infinity (..., samples) bool; how many values lie
    below the first cut or above the last one (a () int64 tensor on a GPU).
    """
    if t.device.type != "cpu":
        codes, bad, outside = tensor_cut_codes(t.flatten(0, -2), cuts, weights, even=even, ends=ends)
        return codes.view(t.shape[:-1]), bad.view(t.shape[:-1]), outside
    return _compiled_codes(t, cuts, weights, even, ends)


def _compiled_codes(t: Tensor, cuts: Tensor, weights: Tensor, even: bool, ends: Ends) -> tuple[Tensor, Tensor, int]:
    shape = t.shape[:-1]
    t = t[None] if t.ndim == 2 else t
    members, samples, units = t.shape
    codes, bad = np.empty((members, samples), np.int64), np.zeros((members, samples), np.bool_)
    edges, signs, mode = cuts.numpy(), weights.numpy().view(np.uint64), _ENDS.index(ends)
    if not even:
        outside = _searched_codes(t.numpy(), edges, signs, mode, codes, bad)
    else:
        low, per = spacing(edges)  # (1 or units,) each
        if len(edges) == 1:
            low, per = np.full(units, low[0]), np.full(units, per[0])
        if units < _NARROW or t.stride(1) == 1:
            columns, step = _columns(t)
            groups, facts = np.zeros(units, np.int64), np.zeros((1, 2), np.int64)
            _even_columns(columns.numpy(), step, groups, edges, low, per, signs, mode, codes[None], bad[None], facts)
            outside = facts[0, 0]
        else:
            outside = _even_rows(t.contiguous().numpy(), edges, low, per, signs, mode, codes, bad)
    return torch.from_numpy(codes.reshape(shape)), torch.from_numpy(bad.reshape(shape)), int(outside)


def narrow_codes(
    layers: Sequence[Tensor], cuts: Tensor, weights: Sequence[Tensor], *, ends: Ends
) -> tuple[Tensor, Tensor, list[list[int]]]:
    """``cut_codes`` of several narrow layers in one call, in main memory, with the same evenly spaced cuts.

    ``layers`` each (members, samples, units), ``cuts`` (1, cuts). Returns codes (layers, members, samples), rows not
    finite, alike, and for each layer how many values lie outside and how many units are constant.
    """
    members, samples, _ = layers[0].shape
    widths = [t.shape[2] for t in layers]
    columns = torch.cat([t.transpose(1, 2) for t in layers], dim=1)
    units = columns.shape[1]
    codes = np.empty((len(layers), members, samples), np.int64)
    bad = np.zeros(codes.shape, np.bool_)
    facts = np.zeros((len(layers), 2), np.int64)
    low, per = spacing(cuts.numpy())
    _even_columns(
        columns.view(members * units, samples).numpy(),
        units,
        np.repeat(np.arange(len(layers)), widths),
        cuts.numpy(),
        np.full(units, low[0]),
        np.full(units, per[0]),
        torch.cat(list(weights)).numpy().view(np.uint64),
        _ENDS.index(ends),
        codes,
        bad,
        facts,
    )
    return torch.from_numpy(codes), torch.from_numpy(bad), facts.tolist()


def spacing(cuts: Any) -> tuple[Any, Any]:
    """First cut and cuts per unit of value of evenly spaced cuts (numpy or torch)."""
    return cuts[:, 0], (cuts.shape[1] - 1) / (cuts[:, -1] - cuts[:, 0])


def _columns(t: Tensor) -> tuple[Tensor, int]:
    """``t`` (members, samples, units) as contiguous (columns, samples); unit j of member m is column m * step + j."""
    members, samples, units = t.shape
    if t.stride(1) != 1 or t.stride(2) != samples or t.stride(0) % samples or members * samples * units == 0:
        return t.transpose(1, 2).reshape(members * units, samples).contiguous(), units
    step = t.stride(0) // samples
    return t.as_strided(((members - 1) * step + units, samples), (samples, 1)), step


# ---------------------------------------------------------------- compiled, for main memory


@compiled(nogil=True, error_model="numpy")
def _unevenness(cuts, low, per):  # type: ignore[no-untyped-def]
    """The largest distance of a cut from where even spacing would have it, in bins."""
    largest = 0.0
    for u in range(cuts.shape[0]):
        for c in range(cuts.shape[1]):
            place = (np.float64(cuts[u, c]) - np.float64(low[u])) * np.float64(per[u])
            largest = max(largest, abs(place - c))
    return largest


@compiled(nogil=True, error_model="numpy")
def _quick_row(row, low, per, weights, limit, margin):  # type: ignore[no-untyped-def]
    """Code of a row by guess alone, and how many guesses lie too near an edge or outside to be certain."""
    half = limit * row.dtype.type(0.5)
    total, doubts = np.uint64(0), np.int64(0)
    for j in range(row.shape[0]):
        guess = (row[j] - low[j]) * per[j]
        k = np.int32(guess)
        # near the middle of a bin, and between the first and the last cut; "&", not "and", which would be a branch
        certain = (abs(guess - row.dtype.type(k) - row.dtype.type(0.5)) < margin) & (abs(guess - half) < half)
        doubts += np.int64(not certain)  # NaN makes both comparisons false
        total += weights[j] * np.uint64(np.int64(k) + 1)
    return total, doubts


@compiled(nogil=True, error_model="numpy")
def _careful_row(row, cuts, last, low, high, per, weights, mode):  # type: ignore[no-untyped-def]
    """Code of a row with each value held against its nearest cut; values outside; values not finite.

    ``cuts`` holds the ``last`` cuts of all units, or of each, one after the other.
    """
    real, step = row.dtype.type, np.int32(0 if len(cuts) == last else last)
    zero, top = real(0), real(last - 1)
    below, final = last if mode == 1 else np.int32(mode == 2), last - np.int32(mode == 2)
    total, outside, bad = np.uint64(0), np.int32(0), np.int32(0)
    for j in range(row.shape[0]):
        value = row[j]
        # cuts may be bent by less than half a bin: the nearest one by the guess is then next to the value, and one
        # comparison with it decides
        near = (value - low[j]) * per[j] + real(0.5)
        near = near if near > zero else zero  # zero for NaN too
        r = np.int32(near if near < top else top)
        k = r + np.int32(value >= cuts[np.int32(j) * step + r])
        outside += np.int32(value < low[j]) + np.int32(value > high[j])
        bad += np.int32(not (abs(value) < np.inf))
        k = below if k == 0 else min(k, final)
        k = final if value != value else k  # NaN lies above all cuts
        total += weights[j] * np.uint64(np.int64(k))
    return total, outside, bad


@compiled(nogil=True, error_model="numpy")
def _even_rows(t, cuts, low, per, weights, mode, codes, bad):  # type: ignore[no-untyped-def]
    """Wide layers, (members, samples, units): a row at a time, carefully where its guesses are not certain."""
    last, flat = np.int32(cuts.shape[1]), cuts.reshape(-1)
    # half a bin, less a guess's error
    margin = t.dtype.type(0.5 - _GUESS_ERROR * (last + 2) - _unevenness(cuts, low, per))
    limit = t.dtype.type(last - 1)
    high = np.empty_like(low)
    high[:] = cuts[:, last - 1]
    outside, careful, many = np.int64(0), 0, t.shape[2] // 8
    for m in range(t.shape[0]):
        for i in range(t.shape[1]):
            row = t[m, i]
            total, doubts = np.uint64(0), np.int64(1)
            if careful == 0:
                total, doubts = _quick_row(row, low, per, weights, limit, margin)
            else:
                careful -= 1
            if doubts > 0:
                total, out, wrong = _careful_row(row, flat, last, low, high, per, weights, mode)
                outside += out
                bad[m, i] = wrong > 0
                if doubts > many and careful == 0:
                    careful = _CAREFUL_RUN
            codes[m, i] = np.int64(total)
    return outside


@compiled(nogil=True, error_model="numpy")
def _careful_block(block, cuts, per, mode, part):  # type: ignore[no-untyped-def]
    """Fill ``part`` with the bin numbers of one unit, as ``_careful_row`` finds them; values outside; not finite.

    The same lines once more: one cut's row and one scale instead of a unit's own let this loop run in vectors.
    """
    last, real = np.int32(len(cuts)), block.dtype.type
    low, high, zero, top = cuts[0], cuts[last - 1], real(0), real(last - 1)
    below, final = last if mode == 1 else np.int32(mode == 2), last - np.int32(mode == 2)
    outside, bad = np.int32(0), np.int32(0)
    for i in range(len(block)):
        value = block[i]
        near = (value - low) * per + real(0.5)
        near = near if near > zero else zero
        r = np.int32(near if near < top else top)
        k = r + np.int32(value >= cuts[r])
        outside += np.int32(value < low) + np.int32(value > high)
        bad += np.int32(not (abs(value) < np.inf))
        k = below if k == 0 else min(k, final)
        part[i] = final if value != value else k
    return outside, bad


@compiled(nogil=True, error_model="numpy")
def _even_columns(columns, step, groups, cuts, low, per, weights, mode, codes, bad, facts):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Narrow layers, samples beside each other: a block of one unit's samples at a time.

    Unit j belongs to layer ``groups[j]`` of ``codes`` (layers, members, samples); ``facts`` (layers, 2) counts values
    outside and constant units.
    """
    last, real = cuts.shape[1], columns.dtype.type
    margin = real(0.5 - _GUESS_ERROR * (last + 2) - _unevenness(cuts, low, per))  # as in ``_even_rows``
    half = real(last - 1) * real(0.5)
    codes[:] = 0
    part = np.empty(_BLOCK, np.int32)
    for j in range(len(weights)):
        weight, start, scale, layer = np.int64(weights[j]), low[j], per[j], groups[j]
        edges = cuts[0 if cuts.shape[0] == 1 else j]
        constant = True
        for m in range(codes.shape[1]):
            column = columns[m * step + j]
            for begin in range(0, len(column), _BLOCK):
                block = column[begin : begin + _BLOCK]
                target = codes[layer, m, begin : begin + _BLOCK]
                doubts = np.int32(0)
                for i in range(len(block)):
                    guess = (block[i] - start) * scale
                    k = np.int32(guess)
                    certain = (abs(guess - real(k) - real(0.5)) < margin) & (abs(guess - half) < half)
                    doubts += np.int32(not certain)
                    part[i] = k + np.int32(1)
                if doubts > 0:
                    out, wrong = _careful_block(block, edges, scale, mode, part)
                    facts[layer, 0] += out
                    if wrong > 0:
                        bad[layer, m, begin : begin + _BLOCK] |= ~np.isfinite(block)
                for i in range(len(block)):
                    target[i] += np.int64(part[i]) * weight
            i = 0  # a unit that varies mostly does so in its first two samples, so this ends at once
            while constant and i < len(column):
                constant = column[i] == columns[j, 0]
                i += 1
        facts[layer, 1] += constant


@compiled(nogil=True, error_model="numpy")
def _searched_codes(t, cuts, weights, mode, codes, bad):  # type: ignore[no-untyped-def]
    """Uneven cuts, (members, samples, units): binary search for every value."""
    last = cuts.shape[1]
    outside = np.int64(0)
    for m in range(t.shape[0]):
        for i in range(t.shape[1]):
            total = np.uint64(0)
            for j in range(t.shape[2]):
                value = t[m, i, j]
                row = cuts[0 if cuts.shape[0] == 1 else j]
                k = np.searchsorted(row, value, side="right") if value == value else last  # old numba: 0 for NaN
                outside += np.int64((value < row[0]) | (value > row[last - 1]))
                if not (abs(value) < np.inf):
                    bad[m, i] = True
                if mode == 1 and k == 0:
                    k = last
                elif mode == 2:
                    k = min(max(k, 1), last - 1)
                total += weights[j] * np.uint64(np.int64(k))
            codes[m, i] = np.int64(total)
    return outside


# ---------------------------------------------------------------- as tensors, for any device


def tensor_cut_codes(
    t: Tensor, cuts: Tensor, weights: Tensor, *, even: bool, ends: Ends
) -> tuple[Tensor, Tensor, Tensor]:
    """``cut_codes`` in tensor operations, a few hundred thousand values at a time, in buffers that are made once.

    Bin numbers, and even truth values, stand in t's own float type, where they are exact and quickest to make, and
    can be written over what is no longer needed.
    """
    last, units = cuts.shape[1], max(t.shape[1], 1)
    outside = torch.zeros((), dtype=torch.int64, device=t.device)
    codes, bad = [], []
    pieces = t.split(max(_TENSOR_CHUNK // units, 1)) if len(t) else [t]
    kinds = (t.dtype, t.dtype, torch.int32, torch.int64)
    buffers = [torch.empty(pieces[0].shape, dtype=kind, device=t.device) for kind in kinds]
    for rows in pieces:
        k, spare, whole, wide = (buffer[: len(rows)] for buffer in buffers)
        if even:
            _tensor_even(rows, cuts, k, spare, whole)
        else:
            k.copy_(_tensor_search(rows, cuts))
        outside += torch.lt(rows, cuts[:, 0], out=spare).sum().to(torch.int64)
        outside += torch.gt(rows, cuts[:, -1], out=spare).sum().to(torch.int64)
        if ends == "wrap":
            k.add_(torch.eq(k, 0, out=spare), alpha=last)
        elif ends == "clip":
            k.clamp_(1, last - 1)
        bad.append(torch.mul(rows, 0, out=spare).sum(-1) != 0)  # 0 * NaN and 0 * inf are NaN
        codes.append(wide.copy_(whole.copy_(k)).mul_(weights).sum(-1))
    return torch.cat(codes), torch.cat(bad), outside


def _tensor_even(rows: Tensor, cuts: Tensor, k: Tensor, spare: Tensor, places: Tensor) -> None:
    """Fill ``k`` with bin numbers: each value is held against its nearest cut."""
    low, per = spacing(cuts)  # (1 or units,) each
    last = cuts.shape[1]
    torch.sub(rows, low, out=k).mul_(per).round_().clamp_(0, last - 1).nan_to_num_(last - 1)
    places.copy_(k)
    if len(cuts) > 1:
        places += last * torch.arange(len(cuts), dtype=torch.int32, device=cuts.device)
    torch.index_select(cuts.flatten(), 0, places.flatten(), out=spare.view(-1))
    k.add_(1).sub_(spare.gt_(rows))  # one less where the nearest cut lies above the value


def _tensor_search(rows: Tensor, cuts: Tensor) -> Tensor:
    if len(cuts) == 1:
        return torch.bucketize(rows, cuts[0], right=True, out_int32=True)
    return torch.searchsorted(cuts, rows.T.contiguous(), right=True, out_int32=True).T
