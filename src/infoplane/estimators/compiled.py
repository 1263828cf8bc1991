"""Loops compiled by numba, kept on the disk where there is a place for them and in memory where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` that also works where no folder can be written: a read-only installation without a home.

    numba looks for a place of the compiled code while the function is defined, that is at import, and gives up with a
    RuntimeError where it has none. Then every process compiles for itself; NUMBA_CACHE_DIR names a place.

    Example:
        >>> @compiled(nogil=True)
        ... def twice(x):
        ...     return 2 * x
        >>> twice(3)
        6
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            return numba.njit(**options)(function)

    return decorate
