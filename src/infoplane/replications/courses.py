"""A family in training -> the course of what is measured of it, and what a course gains and loses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from infoplane.io.files import json_bytes
from infoplane.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint


def log_spaced(last: int, points: int) -> list[int]:
    """At most ``points`` whole numbers from 0 to ``last``, evenly spaced on a logarithmic axis but for 0.

    Example:
        >>> log_spaced(1000, 5)
        [0, 1, 10, 100, 1000]
    """
    return [0, *np.unique(np.geomspace(1, last, points - 1).round().astype(int)).tolist()]


class Resumable(Protocol):
    """What goes on from its state, as a ``Family`` does."""

    def state_dict(self) -> dict[str, Tensor]:
        """All that it takes to go on."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state."""


def follow(
    family: Resumable,
    step: Callable[[], object],
    measure: Callable[[int], Mapping[str, Any]],
    at: Sequence[int],
    folder: Path | None,
) -> dict[str, list[Any]]:
    """What ``measure(number of the step)`` gives at the steps ``at`` (ascending), one list for each of its names.

    Arrays become lists, as JSON holds them. ``step`` makes one step of the ``family``, and must draw from the family's
    own streams only. After every measurement all that it takes to go on is written to ``folder``; with None, nothing
    is.
    """
    done, rows = -1, []
    checkpoint = None if folder is None else read_checkpoint(folder)
    if checkpoint is not None:
        family.load_state_dict(checkpoint.tensors)
        done, rows = checkpoint.step, list(checkpoint.facts["found"])
    for number in (number for number in at if number > done):
        for _ in range(number - max(done, 0)):
            step()
        done = number
        # through JSON at once, so that a course that was interrupted has the very numbers of one that was not
        rows.append(json.loads(json_bytes(measure(number))))
        if folder is not None:
            write_checkpoint(folder, Checkpoint(done, family.state_dict(), {"found": rows}))
    return {name: [row[name] for row in rows] for name in rows[-1]}


def drop(course: Any) -> np.ndarray:
    """Peak minus last value: (checkpoints, ...) -> (...).

    Example:
        >>> drop([[1.0, 3.0], [4.0, 2.0], [2.5, 2.0]]).tolist()
        [1.5, 1.0]
    """
    values = np.asarray(course)
    return values.max(0) - values[-1]


def rise(course: Any) -> np.ndarray:
    """Peak minus first value: (checkpoints, ...) -> (...).

    Example:
        >>> rise([[1.0, 3.0], [4.0, 2.0], [2.5, 2.0]]).tolist()
        [3.0, 0.0]
    """
    values = np.asarray(course)
    return values.max(0) - values[0]
