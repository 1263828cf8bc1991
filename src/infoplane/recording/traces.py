"""What a forward pass may write into a network: copies of it for the length of a pass, and the originals afterwards.

Evaluation mode does not stop a network from writing. Observers of quantisation move their ranges, codebooks and batch
statistics go on, spiking networks keep a membrane, layers count their calls and fill caches.
"""

from __future__ import annotations

import copy
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import RecordingError

Table = dict[str, Any]

_TORCHS_OWN = frozenset(vars(nn.Module()))  # modes, hooks and tables of tensors, which torch keeps in every module
_FEW = 4096  #: entries of a container up to which its entries are looked at, too
_LARGE = 2**28  #: bytes of a buffer above which it is watched and not copied
_GONE = object()


@contextmanager
def working_on_copies(models: Sequence[nn.Module], *, sharded: bool) -> Iterator[None]:
    """Inside, buffers and attributes that can be written into are copies; afterwards the originals are back.

    That goes for tensors, arrays, generators of random numbers, and lists, tuples, sets, tables and queues of these.
    Copies, and not values put back: a written original would count as changed for a backward pass that still needs it.
    Parameters are too large for copies: they are watched, but for embeddings with ``max_norm``, which torch rescales in
    every forward pass. So are large buffers. Objects of the network's own classes are left as the network leaves them.

    Args:
        models: the networks.
        sharded: whether parameters are those of fully_shard, which swaps them itself.

    Raises:
        RecordingError: the forward pass wrote into a parameter, or into a large buffer.
    """
    names = {module: name for model in reversed(models) for name, module in model.named_modules()}
    modules = list(names)
    tables = _tables_of(modules, with_parameters=not sharded)
    before = [table.copy() for table in tables]
    memo: dict[int, Any] = {}
    watched = [] if sharded else [(module, name, p, _version(p)) for module, name, p in _watched(modules)]
    if not sharded:
        _swap_rescaled(modules)
    for module in modules:
        _swap_in(module, memo)
    try:
        yield
    finally:
        for table, entries in zip(tables, before, strict=True):
            _put_back(table, entries)
    for module, name, tensor, version in watched:
        if _version(tensor) != version:
            raise RecordingError(
                f"the forward pass wrote into {name!r} of layer {names[module] or '(model)'!r}, in evaluation mode, so "
                "that measuring changes the network: write only `if self.training:`, or into a buffer "
                "(register_buffer), which is put back"
            )


def _tables_of(modules: Sequence[nn.Module], *, with_parameters: bool) -> list[Table]:
    """Where modules keep what they have: attributes, buffers, modules inside, parameters."""
    names = ("_buffers", "_modules", "_parameters") if with_parameters else ("_buffers", "_modules")
    plain = [vars(module) for module in modules if not isinstance(module, torch.jit.ScriptModule)]
    return [*plain, *(attributes[name] for attributes in plain for name in names if attributes[name])]


def _swap_in(module: nn.Module, memo: dict[int, Any]) -> None:
    if isinstance(module, torch.jit.ScriptModule):  # its buffers are no Python objects: they are watched
        return
    attributes = vars(module)
    for name, value in attributes.items():
        if type(value) in _COPIED and name not in _TORCHS_OWN:
            attributes[name] = _copied(value, memo)
    buffers = attributes["_buffers"]
    for name, value in buffers.items():
        if type(value) is Tensor and not _is_large(value):
            buffers[name] = _copied(value, memo)


def _swap_rescaled(modules: Sequence[nn.Module]) -> None:
    """Copies of the tables that embeddings rescale, wherever else a network uses the same parameter."""
    tables = [m.weight for m in modules if isinstance(m, nn.Embedding | nn.EmbeddingBag) and m.max_norm is not None]
    new = {id(table): nn.Parameter(table.detach().clone(), requires_grad=False) for table in tables}
    if not new:
        return
    for module in modules:
        for name, parameter in module._parameters.items():
            if id(parameter) in new:
                module._parameters[name] = new[id(parameter)]


def _watched(modules: Sequence[nn.Module]) -> Iterator[tuple[nn.Module, str, Tensor]]:
    for module in modules:
        scripted = isinstance(module, torch.jit.ScriptModule)
        for name, tensor in chain(module._parameters.items(), module._buffers.items()):
            if tensor is not None and (scripted or isinstance(tensor, nn.Parameter) or _is_large(tensor)):
                yield module, name, tensor


def _is_large(tensor: Tensor) -> bool:
    return tensor.numel() * tensor.element_size() > _LARGE


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version  # tensors of the inference mode count nothing


def _put_back(table: Table, entries: Table) -> None:
    if list(table) != list(entries):  # the order is that of state_dict(): all anew
        table.clear()
        table.update(entries)
        return
    for name, value in entries.items():
        if table[name] is not value:
            table[name] = value


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of what can be written into, one for each original; everything else itself."""
    copier = _COPIED.get(type(value))
    if copier is None:
        return value
    if id(value) not in memo:
        memo[id(value)] = copier(value, memo)
    return memo[id(value)]


def _list(values: Any, memo: dict[int, Any]) -> Any:
    new = memo[id(values)] = copy.copy(values)  # before its entries, which may lead back to it
    if len(new) <= _FEW:
        for place, value in enumerate(values):
            new[place] = _copied(value, memo)
    return new


def _table(values: Any, memo: dict[int, Any]) -> Any:
    new = memo[id(values)] = copy.copy(values)
    if len(new) <= _FEW:
        for key, value in values.items():
            new[key] = _copied(value, memo)
    return new


def _tuple(values: tuple[Any, ...], memo: dict[int, Any]) -> tuple[Any, ...]:
    new = tuple(_copied(value, memo) for value in values) if len(values) <= _FEW else values
    return values if all(map(lambda a, b: a is b, new, values)) else new


def _generator(generator: torch.Generator, _memo: dict[int, Any]) -> torch.Generator:
    new = torch.Generator(generator.device)
    new.set_state(generator.get_state())
    return new


def _deep(value: Any, _memo: dict[int, Any]) -> Any:
    return copy.deepcopy(value)


def _flat(value: Any, _memo: dict[int, Any]) -> Any:
    return copy.copy(value)


_COPIED: dict[type, Callable[[Any, dict[int, Any]], Any]] = {
    Tensor: lambda tensor, _: tensor.detach().clone(),
    np.ndarray: _flat,
    list: _list,
    deque: _list,
    dict: _table,
    OrderedDict: _table,
    tuple: _tuple,
    set: _flat,
    torch.Generator: _generator,
    np.random.Generator: _deep,
    np.random.RandomState: _deep,
    random.Random: _deep,
}
