"""The engine for plain multilayer perceptrons: all copies in one batched matrix product a layer, backward written out.

All weights lie in one (members, numbers) tensor, layer by layer as [weight | bias] rows, so that the optimiser moves a
single tensor. Values run as columns, (members, units, rows of the batch), with a row of ones below the units: one
product then gives weight and bias their share, forward and backward.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from infoplane.family.engine import FamilyEngine, stacked_tensors
from infoplane.family.losses import Loss
from infoplane.family.optimizers import OptimizerFactory, optimizer_for, stacked_like
from infoplane.family.perceptron import PerceptronLayout, Place, activate, activate_backward
from infoplane.recording.select import Selection

_SAFE = 40.0  # logarithm: times inputs of up to exp(40) there is no overflow of float32, whose largest is exp(88)


@dataclass(frozen=True)
class _BlockViews:
    """Views into the weights of one block and into the columns below and above it."""

    activation: str
    matrix: Tensor  # (members, outputs, inputs + 1), the last column is the bias
    weight_by_input: Tensor  # (members, inputs, outputs)
    inputs: Tensor  # (members, inputs + 1, rows), the last row is ones
    inputs_by_row: Tensor  # (members, rows, inputs + 1)
    values: Tensor  # (members, outputs, rows)

    def sums(self) -> Tensor:
        return torch.bmm(self.matrix, self.inputs)

    def activate(self, sums: Tensor) -> None:
        activate(self.activation, sums, out=self.values)


@dataclass(frozen=True)
class _Memory:
    """Working memory for a number of rows: the input as columns, and the layers."""

    rows: int
    input: Tensor  # (members, units, rows)
    layers: list[_BlockViews]

    def fill(self, x: Tensor) -> None:
        """Take x (members, rows, units)."""
        self.input.copy_(x.transpose(1, 2))


class BatchedEngine(FamilyEngine):
    """All copies of a multilayer perceptron as one stack of matrices."""

    def __init__(self, networks: Sequence[nn.Module], layout: PerceptronLayout) -> None:
        self._network = networks[0]  # what an optimiser is made for; its weights are not used
        self._layout = layout
        self._copies = len(networks)
        stacked = stacked_tensors(networks)
        example = next(iter(stacked.values()))
        numbers = sum(block.outputs * (block.inputs + block.bias) for block in layout.blocks)
        self._flat = nn.Parameter(torch.empty(self._copies, numbers, dtype=example.dtype, device=example.device))
        self._flat.grad = torch.zeros_like(self._flat)
        self._matrices = self._blocks_of(self._flat.detach())
        self._gradients = self._blocks_of(self._flat.grad)
        self._affine = [
            (block, matrix[:, :, : block.inputs], matrix[:, :, -1:])
            for block, matrix in zip(layout.blocks, self._matrices, strict=True)
        ]
        self._work: _Memory | None = None
        self._lending: dict[int, Tensor] = {}
        self._selection: tuple[Selection, dict[str, Place]] | None = None
        self._optimizers: list[Optimizer] = []
        self._past: BatchedEngine | None = None
        self.load_weights(stacked)

    def _blocks_of(self, flat: Tensor) -> list[Tensor]:
        """Views (members, outputs, inputs + bias) of a flat tensor, one a block."""
        views = []
        start = 0
        for block in self._layout.blocks:
            width = block.inputs + block.bias
            piece = flat[:, start : start + block.outputs * width]
            views.append(piece.unflatten(1, (block.outputs, width)))
            start += block.outputs * width
        return views

    def compile(self, loss: Loss, optimizer: OptimizerFactory) -> None:
        self._loss = loss
        self._optimizers = [stacked_like(optimizer_for(optimizer, self._network), [self._flat])]

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        x = self._layout.check(x, leading=2)
        rows = x.flatten(1, -2)
        if self._work is None or self._work.rows != rows.shape[1]:
            self._work = self._memory_for(rows.shape[1])
        self._work.fill(rows)
        for layer in self._work.layers:
            layer.activate(layer.sums())
        output = self._work.layers[-1].values.transpose(1, 2)  # (members, rows, units)
        losses, gradient = self._loss.with_gradient(output.reshape(*x.shape[:-1], output.shape[-1]), y)
        self._backward(self._work, gradient.reshape(output.shape).transpose(1, 2))
        self._optimizers[0].step()
        return losses

    def _backward(self, work: _Memory, gradient: Tensor) -> None:
        """Fill the gradients of all matrices from the gradient of the output (members, units, rows)."""
        for layer, target in zip(reversed(work.layers), reversed(self._gradients), strict=True):
            # d loss / d sums; its product with the inputs, whose last row is ones, is that of [weight | bias]
            gradient = activate_backward(layer.activation, gradient, layer.values)  # (members, outputs, rows)
            torch.bmm(gradient, layer.inputs_by_row, out=target)  # (members, outputs, inputs + 1)
            if layer is not work.layers[0]:
                gradient = torch.bmm(layer.weight_by_input, gradient)  # (members, inputs, rows)

    def _memory_for(self, rows: int) -> _Memory:
        """Columns for the input and every block, each above a row of ones, and the layers that lead between them."""
        sizes = [self._layout.blocks[0].inputs] + [block.outputs for block in self._layout.blocks]
        columns = [self._matrices[0].new_ones(self._copies, size + 1, rows) for size in sizes]
        layers = []
        for block, matrix, below, above in zip(
            self._layout.blocks, self._matrices, columns[:-1], columns[1:], strict=True
        ):
            inputs = below if block.bias else below[:, :-1]
            weight = matrix[:, :, : block.inputs]
            layers.append(
                _BlockViews(
                    block.activation, matrix, weight.transpose(1, 2), inputs, inputs.transpose(1, 2), above[:, :-1]
                )
            )
        return _Memory(rows, columns[0][:, :-1], layers)

    def evaluate(self, x: Tensor, selection: Selection, *, lend: bool = False) -> dict[str, Tensor]:
        x = self._layout.check(x, leading=1)
        columns = x.reshape(-1, x.shape[-1]).T.expand(self._copies, -1, -1)  # (members, units, rows)
        outputs = {name: output.transpose(1, 2) for name, output in self._outputs(columns, selection, lend).items()}
        return outputs if x.ndim == 2 else {name: t.unflatten(1, x.shape[:-1]) for name, t in outputs.items()}

    def evaluate_sampled(self, x: Tensor, selection: Selection, draws: Tensor) -> dict[str, Tensor]:
        if self._copies == 1:
            return {name: output[0] for name, output in self.evaluate(x, selection).items()}
        x = self._layout.check(x, leading=1)
        slots, longest = _slots(draws, self._copies)
        inner = math.prod(x.shape[1:-1])  # rows of one sample
        shares = x.new_zeros(self._copies * longest, inner, x.shape[-1])
        place = (draws * longest + slots).to(x.device)
        shares[place] = x.reshape(len(x), inner, -1)  # every sample in its own copy's share, filled up with zeros
        columns = shares.view(self._copies, longest * inner, -1).transpose(1, 2)  # (members, units, rows)
        return {
            name: _samples_of(output, place, inner).unflatten(0, x.shape[:-1])
            for name, output in self._outputs(columns, selection, lend=True).items()
        }

    def _outputs(self, values: Tensor, selection: Selection, lend: bool) -> dict[str, Tensor]:
        """Selected outputs for columns (members, units, rows), alike, in the order of the layers.

        Lent ones lie in memory that the next call overwrites.
        """
        places = self._places_of(selection)
        wanted = set(places.values())
        # the input is the caller's own, so that a copy of it is handed out
        outputs = {(0, True): values.clone() if (0, True) in wanted else values}
        for number, (block, weight, bias) in enumerate(self._affine, start=1):
            size = (self._copies, block.outputs, values.shape[2])
            sums = self._lent(number, size) if lend else values.new_empty(size)
            torch.bmm(weight, values, out=sums)
            if block.bias:
                sums.add_(bias)
            # activated in place, except where the sums are asked for too
            values = torch.empty_like(sums) if (number, False) in wanted else sums
            activate(block.activation, sums, out=values)
            outputs[number, False], outputs[number, True] = sums, values
        return {name: outputs[place] for name, place in places.items()}

    def _lent(self, number: int, size: tuple[int, int, int]) -> Tensor:
        """Memory for the outputs of one block, the same at every call while the size stays."""
        held = self._lending.get(number)
        if held is None or held.shape != size:
            held = self._lending[number] = self._flat.detach().new_empty(size)
        return held

    def _places_of(self, selection: Selection) -> dict[str, Place]:
        if self._selection is None or self._selection[0] is not selection:
            self._selection = (selection, self._layout.places_of(selection))
        return self._selection[1]

    def remembered(self) -> Tensor | None:
        """All weights as they are now, (members, numbers); None where outputs might overflow, or are NaN already."""
        largest, bound = float(self._flat.detach().abs().max()), 0.0
        for block in self._layout.blocks:  # |W a + b| <= largest (inputs |a| + 1), in logarithms
            bound = math.log(max(largest, 1.0) * (block.inputs + 1)) + bound
        return self._flat.detach().clone() if bound < _SAFE else None

    def at(self, moments: Sequence[Tensor]) -> BatchedEngine:
        """An engine of the copies at several moments, one after the other: for evaluating, until the next such call."""
        members = len(moments) * self._copies
        if self._past is None or self._past._copies != members:
            self._past = BatchedEngine([self._network] * members, self._layout)
        self._past._flat.detach().copy_(torch.cat(list(moments)))
        return self._past

    def weights(self) -> dict[str, Tensor]:
        return {name: view.clone() for name, view in self._views(self._matrices).items()}

    def gradients(self) -> dict[str, Tensor]:
        return self._views(self._gradients)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        for name, view in self._views(self._matrices).items():
            view.copy_(weights[name])

    def _views(self, matrices: Sequence[Tensor]) -> dict[str, Tensor]:
        views = {}
        for block, matrix in zip(self._layout.blocks, matrices, strict=True):
            views[f"{block.prefix}weight"] = matrix[:, :, : block.inputs]
            if block.bias:
                views[f"{block.prefix}bias"] = matrix[:, :, -1]
        return views

    def optimizers(self) -> Sequence[Optimizer]:
        return self._optimizers


def _samples_of(output: Tensor, place: Tensor, inner: int) -> Tensor:
    """The samples in ``place``, of ``inner`` rows each: (members, units, rows) -> (samples * inner, units)."""
    flat = output.transpose(0, 1).reshape(output.shape[1], -1)
    if inner > 1:
        place = (place[:, None] * inner + torch.arange(inner, device=place.device)).flatten()
    return flat.index_select(1, place).T


def _slots(draws: Tensor, copies: int) -> tuple[Tensor, int]:
    """The place of every row among the rows of the same copy, and the number of rows of the busiest copy."""
    counts = torch.bincount(draws, minlength=copies)
    order = torch.argsort(draws, stable=True)  # rows of copy 0 first, each copy's in their order
    starts = counts.cumsum(0) - counts
    slots = torch.empty_like(draws)
    slots[order] = torch.arange(len(draws), device=draws.device) - starts[draws[order]]
    return slots, int(counts.max())
