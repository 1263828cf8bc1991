"""Answers of some of the samples -> what paired differences between rows of a trajectory need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.difference import Choices, Terms
from infoplane.plane.measure import Answer, Snapshot, answers_to
from infoplane.plane.question import Question
from infoplane.trajectory.trajectory import RowPlace


def terms_of(
    question: Question, snapshots: Sequence[Snapshot], answers: Sequence[Sequence[Answer]]
) -> dict[RowPlace, Terms]:
    """I(T;Y) of every row, on all samples and on the same choices of them: everything is asked again of each choice.

    Blocks are left out only where all estimators are smooth; small parts serve all.
    """
    groups = next(iter(question.labels.values())).groups
    smooth = all(estimator.resampling == "jackknife" for estimator in question.estimators)
    choices = Choices.of(groups, question.x.n, question.seed, smooth=smooth)
    asked = replace(question, shuffles=None, intervals=False)

    def again(some: np.ndarray) -> list[float]:
        keep = torch.zeros(question.x.n, dtype=torch.bool)
        keep[torch.from_numpy(some)] = True
        taken = answers_to(asked.take(keep), [snapshot.take(keep) for snapshot in snapshots])
        return [reading.i_ty for _, reading in _rows(question, snapshots, taken)]

    rows = list(_rows(question, snapshots, answers))
    values = [[again(some) for some in several] for several in (choices.without, choices.parts, choices.halves)]
    return {
        place: Terms(
            reading.i_ty,
            question.units,
            tuple(each[at] for each in values[0]) or None,
            tuple(each[at] for each in values[1]),
            tuple(each[at] for each in values[2]),
            choices.samples,
            reading.flags if reading.i_ty_flags is None else reading.i_ty_flags,
        )
        for at, (place, reading) in enumerate(rows)
    }


def _rows(
    question: Question, snapshots: Sequence[Snapshot], answers: Sequence[Sequence[Answer]]
) -> Iterator[tuple[RowPlace, Reading]]:
    for snapshot, each in zip(snapshots, answers, strict=True):
        for answer in each:
            for layer, readings in zip(snapshot.gathered.layers, answer.layers, strict=True):
                for number, reading in enumerate(readings):
                    copy = number if answer.kind == "single" else -1
                    place = RowPlace(
                        snapshot.moment.step, question.split, layer, copy, answer.kind, answer.name, answer.label
                    )
                    yield place, reading
