"""A fixed set of rows -> a random subset of them, the same one for the same seed."""

from __future__ import annotations

import numpy as np

from infoplane.errors import InputError


def draw_rows(available: int, samples: int | None, *, seed: int, source: str) -> np.ndarray:
    """Row numbers of a random subset without replacement, or of all rows in their order where ``samples`` is None.

    ``samples`` and ``seed`` have passed their checks. With one seed a smaller draw is the beginning of a larger one.

    Args:
        available: the number of rows that there are.
        samples: how many to draw; None for all.
        seed: of the permutation that the draw is the beginning of.
        source: the name of the set, for the message of the error.

    Returns:
        int64 ``(samples,)``.

    Raises:
        InputError: there are fewer than ``samples`` rows.

    Example:
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
