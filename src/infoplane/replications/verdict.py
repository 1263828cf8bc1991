"""Numbers of several seeds + a threshold -> a verdict with its interval. Computed, never written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from infoplane.errors import InputError

Word = Literal["holds", "does not hold", "undecided"]
Statistic = Callable[..., Any]  #: arrays (..., seeds) -> (...)

_RESAMPLES = 10_000
_BLOCK = 2_000_000  # numbers in one block of resamples: 16 MB


@final
@dataclass(frozen=True)
class Check:
    """One sentence of a claim that can be true or false: a statistic over seeds and where it has to lie.

    ``samples``: one array (seeds,) for each argument of ``statistic``, which reduces the last axis. ``paired``: the
    arrays speak of the same seeds, which are then drawn together. The statistic has to be above ``above`` and below
    ``below``; or its interval has to hold ``contains``, for a claim that there is no relation. ``contrast``: the same
    sentence under the rule that makes it fail, shown beside the claim, whose verdict it does not change.
    """

    text: str
    statistic: Statistic
    samples: Sequence[Any]
    above: float | None = None
    below: float | None = None
    contains: float | None = None
    paired: bool = True
    contrast: bool = False

    @property
    def condition(self) -> str:
        """The threshold in signs."""
        if self.contains is not None:
            return f"interval holds {self.contains:g}"
        bounds = [
            f"> {self.above:g}" if self.above is not None else "",
            f"< {self.below:g}" if self.below is not None else "",
        ]
        return " and ".join(bound for bound in bounds if bound)


@final
@dataclass(frozen=True)
class Judged:
    """A check with its result: the statistic, its 95 % bootstrap interval over seeds, and what follows."""

    text: str
    condition: str
    value: float
    low: float
    high: float
    seeds: int
    verdict: Word
    contrast: bool = False

    @property
    def formatted(self) -> str:
        """The statistic and its interval, in digits that mean something: ``3.41 (2.87 to 3.75)``."""
        value, low, high = (f"{round(number, 9) + 0.0:.3g}" for number in (self.value, self.low, self.high))
        return f"{value} ({low} to {high})"


def judge(check: Check, *, seed: int = 0) -> Judged:
    """The verdict of one check, by the percentile bootstrap over seeds (10 000 resamples).

    ``holds`` where the whole interval is on the right side of the threshold, ``does not hold`` where the whole of it
    is on the wrong side, else ``undecided``. A number without seeds, as of a closed form, is its own interval. The
    seeds are the unit, so the interval says what other seeds would give, not what another estimator would.

    Raises:
        InputError: no seeds, seeds that do not pair, or no threshold.

    Example:
        >>> judge(Check("median drop", median, [[2.1, 1.9, 2.4]], above=1.5)).verdict
        'holds'

    References:
        [1] Efron, B. and Tibshirani, R. (1993). An introduction to the bootstrap, chapter 13.
    """
    samples = [np.atleast_1d(np.asarray(sample, dtype=float)) for sample in check.samples]
    sizes = [len(sample) for sample in samples]
    if not samples or 0 in sizes or (check.paired and len(set(sizes)) > 1):
        raise InputError(f"the check {check.text!r} has samples of {sizes} seeds: each needs one number a seed")
    if check.above is None and check.below is None and check.contains is None:
        raise InputError(f"the check {check.text!r} has no threshold: give above, below or contains")
    value = float(check.statistic(*samples))
    low, high = _interval(check, samples, np.random.default_rng(seed))
    return Judged(check.text, check.condition, value, low, high, min(sizes), _word(check, low, high), check.contrast)


def claim_verdict(judged: Sequence[Judged]) -> Word:
    """The verdict of a claim: it holds if every check but the contrasts holds, and does not if one does not."""
    words = {check.verdict for check in judged if not check.contrast}
    if "does not hold" in words:
        return "does not hold"
    return "undecided" if "undecided" in words else "holds"


def _interval(check: Check, samples: list[np.ndarray], random: np.random.Generator) -> tuple[float, float]:
    block = max(1, _BLOCK // max(map(len, samples)))
    statistics = []
    for begin in range(0, _RESAMPLES, block):
        times = min(block, _RESAMPLES - begin)
        drawn = [random.integers(len(sample), size=(times, len(sample))) for sample in samples]
        if check.paired:  # the same seeds of every array
            drawn = drawn[:1] * len(samples)
        statistics.append(check.statistic(*(sample[rows] for sample, rows in zip(samples, drawn, strict=True))))
    numbers = np.concatenate(statistics)
    numbers = numbers[np.isfinite(numbers)]  # a resample may leave a correlation undefined
    low, high = np.quantile(numbers, [0.025, 0.975]) if len(numbers) else (np.nan, np.nan)
    return float(low), float(high)


def _word(check: Check, low: float, high: float) -> Word:
    if not (np.isfinite(low) and np.isfinite(high)):
        return "undecided"
    if check.contains is not None:
        return "holds" if low <= check.contains <= high else "does not hold"
    above = -np.inf if check.above is None else check.above
    below = np.inf if check.below is None else check.below
    if low > above and high < below:
        return "holds"
    return "does not hold" if high <= above or low >= below else "undecided"


# ---------------------------------------------------------------- statistics over the last axis


def median(values: np.ndarray) -> Any:
    return np.median(np.asarray(values), axis=-1)


def mean(values: np.ndarray) -> Any:
    return np.mean(np.asarray(values), axis=-1)


def smallest(values: np.ndarray) -> Any:
    return np.min(np.asarray(values), axis=-1)


def largest(values: np.ndarray) -> Any:
    return np.max(np.asarray(values), axis=-1)


def auc(first: np.ndarray, second: np.ndarray) -> Any:
    """Share of the pairs in which the first is larger, ties counting one half: P(first > second)."""
    a, b = np.asarray(first)[..., :, None], np.asarray(second)[..., None, :]
    return ((a > b) + 0.5 * (a == b)).mean(axis=(-2, -1))


def correlation(first: np.ndarray, second: np.ndarray) -> Any:
    """Pearson's correlation; NaN where one of the two does not vary."""
    a = first - np.mean(first, axis=-1, keepdims=True)
    b = second - np.mean(second, axis=-1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), scale, out=np.full(np.shape(scale), np.nan), where=scale > 0)
