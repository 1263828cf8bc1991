"""Step numbers and seconds -> whether it is time to measure: a schedule, a share of the wall time, and both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, final

from infoplane.checks import as_whole, real_number
from infoplane.errors import InputError

Every = int | Literal["log"]

_PER_DECADE = 20


@final
@dataclass(frozen=True)
class Schedule:
    """The steps at which to measure: the multiples of ``every``, or with ``"log"`` 0 and about twenty a decade.

    Raises:
        InputError: ``every`` is neither.

    Example:
        >>> schedule = Schedule(10)
        >>> [step for step in range(1, 35) if schedule.passes(step - 1, step)]
        [10, 20, 30]
    """

    every: Every = 1

    def __post_init__(self) -> None:
        whole = as_whole(self.every)
        if self.every != "log" and (whole is None or whole < 1):
            raise InputError(f"every={self.every!r}: it must be a whole number of steps of at least 1, or 'log'")

    def passes(self, before: int | None, step: int) -> bool:
        """Whether a step of the schedule lies after ``before`` and at or before ``step``, so coarse steps miss none.

        Always so for the first step (``before`` None) and where the steps start again at a lower one.
        """
        return self.every == 1 or before is None or step < before or self._marks(step) > self._marks(before)

    def _marks(self, step: int) -> int:
        """Steps of the schedule up to this one, from wherever the counting starts."""
        if self.every != "log":
            return step // self.every
        return math.floor(_PER_DECADE * math.log10(step)) + 1 if step >= 1 else min(step, 0)


@final
@dataclass(frozen=True)
class Budget:
    """At most ``max_share`` of the wall time for measuring; None is no limit.

    Raises:
        InputError: ``max_share`` is not above 0 and at most 1.

    Example:
        >>> Budget(0.1).affords(spent=1.0, next_one=1.0, elapsed=18.0), Budget(0.1).affords(1.0, 1.0, 19.0)
        (False, True)
    """

    max_share: float | None = None

    def __post_init__(self) -> None:
        if self.max_share is not None:
            real_number("max_share", self.max_share, above=0, most=1, example=0.1)

    def affords(self, spent: float, next_one: float, elapsed: float) -> bool:
        """Whether the share holds after ``next_one`` more seconds of measuring; all in seconds."""
        return self.max_share is None or spent + next_one <= self.max_share * (elapsed + next_one)


@final
class Pace:
    """Schedule and budget of a running loop: asked at every step, and informed of what each measurement took.

    The wall time counts from the first question; the next measurement is expected to take as long as the last one, so
    the first is always affordable. ``seconds`` is what all measurements took together; ``clock`` gives seconds.

    Example:
        >>> pace = Pace(every=2)
        >>> [step for step in range(5) if pace.is_due(step)]
        [0, 2, 4]
    """

    def __init__(
        self, every: Every = 1, max_share: float | None = None, clock: Callable[[], float] = perf_counter
    ) -> None:
        self.schedule, self.budget, self.clock = Schedule(every), Budget(max_share), clock
        self.seconds = 0.0
        self._newest = 0.0
        self._started: float | None = None
        self._step: int | None = None
        self._before: int | None = None  # the step before this one

    def is_due(self, step: int) -> bool:
        """Whether to measure at this step; several networks at one step get the same answer from the schedule."""
        now = self.clock()
        if self._started is None:
            self._started = now
        if step != self._step:
            self._before, self._step = self._step, step
        return self.schedule.passes(self._before, step) and self.budget.affords(
            self.seconds, self._newest, now - self._started
        )

    def took(self, seconds: float) -> None:
        """A measurement was made."""
        self.seconds += seconds
        self._newest = seconds
