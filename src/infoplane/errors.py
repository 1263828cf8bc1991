"""What can go wrong, as exceptions that say which value was wrong and what to type instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def shown(value: object) -> str:
    """A value as a message shows it: as it is typed, and cut off where that is longer than a line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        text = f"a {type(value).__name__} of very many digits"
    return text if len(text) <= 100 else f"{text[:97]}..."


class InfoplaneError(Exception):
    """The base of every error that infoplane raises on purpose.

    ``result``: what a training had measured when it failed; None for every other error.
    """

    result: Any = None


class TrainingInterrupted(KeyboardInterrupt):
    """A second Ctrl-C ended a training in the middle of a step; ``result`` is what it had measured."""

    def __init__(self, result: Any) -> None:
        super().__init__("the training was interrupted twice; what was measured is in the result")
        self.result = result


class InputError(InfoplaneError, ValueError):
    """An argument, a shape or a value that cannot be used as it is."""


class NonFiniteError(InputError):
    """NaN or infinity where a number was needed: no estimate is made of it."""


class RecordingError(InfoplaneError, RuntimeError):
    """A layer that was asked for could not be recorded."""


class DataFileError(InfoplaneError, OSError):
    """A data file that is missing, truncated or not what its name says."""


class RunError(InfoplaneError, OSError):
    """A run directory that cannot be written or read."""


def _near(name: str, names: list[str]) -> list[str]:
    """The name that may have been meant: one with these initials (lr is learning_rate), or one with like letters."""
    short = [known for known in names if name == "".join(part[:1] for part in known.replace("-", "_").split("_"))]
    return short[:1] or difflib.get_close_matches(name, names, n=1, cutoff=0.5)


class UnknownNameError(InputError, KeyError):
    """A name that is in no registry; the message holds the nearest one."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = _near(name[:100], names) if isinstance(name, str) else []
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(f"unknown {kind} {shown(name)}: {hint}known are {', '.join(names) or 'none'}")

    def __str__(self) -> str:  # KeyError would show the message in quotes
        return str(self.args[0])
