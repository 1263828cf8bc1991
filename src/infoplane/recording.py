"""Layers of any module -> tensors: a pure function that leaves no trace on the model or on the random state.

Gradients, training flags and the random state are afterwards as they were before, also after an exception. Hooks are
attached during the call only; what they see is copied before any later operation can change it in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError
from infoplane.networks.layers import Layers, Selection, evaluation, layer_outputs, select, unwrap
from infoplane.networks.placement import DEFAULT_BATCH, as_input, device_of, floating_dtype, takes_indices
from infoplane.networks.streams import preserved_random_state


def record(model: nn.Module, x: Any, layers: Layers = None, batch_size: int | None = None) -> dict[str, Tensor]:
    """Activations of chosen layers for every sample, in evaluation mode: name -> (samples, ...), in order of execution.

    `x` is (samples, ...), a tensor or an array. It is brought to the model's device and floating type; whole numbers
    become floating ones, except for a model with an embedding. `layers` are names as in `named_modules()` (without the
    "module." and "_orig_mod." of wrappers; "(model)" is the whole), globs over names, modules, a list of these, or
    None: every activation and every module with parameters and no modules inside, as far as they run. A layer that
    runs k > 1 times gives "name#0" ... "name#k-1". Of a tuple or a mapping the first tensor is taken, with a warning.

    `batch_size` samples go through the model at once, 4096 if None. Another size changes values by rounding errors
    only, but it does change them: keep it fixed where equal floating values are compared.

    Raises UnknownNameError for a name, or a glob without a match, and RecordingError for a layer asked for by name
    that never ran or puts out no row a sample, or for layers that run in some batches only.

    >>> import torch
    >>> from infoplane.networks import six_layer
    >>> recorded = record(six_layer(), torch.zeros(1000, 12), ["1", "11"])
    >>> {name: tuple(tensor.shape) for name, tensor in recorded.items()}
    {'1': (1000, 10), '11': (1000, 1)}
    """
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}: give a number of samples from 1 up, or None for {DEFAULT_BATCH}")
    model = unwrap(model)
    selection = select(model, layers)
    x = as_input(x, floating_dtype(model), device_of(model), indices=takes_indices(model))
    with preserved_random_state(x.device), evaluation(model):
        parts = [_record_batch(model, batch, selection) for batch in x.split(batch_size or DEFAULT_BATCH)]
    for part in parts:
        if part.keys() != parts[0].keys():
            differing = sorted(part.keys() ^ parts[0].keys())
            raise RecordingError(
                f"layers {', '.join(differing)} ran in some batches only: select layers that run equally often for "
                f"any input, or record all samples at once with batch_size={len(x)}"
            )
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def layer_names(model: nn.Module, x: Any) -> dict[str, tuple[int, ...]]:
    """Names of the layers that `record` takes for `layers=None`, with the shape of their output for one sample.

    x is (samples, ...); its first two samples go through the model.

    >>> import torch
    >>> from infoplane.networks import warm_up
    >>> layer_names(warm_up(), torch.zeros(10, 12))
    {'0': (5,), '1': (5,), '2': (1,), '3': (1,)}
    """
    return {name: tuple(tensor.shape[1:]) for name, tensor in record(model, x[:2]).items()}


def _record_batch(model: nn.Module, batch: Tensor, selection: Selection) -> dict[str, Tensor]:
    return layer_outputs(model, selection, len(batch), lambda: model(batch.clone()))
