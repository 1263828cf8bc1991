"""Bounds at the levels of a ladder -> bounds between two levels, and at equal rate: where I(X;T) is so much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoplane.estimators.distances.brackets import Bracket


@dataclass(frozen=True)
class AtRate:
    """An information where I(X;T) is the rate: its value, its ends in ``bracket``, and log snr of that place."""

    value: float
    bracket: Bracket
    place: float


def between(place: float, ratios: Sequence[float], several: Sequence[Bracket]) -> Bracket:
    """Bounds and errors at log snr, by interpolation between two levels; infinite where one of the two is."""
    places = np.log(ratios)
    if len(places) == 1:
        return several[0]
    after = int(np.clip(np.searchsorted(places, place), 1, len(places) - 1))
    share = float((place - places[after - 1]) / (places[after] - places[after - 1]))
    ends = several[after - 1], several[after]
    return Bracket(
        *(
            sum(weight * getattr(end, name) for weight, end in zip((1 - share, share), ends, strict=True) if weight)
            for name in ("lower", "upper", "lower_error", "upper_error")
        )
    )


def at_rate(rate: float, ratios: Sequence[float], i_xt: Sequence[Bracket], other: Sequence[Bracket]) -> AtRate | None:
    """Another information where I(X;T) is ``rate`` nats; None where no level, or every level, has that much.

    Along the noise both informations fall together. The lower end is that of the other where the upper end of I(X;T) is
    the rate, the upper end that where the lower end of I(X;T) is.
    """
    middle = _crossing([level.value for level in i_xt], rate, ratios)
    if middle is None:
        return None
    few = _crossing([level.high for level in i_xt], rate, ratios)
    many = _crossing([level.low for level in i_xt], rate, ratios)
    low = min(other[0].low, 0.0) if few is None else between(few, ratios, other).low  # above the rate on all levels
    high = math.inf if many is None else between(many, ratios, other).high
    return AtRate(between(middle, ratios, other).value, Bracket(low, high, 0.0, 0.0), middle)


def _crossing(values: Sequence[float], rate: float, ratios: Sequence[float]) -> float | None:
    """log snr at which rising values reach the rate, by interpolation; None where they do not, or all exceed it."""
    rising = np.maximum.accumulate(values)  # sampling errors can make a level fall a little below the one before
    if not rising[0] <= rate <= rising[-1]:
        return None
    if len(rising) == 1:
        return math.log(ratios[0])
    after = max(int(np.searchsorted(rising, rate)), 1)
    places, (before, above) = np.log(ratios), rising[after - 1 : after + 1]
    share = 0.0 if above == before or not math.isfinite(above) else (rate - before) / (above - before)
    return float(places[after - 1] + share * (places[after] - places[after - 1]))
