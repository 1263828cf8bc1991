"""The engine for few copies and for every kind of network: plain modules, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from infoplane.family.engine import FamilyEngine, fill, one_copy_a_sample, stacked_tensors
from infoplane.family.losses import Loss
from infoplane.family.optimizers import OptimizerFactory, optimizer_for
from infoplane.randomness import Streams, preserved_random_state
from infoplane.recording.evaluation import evaluation
from infoplane.recording.select import Selection, layer_outputs


class ModulesEngine(FamilyEngine):
    """Every copy is a module with an optimiser of its own."""

    def __init__(self, networks: Sequence[nn.Module], streams: Streams, device: torch.device) -> None:
        self._networks = list(networks)
        self._streams = streams
        self._device = device
        self._optimizers: list[Optimizer] = []

    def compile(self, loss: Loss, optimizer: OptimizerFactory) -> None:
        self._loss = loss
        self._optimizers = [optimizer_for(optimizer, network) for network in self._networks]

    def step(self, x: Any, y: Tensor) -> Tensor:
        return torch.stack([self._step_one(copy, x[copy], y[copy]) for copy in range(len(self._networks))])

    def _step_one(self, copy: int, x: Tensor, y: Tensor) -> Tensor:
        losses = []

        def loss_with_gradients() -> Any:
            self._optimizers[copy].zero_grad()
            loss = self._loss(self._networks[copy](x), y)
            loss.backward()
            losses.append(loss.detach())
            return loss

        with self._streams.noise(copy):
            self._optimizers[copy].step(loss_with_gradients)
        return losses[0]  # an optimiser may ask for several, as LBFGS does: the first is the one before the step

    def evaluate(self, x: Tensor, selection: Selection, *, lend: bool = False) -> dict[str, Tensor]:
        with evaluation(*self._networks), preserved_random_state(self._device):
            members = [self._evaluate_one(network, x, selection) for network in self._networks]
        return {name: torch.stack([member[name] for member in members]) for name in members[0]}

    @staticmethod
    def _evaluate_one(network: nn.Module, x: Tensor, selection: Selection) -> dict[str, Tensor]:
        # a copy, as a network may write into its input
        return layer_outputs(network, selection, len(x), lambda: network(x.clone()))

    def evaluate_sampled(self, x: Tensor, selection: Selection, draws: Tensor) -> dict[str, Tensor]:
        return one_copy_a_sample(self.evaluate(x, selection), draws)

    def weights(self) -> dict[str, Tensor]:
        return stacked_tensors(self._networks)

    def gradients(self) -> dict[str, Tensor]:
        members = [dict(network.named_parameters()) for network in self._networks]
        names = [name for name in members[0] if any(member[name].grad is not None for member in members)]
        return {name: torch.stack([_gradient(member[name]) for member in members]) for name in names}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        for copy, network in enumerate(self._networks):
            fill(network, weights, copy)

    def optimizers(self) -> Sequence[Optimizer]:
        return self._optimizers


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
