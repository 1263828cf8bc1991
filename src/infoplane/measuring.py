"""Activations of every layer + a question -> rows of a trajectory. Pure: the same in, the same out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.base import Estimator, SymbolEstimator, check_finite
from infoplane.estimators.binned import Binned
from infoplane.estimators.consistency import decision_symbols, flag_layers
from infoplane.estimators.doubt import reordered, shuffled
from infoplane.estimators.readings import Count, Reading
from infoplane.estimators.samples import Variable, distinct_ids
from infoplane.estimators.symbols import Symbols
from infoplane.types import NATS_PER, Units

WHOLE = "all"  #: the name of the split where the samples are not split


@dataclass(frozen=True)
class Shuffles:
    """How often inputs and labels are put in random order, and which samples stay together."""

    times: int
    members: list[np.ndarray]
    seed: int


@dataclass(frozen=True)
class Question:
    """What is asked of every layer: estimators, inputs, label sets, unit, how many shuffles, and the split's name."""

    estimators: Sequence[Estimator]
    x: Variable
    labels: Mapping[str, Variable]
    units: Units
    shuffles: Shuffles | None = None
    split: str = WHOLE

    def to(self, device: torch.device) -> Question:
        labels = {name: label.to(device) for name, label in self.labels.items()}
        return replace(self, x=self.x.to(device), labels=labels)


@dataclass(frozen=True)
class Moment:
    """When and how a family is read; ``draws`` (samples,) is the copy of each sample where ``sampled`` is asked."""

    step: int
    kinds: tuple[str, ...]
    draws: Tensor | None = None


@dataclass(frozen=True)
class _Asked:
    """One estimator, way of reading the copies, and label set; with the readings of every layer once they are there."""

    made: Estimator
    kind: str
    label: str
    layers: list[list[Reading]]


def estimate_layers(
    activations: Mapping[str, Tensor], question: Question, moment: Moment
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Rows for every layer, and the share of the inputs on which all copies differ where ``exact`` was asked for.

    ``activations`` (members, samples, units) by layer, in the order of execution.
    """
    if moment.draws is not None:
        moment = replace(moment, draws=moment.draws.to(next(iter(activations.values())).device))
    asked: list[_Asked] = []
    for made in question.estimators:
        if isinstance(made, SymbolEstimator):
            asked += _by_counting(made, activations, question, moment)
        else:
            asked += _by_member(made, activations, question, moment)
    rows = [
        row
        for index, layer in enumerate(activations)
        for one in asked
        for row in _layer_rows(one, index, layer, (moment.step, question))
    ]
    exact = next((one for one in asked if one.kind == "exact"), None)
    shares = {} if exact is None else dict(zip(activations, (each[0].all_differ for each in exact.layers), strict=True))
    return rows, {layer: share for layer, share in shares.items() if share is not None}


def _by_counting(
    made: SymbolEstimator, activations: Mapping[str, Tensor], question: Question, moment: Moment
) -> list[_Asked]:
    """Everything counted where the symbols are, then one transfer for all; the network's decision is counted beside."""
    layers = list(activations.values())
    symbols = [*made.layers(layers), decision_symbols(layers[-1])]
    places = [_place(layer, question, moment) for layer in activations]
    kinds = [(kind, label) for kind in moment.kinds for label in question.labels]
    x, labels = question.x.classes(), {label: y.classes() for label, y in question.labels.items()}
    counts = [made.count(symbols, x, labels[label], kind, draws=moment.draws, places=places) for kind, label in kinds]
    nulls = [_shuffled_counts(made, symbols[:-1], question, moment, kind, label) for kind, label in kinds]
    flat = iter(_transfer([*counts, *(count for several in nulls for count in several)], question.units))
    asked = []
    for kind, label in kinds:
        *readings, decision = next(flat)
        asked.append(_Asked(made, kind, label, readings))
        _flag(readings, [one.i_ty for one in decision], question, label)
    for one, several in zip(asked, nulls, strict=True):
        _set_nulls(one.layers, [next(flat) for _ in several])
    return asked


def _place(layer: str, question: Question, moment: Moment) -> str:
    """Where an error was met."""
    return f"layer {layer!r}, step {moment.step}" + ("" if question.split == WHOLE else f", split {question.split!r}")


def _shuffled_counts(
    made: SymbolEstimator, symbols: list[Symbols], question: Question, moment: Moment, kind: str, label: str
) -> list[Count]:
    return [
        made.count(symbols, x.classes(), y.classes(), kind, draws=moment.draws)
        for x, y in _shuffled_variables(question, question.labels[label])
    ]


def _shuffled_variables(question: Question, y: Variable) -> Iterable[tuple[Variable, Variable]]:
    if question.shuffles is None:
        return
    random = np.random.default_rng(question.shuffles.seed)
    for _ in range(question.shuffles.times):
        order = torch.from_numpy(shuffled(question.shuffles.members, random))
        yield reordered(question.x, order), reordered(y, order)


def _set_nulls(layers: list[list[Reading]], repeats: list[list[list[Reading]]]) -> None:
    """The means over the shuffles, into the readings."""
    for at, readings in enumerate(layers if repeats else []):
        for copy, reading in enumerate(readings):
            reading.i_xt_null = _mean([repeat[at][copy].i_xt for repeat in repeats])
            reading.i_ty_null = _mean([repeat[at][copy].i_ty for repeat in repeats])


def _flag(layers: list[list[Reading]], floors: Sequence[float], question: Question, label: str) -> None:
    """Flags that need more than one layer; ``floors`` has one for each reading of a layer."""
    ids = question.labels[label].ids
    h_y = None if ids is None else ids.entropy() / NATS_PER[question.units]
    bits = NATS_PER["bits"] / NATS_PER[question.units]
    for copy, floor in enumerate(floors):
        flag_layers([readings[copy] for readings in layers], floor=floor, h_y=h_y, bits=bits)


def _transfer(counts: Sequence[Count], units: Units) -> list[list[list[Reading]]]:
    """All counts of a measurement in one transfer from the device."""
    flat = torch.cat([count.numbers.flatten() for count in counts]).tolist()
    result, at = [], 0
    for count in counts:
        layers, width = count.numbers.shape
        lines = [flat[at + row * width : at + (row + 1) * width] for row in range(layers)]
        at += layers * width
        result.append(count.read(lines, units))
    return result


def _by_member(made: Estimator, activations: Mapping[str, Tensor], question: Question, moment: Moment) -> list[_Asked]:
    """Readings of an estimator that works on one network at a time."""
    each: dict[str, list[list[Reading]]] = {label: [] for label in question.labels}
    for layer, t in activations.items():
        check_finite(t.flatten(0, 1), _place(layer, question, moment))
        readings = [_of_member(made, member, question) for member in t]
        for label in question.labels:
            each[label].append([reading[label] for reading in readings])
    output = list(activations.values())[-1]
    for label, layers in each.items():
        _flag(layers, _floors(output, question, label), question, label)
    return [
        _Asked(made, kind, label, layers if kind == "single" else [[_mean_reading(members)] for members in layers])
        for kind in moment.kinds
        for label, layers in each.items()
    ]


def _of_member(made: Estimator, t: Tensor, question: Question) -> dict[str, Reading]:
    """Readings of one layer of one network for every label set."""
    prepared = made.prepare(t)
    defined = "i_xt" in made.informations
    i_xt = made.with_input(prepared, question.x, question.units) if defined else None
    readings = {}
    for label, y in question.labels.items():
        reading = Reading.of(i_xt, made.with_label(prepared, y, question.units))
        shuffles = [
            Reading.of(
                made.with_input(prepared, x_null, question.units) if defined else None,
                made.with_label(prepared, y_null, question.units),
            )
            for x_null, y_null in _shuffled_variables(question, y)
        ]
        _set_nulls([[reading]], [[[one]] for one in shuffles])
        readings[label] = reading
    return readings


def _floors(output: Tensor, question: Question, label: str) -> list[float]:
    """What every copy's decision knows about the label."""
    ids = question.labels[label].ids
    if ids is None:
        return []
    count = Binned("distinct").count([decision_symbols(output)], distinct_ids(ids.n, ids.ids.device), ids, "single")
    return [reading.i_ty for reading in count.read(count.numbers.tolist(), question.units)[0]]


def _mean_reading(members: Sequence[Reading]) -> Reading:
    """The mean over the copies, with every flag that any of them has."""
    mean = Reading(None, 0.0, members[0].n, tuple(dict.fromkeys(flag for one in members for flag in one.flags)))
    for name in ("i_xt", "i_xt_low", "i_xt_high", "i_xt_null", "i_ty", "i_ty_low", "i_ty_high", "i_ty_null"):
        setattr(mean, name, _mean([getattr(one, name) for one in members]))
    return mean


def _mean(values: Sequence[float | None]) -> Any:
    return None if None in values else float(np.mean(values))  # type: ignore[arg-type]


def _layer_rows(asked: _Asked, index: int, layer: str, place: tuple[int, Question]) -> Iterable[dict[str, Any]]:
    step, question = place
    single = asked.kind == "single"
    for copy, reading in enumerate(asked.layers[index]):
        yield {
            "step": step,
            "split": question.split,
            "layer": layer,
            "layer_index": index,
            "copy": copy if single else -1,
            "family": asked.kind,
            "estimator": asked.made.name,
            "label": asked.label,
            "i_xt": reading.i_xt,
            "i_xt_low": reading.i_xt_low,
            "i_xt_high": reading.i_xt_high,
            "i_xt_null": reading.i_xt_null,
            "i_ty": reading.i_ty,
            "i_ty_low": reading.i_ty_low,
            "i_ty_high": reading.i_ty_high,
            "i_ty_null": reading.i_ty_null,
            "h_t": reading.h_t,
            "h_t_given_x": reading.h_t_given_x,
            "n": reading.n,
            "units": question.units,
            "flags": reading.flags,
        }
