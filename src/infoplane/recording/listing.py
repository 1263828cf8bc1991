"""Any module -> which layers `record` takes of it, their shapes, and what recording them costs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane.recording.inputs import Inputs
from infoplane.recording.record import record, run
from infoplane.recording.select import INPUT, Selection, copied, select, unwrap


def layer_names(model: nn.Module, x: Any) -> dict[str, tuple[int, ...]]:
    """Names of the layers that `record` takes for `layers=None`, with the shape of their output for one sample.

    x is (samples, ...); its first two samples go through the model.

    Example:
        >>> import torch
        >>> from infoplane.networks import warm_up
        >>> layer_names(warm_up(), torch.zeros(10, 12))
        {'0': (5,), '1': (5,), '2': (1,), '3': (1,)}
    """
    return {name: tuple(tensor.shape[1:]) for name, tensor in record(model, Inputs(x).rows(slice(2)).given).items()}


_NAMES_SHOWN = 6


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
    Estimators come on top of that. ``unseen`` names what goes into a layer and comes out of none: what the forward pass
    computes in between, with ``torch.relu``, a sum or a product. `record` takes it under that name.
    """

    layers: tuple[RecordedLayer, ...]
    samples: int
    seconds: float
    bytes: int
    unseen: tuple[str, ...] = ()

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
        if self.unseen:
            some = f"{', '.join(self.unseen[:_NAMES_SHOWN])}{', ...' if len(self.unseen) > _NAMES_SHOWN else ''}"
            lines.append(f"computed between layers, and taken where layers= names it: {some}")
        return "\n".join(lines)


def layers(model: nn.Module, x: Any, *, batch_size: int | None = None) -> LayerList:
    """Which layers `record` and `InformationPlane` take for `layers=None`, and what one measurement of x costs.

    x and batch_size are as in `record`. x is recorded once, after its first two samples as a warm-up, where they
    are not all read at once; the model stays as it is. Time is in seconds, memory in bytes.

    Raises:
        RecordingError: as `record`.

    Example:
        >>> import torch
        >>> from infoplane.networks import warm_up
        >>> listed = layers(warm_up(), torch.zeros(10, 12))
        >>> listed.names, [layer.units for layer in listed], listed.bytes
        (['0', '1', '2', '3'], [5, 5, 1, 1], 480)
    """
    inputs = Inputs(x)
    if batch_size is None or batch_size < len(inputs):
        record(model, inputs.rows(slice(2)).given)
    begin = time.perf_counter()
    recorded = record(model, inputs.given, batch_size=batch_size)
    for device in {tensor.device for tensor in recorded.values() if tensor.is_cuda}:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - begin
    size = sum(tensor.numel() * tensor.element_size() for tensor in recorded.values())
    few = inputs if batch_size is not None and batch_size >= len(inputs) else inputs.rows(slice(2))
    unseen = tuple(_unseen(unwrap(model), few, [tensor[: len(few)] for tensor in recorded.values()]))
    return LayerList(tuple(_described(unwrap(model), recorded)), len(inputs), seconds, size, unseen)


def _unseen(model: nn.Module, inputs: Inputs, outputs: Sequence[Tensor]) -> Iterator[str]:
    """What goes into a layer, and is neither an input of the network nor what a layer put out."""
    chosen = select(model, None)
    before = Selection({f"{name}{INPUT}": path for name, path in chosen.paths.items()}, quiet=True)
    (entering,) = run(model, inputs, before, len(inputs), lambda _start: copied)
    seen = [tensor.flatten(1) for tensor in (*outputs, *(x for x in inputs.tensors if x.ndim > 1))]
    for name, tensor in entering.items():
        rows = tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]
        if not any(
            rows.shape == other.shape and torch.allclose(rows, other.to(rows), equal_nan=True) for other in seen
        ):
            yield name


def _described(model: nn.Module, recorded: dict[str, Tensor]) -> Iterator[RecordedLayer]:
    paths = select(model, None).paths
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
