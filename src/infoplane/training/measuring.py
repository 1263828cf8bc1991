"""When the steps of a training are measured: at once, or several together where single ones are mostly calls."""

from __future__ import annotations

import math
import time
from typing import Any, final

from infoplane.family import Family
from infoplane.plane.plane import InformationPlane

_STEPS = 32  # that wait at most: beyond it nothing is gained
_BYTES = 2**24  # of codes that wait at most: they are to stay in a processor's cache
_SECONDS = 0.1  # that rows come late at most, for whoever reads them while the training goes on

Rows = list[dict[str, Any]]


@final
class Measuring:
    """Looks at a family after each measured step, and adds the rows of several steps to the plane's trajectory at once.

    The rows are those of ``plane.measure`` after each step. A step of a small network takes a fraction of a
    millisecond, most of which goes into the calls that make rows; those are made once for all steps that wait.
    ``at_once``: nothing waits, for a picture that is to follow every step. ``seconds`` were spent so far.
    """

    def __init__(self, plane: InformationPlane, family: Family, *, at_once: bool, seconds: float) -> None:
        self._plane, self._family = plane, family
        self._most = 1 if at_once or not plane.can_wait else _STEPS
        self._waiting, self._bytes, self._answered = 0, 0, -math.inf
        self.seconds = seconds

    def look(self, step: int) -> Rows:
        """Measure the family at ``step``: the rows of the newest step if it was time for them, or none."""
        started = time.perf_counter()
        self._bytes += self._plane.look(self._family, step)
        self._waiting += 1
        now = time.perf_counter()
        self.seconds += now - started
        over = self._waiting >= self._most or self._bytes >= _BYTES or now - self._answered >= _SECONDS
        return self.answer() if over else []

    def answer(self) -> Rows:
        """The rows of all steps that wait, into the trajectory; returns those of the newest."""
        if not self._waiting:
            return []
        self._waiting, self._bytes = 0, 0
        started = time.perf_counter()
        try:
            return self._plane.answer()
        finally:
            self._answered = time.perf_counter()
            self.seconds += self._answered - started
