"""What is asked of every layer: estimators, inputs and labels, in which unit, at which step, on which samples."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.naming import described
from infoplane.types import Units

WHOLE = "all"  #: the name of the split where the samples are not split


@dataclass(frozen=True)
class Shuffles:
    """How often inputs and labels are put in random order, and which samples stay together."""

    times: int
    members: list[np.ndarray]
    seed: int

    def take(self, keep: Tensor) -> Shuffles:
        """Of the samples where ``keep`` (samples,) is set."""
        kept = keep.numpy()
        places = np.cumsum(kept) - 1
        members = [places[group[kept[group]]] for group in self.members]
        return replace(self, members=[group for group in members if len(group)])


@dataclass(frozen=True)
class Question:
    """What is asked of every layer: estimators, inputs, label sets, unit, how many shuffles, and the split's name.

    ``few`` is the same question about the samples that estimators see which need activations; None: about all.
    ``condition`` names what all its samples share, where they are chosen by a label. ``intervals``: for estimators
    that have none of their own too, with ``seed``.
    """

    estimators: Sequence[Estimator]
    x: Variable
    labels: Mapping[str, Variable]
    units: Units
    shuffles: Shuffles | None = None
    split: str = WHOLE
    few: Question | None = None
    condition: str = ""
    intervals: bool = False
    seed: int = 0

    @functools.cached_property
    def names(self) -> list[str]:
        """What each estimator is called in the rows."""
        return list(described(self.estimators))

    def to(self, device: torch.device) -> Question:
        labels = {name: label.to(device) for name, label in self.labels.items()}
        few = None if self.few is None else self.few.to(device)
        return replace(self, x=self.x.to(device), labels=labels, few=few)

    def take(self, keep: Tensor) -> Question:
        """About the samples where ``keep`` (samples,) is set, in main memory; without ``few``."""
        return replace(
            self,
            x=self.x.take(keep),
            labels={name: label.take(keep) for name, label in self.labels.items()},
            shuffles=None if self.shuffles is None else self.shuffles.take(keep),
            few=None,
        )


@dataclass(frozen=True)
class Moment:
    """When and how a family is read; ``draws`` (samples,) is the copy of each sample where ``sampled`` is asked."""

    step: int
    kinds: tuple[str, ...]
    draws: Tensor | None = None
