"""The hot loop of ``kernels`` in plain tensor operations, for wherever the tensors are."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

_TENSOR_CHUNK = 1 << 18  # values in one chunk of the tensor version, so that its temporaries stay in the cache

Ends = Literal["keep", "wrap", "clip"]


def tensor_cut_codes(
    t: Tensor, cuts: Tensor, weights: Tensor, *, even: bool, ends: Ends
) -> tuple[Tensor, Tensor, Tensor]:
    """``cut_codes`` in tensor operations, a few hundred thousand values at a time, in buffers that are made once.

    Bin numbers, and even truth values, stand in t's own float type, where they are exact and quickest to make.
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
    low, per = spacing(cuts)
    last = cuts.shape[1]
    torch.sub(rows, low, out=k).mul_(per).round_().clamp_(0, last - 1).nan_to_num_(last - 1)
    places.copy_(k)
    if len(cuts) > 1:
        places += last * torch.arange(len(cuts), dtype=torch.int32, device=cuts.device)
    torch.index_select(cuts.flatten(), 0, places.flatten(), out=spare.view(-1))
    k.add_(1).sub_(spare.gt_(rows))


def _tensor_search(rows: Tensor, cuts: Tensor) -> Tensor:
    if len(cuts) == 1:
        return torch.bucketize(rows, cuts[0], right=True, out_int32=True)
    return torch.searchsorted(cuts, rows.T.contiguous(), right=True, out_int32=True).T


def spacing(cuts: Any) -> tuple[Any, Any]:
    """First cut and cuts per unit of value of evenly spaced cuts (numpy or torch)."""
    return cuts[:, 0], (cuts.shape[1] - 1) / (cuts[:, -1] - cuts[:, 0])
