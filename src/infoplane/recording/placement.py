"""Where a network lives and what it computes with: brings the user's arrays to its device and floating type."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from infoplane.errors import InputError

#: Samples that go through a network at once where nothing else is asked for.
DEFAULT_BATCH = 4096


def floating_dtype(model: nn.Module) -> torch.dtype | None:
    """The type of the first floating parameter or buffer; None where there is none."""
    tensors = chain(model.parameters(), model.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)


def device_of(model: nn.Module) -> torch.device | None:
    """The device of the first parameter or buffer; None where there is none."""
    return next((tensor.device for tensor in chain(model.parameters(), model.buffers())), None)


def takes_indices(model: nn.Module) -> bool:
    """Whether the network looks whole numbers up in a table, so that they must stay whole numbers."""
    return any(isinstance(module, (nn.Embedding, nn.EmbeddingBag)) for module in model.modules())


def need_shapes(modules: Iterable[nn.Module]) -> None:
    """Whether a network can be looked at: a lazy one first takes its shapes, and its random start, from a batch.

    Raises:
        InputError: a parameter or buffer of one of the modules has no shape yet.
    """
    for module in modules:
        for name, tensor in chain(module._parameters.items(), module._buffers.items()):
            if tensor is not None and is_lazy(tensor):
                raise InputError(
                    f"the network has lazy parameters without a shape ({name!r} of a {type(module).__name__}): run it "
                    "once on a batch before, model(x)"
                )


def resolve_device(device: str | torch.device | None, model: nn.Module) -> torch.device:
    """A device from its name: None is where the model is, "auto" the fastest one that this machine has."""
    if device is None:
        return device_of(model) or torch.device("cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        # asks whether it can be used, and completes "cuda" to "cuda:0"
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        message = f'device {device!r} cannot be used here ({error}): give "auto", "cpu", "cuda" or "mps"'
        raise InputError(message) from error


def as_tensor(values: Any, what: str) -> Tensor:
    """A tensor of numbers from a tensor, an array, a table or nested lists."""
    if isinstance(values, Tensor):
        return values.detach()
    try:
        return torch.tensor(np.asarray(values), device="cpu")  # wherever else new tensors are made
    except (TypeError, ValueError) as error:
        message = f"{what} is a {type(values).__name__} that holds no plain numbers: give a tensor or a numeric array"
        raise InputError(message) from error


def as_input(x: Any, dtype: torch.dtype | None, device: torch.device | None, *, indices: bool = False) -> Tensor:
    """Inputs in a network's floating type and on its device; whole numbers stay as they are where `indices`."""
    tensor = as_tensor(x, "x")
    if tensor.ndim == 0 or len(tensor) == 0:
        raise InputError(f"x has shape {tuple(tensor.shape)} and no samples: give at least one row, (samples, ...)")
    if tensor.is_complex() or (indices and not tensor.is_floating_point()):
        return tensor.to(device)
    if dtype is None:
        dtype = tensor.dtype if tensor.is_floating_point() else torch.get_default_dtype()
    return tensor.to(device, dtype)
