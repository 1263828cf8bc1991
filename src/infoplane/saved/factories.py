"""The user's own factory -> a network: called, or found by "module:factory" and its layers listed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infoplane.errors import InfoplaneError, InputError
from infoplane.recording.listing import LayerList, layers
from infoplane.recording.placement import takes_indices

_EXAMPLE = "infoplane list layers mymodel:make --input 3x32x32"


def made_by(factory: Callable[[], nn.Module]) -> nn.Module:
    """The network that a function without arguments, or a class, makes.

    Raises:
        InputError: it is no such function, or makes something else.
    """
    if isinstance(factory, nn.Module) or not callable(factory):
        raise InputError(
            f"factory is a {type(factory).__name__}: give a function without arguments that makes the network, for "
            "example factory=lambda: Net(10)"
        )
    model = factory()
    if not isinstance(model, nn.Module):
        raise InputError(f"factory made a {type(model).__name__}: it must return a torch.nn.Module")
    return model


def network_named(name: str) -> nn.Module:
    """The network of "module:factory", where factory is a function or class without arguments, or the network itself.

    The module is imported, which runs its code; the current folder is looked through first.

    Raises:
        InputError: with what is missing, or what the module or the factory raised.
    """
    module_name, _, attribute = name.partition(":")
    parts = (*module_name.split("."), *attribute.split("."))
    if not all(part.isidentifier() for part in parts) or module_name.endswith(".py"):
        raise InputError(f"{name!r} is no MODULE:FACTORY: leave .py and slashes out, as in {_EXAMPLE}")
    with _current_folder(), _blamed_on(f"importing {module_name}, or making a network with {attribute},"):
        try:
            named: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            # another module that is missing is the user's module's fault, and told as that
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise InputError(
                f"there is no module {error.name!r} in {Path.cwd()} or among the installed packages: go to the folder "
                f"that holds {module_name.partition('.')[0]}, or correct the name"
            ) from error
        for part in attribute.split("."):
            if not hasattr(named, part):
                public = [known for known in vars(named) if not known.startswith("_")]
                raise InputError(f"{module_name} has no {attribute!r}: it has {', '.join(public[:20]) or 'no names'}")
            named = getattr(named, part)
        return named if isinstance(named, nn.Module) else made_by(named)


def list_layers(factory: str | None, shape: str | None, *, samples: int = 256) -> LayerList:
    """The layers of the network "module:factory" for random inputs of a shape such as "3x32x32" (one sample).

    A network with an embedding gets zeros, the index that every table has.

    Raises:
        InputError: a name or the shape is missing, or the network does not take that shape.

    Example:
        >>> list_layers("infoplane.networks:warm_up", "12").names
        ['0', '1', '2', '3']
    """
    if factory is None or shape is None:
        missing = "which network" if factory is None else "which shape has one sample"
        raise InputError(f"{missing}? Say it as in {_EXAMPLE}")
    sizes = shape.replace(",", "x").split("x")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise InputError(f"--input {shape!r}: give the shape of one sample in whole numbers, as 3x32x32")
    if samples < 1:
        raise InputError(f"--samples {samples}: give a whole number of at least 1")
    model = network_named(factory)
    x = _inputs(model, (samples, *map(int, sizes)))
    with _blamed_on(f"the network given inputs of shape {tuple(x.shape)}, the first of which are the samples,"):
        return layers(model, x)


def _inputs(model: nn.Module, shape: tuple[int, ...]) -> Tensor:
    if takes_indices(model):
        return torch.zeros(shape, dtype=torch.int64)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@contextmanager
def _current_folder() -> Iterator[None]:
    """Inside, modules are looked for in the current folder first."""
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = before


@contextmanager
def _blamed_on(what: str) -> Iterator[None]:
    """Inside, an exception of the user's code becomes an InputError that says where it comes from."""
    try:
        yield
    except InfoplaneError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{what} failed with {type(error).__name__}: {error}") from error
