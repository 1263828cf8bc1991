"""One pass of samples through a network, a family or a list of networks -> rows of units, layer by layer.

The look at the shapes of two samples and the reading of all of them are the same function, ``read``: what differs is
who takes the rows.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError
from infoplane.family import Family
from infoplane.family.members import need_own_parameters
from infoplane.recording.inputs import Inputs
from infoplane.recording.outputs import Part
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.recording.pooling import FULL, Pool, pooled, with_channels_last
from infoplane.recording.record import mask_of, run, selection_of
from infoplane.recording.select import Keep, Layers

Model = nn.Module | Family | Sequence[nn.Module]

Key = tuple[str, int, str]  #: a layer's name, the number of its call, and what pooling adds to the name

#: Takes rows of units (members, samples, units) of one layer, in float32 or float64, and the layer's output
#: (members, samples, ...) that they were made of: the same tensor where nothing had to be done.
Take = Callable[[Key, Tensor, Tensor], None]


@final
@dataclass(frozen=True)
class Pass:
    """What is read: which layers of which model, on which samples, and how an output becomes rows of units.

    Args:
        model: any module, a family, or a list of modules with the same layers.
        inputs: the samples that go through it.
        layers, part, pool: as ``layers``, ``select`` and ``pool`` of ``InformationPlane``.
        tokens: (samples, tokens) bool, which tokens are rows where every token is one.
        batch: so many samples at a time.
        lend: whether a family may show memory that the next batch overwrites.
        draws: (samples,) the copy that each sample goes through; a family then shows that copy only, as one member.
        left_out: layers that cannot be read, and nobody asked for.
    """

    model: Model
    inputs: Inputs
    layers: Layers = None
    part: Part = None
    pool: Pool = "flatten"
    tokens: Tensor | None = None
    batch: int = DEFAULT_BATCH
    lend: bool = False
    draws: Tensor | None = None
    left_out: frozenset[str] = frozenset()

    def of_first(self, samples: int) -> Pass:
        """The same of the first few samples, in one batch."""
        few = self.inputs.rows(slice(samples))
        tokens = None if self.tokens is None else self.tokens[:samples]
        return replace(self, inputs=few, tokens=tokens, batch=len(few), draws=None)


def read(reading: Pass, take: Take) -> None:
    """Give ``take`` every layer of every batch, in the order in which they run.

    A lone network is read inside its hooks: what is kept of an output must be copied at once, since a later operation
    of the network may change it in place.
    """
    if isinstance(reading.model, Family):
        _read_family(reading, reading.model, take)
    elif isinstance(reading.model, nn.Module):
        model = reading.model
        selection = selection_of(model, reading.layers, reading.part).without(reading.left_out)
        reading = replace(reading, pool=with_channels_last(reading.pool, selection.channels_last))
        run(model, reading.inputs, selection, reading.batch, _taking(reading, take))
    else:
        _read_list(reading, reading.model, take)


def copies_of(model: Model) -> int:
    """How many networks there are.

    Raises:
        InputError: something that is no network, or networks that share their parameters.
    """
    if isinstance(model, Family):
        return model.copies
    if isinstance(model, nn.Module):
        return 1
    if isinstance(model, Sequence) and len(model) and all(isinstance(member, nn.Module) for member in model):
        need_own_parameters(model)
        return len(model)
    raise InputError(f"model is {type(model).__name__}: measure a torch.nn.Module, an ip.Family or a list of modules")


def names_of(keys: Iterable[Key]) -> Mapping[Key, str]:
    """What the layers are called in rows: those that ran several times have a number each.

    Raises:
        RecordingError: two layers would have one name.
    """
    return _names(tuple(keys))


@functools.lru_cache(maxsize=64)
def _names(keys: tuple[Key, ...]) -> Mapping[Key, str]:  # asked at every step, and the same as long as a network is
    often = {name for name, number, _ in keys if number > 0}
    names = {key: f"{key[0]}#{key[1]}{key[2]}" if key[0] in often else key[0] + key[2] for key in keys}
    if len(set(names.values())) < len(names):
        twice = [name for name, count in Counter(names.values()).items() if count > 1]
        raise RecordingError(f"two layers would be called {twice[0]!r}: select one of them")
    return names


def _taking(reading: Pass, take: Take) -> Callable[[int], Keep]:
    def keep_from(start: int) -> Keep:
        def keep(name: str, number: int, output: Tensor, lengths: Tensor | None) -> None:
            _take_rows(reading, take, (start, name, number), output[None], lengths)

        return keep

    return keep_from


def _read_family(reading: Pass, family: Family, take: Take) -> None:
    x = reading.inputs.tensors[0]
    for start in range(0, len(x), reading.batch):
        stop = start + reading.batch
        if reading.draws is None:
            outputs = family.activations(x[start:stop], reading.layers, lend=reading.lend)
        else:
            drawn = family.sampled_activations(x[start:stop], reading.layers, reading.draws[start:stop])
            outputs = {name: output[None] for name, output in drawn.items()}
        for name, output in outputs.items():
            values = output.detach() if output.requires_grad else output
            _take_rows(reading, take, (start, name, 0), values, None)


def _read_list(reading: Pass, networks: Sequence[nn.Module], take: Take) -> None:
    chosen = [selection_of(network, reading.layers, reading.part) for network in networks]
    selections = [selection.without(reading.left_out) for selection in chosen]
    reading = replace(reading, pool=with_channels_last(reading.pool, selections[0].channels_last))
    for start, batch in reading.inputs.split(reading.batch):
        members = [
            run(network, batch, selection, len(batch), _copying)[0]
            for network, selection in zip(networks, selections, strict=True)
        ]
        for name, (_, lengths) in members[0].items():
            output = torch.stack([outputs[name][0] for outputs in members])  # (members, samples, ...)
            _take_rows(reading, take, (start, name, 0), output, lengths)


def _copying(_start: int) -> Keep:
    return lambda _name, _number, output, lengths: (output.clone(), lengths)


def _take_rows(reading: Pass, take: Take, place: tuple[int, str, int], output: Tensor, lengths: Tensor | None) -> None:
    """An output (members, samples, ...) as rows; ``place``: the batch's first sample, the layer, the call's number."""
    start, name, number = place
    if output.ndim == 3 and reading.pool == "flatten" and reading.tokens is None and output.dtype in FULL:
        take((name, number, ""), _countable(output), output)  # rows already: the usual case, at every step
        return
    if reading.tokens is None:
        mask = mask_of(reading.inputs, output[0], lengths, start)
    else:
        mask = reading.tokens[start : start + output.shape[1]]
    for end, rows in pooled(name, output, reading.pool, mask):
        take((name, number, end), _countable(rows), output)


def _countable(t: Tensor) -> Tensor:
    """Where entropies can be computed: Apple's devices have no float64, so their activations come to main memory."""
    return t.cpu() if t.device.type == "mps" else t
