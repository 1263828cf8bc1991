"""The information plane in Lightning: ``lightning.pytorch`` or ``pytorch_lightning``, whichever was imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, final

from infoplane.errors import InputError, UnknownNameError
from infoplane.integrations.loggers import Logged, Place
from infoplane.integrations.naming import values
from infoplane.plane.plane import InformationPlane
from infoplane.trajectory.stopping import Decision, InformationStopping, StoppingState


def _callback() -> Any:
    """The class of callbacks of the package that is there; the two are alike, and each trainer takes either."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    for package in (*(one for one in packages if one in sys.modules), *packages):
        with suppress(ImportError):
            return importlib.import_module(package).Callback
    raise InputError("this callback needs Lightning: pip install infoplane[lightning]")


@final
class InformationPlaneCallback(_callback()):  # type: ignore[misc]
    """Measures before the training and at the end of every validation, or of every epoch where nothing is validated.

    The values are logged under the names of ``infoplane.integrations.values``, such as ``info/I(T;Y)/fc1``, so that
    ``EarlyStopping(monitor="info/I(T;Y)/fc1", mode="max")`` and ``ModelCheckpoint`` can watch them; put this callback
    before them in the list. Steps are optimiser steps; where the plane's ``every`` or ``max_share`` leave one out, they
    see the old value. ``module`` names a module of the LightningModule that is measured in its place, and its layers.
    ``log`` as in ``Logged``, beside the trainer's loggers. With ``strategy="ddp"`` the first process measures.

    ``stopping`` is asked at every measurement, with the number of validations (or epochs) as the epoch; ``decision`` is
    its newest answer. Its ``restore_best_weights`` brings back the weights of the best look at the end. All of this is
    in the checkpoints. Training is the same with and without measuring.

    Raises:
        UnknownNameError: there is no such ``module``.
        InputError: what is to be measured has no ``forward``.
    """

    def __init__(
        self,
        plane: InformationPlane,
        *,
        module: str = "",
        stopping: InformationStopping | None = None,
        log: Place = None,
    ) -> None:
        self.decision: Decision | None = None
        self._plane, self._module, self._looks = Logged(plane, log), module, 0
        self._stopping = stopping and stopping.start()
        self._best: dict[str, Any] | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        rows = self._rows(trainer, pl_module)
        for logger in trainer.loggers if rows else ():
            logger.log_metrics(values(rows), step=trainer.global_step)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.enable_validation:
            self._look(trainer, pl_module)

    def _rows(self, trainer: Any, pl_module: Any) -> Sequence[dict[str, Any]]:
        modules = dict(pl_module.named_modules())
        if self._module not in modules:
            raise UnknownNameError("module", self._module, modules)
        if not self._module and type(pl_module).forward.__qualname__ == "LightningModule.forward":
            inner = ", ".join(filter(None, modules))
            raise InputError(f"{type(pl_module).__name__} has no forward: add one, or name a module=, one of {inner}")
        return self._plane.measure(modules[self._module], trainer.global_step)

    def _look(self, trainer: Any, pl_module: Any) -> None:
        rows = self._rows(trainer, pl_module)
        self._looks += 1
        pl_module.log_dict(values(rows), sync_dist=True)
        if self._stopping and rows:
            self.decision = self._stopping.update(self._looks, rows)
            if self.decision.improved and self._stopping.criterion.restore_best_weights:
                self._best = {name: tensor.clone() for name, tensor in pl_module.state_dict().items()}
            trainer.should_stop = trainer.should_stop or self.decision.stop

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self._best is not None:
            pl_module.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        return {"looks": self._looks, "stopping": self._stopping and self._stopping.to_dict(), "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._looks, self._best = state_dict["looks"], state_dict["best"]
        if self._stopping and state_dict["stopping"]:
            self._stopping = StoppingState.from_dict(self._stopping.criterion, state_dict["stopping"])
