"""Channel: a layer behind Gaussian noise of one signal-to-noise ratio, between two bounds for the population.

    T_s = T + s Z        snr = s2 / s^2, s2 the mean squared length of the centred rows
    L <= I(X;T_s) <= U        H(Y) + E log q <= I(T_s;Y) <= min(U - L_y, H(Y))

The bounds and their source stand in ``distances/brackets.py``: InfoNCE with the true density and the leave-one-out
bound (Poole et al. 2019, arXiv:1905.06922, sections 2.3 and 2.1, for a known p(t|x)), and the bound of Barber and
Agakov (2003) with the labels of the noisy neighbours. Bias: none in expectation, each end holds on its own side; their
distance says when there are too few samples, which is so from about log2 n - 3 bits of I(X;T) on. In nats inside.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch import Tensor

from infoplane.checks import real_number, whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.brackets import Bracket, LevelBrackets, brackets
from infoplane.estimators.distances.columns import varying
from infoplane.estimators.distances.ladder import pair_sums
from infoplane.flags import AMBER, CONSTANT_UNITS, GREEN, RED, Flag
from infoplane.types import NATS_PER, Information

_DECIBEL = re.compile(r"\s*([-+0-9.eE]+)\s*dB\s*")
_GREEN, _AMBER = 0.1, 0.5  # bits from low to high up to which a bracket is green, and amber
_GREEN_SHARE = 0.05  # of the value: a bracket that narrow is green, too


def ratio(snr: float | str) -> float:
    """A signal-to-noise ratio from a number, or from decibels as a text.

    Raises:
        InputError: no positive number.

    Example:
        >>> ratio(4), ratio("20 dB")
        (4.0, 100.0)
    """
    if not isinstance(snr, str):
        return real_number("snr", snr, above=0, example=10)
    match = _DECIBEL.fullmatch(snr)
    try:
        return real_number("snr", 10 ** (float(match[1]) / 10), above=0, example=10)  # type: ignore[index]
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"snr={snr!r}: give a positive number or decibels, for example snr='10 dB'") from error


@dataclass(frozen=True)
class Signal:
    """A layer's centred rows (samples, units), scaled; what they vary by in all; how many units do not vary."""

    rows: Tensor
    variance: float
    constant: int

    @classmethod
    def of(cls, t: Tensor) -> Signal:
        units = varying(t.cpu())
        values = units.values.double()
        if units.count:
            values = (
                values / values.abs().max()
            )  # the ratio is free of scale, and squares must neither over- nor underflow
        rows = values - values.mean(0)
        return cls(rows.to(t.dtype), float(rows.square().sum(1).mean()), units.constant)

    def levels(self, labels: list[Ids], ratios: list[float], *, groups: np.ndarray, seed: int) -> list[LevelBrackets]:
        """Bounds for rising ratios; ``groups`` (samples,) whole numbers, the samples that belong together."""
        ids = np.array([label.ids.cpu().numpy() for label in labels], dtype=np.int32).reshape(-1, len(self.rows))
        priors = np.array([(np.bincount(label) / len(label))[label] for label in ids]).reshape(ids.shape)
        deviations = [math.sqrt(self.variance / each) for each in ratios]
        return brackets(pair_sums(self.rows, ids, priors, deviations, seed=seed, groups=groups), ids, groups)


@final
class Channel(Estimator):
    """Mutual information of a layer behind Gaussian noise, bracketed for the population.

    For any layer of an ordinary network: neither bins nor a width saturate it, and its light says how many samples it
    would need. :func:`infoplane.information_curve` measures all levels of the noise in one pass.

    Args:
        snr: The signal-to-noise ratio, the layer's total variance over that of the noise in one direction: a number,
            or decibels such as ``"10 dB"``.
        seed: Of the noise.

    Raises:
        InputError: ``snr`` is no positive number.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> random = np.random.default_rng(0)
        >>> y = random.integers(0, 2, 1000)
        >>> t = 4.0 * y[:, None] + random.normal(size=(1000, 1))
        >>> estimate = ip.mutual_information(t, y, estimator="channel", snr="10 dB")
        >>> estimate.kind, estimate.flags, bool(estimate.low < 0.82 < estimate.high)
        ('bracket', ('green',), True)
    """

    name: ClassVar[str] = "channel"

    def __init__(self, snr: float | str = "6 dB", seed: int = 0) -> None:
        self.snr = snr
        self.seed = whole_number("seed", seed, least=0, example=0)
        self._ratio = ratio(snr)

    @property
    def measurement(self) -> str:
        return f"Gaussian noise at {10 * math.log10(self._ratio):.3g} dB"

    def prepare(self, t: Tensor) -> Signal:
        return Signal.of(t)

    def with_input(self, prepared: Signal, x: Variable) -> Information:
        if not prepared.variance:
            return _nothing(prepared)
        level = self._level(prepared, [])
        return information(level.i_xt, prepared)

    def with_label(self, prepared: Signal, y: Variable) -> Information:
        labels = y.classes()
        if not prepared.variance:
            return _nothing(prepared)
        level = self._level(prepared, [labels])
        given = level.i_xt_given_y[0]
        amounts: dict[str, float | None] = {"h_y": labels.entropy(), "i_xt_given_y_lower_bound": given.lower}
        amounts["i_xt_given_y_upper_bound"] = given.upper if math.isfinite(given.upper) else None
        return information(level.i_ty[0], prepared, amounts)

    def _level(self, prepared: Signal, labels: list[Ids]) -> LevelBrackets:
        alone = np.arange(len(prepared.rows), dtype=np.int32)
        return prepared.levels(labels, [self._ratio], groups=alone, seed=self.seed)[0]


def light(bracket: Bracket, value: float | None = None) -> Flag:
    """Green where the bracket with its errors is narrower than .1 bit or 5 % of the value, amber up to .5 bit."""
    width = (bracket.high - bracket.low) / NATS_PER["bits"]
    middle = (bracket.value if value is None else value) / NATS_PER["bits"]
    if math.isfinite(width) and width <= max(_GREEN, _GREEN_SHARE * middle):
        return GREEN
    return AMBER if width <= _AMBER else RED


def information(bracket: Bracket, signal: Signal, amounts: dict[str, float | None] | None = None) -> Information:
    """What an estimator finds, of a bracket, with other details in nats."""
    bounded = math.isfinite(bracket.high)
    bounds = {"lower_bound": bracket.lower, "upper_bound": bracket.upper if bounded else None}
    flags = (light(bracket), CONSTANT_UNITS) if signal.constant else (light(bracket),)
    low, high = bracket.low, bracket.high if bounded else None
    every, facts = {**bounds, **(amounts or {})}, {"constant_units": signal.constant}
    return Information(bracket.value, len(signal.rows), "population", "bracket", low, high, flags, every, facts)


def _nothing(signal: Signal) -> Information:
    """Of a layer that has the same activations for all samples."""
    facts = {"constant_units": signal.constant}
    return Information(0.0, len(signal.rows), "population", "bracket", 0.0, 0.0, (GREEN, CONSTANT_UNITS), {}, facts)
