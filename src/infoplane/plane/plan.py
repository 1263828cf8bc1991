"""The shapes of two samples -> what a measurement takes: batch size, one pass or several, an error where too much.

Nothing is allocated before this is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.pieces import RowWise
from infoplane.family import Family
from infoplane.plane.gather import pieces_of
from infoplane.plane.passes import Model, Show, show
from infoplane.recording.inputs import Inputs
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.recording.pooling import Pool, pooled
from infoplane.recording.record import mask_of

KEPT_BYTES = 2**28  #: activations up to which they are kept for a while, instead of a second pass through the network
BATCH_BYTES = 2**24  #: activations of one layer, or of all copies of a family, that one batch may take
_SMALL = 2**22  # values, overestimated, up to which no look at the shapes is worth its time


@dataclass(frozen=True)
class Plan:
    """How a model is read: ``batch`` samples at a time.

    ``layers`` has the bytes of one sample's activations (in all copies), after pooling, where they were looked at.
    """

    batch: int
    members: int
    layers: dict[str, int] = field(default_factory=dict)

    def is_whole(self, samples: int, estimators: Sequence[Estimator], limit: float) -> bool:
        """Whether to keep all activations until they are prepared: where that is little, and saves a second pass."""
        each = [pieces_of(made, samples) for made in estimators]
        once = all(pieces is not None and pieces.passes == 1 for pieces in each)
        total = samples * sum(self.layers.values())
        return total <= min(KEPT_BYTES, limit) and (samples <= self.batch or not once)

    def check(self, samples: int, rows: tuple[int, int], estimators: Sequence[Estimator], limit: float) -> None:
        """An error where more must be kept than ``limit`` bytes, and a warning where it is much.

        ``samples`` go through the network and give ``rows[0]`` rows, of which ``rows[1]`` are for estimators that need
        activations.
        """
        needs: dict[str, int] = {}
        codes = sum(made.row_bytes for made in estimators if isinstance(made, RowWise) and made.pieces(rows[0]))
        left = [made for made in estimators if pieces_of(made, rows[0]) is None]
        counted = [made.name for made in left if isinstance(made, SymbolEstimator)]
        others = [made.name for made in left if not isinstance(made, SymbolEstimator)]
        share = rows[1] / rows[0]
        times = (1.0 if counted else 0.0) + (share if others and (share < 1 or not counted) else 0.0)
        for layer, size in self.layers.items():
            needs[layer] = rows[0] * self.members * codes + int(samples * times * size)
        total, names = sum(needs.values()), ", ".join([*counted, *others]) or "the symbols"
        if total > limit:
            most = sorted(needs.items(), key=lambda item: -item[1])
            listed = ", ".join(f"{layer} {shown_bytes(need)}" for layer, need in most)
            raise InputError(
                f"{names}: keeping what is needed of {len(needs)} layers and {samples} samples takes "
                f"{shown_bytes(total)}, more than max_activation_bytes={limit:g} ({listed}): {_ways(counted, others)}"
            )
        if left and total > KEPT_BYTES:
            warnings.warn(
                f"{names}: activations of {len(needs)} layers will take {shown_bytes(total)} of memory at every "
                f"measurement; {_ways(counted, others)}",
                stacklevel=2,
            )


def _ways(counted: Sequence[str], others: Sequence[str]) -> str:
    """What to type instead."""
    ways = ["select fewer layers (layers=)", "pool them (pool='mean')"]
    ways += ["let fewer samples do (subsample=2000)"] if others else []
    ways += ["take bins that need no sorting (bins=30, 'unit', 'fixed')"] if counted else []
    return ", ".join(ways) + ", or raise max_activation_bytes"


def plan(model: Model, inputs: Inputs, what: Show, pool: Pool, *, limit: float, copies: int) -> Plan:
    """Look at the shapes, where what is measured may be large; ``what.batch`` as asked for, or 0."""
    batch = what.batch
    if limit >= KEPT_BYTES and _is_small(model, inputs, copies):
        return Plan(batch or DEFAULT_BATCH, copies)
    layers, raw = _sizes(model, inputs, what, pool)
    if not batch:
        everything = _sizes(model, inputs, Show(None, None, 2), "flatten")[1] if what.layers is not None else raw
        largest = max(*raw.values(), *everything.values(), 1)
        if isinstance(model, Family):
            largest = sum(raw.values())  # all layers of all copies are there at once
        fits = max(BATCH_BYTES // largest, 1)
        batch = min(DEFAULT_BATCH, 1 << (fits.bit_length() - 1))
    return Plan(batch, copies, layers)


def _is_small(model: Model, inputs: Inputs, copies: int) -> bool:
    """Whether the largest layer that parameters could make of the inputs is small, for all samples."""
    values = sum(tensor.numel() for tensor in inputs.tensors)
    network = model if isinstance(model, nn.Module) else model[0] if isinstance(model, Sequence) else None
    shapes = [p.shape for p in network.parameters()] if network is not None else []
    if isinstance(model, Family):
        shapes = [tensor.shape[1:] for tensor in model.weights().values()]
    widest = max((shape[0] for shape in shapes if shape), default=1)
    return values * widest * copies <= _SMALL


def _sizes(model: Model, inputs: Inputs, what: Show, pool: Pool) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of one sample, in all copies, of every layer after pooling, and of every output."""
    few = inputs.rows(slice(2))
    layers: dict[str, int] = {}
    raw: dict[str, int] = {}

    def take(start: int, name: str, number: int, t: Tensor, lengths: Tensor | None) -> None:
        call = f"{name}#{number}" if number else name
        raw[call] = t.shape[0] * t[0, 0].numel() * t.element_size()
        for end, rows in pooled(name, t, pool, mask_of(few, t[0], lengths, start)):
            layers[call + end] = rows.numel() * rows.element_size() // len(few)

    draws = None if what.draws is None else torch.zeros(len(few), dtype=torch.int64)
    show(model, few, Show(what.layers, what.part, len(few), draws=draws), take)
    return layers, raw


def shown_bytes(size: float) -> str:
    """Bytes with a prefix: 1.5 GB."""
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {prefix}B"
    return f"{size:.0f} B"
