"""The engine for plain multilayer perceptrons: all copies in one batched matrix product a layer, backward written out.

All weights lie in one (members, numbers) tensor, layer by layer as [weight | bias] rows, so that the optimiser moves a
single tensor. In training the values run as columns, (members, units, rows of the batch), with a row of ones below
the units: one product then gives weight and bias their share, forward and backward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from infoplane.networks.engine import Engine, stacked_tensors
from infoplane.networks.layers import Selection
from infoplane.networks.losses import Loss
from infoplane.networks.optimizers import OptimizerFactory, optimizer_for, stacked_like
from infoplane.networks.perceptron import Perceptron, activate, activate_backward


class BatchedEngine(Engine):
    """All copies of a multilayer perceptron as one stack of matrices."""

    def __init__(self, networks: Sequence[nn.Module], plan: Perceptron) -> None:
        self._network = networks[0]  # what an optimiser is made for; its weights are not used
        self._plan = plan
        self._copies = len(networks)
        stacked = stacked_tensors(networks)
        example = next(iter(stacked.values()))
        numbers = sum(block.outputs * (block.inputs + block.bias) for block in plan.blocks)
        self._flat = nn.Parameter(torch.empty(self._copies, numbers, dtype=example.dtype, device=example.device))
        self._flat.grad = torch.zeros_like(self._flat)
        self._matrices = self._blocks_of(self._flat.detach())
        self._gradients = self._blocks_of(self._flat.grad)
        self._columns: list[Tensor] = []
        self._optimizers: list[Optimizer] = []
        self.load_weights(stacked)

    def _blocks_of(self, flat: Tensor) -> list[Tensor]:
        """Views (members, outputs, inputs + bias) of a flat tensor, one a block."""
        views = []
        start = 0
        for block in self._plan.blocks:
            width = block.inputs + block.bias
            piece = flat[:, start : start + block.outputs * width]
            views.append(piece.unflatten(1, (block.outputs, width)))
            start += block.outputs * width
        return views

    def compile(self, loss: Loss, optimizer: OptimizerFactory) -> None:
        self._loss = loss
        self._optimizers = [stacked_like(optimizer_for(optimizer, self._network), [self._flat])]

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        x = self._plan.check(x, leading=2)
        with torch.no_grad():
            columns = self._forward(x.flatten(1, -2))
            output = columns[-1][:, :-1].transpose(1, 2)  # (members, rows, units)
            losses, gradient = self._loss.with_gradient(output.reshape(*x.shape[:-1], output.shape[-1]), y)
            self._backward(columns, gradient.reshape(output.shape).transpose(1, 2))
        self._optimizers[0].step()
        return losses

    def _forward(self, x: Tensor) -> list[Tensor]:
        """The input and every block's output as columns, each above its row of ones: (members, units + 1, rows)."""
        columns = self._columns_for(x.shape[1])
        columns[0][:, :-1].copy_(x.transpose(1, 2))
        for block, matrix, below, above in zip(
            self._plan.blocks, self._matrices, columns[:-1], columns[1:], strict=True
        ):
            sums = torch.bmm(matrix, below if block.bias else below[:, :-1])
            activate(block.activation, sums, out=above[:, :-1])
        return columns

    def _backward(self, columns: list[Tensor], gradient: Tensor) -> None:
        """Fill the gradients of all matrices from the gradient of the output (members, units, rows)."""
        for number in reversed(range(len(self._plan.blocks))):
            block, below = self._plan.blocks[number], columns[number]
            gradient = activate_backward(block.activation, gradient, columns[number + 1][:, :-1])
            inputs = below if block.bias else below[:, :-1]
            torch.bmm(gradient, inputs.transpose(1, 2), out=self._gradients[number])
            if number > 0:
                weight = self._matrices[number][:, :, : block.inputs]
                gradient = torch.bmm(weight.transpose(1, 2), gradient)

    def _columns_for(self, rows: int) -> list[Tensor]:
        """Working memory, used again as long as batches have the same size."""
        if not self._columns or self._columns[0].shape[2] != rows:
            units = [self._plan.blocks[0].inputs] + [block.outputs for block in self._plan.blocks]
            self._columns = [self._flat.new_ones(self._copies, size + 1, rows) for size in units]
        return self._columns

    def evaluate(self, x: Tensor, selection: Selection) -> dict[str, Tensor]:
        x = self._plan.check(x, leading=1)
        rows = x.reshape(1, -1, x.shape[-1]).expand(self._copies, -1, -1)
        outputs = self._layers(rows, selection)
        return {
            name: output.reshape(self._copies, *x.shape[:-1], output.shape[-1]) for name, output in outputs.items()
        }

    def evaluate_sampled(self, x: Tensor, selection: Selection, draws: Tensor) -> dict[str, Tensor]:
        x = self._plan.check(x, leading=1)
        slots, longest = _slots(draws, self._copies)
        rows = x.new_zeros(self._copies, longest, *x.shape[1:])
        rows[draws, slots] = x  # every row in its own copy's share, filled up with zeros
        outputs = self._layers(rows.flatten(1, -2), selection)
        return {
            name: output.unflatten(1, rows.shape[1:-1])[draws, slots] for name, output in outputs.items()
        }

    def _layers(self, x: Tensor, selection: Selection) -> dict[str, Tensor]:
        """Selected outputs for x (members, rows, units), in the order of the layers."""
        places = self._plan.places_of(selection)
        found = {(0, True): x}
        with torch.no_grad():
            for number, (block, matrix) in enumerate(zip(self._plan.blocks, self._matrices, strict=True), start=1):
                weight = matrix[:, :, : block.inputs].transpose(1, 2)
                sums = torch.bmm(x, weight)
                if block.bias:
                    sums += matrix[:, None, :, -1]
                x = activate(block.activation, sums, out=None)
                found[number, False], found[number, True] = sums, x
        return {name: found[place].clone() for name, place in places.items()}

    def weights(self) -> dict[str, Tensor]:
        return {name: view.clone() for name, view in self._views().items()}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        for name, view in self._views().items():
            view.copy_(weights[name])

    def _views(self) -> dict[str, Tensor]:
        views = {}
        for block, matrix in zip(self._plan.blocks, self._matrices, strict=True):
            views[f"{block.prefix}weight"] = matrix[:, :, : block.inputs]
            if block.bias:
                views[f"{block.prefix}bias"] = matrix[:, :, -1]
        return views

    def optimizers(self) -> Sequence[Optimizer]:
        return self._optimizers


def _slots(draws: Tensor, copies: int) -> tuple[Tensor, int]:
    """The place of every row among the rows of the same copy, and the number of rows of the busiest copy."""
    counts = torch.bincount(draws, minlength=copies)
    order = torch.argsort(draws, stable=True)
    starts = counts.cumsum(0) - counts
    slots = torch.empty_like(draws)
    slots[order] = torch.arange(len(draws), device=draws.device) - starts[draws[order]]
    return slots, int(counts.max())
