"""What every engine does for a family: train all copies by one step, and evaluate all copies."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from infoplane.family.losses import Loss
from infoplane.family.optimizers import OptimizerFactory
from infoplane.recording.select import Selection


class FamilyEngine(abc.ABC):
    """The copies of one network, stored and computed in one way."""

    @abc.abstractmethod
    def compile(self, loss: Loss, optimizer: OptimizerFactory) -> None:
        """Take a loss and make a fresh optimiser."""

    @abc.abstractmethod
    def step(self, x: Any, y: Tensor) -> Tensor:
        """One optimiser step of every copy on its own batch (members, batch, ...); the losses before it, (members,)."""

    @abc.abstractmethod
    def evaluate(self, x: Tensor, selection: Selection, *, lend: bool = False) -> dict[str, Tensor]:
        """Outputs of selected layers for x (samples, ...) in every copy: (members, samples, ...).

        With ``lend`` they may lie in memory that the next such call overwrites.
        """

    @abc.abstractmethod
    def evaluate_sampled(self, x: Tensor, selection: Selection, draws: Tensor) -> dict[str, Tensor]:
        """Outputs of selected layers for row i of x in copy draws[i] only: (samples, ...)."""

    @abc.abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Copies of parameters and buffers by name, stacked: (members, ...)."""

    @abc.abstractmethod
    def gradients(self) -> dict[str, Tensor]:
        """The gradients of the last step by name, stacked: (members, ...); they may change with the next step."""

    @abc.abstractmethod
    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Overwrite parameters and buffers."""

    @abc.abstractmethod
    def optimizers(self) -> Sequence[Optimizer]:
        """The optimisers at work, for saving and restoring their state."""


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a network by name, the saved ones and the others."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def stacked_tensors(networks: Sequence[nn.Module]) -> dict[str, Tensor]:
    """Parameters and buffers of equal networks by name: (members, ...)."""
    members = [tensors_of(network) for network in networks]
    return {name: torch.stack([member[name].detach() for member in members]) for name in members[0]}


def fill(network: nn.Module, weights: Mapping[str, Tensor], copy: int) -> None:
    """Write one copy's row of stacked weights into a network."""
    with torch.no_grad():
        for name, tensor in tensors_of(network).items():
            tensor.copy_(weights[name][copy])


def one_copy_a_sample(outputs: Mapping[str, Tensor], draws: Tensor) -> dict[str, Tensor]:
    """Row i of copy draws[i], from outputs (members, samples, ...)."""
    rows = torch.arange(len(draws))
    return {name: output[draws.to(output.device), rows.to(output.device)] for name, output in outputs.items()}
