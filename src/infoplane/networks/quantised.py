"""Networks whose weights and activations are quantised to a few bits while they are trained with ordinary gradients.

Every value v becomes the nearest of 2^bits evenly spaced levels on the forward pass; on the backward pass quantising
counts as the identity inside the range and as constant outside (straight-through gradient). Weights use the symmetric
range of their own largest absolute value; tanh uses [-1, 1], sigmoid and softmax [0, 1], and ReLU [0, high], where high
is a running mean of the largest value of each training batch. Offsets stay floating, as sums do before an activation.

References:
    [1] Bengio, Y., Leonard, N. and Courville, A. (2013). arXiv:1308.3432 (the straight-through gradient).
    [2] Lorenzen, S. S., Igel, C. and Nielsen, M. (2022). arXiv:2106.12912, section 3 (networks for exact planes).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import final

import torch
from torch import Tensor, nn

from infoplane.checks import whole_number
from infoplane.errors import InputError

FEWEST_BITS, MOST_BITS = 2, 8
UNTRAINED_HIGH = 6.0  # the range of a ReLU before its first training batch
MOMENTUM = 0.1  # of the newest batch in a ReLU's range

#: Activations of fixed range, and these ranges.
RANGES: dict[str, tuple[float, float]] = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0)}


def to_levels(values: Tensor, low: Tensor | float, high: Tensor | float, steps: int) -> Tensor:
    """The nearest of steps + 1 levels from low to high, with straight-through gradients.

    Example:
        >>> import torch
        >>> to_levels(torch.tensor([-0.2, 0.4, 0.9, 7.0]), 0.0, 1.0, 2)
        tensor([0.0000, 0.5000, 1.0000, 1.0000])
    """
    width = (high - low) / steps
    inside = torch.maximum(torch.minimum(values, torch.as_tensor(high)), torch.as_tensor(low))
    levels = torch.round((inside.detach() - low) / width) * width + low
    return levels + (inside - inside.detach())  # the second term is exactly 0, and carries the gradient


@final
class QuantisedLinear(nn.Module):
    """A linear layer whose weights are quantised on the forward pass; ``weight`` and ``bias`` are the trained ones."""

    def __init__(self, linear: nn.Linear, bits: int) -> None:
        super().__init__()
        self.weight, self.bias, self.bits = linear.weight, linear.bias, bits

    def quantised_weight(self) -> Tensor:
        """(outputs, inputs) on at most 2^bits - 1 levels, 0 among them."""
        # not 0, by which the levels of weights that are all 0 would be divided
        largest = self.weight.detach().abs().amax().clamp(min=torch.finfo(self.weight.dtype).tiny)
        return to_levels(self.weight, -largest, largest, 2**self.bits - 2)  # an even number of steps has a level at 0

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.quantised_weight(), self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.weight.shape[1]}, out_features={self.weight.shape[0]}, bits={self.bits}"


@final
class QuantisedActivation(nn.Module):
    """An activation of fixed range, by its name in ``RANGES``, and its quantisation; a softmax over the last axis."""

    def __init__(self, activation: str, bits: int) -> None:
        super().__init__()
        self.activation, self.bits = activation, bits

    def forward(self, x: Tensor) -> Tensor:
        values = x.softmax(-1) if self.activation == "softmax" else getattr(torch, self.activation)(x)
        return to_levels(values, *RANGES[self.activation], 2**self.bits - 1)

    def extra_repr(self) -> str:
        return f"{self.activation}, bits={self.bits}"


@final
class QuantisedReLU(nn.Module):
    """ReLU and its quantisation on [0, high]; ``high`` follows the largest value of the training batches."""

    high: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.register_buffer("high", torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        values = torch.relu(x)
        if self.training:
            newest = values.detach().amax()
            mean = (1 - MOMENTUM) * self.high + MOMENTUM * newest
            self.high.copy_(torch.where(self.high > 0, mean, newest))
        return to_levels(values, 0.0, torch.where(self.high > 0, self.high, UNTRAINED_HIGH), 2**self.bits - 1)

    def extra_repr(self) -> str:
        return f"bits={self.bits}"


def quantise(network: nn.Sequential, bits: int = 8) -> nn.Sequential:
    """A copy of a multilayer perceptron whose weights and activations take at most 2^``bits`` values each.

    Linear, Tanh, ReLU, Sigmoid and Softmax(dim=-1) layers are replaced, under their own names; Identity, Flatten and
    Dropout stay. Measure the activation layers with ``estimator="quantised"``; a last Linear puts out unquantised sums.

    Raises:
        InputError: another layer, a network that is no ``nn.Sequential``, or ``bits`` outside 2 to 8.

    Example:
        >>> import torch
        >>> from infoplane.networks import mlp
        >>> network = quantise(mlp([12, 5, 2], "tanh", "softmax"), bits=2)
        >>> torch.unique(network[:2](torch.randn(1000, 12)).detach())
        tensor([-1.0000, -0.3333,  0.3333,  1.0000])
    """
    bits = whole_number("bits", bits, least=FEWEST_BITS, most=MOST_BITS, example=8)
    if not isinstance(network, nn.Sequential):
        raise InputError(f"quantise takes a torch.nn.Sequential, got {type(network).__name__}: build one of its layers")
    layers = OrderedDict(
        (name, _quantised(name, copy.deepcopy(layer), bits)) for name, layer in network.named_children()
    )
    quantised = nn.Sequential(layers)
    quantised.training = network.training
    return quantised


def _quantised(name: str, layer: nn.Module, bits: int) -> nn.Module:
    if type(layer) is nn.Linear:
        return QuantisedLinear(layer, bits).train(layer.training)
    if type(layer) is nn.ReLU:
        return QuantisedReLU(bits).train(layer.training)
    if type(layer) in (nn.Tanh, nn.Sigmoid) or (isinstance(layer, nn.Softmax) and layer.dim == -1):
        return QuantisedActivation(type(layer).__name__.lower(), bits).train(layer.training)
    if type(layer) in (nn.Identity, nn.Flatten, nn.Dropout):
        return layer
    raise InputError(
        f"layer {name!r} is a {type(layer).__name__}, which quantise does not know: it takes Linear, Tanh, ReLU, "
        "Sigmoid, Softmax(dim=-1), Identity, Flatten and Dropout"
    )
