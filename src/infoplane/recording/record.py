"""Layers of any module -> tensors: a pure function that leaves no trace on the model or on the random state.

Gradients, training flags and the random state are afterwards as they were before, also after an exception. Hooks are
attached during the call only; what they see is copied before any later operation can change it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from infoplane.checks import whole_number
from infoplane.errors import InfoplaneError, RecordingError
from infoplane.randomness import preserved_random_state
from infoplane.recording.evaluation import evaluation, warn_of_batch_statistics
from infoplane.recording.inputs import Inputs
from infoplane.recording.outputs import Part, token_mask
from infoplane.recording.placement import DEFAULT_BATCH, device_of
from infoplane.recording.pooling import Pool, check_pool, pooled, with_channels_last
from infoplane.recording.select import Keep, Layers, Selection, UnreadableLayers, layer_outputs, unwrap
from infoplane.recording.select import select as chosen_layers


def record(
    model: nn.Module,
    x: Any,
    layers: Layers = None,
    batch_size: int | None = None,
    *,
    pool: Pool | None = None,
    select: Part = None,
) -> dict[str, Tensor]:
    """Activations of chosen layers for every sample, in evaluation mode: name -> (samples, ...), in order of execution.

    `x` is (samples, ...), a tensor or an array; a tuple of these, or a mapping, for a model with several inputs (with
    `ip.Constant` what is the same for all samples), or a DataLoader or Dataset. It is
    brought to the model's device and floating type; whole numbers become floating ones, except for a model with an
    embedding. `layers` are names as in `named_modules()` (without the "module." and "_orig_mod." of wrappers;
    "(model)" is the whole), globs over names, modules, a list of these, a function (name, module) -> bool, "residual"
    (a transformer's embedding and blocks), or None or "auto": every activation and every module with parameters and no
    modules inside, as far as they run; "fc2<in" is what goes into fc2. A layer that runs k > 1 times
    gives "name#0" ... "name#k-1".

    `select` says which part of an output is taken: an index, keys with dots between, a function, or a table of these by
    glob; None takes the first tensor of a tuple or a mapping, with a warning. `pool` makes rows (samples, units) of
    outputs, as `InformationPlane` does; None leaves them as they are.

    `batch_size` samples go through the model at once, 4096 if None. Another size changes values by rounding errors
    only, but it does change them: keep it fixed where equal floating values are compared.

    Raises:
        UnknownNameError: no layer of that name, or none that a glob fits.
        RecordingError: a layer asked for by name never ran or puts out no row a sample, or layers ran in some batches
            only.
        InputError: inputs without samples or of several lengths, or a ``batch_size`` below 1.

    Example:
        >>> import torch
        >>> from infoplane.networks import six_layer
        >>> recorded = record(six_layer(), torch.zeros(1000, 12), ["1", "11"])
        >>> {name: tuple(tensor.shape) for name, tensor in recorded.items()}
        {'1': (1000, 10), '11': (1000, 1)}
    """
    check_batch_size(batch_size)
    inputs, selection = Inputs(x), selection_of(model, layers, select)
    if pool is not None:
        check_pool(pool)
        pool = with_channels_last(pool, selection.channels_last)

    def keep_from(start: int) -> Keep:
        def keep(name: str, _number: int, tensor: Tensor, lengths: Tensor | None) -> dict[str, Tensor]:
            if pool is None:
                return {"": tensor.clone()}
            mask = mask_of(inputs, tensor, lengths, start)
            return {end: rows[0].clone() for end, rows in pooled(name, tensor[None], pool, mask)}

        return keep

    warn_of_batch_statistics(model, len(inputs), batch_size or DEFAULT_BATCH)
    parts = None
    while parts is None:
        try:
            parts = run(model, inputs, selection, batch_size or DEFAULT_BATCH, keep_from)
        except UnreadableLayers as error:
            selection = leaving_out(selection, error)
    names = [(name, end) for name, ends in parts[0].items() for end in ends]
    return {name + end: _joined(name + end, [part[name][end] for part in parts]) for name, end in names}


def check_batch_size(batch_size: int | None) -> None:
    """Whether it is a number of samples, or None.

    Raises:
        InputError: it is neither.
    """
    if batch_size is not None:
        whole_number("batch_size", batch_size, least=1, example=DEFAULT_BATCH)


def selection_of(model: nn.Module, layers: Layers, part: Part = None) -> Selection:
    """Chosen layers of a model in whatever wrappers, and which part of their outputs is taken."""
    return replace(chosen_layers(unwrap(model), layers), part=part)


def leaving_out(selection: Selection, error: UnreadableLayers) -> Selection:
    """The selection without layers that cannot be read, and nobody asked for; a warning names them."""
    selection.warn(f"{error}: left out of this recording")
    return selection.without(error.names)


def run(
    model: nn.Module, inputs: Inputs, selection: Selection, size: int, keep_from: Callable[[int], Keep]
) -> list[dict[str, Any]]:
    """What is kept of every selected layer in every batch of ``size`` samples, without a trace on the model.

    ``keep_from`` gets the number of a batch's first sample, and gives what ``layer_outputs`` calls inside the hooks.

    Raises:
        RecordingError: as ``layer_outputs``, and where layers ran in some batches only.
    """
    model = unwrap(model)
    parts: list[dict[str, Any]] = []
    with evaluation(model), preserved_random_state(device_of(model) or inputs.tensors[0].device):
        for start, batch in inputs.split(size):
            try:
                parts.append(layer_outputs(model, selection, len(batch), _call(model, batch), keep_from(start)))
            except Exception as error:
                if "does not require grad" in str(error):
                    raise RecordingError(
                        "the forward pass takes gradients, as of an energy, and layers are measured without: put it "
                        "into `with torch.enable_grad():` inside forward"
                    ) from error
                if not isinstance(error, InfoplaneError):
                    _explain(error, batch)
                raise
            if parts[-1].keys() != parts[0].keys():
                _uneven(parts[-1].keys() ^ parts[0].keys(), selection, len(inputs))
    return parts


def _explain(error: Exception, batch: Inputs) -> None:
    """Add to an error of the network itself what may have led to it."""
    error.add_note(
        f"infoplane ran the network on {len(batch)} samples by themselves: where samples need each other, as the nodes "
        "of a graph do, give batch_size= of all of them, which are then read at once"
    )
    if batch.single and not batch.tensors[0].is_floating_point():
        error.add_note(
            f"x holds {batch.tensors[0].dtype}, which became floating numbers unless a layer is a torch.nn.Embedding: "
            "give (x,), a tuple, to keep whole numbers whole"
        )


def _uneven(differing: Iterable[str], selection: Selection, samples: int) -> NoReturn:
    message = f"layers {', '.join(sorted(differing))} ran in some batches only"
    bases = {name if name in selection.paths else name.rpartition("#")[0] for name in differing}
    if bases & selection.required:
        raise RecordingError(
            f"{message}: select layers that run equally often for any input, or record all samples at once with "
            f"batch_size={samples}"
        )
    raise UnreadableLayers(f"{message} (batch_size={samples} reads all samples in one)", bases)


def _call(model: nn.Module, batch: Inputs) -> Callable[[], object]:
    return lambda: batch.call(model)


def mask_of(inputs: Inputs, t: Tensor, lengths: Tensor | None, start: int) -> Tensor | None:
    """Which tokens are there in an output t (samples, ...) of the batch from sample ``start`` on; None: all."""
    if lengths is not None:
        return token_mask(lengths, t.shape[1])
    mask = inputs.mask
    return None if mask is None else mask[start : start + len(t)]


def _joined(name: str, parts: list[Tensor]) -> Tensor:
    shapes = {tuple(part.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise RecordingError(
            f"layer {name!r} puts out {' and '.join(map(str, sorted(shapes)))} for a sample, in different batches: "
            "pool sequences of differing length, pool='mean' or 'last', or record all samples at once"
        )
    return torch.cat(parts)
