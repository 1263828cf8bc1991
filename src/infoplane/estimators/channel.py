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
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import real_number, whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import LadderEstimator, Resampling
from infoplane.estimators.counting.samples import Ids, Variable, as_array, check_lengths
from infoplane.estimators.distances.brackets import Bracket, LevelBrackets, brackets
from infoplane.estimators.distances.columns import varying
from infoplane.estimators.distances.device_ladder import device_pair_sums
from infoplane.estimators.distances.ladder import pair_sums
from infoplane.estimators.distances.rates import at_rate, between
from infoplane.flags import AMBER, CONSTANT_UNITS, GREEN, RATE_NOT_REACHED, RED, Flag
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


#: The signal-to-noise ratios of a curve where no others are asked for: steps of 3 dB from -3 to 33 dB.
LADDER = tuple(0.5 * 2.0**rung for rung in range(13))


def ladder_for(rate: float) -> tuple[float, ...]:
    """Ratios between which I(X;T) passes a rate in nats, if the layer has that much: it is at most snr / 2."""
    ladder = [*LADDER]
    while ladder[0] >= rate:
        ladder.insert(0, ladder[0] / 2)
    return tuple(ladder)


@dataclass(frozen=True)
class Signal:
    """A layer's centred rows (samples, units), scaled; what they vary by in all; how many units do not vary.

    What one pass showed is kept: bounds by ratio, and by ratio and label set.
    """

    rows: Tensor
    variance: float
    constant: int
    _i_xt: dict[float, Bracket] = field(default_factory=dict, init=False, repr=False)
    _others: dict[tuple[bytes, float], tuple[Bracket, Bracket]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, t: Tensor, project: int | None = None, seed: int = 0) -> Signal:
        """``project``: to so many random directions, which keep the distances up to some sqrt(2 / project)."""
        units = varying(t)
        values = units.values.double()
        if units.count:
            # the ratio is free of scale, and squares must neither over- nor underflow
            values = values / values.abs().max()
        rows = values - values.mean(0)
        if project is not None and project < rows.shape[1]:
            generator = torch.Generator().manual_seed(seed)
            directions = torch.randn(rows.shape[1], project, generator=generator, dtype=torch.float32)
            # float32 will do: what rounding does to a distance is far less than what the projection does
            rows = (rows.float() @ directions.to(rows.device)).double() / math.sqrt(project)
        return cls(rows.to(t.dtype), float(rows.square().sum(1).mean()), units.constant)

    def levels(
        self, labels: Sequence[Ids], ratios: Sequence[float], *, groups: np.ndarray, seed: int
    ) -> list[LevelBrackets]:
        """Bounds for rising ratios; ``groups`` (samples,) whole numbers, the samples that belong together."""
        ids = np.array([label.ids.cpu().numpy() for label in labels], dtype=np.int32).reshape(-1, len(self.rows))
        priors = np.array([(np.bincount(label) / len(label))[label] for label in ids]).reshape(ids.shape)
        deviations = [math.sqrt(self.variance / each) for each in ratios]
        sums = pair_sums if self.rows.device.type == "cpu" else device_pair_sums
        return brackets(sums(self.rows, ids, priors, deviations, seed=seed, groups=groups), ids, groups)

    def foresee(self, labels: Sequence[Ids], ratios: Iterable[float], *, groups: np.ndarray, seed: int) -> None:
        """One pass for all levels and label sets, of which everything is kept."""
        rising = sorted(set(ratios))
        for ratio_here, level in zip(rising, self.levels(labels, rising, groups=groups, seed=seed), strict=True):
            self._i_xt[ratio_here] = level.i_xt
            for label, given, told in zip(labels, level.i_xt_given_y, level.i_ty, strict=True):
                self._others[_key(label), ratio_here] = given, told

    def knows(self, label: Ids | None, ratios: Sequence[float]) -> bool:
        """Whether an earlier pass was about this label set, or about the input alone, at these ratios."""
        if label is None:
            return all(each in self._i_xt for each in ratios)
        key = _key(label)
        return all((key, each) in self._others for each in ratios)

    def i_xt(self, ratios: Sequence[float]) -> list[Bracket]:
        """Bounds of I(X;T) at ratios that were foreseen."""
        return [self._i_xt[each] for each in ratios]

    def about(self, label: Ids, ratios: Sequence[float]) -> tuple[list[Bracket], list[Bracket]]:
        """Bounds of I(X;T|Y) and of I(T;Y) at ratios that were foreseen."""
        key = _key(label)
        given, told = zip(*(self._others[key, each] for each in ratios), strict=True)
        return list(given), list(told)


def _key(label: Ids) -> bytes:
    return label.ids.cpu().numpy().tobytes()


@final
class Channel(LadderEstimator):
    """Mutual information of a layer behind Gaussian noise, bracketed for the population.

    For any layer of an ordinary network: neither bins nor a width saturate it, and its light says how many samples it
    would need. Several levels of the noise are rows of their own in a plane and in ``ip.compare``, from one pass;
    :func:`infoplane.information_curve` shows all of them.

    Args:
        snr: The signal-to-noise ratio, the layer's total variance over that of the noise in one direction: a number,
            or decibels such as ``"10 dB"``; several for several rows. None: 6 dB, unless there is a rate.
        rate: In the place of ``snr``: bits. I(T;Y) where I(X;T) is so much, whatever noise that takes; one or several.
        groups: (samples,) names the samples that belong together, such as the tokens of one text: they are no evidence
            about one another, and are drawn as wholes where errors are estimated.
        project: Random directions that a wider layer is projected to, named in the measurement: distances, and with
            them the information, change by some sqrt(2 / project) of themselves; 256 is much faster for layers of
            thousands of units. None: no projection.
        seed: Of the noise and of the directions.

    Raises:
        InputError: ``snr`` or ``rate`` is no positive number, or both are given.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> random = np.random.default_rng(0)
        >>> y = random.integers(0, 2, 1000)
        >>> t = 4.0 * y[:, None] + random.normal(size=(1000, 1))
        >>> estimate = ip.mutual_information(t, y, estimator="channel", snr="10 dB")
        >>> estimate.kind, estimate.flags, bool(estimate.low < 0.82 < estimate.high)
        ('bracket', ('green',), True)
        >>> print(ip.mutual_information(t, y, estimator="channel", rate=1.0).flags)
        ('green',)
    """

    name: ClassVar[str] = "channel"
    resampling: Resampling = "own"
    chained: ClassVar[bool] = False

    def __init__(
        self,
        snr: float | str | Sequence[float | str] | None = None,
        rate: float | Sequence[float] | None = None,
        groups: Any = None,
        project: int | None = None,
        seed: int = 0,
    ) -> None:
        if snr is not None and rate is not None:
            raise InputError(
                f"snr={snr!r} and rate={rate!r}: give one of them, the noise or how much passes through it"
            )
        self.snr, self.rate, self.groups, self.project = snr, rate, groups, project
        if project is not None:
            whole_number("project", project, least=1, example=256)
        self.seed = whole_number("seed", seed, least=0, example=0)
        asked = several("6 dB" if snr is None else snr)
        self._ratios = [] if rate is not None else list(map(ratio, asked))
        self._rates = [] if rate is None else [real_number("rate", each, above=0, example=2) for each in several(rate)]
        if not self._ratios and not self._rates:
            raise InputError("channel has no level: give one, for example snr='6 dB'")

    def levels(self) -> Sequence[Channel]:
        if len(self._ratios) + len(self._rates) == 1:
            return [self]
        options: dict[str, Any] = {"groups": self.groups, "project": self.project, "seed": self.seed}
        return [
            *(Channel(snr=each, **options) for each in self._ratios),
            *(Channel(rate=each, **options) for each in self._rates),
        ]

    @property
    def level(self) -> str:
        decibels = [f"{10 * math.log10(each):.3g} dB" for each in self._ratios]
        return ", ".join([*decibels, *(f"{each:g} bits" for each in self._rates)])

    @property
    def measurement(self) -> str:
        noise = f"Gaussian noise at {self.level}" if self._ratios else f"Gaussian noise that passes {self.level}"
        return noise if self.project is None else f"{noise}, {self.project} random directions"

    @property
    def kinship(self) -> Hashable:
        return type(self), self.seed, self.project, id(self.groups)

    def prepare(self, t: Tensor) -> Signal:
        return Signal.of(t, self.project, self.seed)

    def foresee(self, prepared: Signal, kin: Sequence[Channel], labels: Sequence[Variable]) -> None:
        if prepared.variance:
            every = [ids for y in labels if (ids := y.classes()).count > 1]
            ratios = [each for channel in kin for each in channel._ladder()]
            prepared.foresee(every, ratios, groups=self._groups_of(labels[0], len(prepared.rows)), seed=self.seed)

    def _groups_of(self, variable: Variable, n: int) -> np.ndarray:
        """The samples that belong together: as this estimator was told, or else as the variable knows."""
        return group_numbers(variable.groups if self.groups is None else self.groups, n)

    def with_input(self, prepared: Signal, x: Variable) -> Information:
        if not prepared.variance:
            return _nothing(prepared)
        return self._at_level(prepared, self._known(prepared, None, x).i_xt(self._ladder()))

    def with_label(self, prepared: Signal, y: Variable) -> Information:
        labels = y.classes()
        if not prepared.variance:
            return _nothing(prepared)
        given, told = self._known(prepared, labels, y).about(labels, self._ladder())
        beside = self._at_level(prepared, given)
        amounts: dict[str, float | None] = {"h_y": labels.entropy(), "i_xt_given_y": beside.value}
        amounts |= {"i_xt_given_y_low": beside.low, "i_xt_given_y_high": beside.high}
        return self._at_level(prepared, told, amounts)

    def _ladder(self) -> Sequence[float]:
        """The ratios at which a level is measured: its own, or all between which the rate is looked for."""
        if len(self._ratios) + len(self._rates) > 1:
            raise InputError(
                f"channel has several levels, {self.level}, and so several numbers: give one of them here, or ask "
                "ip.information_curve, ip.compare or a plane for all"
            )
        return self._ratios or ladder_for(self._rates[0] * NATS_PER["bits"])

    def _known(self, prepared: Signal, labels: Ids | None, variable: Variable) -> Signal:
        """The layer after a pass that was about these labels."""
        if not prepared.knows(labels, self._ladder()):
            groups = self._groups_of(variable, len(prepared.rows))
            prepared.foresee([] if labels is None else [labels], self._ladder(), groups=groups, seed=self.seed)
        return prepared

    def _at_level(
        self, prepared: Signal, ends: Sequence[Bracket], amounts: Mapping[str, float | None] | None = None
    ) -> Information:
        """An information with bounds, ``ends``, along the ladder, at this estimator's level."""
        if self._ratios:
            return information(ends[0], prepared, amounts)
        ladder, rate = self._ladder(), self._rates[0] * NATS_PER["bits"]
        i_xt = prepared.i_xt(ladder)
        place = at_rate(rate, ladder, i_xt, ends)
        if place is None:
            most = information(ends[-1], prepared, amounts)
            return replace(most, flags=(*most.flags, RATE_NOT_REACHED), facts={**most.facts, "snr": ladder[-1]})
        # I(X;T) itself: what its bounds are there, not the rate that was asked for
        bracket = between(place.place, ladder, i_xt) if ends == i_xt else place.bracket
        there = information(bracket, prepared, amounts, value=place.value)
        return replace(there, facts={**there.facts, "snr": math.exp(place.place)})


def several(asked: Any) -> Sequence[Any]:
    """What an option names, as a list: one number or text, or several."""
    return [asked] if isinstance(asked, (str, int, float)) or not isinstance(asked, Iterable) else list(asked)


def group_numbers(groups: Any, n: int) -> np.ndarray:
    """Whole numbers (samples,), the same for the samples of one group; None: each by itself.

    Raises:
        InputError: another number of samples, or one group.
    """
    if groups is None:
        return np.arange(n, dtype=np.int32)
    names = as_array(groups).reshape(-1)
    check_lengths(t=n, groups=len(names))
    numbers = np.unique(names, return_inverse=True)[1].astype(np.int32)
    if numbers.max() == 0:
        raise InputError("groups has one group: there is nothing to compare its samples with; give at least two")
    return numbers


def light(bracket: Bracket, value: float | None = None) -> Flag:
    """Green where the bracket with its errors is narrower than .1 bit or 5 % of the value, amber up to .5 bit."""
    width = (bracket.high - bracket.low) / NATS_PER["bits"]
    middle = (bracket.value if value is None else value) / NATS_PER["bits"]
    if math.isfinite(width) and width <= max(_GREEN, _GREEN_SHARE * middle):
        return GREEN
    return AMBER if width <= _AMBER else RED


def information(
    bracket: Bracket, signal: Signal, amounts: Mapping[str, float | None] | None = None, value: float | None = None
) -> Information:
    """What an estimator finds, of a bracket and a value in it (None: the middle), with other details in nats."""
    bounded = math.isfinite(bracket.high)
    bounds = {"lower_bound": bracket.lower, "upper_bound": bracket.upper if bounded else None}
    value = bracket.value if value is None else value
    flags = (light(bracket, value), CONSTANT_UNITS) if signal.constant else (light(bracket, value),)
    low, high = bracket.low, bracket.high if bounded else None
    every, facts, n = {**bounds, **(amounts or {})}, {"constant_units": signal.constant}, len(signal.rows)
    return Information(value, n, "population", "bracket", low, high, flags, every, facts, "bracket")


def _nothing(signal: Signal) -> Information:
    """Of a layer that has the same activations for all samples."""
    facts = {"constant_units": signal.constant}
    flags, n = (GREEN, CONSTANT_UNITS), len(signal.rows)
    return Information(0.0, n, "population", "bracket", 0.0, 0.0, flags, {}, facts, "bracket")
