"""An option's value -> that value, or an error that names it and says what to type instead."""

from __future__ import annotations

import builtins
import math
import operator
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, Literal

from infoplane.errors import InputError, UnknownNameError, shown

_OUT_OF_SIGHT = 10**6


def refusal(name: str, value: Any, need: str, advice: str = "") -> InputError:
    """The error that every check raises: which option, what it got, what it needs, and what to type.

    Example:
        >>> print(refusal("plot", 3, "'once' or 'dynamic'"))
        plot=3: it must be 'once' or 'dynamic'
    """
    return InputError(f"{name}={shown(value)}: it must be {need}{', ' if advice else ''}{advice}")


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
        # a bound that only keeps machines from choking is told to those alone who exceed it
        bounded = most is not None and (most < _OUT_OF_SIGHT or (number is not None and number > most))
        reach = f"from {least} to {most}" if bounded else f"of at least {least}"
        raise refusal(name, value, f"a whole number {reach}", f"for example {name}={example!r}")
    return number


def as_whole(value: Any) -> int | None:
    """A whole number of Python, numpy or torch as an int; None for everything else, truth values among them."""
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def step_number(step: Any) -> int:
    """A step as the whole number that it is: an int, or a float or tensor of one number without a fraction.

    Raises:
        InputError: anything else, a truth value or a number beyond 64 bits among it.

    Example:
        >>> step_number(3.0)
        3
    """
    number = as_whole(step)
    if number is None and not isinstance(step, bool | str | bytes):
        try:
            number = int(step) if float(step) == int(step) else None
        except (TypeError, ValueError, OverflowError, RuntimeError):
            number = None
    if number is None or abs(number) >= 2**63:
        raise refusal("step", step, "a whole number of 64 bits", "for example the optimiser steps so far, step=100")
    return number


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
        raise refusal(name, value, f"a number {reach}".rstrip(), f"for example {name}={example!r}")
    return number


def truth_value(name: str, value: Any) -> bool:
    """True or False, and nothing that is merely taken for one.

    Raises:
        InputError: anything else.
    """
    if not isinstance(value, bool):
        raise refusal(name, value, "True or False")
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


# ---------------------------------------------------------------- tables of arguments


def arguments(function: Callable[..., Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A table of keyword arguments as it is, once its names and kinds are those of the function's signature.

    Ranges are left to the function. ``where`` stands before each name in messages.

    Raises:
        UnknownNameError: a name that the function does not take.
        InputError: a value of another kind than the annotation.

    Example:
        >>> def dataset(samples: int = 100, seed: int = 0) -> None: ...
        >>> arguments(dataset, {"samples": 1.5}, "data")
        Traceback (most recent call last):
        infoplane.errors.InputError: data.samples=1.5: it must be a whole number
    """
    takers = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    known = [name for name, parameter in signature(function).parameters.items() if parameter.kind in takers]
    kinds = _annotations(function)
    for name, value in table.items():
        choice(f"option of [{where}]", name, known)
        kind = kinds.get(name, Any)
        if not _is_a(value, kind):
            raise refusal(f"{where}.{name}", value, _in_words(kind))
    return dict(table)


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Parameter -> its annotation; Any where it names what only a type checker imports."""
    by_whom = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    names = _OrAny({**vars(builtins), **by_whom.__globals__})
    kinds: dict[str, Any] = {}
    for parameter, annotation in by_whom.__annotations__.items():
        alone = types.SimpleNamespace(__annotations__={parameter: annotation})
        try:
            kinds |= typing.get_type_hints(alone, localns=names)
        except AttributeError:  # pandas.DataFrame, where pandas is Any
            kinds[parameter] = Any
    return kinds


@typing.final
class _OrAny(dict[str, Any]):
    """Names with their meanings, and Any for all others."""

    def __missing__(self, name: str) -> Any:
        return Any


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotated kind, strictly: True is no number, 1.5 no whole one."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, str | typing.TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_is_a(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if kind is None or kind is type(None):
        return value is None
    if kind is int:
        return as_whole(value) is not None
    if kind is float:
        return _is_number(value)
    if kind is bool:
        return isinstance(value, bool)
    holder = origin or kind
    if not isinstance(holder, type):
        return True
    if issubclass(holder, os.PathLike):
        return isinstance(value, str | os.PathLike)
    if issubclass(holder, Mapping) or holder is Callable or not issubclass(holder, Iterable) or holder is str:
        return isinstance(value, holder)
    if not isinstance(value, holder) or isinstance(value, str | Mapping):
        return False
    return not parts or not isinstance(value, Sequence) or all(_is_a(part, parts[0]) for part in value)


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool | str | bytes) and math.isfinite(value)
    except (TypeError, ValueError, OverflowError):
        return False


def _in_words(kind: Any) -> str:
    """An annotation as a person would say it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        words = list(dict.fromkeys(_in_words(part) for part in parts if part is not type(None)))
        return " or ".join(words)
    if origin is Literal:
        return " or ".join(map(repr, parts))
    words_of = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
    if kind in words_of:
        return words_of[kind]
    holder = origin or kind
    if isinstance(holder, type) and issubclass(holder, Mapping):
        return "a table"
    if isinstance(holder, type) and issubclass(holder, os.PathLike):
        return "a path"
    if isinstance(holder, type) and issubclass(holder, Sequence):
        inner = _in_words(parts[0]) if parts else ""
        return f"a list of which each is {inner}" if inner else "a list"
    return f"a {getattr(kind, '__name__', kind)}"
