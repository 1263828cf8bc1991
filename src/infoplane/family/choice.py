"""Which engine a family uses, and why."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.batched import BatchedEngine
from infoplane.family.engine import FamilyEngine
from infoplane.family.modules import ModulesEngine
from infoplane.family.perceptron import read_perceptron
from infoplane.family.vmap import VmapEngine
from infoplane.randomness import Streams

ENGINES = ("auto", "modules", "vmap", "batched")

#: From this number of copies on, one vectorised call is faster than separate modules.
_COPIES_FOR_VMAP = 4


def choose_engine(network: nn.Module, copies: int, asked: str, optimizer_problem: str | None) -> tuple[str, str]:
    """The name of an engine and one sentence that says why; `optimizer_problem` is what forbids stacking copies."""
    if asked not in ENGINES:
        raise UnknownNameError("engine", asked, ENGINES)
    perceptron = read_perceptron(network)
    if asked in ("vmap", "batched") and optimizer_problem is not None:
        raise InputError(f"engine {asked!r} cannot train with this optimizer: {optimizer_problem}; use engine='auto'")
    if asked == "batched" and isinstance(perceptron, str):
        raise InputError(f"engine 'batched' needs a plain multilayer perceptron, and {perceptron}; use engine='auto'")
    has_hooks = any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    if asked == "vmap" and has_hooks:
        raise InputError(
            "engine 'vmap' would give the network's own hooks values of all copies at once, which are of no use "
            "outside: remove the hooks, or use engine='auto'"
        )
    if asked != "auto":
        return asked, f"Engine {asked!r} was asked for."
    if optimizer_problem is not None:
        return "modules", f"One module after another, because {optimizer_problem}."
    if not isinstance(perceptron, str):
        return "batched", "A plain multilayer perceptron: one batched matrix product a layer serves all copies."
    if copies < _COPIES_FOR_VMAP:
        return "modules", f"One module after another: not a plain perceptron ({perceptron}), and few copies."
    if has_hooks:
        return "modules", "One module after another, because the network has hooks of its own."
    return "vmap", f"All copies in one vectorised call: not a plain perceptron ({perceptron}), and many copies."


def make_engine(name: str, networks: Sequence[nn.Module], streams: Streams, device: torch.device) -> FamilyEngine:
    """An engine by its name, from networks that it may keep."""
    if name == "vmap":
        return VmapEngine(networks, streams, device)
    perceptron = read_perceptron(networks[0])
    if name == "batched" and not isinstance(perceptron, str):
        return BatchedEngine(networks, perceptron)
    return ModulesEngine(networks, streams, device)
