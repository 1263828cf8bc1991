"""The information plane in Keras 3, on its torch backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

from torch import nn

from infoplane.errors import InputError
from infoplane.integrations.loggers import Logged, Place
from infoplane.integrations.naming import values
from infoplane.plane.plane import InformationPlane

_FIX = "set KERAS_BACKEND=torch before keras is imported"

try:
    from keras import Model
    from keras.callbacks import Callback
    from keras.config import backend, image_data_format
except ImportError as error:
    raise InputError(f"this callback needs Keras 3 on torch: pip install infoplane[keras], and {_FIX}") from error


@final
class InformationPlaneCallback(Callback):
    """Measures before the training and at the end of every epoch.

    The values go into the epoch's logs, and so into the history, under the names of ``infoplane.integrations.values``:
    ``EarlyStopping(monitor="info/I(T;Y)/hidden", mode="max")`` can watch them; put this callback before it in the list.
    Layers have the names of Keras, those of a model inside a model ``outer/inner``; a ``Dense(..., activation=...)`` is
    measured after its activation, and layers without weights where they are named in the plane's ``layers``. Steps are
    optimiser steps; the plane's ``every`` and ``max_share`` leave some out. ``log`` as in ``Logged``. Training is
    the same with and without measuring.

    Raises:
        InputError: Keras runs on another backend than torch.
    """

    def __init__(self, plane: InformationPlane, *, log: Place = None) -> None:
        super().__init__()
        if backend() != "torch":
            raise InputError(f"Keras runs on {backend()!r}: {_FIX}")
        self._plane = Logged(plane, log)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._measure()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        found = self._measure()
        if logs is not None:
            logs.update(found)

    def _measure(self) -> dict[str, float]:
        return values(self._plane.measure(AsTorch(self.model), int(self.model.optimizer.iterations)))


@final
class AsTorch(nn.Module):
    """A Keras model as a module of torch whose layers have Keras' names, as ``ip.record`` and the plane take it.

    A tuple of inputs is the list that Keras takes, inputs by name are its table. ``data_format`` says where channels
    are in layers that do not say so themselves, for ``pool="channel"`` and ``"mean"``.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        for name, layer in _named_layers(model):
            self.add_module(name, layer)
        self.data_format = image_data_format()
        self._call = model.__call__  # of a model that is not registered here: its layers are

    def forward(self, *x: Any, **named: Any) -> Any:
        return self._call(named or (x[0] if len(x) == 1 else list(x)), training=False)


def _named_layers(model: Model, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        if isinstance(layer, Model):
            yield from _named_layers(layer, f"{prefix}{layer.name}/")
        else:
            yield prefix + layer.name, layer
