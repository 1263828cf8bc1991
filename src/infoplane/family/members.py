"""The copies that a family starts from: of one network, of a function that makes networks, or given one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.engine import tensors_of
from infoplane.randomness import INITIAL, derived_seed, seeded
from infoplane.recording.evaluation import is_sharded
from infoplane.recording.placement import need_shapes
from infoplane.recording.select import unwrap

Initialisation = Literal["shared", "independent"]
ModelOrFunction = nn.Module | Callable[[], nn.Module]


def make_members(
    model: ModelOrFunction, copies: int, init: Initialisation, seed: int, device: torch.device
) -> list[nn.Module]:
    """`copies` networks on `device`, all alike or each under a random stream of its own; `model` is left alone."""
    if init == "shared":
        original = (
            _copyable(model) if isinstance(model, nn.Module) else network_from(model, derived_seed(seed, 0, INITIAL))
        )
        members = [copy.deepcopy(original) for _ in range(copies)]
    elif init == "independent":
        members = [_independent(model, derived_seed(seed, number, INITIAL)) for number in range(copies)]
    else:
        raise UnknownNameError("init", init, ("shared", "independent"))
    return [_ready(member, device) for member in members]


def copy_members(networks: Sequence[nn.Module], device: torch.device) -> list[nn.Module]:
    """Copies of given networks, which must be different objects of the same structure."""
    networks = [_copyable(network) for network in networks]
    for number, network in enumerate(networks):
        if _structure(network) != _structure(networks[0]):
            raise InputError(
                f"network {number} has other parameters than network 0: give networks of the same sizes and types"
            )
    need_own_parameters(networks)
    return [_ready(copy.deepcopy(network), device) for network in networks]


def need_own_parameters(networks: Sequence[nn.Module]) -> None:
    """Raise an InputError where two networks are one object, or have parameters or buffers in the same memory."""
    owners: dict[int, int] = {}
    for number, network in enumerate(networks):
        need_shapes(network.modules())
        for tensor in {id(tensor): tensor for tensor in tensors_of(network).values()}.values():
            place = tensor.untyped_storage().data_ptr()  # 0 where there is no memory
            owner = owners.setdefault(place, number)
            if place and owner != number:
                raise InputError(
                    f"networks {owner} and {number} share their parameters: give different objects (copy.deepcopy), "
                    "or Family(model, copies=...)"
                )


def network_from(function: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network that a function makes under `seed`."""
    with seeded(seed):
        network = function()
    if not isinstance(network, nn.Module):
        raise InputError(f"the function gave a {type(network).__name__}: it must give a torch module")
    return _copyable(network)


def _independent(model: ModelOrFunction, seed: int) -> nn.Module:
    if not isinstance(model, nn.Module):
        return network_from(model, seed)
    network = copy.deepcopy(_copyable(model))
    with seeded(seed):
        for module in reversed(list(network.modules())):  # inner modules before those that hold them
            reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
            if reset is not None:
                reset()
            elif next(module.parameters(recurse=False), None) is not None:
                raise InputError(
                    f"init='independent' cannot start {type(module).__name__} anew, as it has parameters and no "
                    "reset_parameters(): give a function that makes the network, e.g. Family(lambda: MyNetwork(), ...)"
                )
    return network


def _copyable(model: nn.Module) -> nn.Module:
    """The network inside its wrappers, which must not be spread over processes."""
    if is_sharded(model):
        raise InputError(
            "FSDP models cannot be copied; pass a model_factory: a function that makes the network before "
            "fully_shard, e.g. Family(lambda: MyNetwork(), ...)"
        )
    return unwrap(model)


def _ready(network: nn.Module, device: torch.device) -> nn.Module:
    need_shapes(network.modules())
    if any(tensor.is_meta for tensor in tensors_of(network).values()):
        raise InputError(
            'the network is on the device "meta" and has no numbers: make it on a real device, or fill it after '
            'model.to_empty(device="cpu")'
        )
    network.to(device).train().zero_grad(set_to_none=True)
    return network


def _structure(network: nn.Module) -> list[tuple[str, torch.Size, torch.dtype, bool]]:
    return [(name, tensor.shape, tensor.dtype, tensor.requires_grad) for name, tensor in tensors_of(network).items()]
