"""The things that travel from stage to stage: an Estimate and a Dataset."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from infoplane.flags import Flag, named

Units = Literal["bits", "nats"]
Kind = Literal["plug-in", "exact", "lower bound", "upper bound", "estimate", "bracket"]
Estimand = Literal["empirical", "population"]

#: What ``low`` and ``high`` of an estimate are, in the words that stand beside them.
IntervalKind = Literal["population 95 %", "one-sided 97.5 %", "bracket", "analytic bounds", "Monte Carlo 95 %"]

#: Nats in one of each unit.
NATS_PER: dict[str, float] = {"bits": math.log(2.0), "nats": 1.0}

#: The ways of turning the copies of a family into one number (docs: "what the numbers mean").
FAMILIES = ("single", "sampled", "exact", "per-copy")

_AT_ONCE = 2**20  # numbers of which a copy is made


@dataclass(frozen=True)
class Estimate:
    """One number from two samples, with its doubt.

    ``value``, ``low`` and ``high`` are in ``units``. ``low`` and ``high`` are an interval or a pair of bounds, and
    ``None`` where none is known. ``flags`` are reasons for doubt, short names that carry their words, and are given
    as such or by name; ``details`` holds what the estimator knows beside the value: entropies (in ``units``),
    occupied cells, the measurement model. ``n`` counts the samples, ``kind`` says what the number is: plug-in,
    exact, lower bound, upper bound, estimate.

    ``interval`` says what ``low`` and ``high`` are, and is None without them: ``"population 95 %"``, an interval for
    the population; ``"one-sided 97.5 %"``, the one end that a bound for the population has; ``"bracket"``, 95 % ends of
    a lower and an upper bound for the population; ``"analytic bounds"``, without error, of the samples as they are;
    ``"Monte Carlo 95 %"``, of the samples as they are, for the error of drawing noise only. An interval may have a
    centre of its own, without the value's bias: the printed line says where the value lies outside.

    Raises:
        UnknownNameError: a flag that ``infoplane.flags`` does not hold.

    >>> print(Estimate(0.5, low=0.25, high=0.75, kind="plug-in", n=200, flags=("amber",), interval="population 95 %"))
    0.5000 bits [0.2500, 0.7500] population 95 %, plug-in, n=200 (amber)
    >>> print(Estimate(0.5, low=0.45, kind="lower bound", n=200, interval="one-sided 97.5 %"))
    0.5000 bits [0.4500, inf) one-sided 97.5 %, lower bound, n=200
    >>> print(Estimate(0.02, low=-0.02, high=0.01, kind="plug-in", n=200, interval="population 95 %"))
    0.0200 bits outside of [-0.0200, 0.0100] population 95 %, plug-in, n=200
    """

    value: float
    units: Units = "bits"
    low: float | None = None
    high: float | None = None
    kind: Kind = "estimate"
    n: int = 0
    flags: tuple[Flag, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    interval: IntervalKind | None = None

    def __post_init__(self) -> None:
        registered = [named(flag) for flag in self.flags]
        object.__setattr__(self, "flags", tuple(registered) if isinstance(self.flags, tuple) else registered)

    def __str__(self) -> str:
        interval = self._interval_in_words()
        doubt = f" ({', '.join(self.flags)})" if self.flags else ""
        return f"{self.value:.4f} {self.units}{interval}, {self.kind}, n={self.n}{doubt}"

    def _interval_in_words(self) -> str:
        """With a blank before it; nothing where there is none."""
        if self.low is None and self.high is None:
            return ""
        left = "(-inf" if self.low is None else f"[{self.low:.4f}"
        right = "inf)" if self.high is None else f"{self.high:.4f}]"
        below = self.low is not None and self.value < self.low
        outside = " outside of" if below or (self.high is not None and self.value > self.high) else ""
        return f"{outside} {left}, {right}" + ("" if self.interval is None else f" {self.interval}")


@dataclass(frozen=True)
class Information:
    """What an estimator finds, in nats: an :class:`Estimate` before it has a unit.

    Args:
        value: The information; ``low`` and ``high`` are an interval or a pair of bounds, and ``interval`` says which.
        n: The number of samples.
        estimand: ``"empirical"`` where it is about the samples as they are, ``"population"`` where about their source.
        flags: Reasons for doubt, from ``infoplane.flags``.
        amounts: Details in nats (entropies, standard errors): a number, several, or None where one is not known.
        facts: Details without a unit: counts, shares, options.

    Example:
        >>> found = Information(math.log(2), 100, "population", amounts={"h_y": math.log(2)}, facts={"columns": 3})
        >>> found.estimate("jointly Gaussian", "bits").details["h_y"]
        1.0
    """

    value: float
    n: int
    estimand: Estimand
    kind: Kind = "estimate"
    low: float | None = None
    high: float | None = None
    flags: tuple[Flag, ...] = ()
    amounts: Mapping[str, float | Sequence[float] | None] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    interval: IntervalKind | None = None

    def estimate(self, measurement: str, units: Units) -> Estimate:
        """The estimate of a measurement model: the one place where nats become another unit."""
        scale = NATS_PER[units]

        def converted(nats: Any) -> Any:
            if isinstance(nats, Sequence):
                return [amount / scale for amount in nats]
            return None if nats is None else nats / scale

        value, low, high = map(converted, (self.value, self.low, self.high))
        details = {"measurement": measurement, "estimand": self.estimand, **self.facts}
        details |= {name: converted(nats) for name, nats in self.amounts.items()}
        return Estimate(value, units, low, high, self.kind, self.n, self.flags, details, self.interval)


@dataclass(frozen=True)
class Dataset:
    """Inputs and labels, row by row.

    ``x`` is ``(samples, ...)``; ``y`` is ``(samples,)``, whole-number class labels from 0. ``details`` says where
    the rows come from: seed, source, options, facts about the task.

    >>> data = Dataset("mine", x=np.eye(3), y=np.array([0, 1, 1]))
    >>> data.n, data.classes
    (3, 2)
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.x)

    @property
    def classes(self) -> int:
        return int(self.y.max()) + 1

    def checksum(self) -> str:
        """SHA-256 of shapes, types and values of x and y."""
        return checksum(self.x, self.y)


def checksum(*arrays: np.ndarray) -> str:
    """SHA-256 over the shape, type and bytes of arrays, for a run's record of its data."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        flat = np.ascontiguousarray(array).reshape(-1)
        for start in range(0, len(flat), _AT_ONCE):
            digest.update(flat[start : start + _AT_ONCE].tobytes())
    return digest.hexdigest()
