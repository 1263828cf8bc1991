"""The options of a training as a record that JSON can hold, and two such records compared."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from infoplane.io.files import json_bytes

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # differs from process to process
# what version 0.1.0 wrote as the model of every TOML file: where it was made, and nothing of the network itself
_NAMELESS = re.compile(r"infoplane\.experiments\S*\._network\.<locals>\.<lambda>")
_LOOKS = ("plot", "title", "picture")  # change nothing but pictures


def described(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain values; a function or an object by its name and options, the same in every process.

    Example:
        >>> described({"epochs": 3, "layers": ("1", "3"), "loss": len})
        {'epochs': 3, 'layers': ['1', '3'], 'loss': 'builtins.len'}
    """
    return {name: _described(value) for name, value in options.items()}


def _described(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _described(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_described(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _described(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    named = getattr(value, "__qualname__", None)
    return f"{value.__module__}.{named}" if named else _ADDRESS.sub("", repr(value))


def differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What two records say differently about the training itself, in words.

    Example:
        >>> differences({"epochs": 3, "title": "a"}, {"epochs": 5, "title": "b"})
        ['epochs is 5, the run has 3']
    """
    here = json.loads(json_bytes(described(asked)))
    return [
        f"{name} is {here[name]!r}, the run has {value!r}"
        for name, value in recorded.items()
        if name in here and name not in _LOOKS and here[name] != value and not _NAMELESS.fullmatch(str(value))
    ]
