"""Reads a plain multilayer perceptron from an `nn.Sequential`: blocks of a Linear and one elementwise activation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.recording.select import Selection

_ACTIVATIONS: dict[type[nn.Module], str] = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.Sigmoid: "sigmoid"}

#: Where a layer's output is found: after which block, counted from 1 (0 is the input), and whether activated.
Place = tuple[int, bool]


@dataclass(frozen=True)
class Block:
    """A Linear and its activation; `prefix` is what its parameters' names begin with, such as "0."."""

    prefix: str
    inputs: int
    outputs: int
    bias: bool
    activation: str


@dataclass(frozen=True)
class PerceptronLayout:
    """The blocks of a network, the places of its modules by path, and whether the input is flattened first."""

    blocks: tuple[Block, ...]
    places: dict[str, Place]
    flattens: bool

    def check(self, x: Tensor, *, leading: int) -> Tensor:
        """x with its units in the last axis, after `leading` axes of members and samples."""
        if self.flattens:
            x = x.flatten(leading)
        units = self.blocks[0].inputs
        if x.ndim <= leading or x.shape[-1] != units:
            got = tuple(x.shape[leading:])
            raise InputError(f"x has samples of shape {got}, and the network takes {units} units: reshape or cut x")
        return x

    def places_of(self, selection: Selection) -> dict[str, Place]:
        """Where the selected layers are found, in the order in which they run."""
        order = [path for path in self.places if path in set(selection.paths.values())]
        names: dict[str, list[str]] = {}
        for name, path in selection.paths.items():
            names.setdefault(path, []).append(name)
        return {name: self.places[path] for path in order for name in names[path]}


def read_perceptron(network: nn.Module) -> PerceptronLayout | str:
    """The blocks of a multilayer perceptron, or a sentence that says why the network is none."""
    if type(network) is not nn.Sequential:  # a subclass may have a forward pass of its own
        return f"{type(network).__name__} is not a plain Sequential"
    problem = _why_not(network)
    if problem is not None:
        return problem
    blocks: list[Block] = []
    places: dict[str, Place] = {}
    flattens = False
    activated = True  # whether the newest block has its activation already; the input takes none
    for path, module in _in_order(network, ""):
        if type(module) is nn.Linear:
            prefix = f"{path}." if path else ""
            block = Block(prefix, module.in_features, module.out_features, module.bias is not None, "identity")
            if blocks and blocks[-1].outputs != block.inputs:
                return f"layer {path!r} takes {block.inputs} units and gets {blocks[-1].outputs}"
            blocks.append(block)
            activated = False
        elif type(module) in _ACTIVATIONS:
            if activated:
                return f"layer {path!r} is an activation that follows no Linear layer"
            last = blocks[-1]
            blocks[-1] = Block(last.prefix, last.inputs, last.outputs, last.bias, _ACTIVATIONS[type(module)])
            activated = True
        elif type(module) is nn.Flatten:
            if places:
                return f"layer {path!r} flattens inside the network"
            flattens = True
        places[path] = (len(blocks), activated)
    if not blocks:
        return "the network has no Linear layer"
    return PerceptronLayout(tuple(blocks), places, flattens)


def _in_order(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """Nested Sequentials in the order in which their modules finish."""
    for name, child in module.named_children():
        yield from _in_order(child, f"{path}.{name}" if path else name)
    yield path, module


def _why_not(network: nn.Sequential) -> str | None:
    """What keeps a Sequential from being read as blocks, apart from the order of its layers."""
    known = (nn.Sequential, nn.Linear, nn.Identity, nn.Flatten, *_ACTIVATIONS)
    paths = list(network.named_modules(remove_duplicate=False))
    for path, module in paths:
        if type(module) not in known:
            return f"layer {path!r} is a {type(module).__name__}"
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
            return f"layer {path!r} has hooks"
        if type(module) is nn.Flatten and (module.start_dim, module.end_dim) != (1, -1):
            return f"layer {path!r} flattens some axes only"
    parameters = list(network.parameters())
    shared = len(parameters) != len(list(network.named_parameters(remove_duplicate=False)))
    if shared or len(paths) != len(list(network.modules())):
        return "a layer or a parameter of it appears twice"
    if any(not (parameter.requires_grad and parameter.is_floating_point()) for parameter in parameters):
        return "some parameters are not trained"
    if len({(parameter.dtype, parameter.device) for parameter in parameters}) > 1:
        return "its parameters differ in type or device"
    return None


def activate(activation: str, sums: Tensor, *, out: Tensor) -> None:
    """Write an elementwise activation of `sums` to `out`."""
    if activation == "tanh":
        torch.tanh(sums, out=out)
    elif activation == "relu":
        torch.clamp_min(sums, 0, out=out)
    elif activation == "sigmoid":
        torch.sigmoid(sums, out=out)
    else:
        out.copy_(sums)


def activate_backward(activation: str, gradient: Tensor, values: Tensor) -> Tensor:
    """The gradient before an activation, from the gradient after it and the activated values."""
    # tanh' = 1 - t^2, relu' = [t > 0], sigmoid' = t (1 - t): functions of the values t, so that sums need not be kept
    if activation == "tanh":
        return torch.ops.aten.tanh_backward(gradient, values)
    if activation == "relu":
        return torch.ops.aten.threshold_backward(gradient, values, 0)
    if activation == "sigmoid":
        return torch.ops.aten.sigmoid_backward(gradient, values)
    return gradient
