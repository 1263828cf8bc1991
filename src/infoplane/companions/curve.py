"""The information curve: what a layer knows behind Gaussian noise, at every level of the noise, between two bounds.

A deterministic layer has no finite I(X;T): every finite number is a property of what stands between the layer and the
count. Here that is declared: T_s = T + s Z with Z standard normal, at the signal-to-noise ratio snr = s2 / s^2, where
s2 is the layer's total variance (the mean squared length of its centred rows). The ratio does not change under shifts,
rotations and changes of scale. ``estimators/distances/brackets.py`` has the bounds and their source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from infoplane.checks import real_number
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.estimators import as_activations
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import check_finite
from infoplane.estimators.channel import LADDER, Signal, group_numbers, light, ratio, several
from infoplane.estimators.counting.samples import (
    Ids,
    as_array,
    check_classes,
    check_lengths,
    input_ids,
    label_ids,
)
from infoplane.estimators.distances.brackets import Bracket, LevelBrackets
from infoplane.estimators.distances.rates import at_rate, between
from infoplane.io.files import atomic_write, read_json, sealed
from infoplane.types import NATS_PER, Estimate, Units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

_FORMAT = "infoplane curve 1"
_ROUNDING = 1e-6  # of a layer's variance: squared distances of one input's activations in two batches


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
        i_xt, i_ty = (self._estimate(between(at, self.snr, several)) for several in each)
        return i_xt, i_ty

    def at_rate(self, bits: float, label: str | None = None) -> Estimate:
        """I(T;Y) where I(X;T) is so many bits: one number a layer, whatever its scale.

        Along the noise both informations fall together. The lower end is that of I(T;Y) where the upper end of I(X;T)
        is the rate, the upper end that where the lower end of I(X;T) is.

        Raises:
            InputError: the layer does not reach that rate on these levels, or surpasses it on all.
        """
        rate = real_number("bits", bits, above=0, example=2) * NATS_PER["bits"]
        chosen, i_xt = self._label(label), [level.i_xt for level in self.levels]
        place = at_rate(rate, self.snr, i_xt, [level.i_ty[chosen] for level in self.levels])
        if place is None:
            ends = " to ".join(f"{level.value / NATS_PER['bits']:.2f}" for level in (i_xt[0], i_xt[-1]))
            raise InputError(f"I(X;T) reaches from {ends} bits on these levels, not {bits:g}: choose snr= for others")
        return self._estimate(place.bracket, value=place.value, rate=bits, snr=math.exp(place.place))

    def to_pandas(self) -> pandas.DataFrame:
        """A row for every level and label set; information in ``units``."""
        import pandas

        rows = []
        for snr, level in zip(self.snr, self.levels, strict=True):
            for number, label in enumerate(self.labels or ("",)):
                row: dict[str, Any] = {"snr": snr, "snr_db": 10 * math.log10(snr), "label": label}
                brackets_here = {"i_xt": level.i_xt}
                if self.labels:
                    brackets_here |= {"i_ty": level.i_ty[number], "i_xt_given_y": level.i_xt_given_y[number]}
                for name, bracket in brackets_here.items():
                    estimate = self._estimate(bracket)
                    row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
                    row |= {f"{name}_light": estimate.flags[0]}
                h_y = self.h_y[number] / NATS_PER[self.units] if self.labels else None
                rows.append(row | {"h_y": h_y, "n": self.n, "units": self.units})
        return pandas.DataFrame(rows)

    def plot(self, *, label: str | None = None, ax: Axes | None = None, name: str | None = None) -> Any:
        """The curve in the plane: :func:`infoplane.plotting.information_curves`."""
        from infoplane import plotting

        return plotting.information_curves({name or "layer": self}, label=label, ax=ax)

    @classmethod
    def mean(cls, curves: Sequence[Curve]) -> Curve:
        """The mean of several networks' informations, between the means of their bounds; levels and labels alike.

        Errors are averaged as well: the networks see the same samples, so that theirs may go together.
        """
        if len(curves) == 1:
            return curves[0]
        levels = tuple(
            LevelBrackets(
                _mean([level.i_xt for level in each]),
                tuple(map(_mean, zip(*(level.i_xt_given_y for level in each), strict=True))),
                tuple(map(_mean, zip(*(level.i_ty for level in each), strict=True))),
            )
            for each in zip(*(curve.levels for curve in curves), strict=True)
        )
        return replace(curves[0], levels=levels, details={**curves[0].details, "copies": len(curves)})

    def record(self) -> dict[str, Any]:
        """Everything about the curve, in values that JSON has a form for; :meth:`from_record` gives it back."""
        levels = [
            {
                "i_xt": _plain(level.i_xt),
                "i_xt_given_y": [_plain(bracket) for bracket in level.i_xt_given_y],
                "i_ty": [_plain(bracket) for bracket in level.i_ty],
            }
            for level in self.levels
        ]
        content = {"format": _FORMAT, "snr": self.snr, "levels": levels, "labels": self.labels}
        return content | {"h_y": self.h_y, "n": self.n, "units": self.units, "details": dict(self.details)}

    @classmethod
    def from_record(cls, content: Any, source: str = "this record") -> Curve:
        """The curve of a record.

        Raises:
            DataFileError: it is none; the message names ``source``.
        """
        try:
            if content["format"] != _FORMAT:
                raise KeyError("format")
            levels = tuple(
                LevelBrackets(
                    _bracket(level["i_xt"]),
                    tuple(map(_bracket, level["i_xt_given_y"])),
                    tuple(map(_bracket, level["i_ty"])),
                )
                for level in content["levels"]
            )
            if content["units"] not in NATS_PER or len(levels) != len(content["snr"]):
                raise ValueError("units and levels")
            return cls(
                tuple(map(float, content["snr"])), levels, tuple(map(str, content["labels"])),
                tuple(map(float, content["h_y"])), int(content["n"]), content["units"], dict(content["details"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise DataFileError(f"{source} is no saved curve ({error!r}): write one with Curve.save") from error

    def save(self, path: str | Path) -> None:
        """Write the curve to a JSON file, from which :meth:`load` gives the same numbers."""
        atomic_write(Path(path), sealed(self.record()))

    @classmethod
    def load(cls, path: str | Path) -> Curve:
        """Read what :meth:`save` wrote.

        Raises:
            DataFileError: the file is missing, or no curve.
        """
        return cls.from_record(read_json(Path(path)), str(path))

    def _label(self, label: str | None) -> int:
        if not self.labels:
            raise InputError("the curve has no labels: give y to information_curve")
        if label is None and len(self.labels) > 1:
            raise InputError(f"there are several label sets: name one of {', '.join(self.labels)}")
        if label is not None and label not in self.labels:
            raise UnknownNameError("label set", label, self.labels)
        return 0 if label is None else self.labels.index(label)

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
    return Estimate(middle / scale, units, low, high, "bracket", n, (light(bracket, middle),), facts, "bracket")


@shielded
def information_curve(
    t: Any,
    y: Any = None,
    x: Any = None,
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
        x: (samples, ...) the inputs, where they are at hand: equal ones must have equal activations, since the noise
            of a network would be taken for information about its input. ``details["h_x"]`` is then their entropy.
        snr: Signal-to-noise ratios, numbers or decibels (``"10 dB"``), one or several; None: 13 from -3 to 33 dB.
        groups: (samples,) names the samples that belong together, such as the tokens of one text: they are no evidence
            about one another, and are drawn as wholes where errors are estimated.
        units: ``"bits"`` or ``"nats"``.
        seed: Of the noise.

    Returns:
        A :class:`Curve`.

    Raises:
        InputError: t, y and x differ in length, y has one class, the layer is constant, or noisy by itself.
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
    signal = Signal.of(activations)
    if not signal.variance:
        raise InputError("the layer has the same activations for all samples: it knows nothing at any noise level")
    details: dict[str, Any] = {"seed": seed}
    if x is not None:
        inputs = input_ids(x)
        check_lengths(t=len(activations), x=inputs.n)
        _check_function(signal, inputs)
        details["h_x"] = inputs.entropy() / NATS_PER[units]
    return curve_of(signal, numbered, ratios_of(snr), groups=groups, units=units, details=details)


def ratios_of(snr: float | str | Sequence[float | str] | None) -> list[float]:
    """Rising signal-to-noise ratios; None: the levels of ``LADDER``."""
    return sorted(set(map(ratio, LADDER if snr is None else several(snr))))


def curve_of(
    signal: Signal,
    labels: Mapping[str, Ids],
    ratios: Sequence[float],
    *,
    groups: Any = None,
    units: Units = "bits",
    details: Mapping[str, Any],
) -> Curve:
    """The curve of a layer at rising ratios; one that does not vary knows nothing at any of them."""
    kinds, n = group_numbers(groups, len(signal.rows)), len(signal.rows)
    nothing = Bracket(0.0, 0.0, 0.0, 0.0)
    levels = [LevelBrackets(nothing, (nothing,) * len(labels), (nothing,) * len(labels))] * len(ratios)
    if signal.variance:
        levels = signal.levels(list(labels.values()), ratios, groups=kinds, seed=details["seed"])
    h_y = tuple(ids.entropy() for ids in labels.values())
    return Curve(tuple(ratios), tuple(levels), tuple(labels), h_y, n, units, details)


def _check_function(signal: Signal, inputs: Ids) -> None:
    """An error where equal inputs have different activations, beyond what rounding does."""
    ids = inputs.ids.cpu()
    first = torch.full((inputs.count,), len(ids)).scatter_reduce_(0, ids, torch.arange(len(ids)), "amin")
    apart = (signal.rows - signal.rows[first[ids]]).double().square().sum(1)
    if float(apart.max()) > _ROUNDING * signal.variance:
        at = int(apart.argmax())
        raise InputError(
            f"samples {int(first[ids[at]])}, {at} have equal inputs and different activations: the network is noisy, "
            "and its noise would be taken for information about the input; call model.eval(), or leave x out"
        )


def _mean(several_brackets: Sequence[Bracket]) -> Bracket:
    return Bracket(*map(float, np.mean([astuple(bracket) for bracket in several_brackets], axis=0)))


def _plain(bracket: Bracket) -> list[float | None]:
    """Numbers that JSON has a form for; None for infinity."""
    return [value if math.isfinite(value) else None for value in astuple(bracket)]


def _bracket(plain: Sequence[float | None]) -> Bracket:
    lower, upper, lower_error, upper_error = (math.inf if value is None else float(value) for value in plain)
    return Bracket(lower, upper, lower_error, upper_error)
