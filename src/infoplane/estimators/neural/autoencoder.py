"""A small autoencoder: standardised columns -> a few numbers from which they can be rebuilt.

Two layers with tanh in between on each side, trained by Adam on the squared error. Deterministic given its seed: it
draws from a generator of its own.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from infoplane.estimators.distances.canonical import Standard

HIDDEN = 32
STEPS = 1000
BATCH = 256
CHUNK = 4096  # samples encoded at a time
RATE = 3e-3  # at first; it falls to 0 along a cosine


def autoencode(t: Standard, dimensions: int, seed: int) -> tuple[Tensor, float]:
    """Codes (samples, dimensions) float64, and the share of the variance that the rebuilt columns lack."""
    generator = torch.Generator().manual_seed(seed)
    widths = (t.columns.count, HIDDEN, dimensions, HIDDEN, t.columns.count)
    device = t.mean.device
    with torch.enable_grad():
        weights = [_weight(a, b, generator).to(device).requires_grad_() for a, b in itertools.pairwise(widths)]
        shifts = [torch.zeros(b, device=device, requires_grad=True) for b in widths[1:]]
        optimiser = torch.optim.Adam([*weights, *shifts], lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        for _ in range(STEPS):
            # drawn in main memory: the same samples on every device
            picked = torch.randint(t.n, (min(BATCH, t.n),), generator=generator).to(device)
            rows = ((t.columns.values[picked] - t.mean) / t.scale).to(torch.float32)
            optimiser.zero_grad()
            (_decode(_encode(rows, weights, shifts), weights, shifts) - rows).square().mean().backward()
            optimiser.step()
            schedule.step()
    codes, lost = [], 0.0
    with torch.no_grad():
        for start in range(0, t.n, CHUNK):
            rows = t.rows(start, start + CHUNK).to(torch.float32)
            codes.append(_encode(rows, weights, shifts))
            lost += float((_decode(codes[-1], weights, shifts) - rows).to(torch.float64).square().sum())
    return torch.cat(codes).to(torch.float64), lost / (t.n * t.columns.count)  # columns have variance 1


def _weight(inputs: int, outputs: int, generator: torch.Generator) -> Tensor:
    return torch.randn(inputs, outputs, generator=generator) / math.sqrt(inputs)


def _encode(rows: Tensor, weights: list[Tensor], shifts: list[Tensor]) -> Tensor:
    return torch.tanh(rows @ weights[0] + shifts[0]) @ weights[1] + shifts[1]


def _decode(codes: Tensor, weights: list[Tensor], shifts: list[Tensor]) -> Tensor:
    return torch.tanh(codes @ weights[2] + shifts[2]) @ weights[3] + shifts[3]
