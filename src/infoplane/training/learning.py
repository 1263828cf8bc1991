"""How a family learns, beside what it knows: loss, accuracy and the gradients' signal, as scalars of a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from infoplane.family import Family
from infoplane.family.state import part_of
from infoplane.training.gradients import GradientSignal
from infoplane.trajectory.scalars import Scalars


@final
class LearningCurves:
    """Adds to ``scalars``, for every copy and once in ``window`` steps: ``loss``, ``accuracy`` and the gradients.

    ``loss`` is the mean over the batches of the window, each before its step, in split ``batches``. ``accuracy`` is
    the share of all samples that the copy gets right at the end of the window, in split ``all``: by the largest
    output; where targets are one number of two values, by the nearer one; of other targets there is none. The
    gradients are as of :class:`infoplane.training.gradients.GradientSignal`. Nothing of the training changes.
    """

    def __init__(self, family: Family, data: tuple[Tensor, Tensor], *, window: int, scalars: Scalars) -> None:
        self._signal = GradientSignal(family, window=window, scalars=scalars)
        self._family, self._data = family, data
        self._loss = torch.zeros(family.copies, device=family.device)

    @property
    def scalars(self) -> Scalars:
        """The table that is added to."""
        return self._signal.scalars

    @scalars.setter
    def scalars(self, table: Scalars) -> None:
        self._signal.scalars = table

    def after(self, step: int, losses: Tensor) -> None:
        """Optimiser step number ``step`` was done, from ``losses`` (members,)."""
        self._loss += losses
        if not self._signal.update(step):
            return
        for copy, loss in enumerate((self._loss / self._signal.window).tolist()):
            self.scalars.add(step, "loss", loss, split="batches", copy=copy)
        for copy, share in enumerate(_accuracies(self._family, *self._data)):
            self.scalars.add(step, "accuracy", share, split="all", copy=copy)
        self._loss.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """What the next step depends on."""
        return {"loss": self._loss.clone(), **{f"signal.{name}": t for name, t in self._signal.state_dict().items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._loss.copy_(state["loss"])
        self._signal.load_state_dict(part_of(state, "signal."))


def _accuracies(family: Family, x: Tensor, y: Tensor) -> list[float]:
    """The share of the samples that each copy gets right; empty where that means nothing."""
    outputs = family.predict(x).reshape(family.copies, len(x), -1)
    if not y.is_floating_point() and y.ndim == 1:
        return _shares(outputs.argmax(-1) == y)
    targets = y.reshape(len(y), -1)
    if targets.shape[1] > 1:
        return _shares(outputs.argmax(-1) == targets.argmax(-1))
    low, high = targets.min(), targets.max()
    if low == high or outputs.shape[-1] > 1 or not ((targets == low) | (targets == high)).all():
        return []
    middle = (low + high) / 2
    return _shares((outputs > middle) == (targets > middle))


def _shares(right: Tensor) -> list[float]:
    return right.flatten(1).double().mean(1).tolist()
