"""What can go wrong, as exceptions that say which value was wrong and what to type instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InfoplaneError(Exception):
    """The base of every error that infoplane raises on purpose."""


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


class UnknownNameError(InputError, KeyError):
    """A name that is in no registry; the message holds the nearest one."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")

    def __str__(self) -> str:  # KeyError would show the message in quotes
        return str(self.args[0])
