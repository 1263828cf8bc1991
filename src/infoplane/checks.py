"""An option's value -> that value, or an error that names it and says what to type instead."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

from infoplane.errors import InputError, UnknownNameError


def whole_number(name: str, value: Any, *, least: int, most: int | None = None, example: int) -> int:
    """A whole number (no bool, no float) of at least ``least`` and at most ``most``.

    Raises:
        InputError: anything else.

    Example:
        >>> whole_number("epochs", 3, least=1, example=1000)
        3
        >>> whole_number("epochs", 0.5, least=1, example=1000)
        Traceback (most recent call last):
        infoplane.errors.InputError: epochs=0.5: it must be a whole number of at least 1, for example epochs=1000
    """
    number = as_whole(value)
    if number is None or number < least or (most is not None and number > most):
        reach = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name}={value!r}: it must be a whole number {reach}, for example {name}={example!r}")
    return number


def as_whole(value: Any) -> int | None:
    """A whole number of Python, numpy or torch as an int; None for everything else, truth values among them."""
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def real_number(
    name: str, value: Any, *, above: float | None = None, least: float | None = None, most: float | None = None,
    example: float,
) -> float:  # fmt: skip
    """A finite number (no bool) above ``above`` or of at least ``least``, and at most ``most``.

    Raises:
        InputError: anything else.

    Example:
        >>> real_number("max_share", 2, above=0, most=1, example=0.1)
        Traceback (most recent call last):
        infoplane.errors.InputError: max_share=2: it must be a number above 0 and at most 1, for example max_share=0.1
    """
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    inside = math.isfinite(number) and (above is None or number > above) and (least is None or number >= least)
    if not inside or (most is not None and number > most):
        bounds = {"above": above, "of at least": least, "at most": most}
        reach = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None)
        raise InputError(
            f"{name}={value!r}: it must be a number {reach}".rstrip() + f", for example {name}={example!r}"
        )
    return number


def truth_value(name: str, value: Any) -> bool:
    """True or False, and nothing that is merely taken for one.

    Raises:
        InputError: anything else.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name}={value!r}: it must be True or False")
    return value


def choice(what: str, value: Any, known: Iterable[str]) -> str:
    """One of the names that there are.

    Raises:
        UnknownNameError: no such name; the message lists them, and the nearest first.
    """
    names = list(known)
    if not isinstance(value, str) or value not in names:
        raise UnknownNameError(what, value, names)
    return value
