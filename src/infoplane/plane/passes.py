"""A network, a family or a list of networks -> its layers, shown batch by batch to whoever takes what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from infoplane.family import Family
from infoplane.recording.inputs import Inputs
from infoplane.recording.outputs import Part
from infoplane.recording.record import run, selection_of
from infoplane.recording.select import Keep, Layers

Model = nn.Module | Family | Sequence[nn.Module]

#: Number of the batch's first sample, the layer's name, the number of its call, its output (members, samples, ...),
#: lengths of packed sequences.
Take = Callable[[int, str, int, Tensor, Tensor | None], None]


@dataclass(frozen=True)
class Show:
    """What is shown of a model: which layers, which part of their outputs, in batches of which size.

    ``lend`` says that a family may show memory that the next batch overwrites. With ``draws`` (samples,) a family shows
    the copy of each sample only, as one member.
    """

    layers: Layers
    part: Part
    batch: int
    lend: bool = False
    draws: Tensor | None = None


def show(model: Model, inputs: Inputs, what: Show, take: Take) -> None:
    """Call ``take`` for every layer of every batch, in the order in which they run.

    A lone network's outputs are shown inside its hooks: what is kept must be copied, since later operations may change
    it in place.
    """
    if isinstance(model, Family):
        _show_family(model, inputs.tensors[0], what, take)
    elif isinstance(model, nn.Module):
        run(model, inputs, selection_of(model, what.layers, what.part), what.batch, _taking(take))
    else:
        _show_list(model, inputs, what, take)


def _taking(take: Take) -> Callable[[int], Keep]:
    def keep_from(start: int) -> Keep:
        def keep(name: str, number: int, tensor: Tensor, lengths: Tensor | None) -> None:
            take(start, name, number, tensor[None], lengths)

        return keep

    return keep_from


def _show_family(family: Family, x: Tensor, what: Show, take: Take) -> None:
    for start in range(0, len(x), what.batch):
        stop = start + what.batch
        if what.draws is None:
            outputs = family.activations(x[start:stop], what.layers, lend=what.lend)
        else:
            drawn = family.sampled_activations(x[start:stop], what.layers, what.draws[start:stop])
            outputs = {name: tensor[None] for name, tensor in drawn.items()}
        for name, tensor in outputs.items():
            take(start, name, 0, tensor.detach(), None)


def _show_list(models: Sequence[nn.Module], inputs: Inputs, what: Show, take: Take) -> None:
    selections = [selection_of(model, what.layers, what.part) for model in models]
    for start, batch in zip(range(0, len(inputs), what.batch), inputs.split(what.batch), strict=True):
        each: list[dict[str, Any]] = [
            run(model, batch, selection, len(batch), _copying)[0]
            for model, selection in zip(models, selections, strict=True)
        ]
        for name, (_, lengths) in each[0].items():
            take(start, name, 0, torch.stack([one[name][0] for one in each]), lengths)


def _copying(_start: int) -> Keep:
    return lambda _name, _number, tensor, lengths: (tensor.clone(), lengths)
