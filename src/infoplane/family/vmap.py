"""The engine for many copies of any network that torch.func can vectorise: all copies in one call."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.optim import Optimizer

from infoplane.family.engine import FamilyEngine, one_copy_a_sample, stacked_tensors
from infoplane.family.losses import Loss
from infoplane.family.optimizers import OptimizerFactory, optimizer_for, stacked_like
from infoplane.randomness import Streams, preserved_random_state
from infoplane.recording.evaluation import evaluation
from infoplane.recording.select import Selection, layer_outputs

Tensors = Mapping[str, Tensor]


class VmapEngine(FamilyEngine):
    """One network whose parameters and buffers have a leading axis of members.

    Gradients are ordinary ones of the summed losses: no copy's loss depends on another copy's parameters. Dropout
    draws a mask of its own for every copy, all from the first copy's stream of noise.
    """

    def __init__(self, networks: Sequence[nn.Module], streams: Streams, device: torch.device) -> None:
        self._network = copy.deepcopy(networks[0])
        self._streams = streams
        self._device = device
        stacked = stacked_tensors(networks)
        self._parameters = {
            name: nn.Parameter(stacked[name], requires_grad=parameter.requires_grad)
            for name, parameter in self._network.named_parameters()
        }
        self._buffers = {name: tensor for name, tensor in stacked.items() if name not in self._parameters}
        self._optimizers: list[Optimizer] = []

    def compile(self, loss: Loss, optimizer: OptimizerFactory) -> None:
        self._loss = loss
        trained = [parameter for parameter in self._parameters.values() if parameter.requires_grad]
        self._optimizers = [stacked_like(optimizer_for(optimizer, self._network), trained)]

    def step(self, x: Any, y: Tensor) -> Tensor:
        (optimizer,) = self._optimizers
        optimizer.zero_grad()
        with self._streams.noise(0):
            all_losses = vmap(self._loss_of_one, randomness="different")
            losses, buffers = all_losses(self._parameters, self._buffers, x, y)
            losses.sum().backward()
        optimizer.step()
        self._buffers = {name: buffer.detach() for name, buffer in buffers.items()}
        return losses.detach()

    def _loss_of_one(self, parameters: Tensors, buffers: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensors]:
        tensors = {**parameters, **{name: buffer.clone() for name, buffer in buffers.items()}}
        prediction = functional_call(self._network, tensors, (x,))
        return self._loss(prediction, y), {name: tensors[name] for name in buffers}

    def evaluate(self, x: Tensor, selection: Selection, *, lend: bool = False) -> dict[str, Tensor]:
        def outputs_of_one(parameters: Tensors, buffers: Tensors) -> dict[str, Tensor]:
            tensors = {**parameters, **{name: buffer.clone() for name, buffer in buffers.items()}}
            return layer_outputs(
                self._network, selection, len(x), lambda: functional_call(self._network, tensors, (x.clone(),))
            )

        with evaluation(self._network), preserved_random_state(self._device):
            return vmap(outputs_of_one, randomness="different")(self._parameters, self._buffers)

    def evaluate_sampled(self, x: Tensor, selection: Selection, draws: Tensor) -> dict[str, Tensor]:
        return one_copy_a_sample(self.evaluate(x, selection), draws)

    def weights(self) -> dict[str, Tensor]:
        tensors = {**self._parameters, **self._buffers}
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def gradients(self) -> dict[str, Tensor]:
        return {name: tensor.grad for name, tensor in self._parameters.items() if tensor.grad is not None}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, tensor in {**self._parameters, **self._buffers}.items():
                tensor.copy_(weights[name])

    def optimizers(self) -> Sequence[Optimizer]:
        return self._optimizers
