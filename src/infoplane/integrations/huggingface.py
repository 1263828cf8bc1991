"""The information plane in the Trainer of Hugging Face's transformers."""

from __future__ import annotations

from typing import Any, final

from infoplane.errors import InputError
from infoplane.integrations.loggers import Logged, Place
from infoplane.integrations.naming import values
from infoplane.plane.plane import InformationPlane

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise InputError("this callback needs transformers: pip install infoplane[hf]") from error


@final
class InformationPlaneCallback(TrainerCallback):
    """Measures before the training and at every evaluation, or at the end of every epoch where nothing is evaluated.

    The values go into the trainer's ``state.log_history`` under the names of ``infoplane.integrations.values``, and
    into the metrics of the evaluation, so that ``metric_for_best_model="info/I(T;Y)/classifier"`` with
    ``greater_is_better=True`` chooses the best model by them; put this callback before ``EarlyStoppingCallback``.
    Steps are optimiser steps; the plane's ``every`` and ``max_share`` leave some out. ``log`` as in ``Logged``: the
    reports that the trainer itself writes do not have the values. Where several processes train, the first one
    measures. Training is the same with and without measuring.
    """

    def __init__(self, plane: InformationPlane, *, log: Place = None) -> None:
        self._plane = Logged(plane, log)
        self._training = False
        self._step: int | None = None
        self._values: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._training, self._step = True, None
        self._measure(given["model"], state)

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        if self._training:
            self._measure(given["model"], state)
            given["metrics"].update({f"eval_{name}": value for name, value in self._values.items()})

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        if args.eval_strategy == "no":
            self._measure(given["model"], state)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._training = False

    def _measure(self, model: Any, state: Any) -> None:
        """Once a step, also where several data sets are evaluated at it."""
        if state.global_step == self._step:
            return
        self._step = state.global_step
        self._values = values(self._plane.measure(model, state.global_step))
        if self._values:
            state.log_history.append({**self._values, "epoch": state.epoch, "step": state.global_step})
