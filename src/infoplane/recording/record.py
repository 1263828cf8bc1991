"""Layers of any module -> tensors: a pure function that leaves no trace on the model or on the random state.

Gradients, training flags and the random state are afterwards as they were before, also after an exception. Hooks are
attached during the call only; what they see is copied before any later operation can change it in place.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError
from infoplane.randomness import preserved_random_state
from infoplane.recording.evaluation import evaluation
from infoplane.recording.inputs import Inputs
from infoplane.recording.outputs import Part, token_mask
from infoplane.recording.placement import DEFAULT_BATCH, device_of
from infoplane.recording.pooling import Pool, check_pool, pooled
from infoplane.recording.select import Keep, Layers, Selection, layer_outputs, unwrap
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

    `x` is (samples, ...), a tensor or an array; a tuple of these, or a mapping, for a model with several inputs. It is
    brought to the model's device and floating type; whole numbers become floating ones, except for a model with an
    embedding. `layers` are names as in `named_modules()` (without the "module." and "_orig_mod." of wrappers;
    "(model)" is the whole), globs over names, modules, a list of these, a function (name, module) -> bool, "residual"
    (a transformer's embedding and blocks), or None or "auto": every activation and every module with parameters and no
    modules inside, as far as they run. A layer that runs k > 1 times gives "name#0" ... "name#k-1".

    `select` says which part of an output is taken: an index, keys with dots between, a function, or a table of these by
    glob; None takes the first tensor of a tuple or a mapping, with a warning. `pool` makes rows (samples, units) of
    outputs, as `InformationPlane` does; None leaves them as they are.

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
    check_batch_size(batch_size)
    inputs, found = Inputs(x), selection_of(model, layers, select)
    if pool is not None:
        check_pool(pool)

    def keep_from(start: int) -> Keep:
        def keep(name: str, _number: int, tensor: Tensor, lengths: Tensor | None) -> dict[str, Tensor]:
            if pool is None:
                return {"": tensor.clone()}
            mask = mask_of(inputs, tensor, lengths, start)
            return {end: rows[0].clone() for end, rows in pooled(name, tensor[None], pool, mask)}

        return keep

    parts = run(model, inputs, found, batch_size or DEFAULT_BATCH, keep_from)
    names = [(name, end) for name, ends in parts[0].items() for end in ends]
    return {name + end: _joined(name + end, [part[name][end] for part in parts]) for name, end in names}


def check_batch_size(batch_size: int | None) -> None:
    """A number of samples, or None."""
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}: give a number of samples from 1 up, or None for {DEFAULT_BATCH}")


def selection_of(model: nn.Module, layers: Layers, part: Part = None) -> Selection:
    """Chosen layers of a model in whatever wrappers, and which part of their outputs is taken."""
    return replace(chosen_layers(unwrap(model), layers), part=part)


def run(
    model: nn.Module, inputs: Inputs, selection: Selection, size: int, keep_from: Callable[[int], Keep]
) -> list[dict[str, Any]]:
    """What is kept of every selected layer in every batch of ``size`` samples, without a trace on the model.

    ``keep_from`` gets the number of a batch's first sample, and gives what ``layer_outputs`` calls inside the hooks.
    """
    model = unwrap(model)
    parts: list[dict[str, Any]] = []
    with preserved_random_state(device_of(model) or inputs.tensors[0].device), evaluation(model):
        for start, batch in zip(range(0, len(inputs), size), inputs.split(size), strict=True):
            call = _call(model, batch)
            parts.append(layer_outputs(model, selection, len(batch), call, keep_from(start)))
            if parts[-1].keys() != parts[0].keys():
                differing = sorted(parts[-1].keys() ^ parts[0].keys())
                raise RecordingError(
                    f"layers {', '.join(differing)} ran in some batches only: select layers that run equally often "
                    f"for any input, or record all samples at once with batch_size={len(inputs)}"
                )
    return parts


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


def layer_names(model: nn.Module, x: Any) -> dict[str, tuple[int, ...]]:
    """Names of the layers that `record` takes for `layers=None`, with the shape of their output for one sample.

    x is (samples, ...); its first two samples go through the model.

    >>> import torch
    >>> from infoplane.networks import warm_up
    >>> layer_names(warm_up(), torch.zeros(10, 12))
    {'0': (5,), '1': (5,), '2': (1,), '3': (1,)}
    """
    return {name: tuple(tensor.shape[1:]) for name, tensor in record(model, Inputs(x).rows(slice(2)).given).items()}


@final
@dataclass(frozen=True)
class RecordedLayer:
    """One output that `record` takes: its name, the class of the module, and the shape of one sample's output.

    `calls` is how often the module runs in one forward pass: each call is an output of its own. `also` are further
    names of the same module.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    calls: int = 1
    also: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        """Numbers that one sample gives."""
        return math.prod(self.shape)


@final
@dataclass(frozen=True)
class LayerList:
    """The outputs that `record` takes, in order of execution, and what recording them costs; `str` is a table.

    `seconds` and `bytes` are the time of one recording of `samples` samples and the memory of its activations.
    Estimators come on top of that.
    """

    layers: tuple[RecordedLayer, ...]
    samples: int
    seconds: float
    bytes: int

    @property
    def names(self) -> list[str]:
        """The names, as `record` takes them and as they stand in a trajectory."""
        return [layer.name for layer in self.layers]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[RecordedLayer]:
        return iter(self.layers)

    def __str__(self) -> str:
        rows = [("layer", "module", "output", "units", "")]
        for layer in self.layers:
            notes = [f"runs {layer.calls} times"] if layer.calls > 1 else []
            notes += [f"also named {', '.join(layer.also)}"] if layer.also else []
            shape = "x".join(map(str, layer.shape)) or "1"
            rows.append((layer.name, layer.kind, shape, str(layer.units), "; ".join(notes)))
        width = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{name:<{width[0]}}  {kind:<{width[1]}}  {shape:>{width[2]}}  {units:>{width[3]}}  {notes}".rstrip()
            for name, kind, shape, units, notes in rows
        ]
        cost = f"{_shown(self.seconds, 's')} and {_shown(float(self.bytes), 'B')} of activations"
        lines.append(f"one recording of {self.samples} samples: {cost}; estimators come on top")
        return "\n".join(lines)


def layers(model: nn.Module, x: Any) -> LayerList:
    """Which layers `record` and `InformationPlane` take for `layers=None`, and what one measurement of x costs.

    x is (samples, ...). It is recorded once, after its first two samples as a warm-up; the model stays as it is. Time
    is in seconds, memory in bytes.

    Raises what `record` raises.

    >>> import torch
    >>> from infoplane.networks import warm_up
    >>> found = layers(warm_up(), torch.zeros(10, 12))
    >>> found.names, [layer.units for layer in found], found.bytes
    (['0', '1', '2', '3'], [5, 5, 1, 1], 480)
    """
    inputs = Inputs(x)
    record(model, inputs.rows(slice(2)).given)
    begin = time.perf_counter()
    recorded = record(model, x)
    for device in {tensor.device for tensor in recorded.values() if tensor.is_cuda}:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - begin
    size = sum(tensor.numel() * tensor.element_size() for tensor in recorded.values())
    return LayerList(tuple(_described(unwrap(model), recorded)), len(inputs), seconds, size)


def _described(model: nn.Module, recorded: dict[str, Tensor]) -> Iterator[RecordedLayer]:
    paths = chosen_layers(model, None).paths
    modules = list(model.named_modules(remove_duplicate=False))
    bases = {name: name if name in paths else name.rpartition("#")[0] for name in recorded}
    calls = Counter(bases.values())
    for name, base in bases.items():
        module = model.get_submodule(paths[base])
        also = tuple(path for path, other in modules if other is module and path != paths[base])
        yield RecordedLayer(name, type(module).__name__, tuple(recorded[name].shape[1:]), calls[base], also)


def _shown(number: float, unit: str) -> str:
    """A number of seconds or bytes with a prefix: 1.5 ms, 20 MB."""
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3)):
        if number >= scale and (unit == "B" or scale <= 1):
            return f"{number / scale:.3g} {prefix}{unit}"
    return f"{number * 1e6:.3g} µ{unit}"
