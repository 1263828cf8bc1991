"""The sums of ``ladder`` for a layer on a GPU: chunks of rows, by matrix products, with one transfer at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.distances.ladder import TINY, UNLIKELY, PairSums, reduced

_CHUNK_VALUES = 2**26  # pairs of one chunk: some ten arrays of 256 MB in float32


def device_pair_sums(
    t: Tensor, labels: np.ndarray, priors: np.ndarray, deviations: Sequence[float], *, seed: int, groups: np.ndarray
) -> PairSums:
    """As ``ladder.pair_sums``, with the same noise, where ``t`` is; every level has exponentials of its own."""
    n, levels, sets, device = len(t), len(deviations), len(labels), t.device
    rows = reduced(t, deviations)
    z = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(rows)
    classes = [torch.nn.functional.one_hot(torch.from_numpy(label).long()).to(rows) for label in labels]  # (n, classes)
    prior, group = torch.from_numpy(priors).to(rows), torch.from_numpy(groups).to(device)
    sums = torch.zeros((levels, 1 + sets, 2, n), dtype=torch.float64, device=device)
    moved = torch.zeros((levels, 2 + 3 * sets, n), dtype=torch.float64, device=device)
    variate = torch.zeros(n, dtype=torch.float64, device=device)
    squares, crossed = rows.square().sum(1), (z * rows).sum(1)
    size = max(min(_CHUNK_VALUES // n, n), 1)
    for start in range(0, n, size):
        here = slice(start, min(start + size, n))
        d = (squares[here, None] + squares - 2 * rows[here] @ rows.T).clamp_(min=0)  # (rows of the chunk, samples)
        crossing = z[here] @ rows.T
        variate[here] = (crossing.square().mean(1) - squares.mean()).double()
        c = crossed[here, None] - crossing
        apart = group[here, None] != group
        for level, scale in enumerate(deviations):
            near = torch.where(apart, -d / (2 * scale**2), -torch.inf)
            w, other = (torch.exp(near - sign * c / scale) for sign in (1, -1))
            total = w.sum(1).clamp(min=TINY)
            sums[level, 0, 0, here], sums[level, 0, 1, here] = w.sum(1), other.sum(1)
            moved[level, 0] += (1 / (1 + total)) @ w
            moved[level, 1] += (1 / total) @ w
            for k, of_class in enumerate(classes):
                own, own_other = ((each @ of_class * of_class[here]).sum(1) for each in (w, other))
                sums[level, 1 + k, 0, here], sums[level, 1 + k, 1, here] = own, own_other
                q = (1 - UNLIKELY) * own / total + UNLIKELY * prior[k, here]
                of_own = (1 - UNLIKELY) / (total * q)
                for at, weight in enumerate((1 / (1 + own), 1 / own.clamp(min=TINY), of_own)):
                    by_class = (of_class[here] * weight[:, None]).T @ w  # (classes, samples)
                    moved[level, 2 + 3 * k + at] += (by_class * of_class.T).sum(0)
                moved[level, 4 + 3 * k] -= (of_own * own / total) @ w
    return PairSums(sums.cpu().numpy(), moved.cpu().numpy(), variate.cpu().numpy())
