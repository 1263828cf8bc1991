"""The report's procedure, slow and readable: what infoplane's numbers are tested and timed against.

    every sample alone through the network -> float32 bin edges -> one symbol per row -> counted shares -> bits

With ``edges`` e_0 < ... < e_m a value becomes ``edges[digitize(value) - 1]``: the edge below it. A value under e_0 has
index -1, which is the last edge, so that it meets the values at or above e_m; NaN does too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

Array = np.ndarray


@torch.no_grad()
def layers_of_one(network: nn.Sequential, row: Array, recorded: Sequence[int]) -> list[Array]:
    """The outputs of the modules numbered ``recorded`` for a single sample ``row``, each (units,)."""
    activation = torch.from_numpy(row[None]).to(next(network.parameters()).dtype)
    outputs = []
    for number, module in enumerate(network):
        activation = module(activation)
        if number in recorded:
            outputs.append(activation.numpy().ravel())
    return outputs


def layers_of_all(
    copies: Sequence[nn.Sequential], x: Array, recorded: Sequence[int], draws: Sequence[int] | None = None
) -> list[Array]:
    """Every sample alone through one copy: number ``draws[i]`` for sample i, else the first. (samples, units) each."""
    which = [0] * len(x) if draws is None else draws
    per_sample = [layers_of_one(copies[copy], row, recorded) for copy, row in zip(which, x, strict=True)]
    return [np.stack(outputs) for outputs in zip(*per_sample, strict=True)]


def digitised(t: Array, edges: Array) -> Array:
    """Each value replaced by the edge below it; the edges in float32, the values as they are."""
    short = np.asarray(edges, dtype=np.float32)
    return short[np.digitize(t, short) - 1]


def row_symbols(rows: Array) -> Array:
    """One comparable symbol per row, its bytes."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    return flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()


def entropy(symbols: Array) -> float:
    """In bits, of the shares of equal symbols."""
    _, counts = np.unique(symbols, return_counts=True)
    shares = counts / len(symbols)
    return float(-np.sum(shares * np.log2(shares)))


def entropy_given(symbols: Array, condition: Array) -> float:
    """H(symbols | condition) in bits: one entropy for each value of the condition, weighted by its share."""
    values, which, counts = np.unique(condition, return_inverse=True, return_counts=True)
    return sum(counts[v] / len(symbols) * entropy(symbols[which == v]) for v in range(len(values)))


def layer_information(t: Array, x: Array, y: Array, edges: Array) -> tuple[float, float]:
    """I(X;T) and I(T;Y) in bits of one layer's activations ``t`` (samples, units), inputs ``x`` and labels ``y``."""
    symbols = row_symbols(digitised(t, edges))
    h_t = entropy(symbols)
    return h_t - entropy_given(symbols, row_symbols(x)), h_t - entropy_given(symbols, row_symbols(y))


def report_information(
    copies: Sequence[nn.Sequential],
    x: Array,
    y: Array,
    edges: Array,
    *,
    recorded: Sequence[int],
    draws: Sequence[int] | None = None,
) -> list[tuple[float, float]]:
    """I(X;T) and I(T;Y) in bits of every recorded layer: one step's whole measurement."""
    return [layer_information(t, x, y, edges) for t in layers_of_all(copies, x, recorded, draws)]
