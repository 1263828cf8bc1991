"""Optimisers: by name or from the user's function; which of them may treat all copies as one tensor; their state."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn, optim
from torch.optim import Optimizer

from infoplane.errors import InputError, UnknownNameError

OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": optim.SGD, "adam": optim.Adam}

#: Optimisers that move every number by its own gradient alone, so that copies may be stacked into one tensor.
ELEMENTWISE = (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad)


def resolve_optimizer(optimizer: str | OptimizerFactory, learning_rate: float) -> OptimizerFactory:
    """A function parameters -> optimiser, from a name and a learning rate or from the user's own function."""
    if not isinstance(optimizer, str):
        if not callable(optimizer):
            raise InputError(f'optimizer {optimizer!r} is none: give "sgd", "adam" or a function of the parameters')
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    if not (learning_rate > 0 and math.isfinite(learning_rate)):
        raise InputError(f"learning_rate is {learning_rate}: give a positive number, e.g. 0.2")
    make = OPTIMIZERS[optimizer]
    return lambda parameters: make(parameters, lr=learning_rate)


def optimizer_for(factory: OptimizerFactory, network: nn.Module) -> Optimizer:
    """The optimiser of one network's trainable parameters."""
    parameters = trainable(network)
    if not parameters:
        raise InputError("the network has no trainable parameters: nothing can be trained")
    optimizer = factory(parameters)
    if not isinstance(optimizer, Optimizer):
        raise InputError(f"the optimizer function gave a {type(optimizer).__name__}: it must give a torch optimizer")
    return optimizer


def trainable(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def why_not_stacked(optimizer: Optimizer, network: nn.Module) -> str | None:
    """Why an optimiser of one network cannot serve copies in one tensor; None where it can."""
    if type(optimizer) not in ELEMENTWISE:
        return f"{type(optimizer).__name__} is not known to move every number by its own gradient alone"
    groups = optimizer.param_groups
    if len(groups) > 1 or {id(p) for p in groups[0]["params"]} != {id(p) for p in trainable(network)}:
        return f"this {type(optimizer).__name__} does not treat all parameters alike"
    return None


def stacked_like(optimizer: Optimizer, parameters: Sequence[nn.Parameter]) -> Optimizer:
    """An optimiser of the same class and options for other parameters."""
    # a group holds more than the constructor takes: AdamW's has "decoupled_weight_decay"
    known = inspect.signature(type(optimizer)).parameters
    options = {key: value for key, value in optimizer.param_groups[0].items() if key in known and key != "params"}
    return type(optimizer)(list(parameters), **options)


def optimizer_tensors(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """The states of optimisers as flat tensors with keys "optimiser.parameter.name"."""
    tensors = {}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                if isinstance(value, Tensor):
                    tensors[f"{number}.{parameter}.{name}"] = value.detach().clone()
                elif value is not None:
                    raise InputError(
                        f"{type(optimizer).__name__} keeps {name!r} as a {type(value).__name__}, which cannot be "
                        "saved: use an optimizer that keeps tensors only, e.g. SGD or Adam"
                    )
    return tensors


def load_optimizer_tensors(optimizers: Sequence[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Put states made by `optimizer_tensors` back."""
    states: list[dict[int, dict[str, Tensor]]] = [{} for _ in optimizers]
    for key, value in tensors.items():
        number, parameter, name = key.split(".", 2)
        states[int(number)].setdefault(int(parameter), {})[name] = value.clone()
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
