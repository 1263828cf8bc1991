"""The information curve: what a layer knows behind Gaussian noise, at every level of the noise, between two bounds.

A deterministic layer has no finite I(X;T): every finite number is a property of what stands between the layer and the
count. Here that is declared: T_s = T + s Z with Z standard normal, at the signal-to-noise ratio snr = s2 / s^2, where
s2 is the layer's total variance (the mean squared length of its centred rows). The ratio does not change under shifts,
rotations and changes of scale. ``estimators/distances/brackets.py`` has the bounds and their source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from infoplane.checks import real_number
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.estimators import as_activations
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import check_finite
from infoplane.estimators.channel import Signal, light, ratio
from infoplane.estimators.counting.samples import as_array, check_classes, check_lengths, label_ids
from infoplane.estimators.distances.brackets import Bracket, LevelBrackets
from infoplane.io.files import atomic_write, read_json, sealed
from infoplane.types import NATS_PER, Estimate, Units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

#: The signal-to-noise ratios of a curve where no others are asked for: steps of 3 dB from -3 to 33 dB.
LADDER = tuple(0.5 * 2.0**rung for rung in range(13))


@final
@dataclass(frozen=True)
class Curve:
    """What one layer knows behind noise, level by level: the result of :func:`information_curve`.

    Args:
        snr: The signal-to-noise ratios, rising.
        levels: For each ratio the bounds of I(X;T), and by label set those of I(X;T|Y) and I(T;Y), in nats.
        labels: The names of the label sets.
        h_y: H(Y) of each label set, in nats.
        n: How many samples.
        units: In what the numbers are given to a user.
    """

    snr: tuple[float, ...]
    levels: tuple[LevelBrackets, ...]
    labels: tuple[str, ...]
    h_y: tuple[float, ...]
    n: int
    units: Units = "bits"
    details: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.snr)

    def __repr__(self) -> str:
        reach = f"{10 * math.log10(self.snr[0]):.0f} to {10 * math.log10(self.snr[-1]):.0f} dB"
        return f"Curve({len(self)} levels, {reach}, labels {', '.join(self.labels)}, n={self.n}, {self.units})"

    def i_xt(self, level: int) -> Estimate:
        """I(X;T) at one level, by its place."""
        return self._estimate(self.levels[level].i_xt)

    def i_ty(self, level: int, label: str | None = None) -> Estimate:
        """I(T;Y) at one level, by its place; ``label`` names the label set where there are several."""
        return self._estimate(self.levels[level].i_ty[self._label(label)])

    def i_xt_given_y(self, level: int, label: str | None = None) -> Estimate:
        """I(X;T|Y) at one level: what the layer keeps of the input beside the label."""
        return self._estimate(self.levels[level].i_xt_given_y[self._label(label)])

    def at(self, snr: float | str, label: str | None = None) -> tuple[Estimate, Estimate]:
        """I(X;T) and I(T;Y) at a signal-to-noise ratio, between two levels by interpolation over log snr.

        Raises:
            InputError: a ratio outside of the levels.
        """
        at = math.log(ratio(snr))
        places = np.log(self.snr)
        if not places[0] - 1e-9 <= at <= places[-1] + 1e-9:
            raise InputError(f"snr={snr!r} is outside of the curve, {self.snr[0]:g} to {self.snr[-1]:g}: measure there")
        chosen = self._label(label)
        each = [level.i_xt for level in self.levels], [level.i_ty[chosen] for level in self.levels]
        i_xt, i_ty = (self._estimate(_between(at, places, several)) for several in each)
        return i_xt, i_ty

    def at_rate(self, bits: float, label: str | None = None) -> Estimate:
        """I(T;Y) where I(X;T) is so many bits: one number a layer, whatever its scale.

        Along the noise both informations fall together. The lower end is that of I(T;Y) where the upper end of I(X;T)
        is the rate, the upper end that where the lower end of I(X;T) is.

        Raises:
            InputError: the layer does not reach that rate on these levels, or surpasses it on all.
        """
        rate = real_number("bits", bits, above=0, example=2) * NATS_PER["bits"]
        chosen = self._label(label)
        middle = self._crossing([level.i_xt.value for level in self.levels], rate, bits)
        few = self._crossing([level.i_xt.high for level in self.levels], rate, bits)
        many = self._crossing([level.i_xt.low for level in self.levels], rate, bits)
        each, places = [level.i_ty[chosen] for level in self.levels], np.log(self.snr)
        value = _between(middle, places, each)
        bracket = Bracket(_between(few, places, each).low, _between(many, places, each).high, 0.0, 0.0)
        return self._estimate(bracket, value=value.value, rate=bits, snr=math.exp(middle))

    def to_pandas(self) -> pandas.DataFrame:
        """A row for every level and label set; information in ``units``."""
        import pandas

        rows = []
        for place, (snr, level) in enumerate(zip(self.snr, self.levels, strict=True)):
            for number, label in enumerate(self.labels or ("",)):
                row: dict[str, Any] = {"snr": snr, "snr_db": 10 * math.log10(snr), "label": label}
                brackets_here = {"i_xt": level.i_xt}
                if self.labels:
                    brackets_here |= {"i_ty": level.i_ty[number], "i_xt_given_y": level.i_xt_given_y[number]}
                for name, bracket in brackets_here.items():
                    estimate = self._estimate(bracket)
                    row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
                    row |= {f"{name}_light": estimate.flags[0]}
                rows.append(row | {"n": self.n, "units": self.units, "level": place})
        return pandas.DataFrame(rows).drop(columns="level")

    def plot(self, *, label: str | None = None, ax: Axes | None = None, name: str | None = None) -> Any:
        """The curve in the plane: :func:`infoplane.plotting.information_curves`."""
        from infoplane import plotting

        return plotting.information_curves({name or "layer": self}, label=label, ax=ax)

    def save(self, path: str | Path) -> None:
        """Write the curve to a JSON file, from which :meth:`load` gives the same numbers."""
        levels = [
            {
                "i_xt": _plain(level.i_xt),
                "i_xt_given_y": [_plain(bracket) for bracket in level.i_xt_given_y],
                "i_ty": [_plain(bracket) for bracket in level.i_ty],
            }
            for level in self.levels
        ]
        content: dict[str, Any] = {
            "format": "infoplane curve 1",
            "snr": self.snr,
            "levels": levels,
            "labels": self.labels,
        }
        content |= {"h_y": self.h_y, "n": self.n, "units": self.units, "details": dict(self.details)}
        atomic_write(Path(path), sealed(content))

    @classmethod
    def load(cls, path: str | Path) -> Curve:
        """Read what :meth:`save` wrote.

        Raises:
            DataFileError: the file is missing, or no curve.
        """
        content = read_json(Path(path))
        try:
            if content["format"] != "infoplane curve 1":
                raise KeyError("format")
            levels = tuple(
                LevelBrackets(
                    _bracket(level["i_xt"]),
                    tuple(map(_bracket, level["i_xt_given_y"])),
                    tuple(map(_bracket, level["i_ty"])),
                )
                for level in content["levels"]
            )
            return cls(
                tuple(map(float, content["snr"])), levels, tuple(map(str, content["labels"])),
                tuple(map(float, content["h_y"])), int(content["n"]), content["units"], dict(content["details"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise DataFileError(f"{path} is no saved curve ({error!r}): write one with Curve.save") from error

    def _label(self, label: str | None) -> int:
        if not self.labels:
            raise InputError("the curve has no labels: give y to information_curve")
        if label is None and len(self.labels) > 1:
            raise InputError(f"there are several label sets: name one of {', '.join(self.labels)}")
        if label is not None and label not in self.labels:
            raise UnknownNameError("label set", label, self.labels)
        return 0 if label is None else self.labels.index(label)

    def _crossing(self, values: Sequence[float], rate: float, bits: float) -> float:
        """log snr at which rising values reach the rate, by interpolation."""
        rising = np.maximum.accumulate(values)  # sampling errors can make a level fall a little below the one before
        if not rising[0] <= rate <= rising[-1]:
            ends = f"{rising[0] / NATS_PER['bits']:.2f} to {rising[-1] / NATS_PER['bits']:.2f} bits"
            raise InputError(f"I(X;T) reaches from {ends} on these levels, not {bits:g}: choose snr= for other levels")
        after = max(int(np.searchsorted(rising, rate)), 1)
        places, (before, above) = np.log(self.snr), rising[after - 1 : after + 1]
        share = 0.0 if above == before or not math.isfinite(above) else (rate - before) / (above - before)
        return float(places[after - 1] + share * (places[after] - places[after - 1]))

    def _estimate(self, bracket: Bracket, *, value: float | None = None, **details: Any) -> Estimate:
        return estimate_of(bracket, self.units, self.n, value=value, **details)


def estimate_of(bracket: Bracket, units: Units, n: int, *, value: float | None = None, **details: Any) -> Estimate:
    """An Estimate of a bracket: its middle, its ends widened by their errors, and the light of its width."""
    scale = NATS_PER[units]
    bounded = math.isfinite(bracket.high)
    upper = bracket.upper / scale if bounded else None
    low, high = bracket.low / scale, bracket.high / scale if bounded else None
    facts = {"lower_bound": bracket.lower / scale, "upper_bound": upper, **details}
    middle = bracket.value if value is None else value
    return Estimate(middle / scale, units, low, high, "bracket", n, (light(bracket, middle),), facts)


@shielded
def information_curve(
    t: Any,
    y: Any = None,
    *,
    snr: float | str | Sequence[float | str] | None = None,
    groups: Any = None,
    units: Units = "bits",
    seed: int = 0,
) -> Curve:
    """I(X;T), I(T;Y) and I(X;T|Y) of a layer behind noise, at every noise level, each between two bounds.

    The bounds hold for the population that the samples are drawn from, not for the samples alone, so that their
    distance says when there are too few samples. No bin, width or scale enters; what enters is that the noise is the
    same in all directions, so that directions of little variance are seen at high ratios only.

    Args:
        t: (samples, units) numbers, the activations of a layer.
        y: (samples,) labels, or a table of label sets ``{"digit": ..., "parity": ...}``.
        snr: Signal-to-noise ratios, numbers or decibels (``"10 dB"``), one or several; None: 13 from -3 to 33 dB.
        groups: (samples,) names the samples that belong together, such as the tokens of one text: they are no evidence
            about one another, and are drawn as wholes where errors are estimated.
        units: ``"bits"`` or ``"nats"``.
        seed: Of the noise.

    Returns:
        A :class:`Curve`.

    Raises:
        InputError: t and y differ in length, y has one class, the layer is constant.
        NonFiniteError: t holds NaN or infinity.

    Example:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> y = random.integers(0, 2, 1000)
        >>> t = np.stack([2.0 * y, np.zeros(1000)], 1) + random.normal(size=(1000, 2))
        >>> curve = information_curve(t, y)
        >>> print(curve.i_ty(3).flags, len(curve))
        ('green',) 13
    """
    activations = as_activations(t)
    check_finite(activations)
    sets = y if isinstance(y, Mapping) else {} if y is None else {"y": y}
    arrays = {name: as_array(values) for name, values in sets.items()}
    check_lengths(t=len(activations), **{name: len(values) for name, values in arrays.items()})
    numbered = {name: label_ids(values) for name, values in arrays.items()}
    for name, ids in numbered.items():
        check_classes(ids, name)
    ratios = sorted(map(ratio, LADDER if snr is None else [snr] if isinstance(snr, (str, int, float)) else snr))
    kinds = _groups(groups, len(activations))
    signal = Signal.of(activations)
    if not signal.variance:
        raise InputError("the layer has the same activations for all samples: it knows nothing at any noise level")
    levels = signal.levels(list(numbered.values()), ratios, groups=kinds, seed=seed)
    h_y = tuple(ids.entropy() for ids in numbered.values())
    return Curve(tuple(ratios), tuple(levels), tuple(numbered), h_y, len(activations), units, {"seed": seed})


def _groups(groups: Any, n: int) -> np.ndarray:
    """Whole numbers (samples,), the same for the samples of one group."""
    if groups is None:
        return np.arange(n, dtype=np.int32)
    names = as_array(groups)
    check_lengths(t=n, groups=len(names))
    numbers = np.unique(names, return_inverse=True)[1].astype(np.int32)
    if numbers.max() == 0:
        raise InputError("groups has one group: there is nothing to compare its samples with; give at least two")
    return numbers


def _between(at: float, places: np.ndarray, several: Sequence[Bracket]) -> Bracket:
    """Bounds and errors at a place between two levels; infinite where one of the two is."""
    after = int(np.clip(np.searchsorted(places, at), 1, len(places) - 1))
    share = (at - places[after - 1]) / (places[after] - places[after - 1])
    ends = several[after - 1], several[after]
    return Bracket(
        *(
            sum(weight * getattr(end, name) for weight, end in zip((1 - share, share), ends, strict=True) if weight)
            for name in ("lower", "upper", "lower_error", "upper_error")
        )
    )


def _plain(bracket: Bracket) -> list[float | None]:
    """Numbers that JSON has a form for; None for infinity."""
    each = (bracket.lower, bracket.upper, bracket.lower_error, bracket.upper_error)
    return [value if math.isfinite(value) else None for value in each]


def _bracket(plain: Sequence[float | None]) -> Bracket:
    lower, upper, lower_error, upper_error = (math.inf if value is None else float(value) for value in plain)
    return Bracket(lower, upper, lower_error, upper_error)
