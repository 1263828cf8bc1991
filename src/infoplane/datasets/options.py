"""Checks of the options that loaders share, and the seeded draw of rows from a fixed set."""

from __future__ import annotations

import operator

import numpy as np

from infoplane.errors import InputError


def check_seed(seed: int) -> int:
    """``seed`` as an int; InputError unless it is a whole number from 0."""
    number = _whole(seed)
    if number is None or number < 0:
        raise InputError(f"seed={seed!r} is not a whole number from 0; pass for example seed=0")
    return number


def check_samples(samples: int) -> int:
    """``samples`` as an int; InputError unless it is a whole number of at least 2."""
    count = _whole(samples)
    if count is None or count < 2:
        raise InputError(f"samples={samples!r} is not a whole number of at least 2; pass for example samples=1000")
    return count


def check_switch(option: str, value: bool) -> None:
    """InputError unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise InputError(f"{option}={value!r} is neither True nor False; pass {option}=True or {option}=False")


def draw_rows(available: int, samples: int | None, *, seed: int, source: str) -> np.ndarray:
    """Row numbers of a random subset without replacement, or of all rows in their order where ``samples`` is None.

    ``samples`` and ``seed`` have passed their checks. With one seed a smaller draw is the beginning of a larger one.
    ``source`` names the set in the InputError that is raised where it has fewer than ``samples`` rows.

    >>> draw_rows(10, 4, seed=0, source="ten rows").tolist() == draw_rows(10, 9, seed=0, source="").tolist()[:4]
    True
    """
    if samples is None:
        return np.arange(available)
    if samples > available:
        raise InputError(
            f"samples={samples} is more than the {available} rows of {source}; "
            f"pass samples={available} or fewer, or samples=None for all"
        )
    return np.random.default_rng(seed).permutation(available)[:samples]


def _whole(value: object) -> int | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
