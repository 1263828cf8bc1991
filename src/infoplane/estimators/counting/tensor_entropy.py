"""Codes -> counts -> entropies in tensor operations: sort, run lengths, sums of logarithms; no atomics, no transfer.

The same numbers, in nats, as the compiled version in ``entropy``, which has the formulas.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tensor_tabulate(
    codes: Tensor, y: Tensor, classes: int, x: Tensor, groups: int, *, correction: str = "none"
) -> Tensor:
    """What ``entropy.tabulate`` gives, on the device of the codes."""
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


def tensor_cell_sizes(codes: Tensor, other: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """What ``entropy.cell_sizes`` gives, on the device of the codes."""
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
