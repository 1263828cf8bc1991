"""The shapes of two samples -> what a measurement takes: batch size, one pass or several, an error where too much.

Nothing is allocated before this is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.pieces import RowWise
from infoplane.family import Family
from infoplane.plane.gather import Collector, InPieces, Whole, pieces_of
from infoplane.plane.passes import Key, Pass, names_of, read
from infoplane.recording.placement import DEFAULT_BATCH, need_shapes

KEPT_BYTES = 2**28  #: activations up to which they are kept for a while, instead of a second pass through the network
BATCH_BYTES = 2**24  #: activations of one layer, or of all copies of a family, that one batch may take
_SMALL = 2**22  # values, overestimated, up to which no look at the shapes is worth its time


@final
@dataclass(frozen=True)
class ReadingPlan:
    """How a model is read: ``batch`` samples at a time.

    ``layers`` has the bytes of one sample's activations (in all copies), after pooling, where they were looked at.
    """

    batch: int
    members: int
    layers: dict[str, int] = field(default_factory=dict)

    def is_whole(self, samples: int, estimators: Sequence[Estimator], limit: float) -> bool:
        """Whether to keep all activations until they are prepared: where that is little, and saves a second pass."""
        each = [pieces_of(estimator, samples) for estimator in estimators]
        once = all(pieces is not None and pieces.passes == 1 for pieces in each)
        total = samples * sum(self.layers.values())
        return total <= min(KEPT_BYTES, limit) and (samples <= self.batch or not once)

    def check(self, samples: int, rows: tuple[int, int], estimators: Sequence[Estimator], limit: float) -> None:
        """Warns where much must be kept.

        ``samples`` go through the network and give ``rows[0]`` rows, of which ``rows[1]`` are for estimators that need
        activations.

        Raises:
            InputError: more than ``limit`` bytes must be kept.
        """
        needs: dict[str, int] = {}
        row_wise = [estimator for estimator in estimators if isinstance(estimator, RowWise)]
        codes = sum(estimator.row_bytes for estimator in row_wise if estimator.pieces(rows[0]))
        left = [estimator for estimator in estimators if pieces_of(estimator, rows[0]) is None]
        counted = [estimator.name for estimator in left if isinstance(estimator, SymbolEstimator)]
        others = [estimator.name for estimator in left if not isinstance(estimator, SymbolEstimator)]
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


@final
@dataclass(frozen=True)
class Way:
    """How one split is read at every step: so many samples at a time, and what is kept of them.

    ``whole``: everything, until it was prepared; ``lasting``: outputs stay as they are until then, so that no copy is
    needed. ``samples`` rows come, of which those numbered in ``rows`` are for estimators that need activations.
    """

    batch: int
    whole: bool
    lasting: bool
    estimators: Sequence[Estimator]
    samples: int
    rows: Tensor | None

    def collector(self) -> Collector:
        """A new one for each measurement."""
        if self.whole:
            return Whole(self.estimators, self.samples, self.rows, lasting=self.lasting)
        return InPieces(self.estimators, self.samples, self.rows)


def plan(reading: Pass, *, limit: float, copies: int, batch: int | None) -> ReadingPlan:
    """Look at the shapes, where what is measured may be large; ``batch`` as asked for, or None."""
    if limit >= KEPT_BYTES and _is_small(reading, copies):
        return ReadingPlan(batch or DEFAULT_BATCH, copies)
    # who asks for all samples at once may have samples that need each other
    few = reading.of_first(len(reading.inputs) if batch and batch >= len(reading.inputs) else 2)
    layers, outputs = _sizes(few)
    if not batch:
        everything = outputs
        if reading.layers is not None:  # what is not selected is computed all the same
            everything = _sizes(replace(few, layers=None, part=None, pool="flatten", tokens=None))[1]
        largest = max(*outputs.values(), *everything.values(), 1)
        if isinstance(reading.model, Family):
            largest = sum(outputs.values())  # all layers of all copies are there at once
        fits = max(BATCH_BYTES // largest, 1)
        batch = min(DEFAULT_BATCH, 1 << (fits.bit_length() - 1))
    return ReadingPlan(batch, copies, layers)


def _is_small(reading: Pass, copies: int) -> bool:
    """Whether the largest layer that parameters could make of the inputs is small, for all samples."""
    model = reading.model
    values = sum(tensor.numel() for tensor in reading.inputs.tensors)
    network = model if isinstance(model, nn.Module) else model[0] if isinstance(model, Sequence) else None
    if network is not None:
        need_shapes(network.modules())
    shapes = [p.shape for p in network.parameters()] if network is not None else []
    if isinstance(model, Family):
        shapes = [tensor.shape[1:] for tensor in model.weights().values()]
    widest = max((shape[0] for shape in shapes if shape), default=1)
    return values * widest * copies <= _SMALL


def _sizes(few: Pass) -> tuple[dict[str, int], dict[tuple[str, int], int]]:
    """Bytes of one sample, in all copies, of every layer after pooling, and of every output."""
    layers: dict[Key, int] = {}
    outputs: dict[tuple[str, int], int] = {}

    def note(key: Key, rows: Tensor, output: Tensor) -> None:
        outputs[key[:2]] = output.shape[0] * output[0, 0].numel() * output.element_size()
        layers[key] = rows.numel() * rows.element_size() // len(few.inputs)

    read(few, note)
    names = names_of(layers)
    return {names[key]: size for key, size in layers.items()}, outputs


def shown_bytes(size: float) -> str:
    """Bytes with a prefix: 1.5 GB."""
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {prefix}B"
    return f"{size:.0f} B"
