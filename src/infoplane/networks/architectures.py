"""The networks of the original report, and multilayer perceptrons of any size, as plain `nn.Sequential`.

Weights are torch's usual ones, drawn from the global random state: call `torch.manual_seed` first, or hand the
function itself to `Family`, which calls it under a seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import final

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.recording.select import is_activation, select, unwrap

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky-relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softmax": partial(nn.Softmax, dim=-1),
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


class Reshape(nn.Module):
    """Gives its input another shape; one size may be -1.

    Example:
        >>> import torch
        >>> Reshape(-1, 1, 14, 14)(torch.zeros(3, 14, 14)).shape
        torch.Size([3, 1, 14, 14])
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return torch.reshape(x, self.shape)

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))


def mlp(sizes: Sequence[int], activation: str = "tanh", output_activation: str | None = None) -> nn.Sequential:
    """A multilayer perceptron: Linear layers between `sizes`, `activation` after every one but the last.

    The last Linear is followed by `output_activation`, or by nothing. Both are names from `ACTIVATIONS`.

    Raises:
        UnknownNameError: no such activation.
        InputError: fewer than two sizes, or one below 1.

    Example:
        >>> mlp([12, 5, 1], output_activation="sigmoid")
        Sequential(
          (0): Linear(in_features=12, out_features=5, bias=True)
          (1): Tanh()
          (2): Linear(in_features=5, out_features=1, bias=True)
          (3): Sigmoid()
        )
    """
    for name in (activation, output_activation):
        if name is not None and name not in ACTIVATIONS:
            raise UnknownNameError("activation", name, ACTIVATIONS)
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"sizes {list(sizes)} make no network: give at least two numbers of units, e.g. [12, 5, 1]")
    names = [activation] * (len(sizes) - 2) + [output_activation]
    modules: list[nn.Module] = []
    for inputs, outputs, name in zip(sizes[:-1], sizes[1:], names, strict=True):
        modules.append(nn.Linear(inputs, outputs))
        if name is not None:
            modules.append(ACTIVATIONS[name]())
    return nn.Sequential(*modules)


def warm_up() -> nn.Sequential:
    """The report's first network: 12-5-1, Tanh after each Linear.

    Example:
        >>> activation_names(warm_up())
        ['1', '3']
    """
    return mlp([12, 5, 1], "tanh", "tanh")


def six_layer() -> nn.Sequential:
    """The report's second and third network: 12-10-7-5-4-3-1, Tanh after each Linear.

    Example:
        >>> activation_names(six_layer())
        ['1', '3', '5', '7', '9', '11']
    """
    return mlp([12, 10, 7, 5, 4, 3, 1], "tanh", "tanh")


def conv() -> nn.Sequential:
    """The report's fourth network, for 14x14 pictures in ten classes: one 4x4 convolution, pooling, two Linear layers.

    The report looks at the Tanh ('6') and the Softmax ('8').

    Example:
        >>> import torch
        >>> conv()(torch.zeros(3, 14, 14)).shape
        torch.Size([3, 10])
    """
    return nn.Sequential(
        Reshape(-1, 1, 14, 14),
        nn.Conv2d(1, 1, 4),  # (samples, 1, 11, 11)
        nn.MaxPool2d(3),  # (samples, 1, 3, 3)
        Reshape(-1, 9),
        nn.ReLU(),
        nn.Linear(9, 10),
        nn.Tanh(),
        nn.Linear(10, 10),
        nn.Softmax(dim=-1),
    )


@final
@dataclass(frozen=True)
class Architecture:
    """A network that can be asked for by name: what it is in a line, and the function that makes it."""

    about: str
    make: Callable[..., nn.Module]

    @property
    def options(self) -> list[str]:
        """The options that the function takes."""
        return list(signature(self.make).parameters)


#: What ``[network] name = ...`` of an experiment's file may say; one line each.
ARCHITECTURES = {
    "mlp": Architecture("a multilayer perceptron of any sizes", mlp),
    "warm-up": Architecture("the report's first network: 12-5-1, tanh", warm_up),
    "six-layer": Architecture("the report's second and third network: 12-10-7-5-4-3-1, tanh", six_layer),
    "conv": Architecture("the report's fourth network: a convolution, for 14x14 pictures", conv),
}


def names() -> list[str]:
    """The architectures that there are by name.

    Example:
        >>> "mlp" in names()
        True
    """
    return list(ARCHITECTURES)


def activation_names(model: nn.Module) -> list[str]:
    """Names of the activation layers of a network, in the order in which they are defined.

    Example:
        >>> activation_names(conv())
        ['4', '6', '8']
    """
    model = unwrap(model)
    paths = select(model, None).paths
    return [name for name, path in paths.items() if is_activation(model.get_submodule(path))]
