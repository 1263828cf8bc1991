"""The information plane in skorch."""

from __future__ import annotations

from typing import Any, final

from infoplane.errors import InputError
from infoplane.integrations.loggers import Logged, Place
from infoplane.integrations.naming import values
from infoplane.plane.plane import InformationPlane

try:
    from skorch.callbacks import Callback
except ImportError as error:
    raise InputError("this callback needs skorch: pip install infoplane[skorch]") from error


@final
class InformationPlaneCallback(Callback):
    """Measures before the training and at the end of every epoch.

    The values go into ``net.history`` under the names of ``infoplane.integrations.values``:
    ``EarlyStopping(monitor="info/I(T;Y)/0", lower_is_better=False)`` can watch them, after this callback in the list.
    Steps are optimiser steps; the plane's ``every`` and ``max_share`` leave some out. ``log`` as in ``Logged``.
    Training is the same with and without measuring.
    """

    def __init__(self, plane: InformationPlane, log: Place = None) -> None:
        self.plane = plane
        self.log = log

    def initialize(self) -> InformationPlaneCallback:
        self.steps_ = 0
        self.logged_ = Logged(self.plane, self.log)
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **given: Any) -> None:
        self.logged_.measure(net.module_, self.steps_)

    def on_batch_end(self, net: Any, batch: Any = None, training: bool | None = None, **given: Any) -> None:
        self.steps_ += bool(training)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **given: Any) -> None:
        for name, value in values(self.logged_.measure(net.module_, self.steps_)).items():
            net.history.record(name, value)
