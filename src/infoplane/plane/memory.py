"""A family at moments that are over: its weights, which are few bytes, and everything that was drawn for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.consistency import decision_symbols
from infoplane.estimators.counting.symbols import Symbols
from infoplane.family import Family
from infoplane.plane.gather import Gathered
from infoplane.plane.measure import Snapshot
from infoplane.plane.passes import Key, Pass, names_of, read
from infoplane.plane.question import Moment
from infoplane.recording.inputs import Inputs
from infoplane.recording.pooling import FULL

AT_ONCE = 8  #: networks beside each other from which on a call takes little of the time; their outputs stay in a cache


@final
@dataclass(frozen=True)
class Memory:
    """The copies of ``family`` as they were at ``moment``; ``drawn``: each sample goes through its copy only."""

    family: Family
    weights: Tensor
    moment: Moment
    drawn: bool

    @property
    def waiting_bytes(self) -> int:
        """What is kept until it is looked at."""
        draws = 0 if self.moment.draws is None else self.moment.draws.nbytes
        return self.weights.nbytes + draws


def recalled(memories: Sequence[Memory], reading: Pass, estimators: Sequence[Estimator]) -> list[Snapshot]:
    """What ``read`` would have shown at each of the moments, of one family; moments of few copies share their calls."""
    first = memories[0]
    each = AT_ONCE if first.drawn else max(AT_ONCE // first.family.copies, 1)
    snapshots: list[Snapshot] = []
    for start in range(0, len(memories), each):
        snapshots += _looked_at(memories[start : start + each], reading, estimators)
    return snapshots


def _looked_at(memories: Sequence[Memory], reading: Pass, estimators: Sequence[Estimator]) -> list[Snapshot]:
    """Of few moments, as if all of them were the copies of one family."""
    first, times, axis = memories[0], len(memories), int(memories[0].drawn)
    past = replace(reading, model=first.family.at([memory.weights for memory in memories]))
    moments = [memory.moment for memory in memories]
    if first.drawn:  # the samples once for each moment, each through its copy of then
        draws = [moment.draws for moment in moments if moment.draws is not None]
        x = reading.inputs.tensors[0]
        past = replace(
            past, inputs=Inputs(x.repeat(times, *[1] * (x.ndim - 1))), batch=times * len(x),
            draws=torch.cat([drawn + number * first.family.copies for number, drawn in enumerate(draws)]),
        )  # fmt: skip
        moments = [replace(moment, draws=torch.zeros_like(drawn)) for moment, drawn in zip(moments, draws, strict=True)]
    layers: dict[Key, Tensor] = {}
    half: set[Key] = set()

    def take(key: Key, rows: Tensor, output: Tensor) -> None:
        layers[key] = rows  # (moments x members, samples, units), or (1, moments x samples, units) where drawn
        if output.dtype not in FULL:
            half.add(key)

    read(past, take)
    names, each = names_of(layers), zip(*(rows.chunk(times, axis) for rows in layers.values()), strict=True)
    parts = [part for of_moment in each for part in of_moment]
    symbols, decisions = _symbols(estimators, parts, next(reversed(layers.values())))
    decided = zip(decisions.codes.chunk(times, axis), decisions.bad.chunk(times, axis), strict=True)
    return [
        Snapshot(
            Gathered(
                tuple(names.values()),
                {number: of[at * len(layers) : (at + 1) * len(layers)] for number, of in enumerate(symbols)},
                {},
                replace(decisions, codes=codes, bad=bad),
                half=frozenset(names[key] for key in half),
            ),
            moment,
        )
        for at, (moment, (codes, bad)) in enumerate(zip(moments, decided, strict=True))
    ]


@shielded
def _symbols(
    estimators: Sequence[Estimator], parts: Sequence[Tensor], last: Tensor
) -> tuple[list[list[Symbols]], Symbols]:
    """By estimator, of each part; and the decisions that the last layer makes."""
    counting = [estimator for estimator in estimators if isinstance(estimator, SymbolEstimator)]
    return [estimator.layers(parts) for estimator in counting], decision_symbols(last)
