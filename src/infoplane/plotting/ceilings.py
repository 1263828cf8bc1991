"""What no point can exceed: log2 N and H(X) to the right, H(Y) and I(X;Y) above: dashed lines, or notes at the edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.style import AS_TYPED, Theme, behind_text
from infoplane.types import NATS_PER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The facts that are ceilings: the axis they bound, and their name in a picture.
_KNOWN: dict[str, tuple[Literal["x", "y"], str]] = {
    "log2_n": ("x", "log₂ N"),
    "h_x": ("x", "H(X)"),
    "h_y": ("y", "H(Y)"),
    "i_xy": ("y", "I(X;Y)"),
}
_PLACES = (0.012, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.78)  # of the name of a level, as shares of the width
_NEAR = 0.4  # a ceiling is drawn as a line where the values reach this share of it


@dataclass(frozen=True)
class Ceiling:
    """One bound, in the unit of the picture."""

    axis: Literal["x", "y"]
    value: float
    name: str

    @property
    def text(self) -> str:
        return f"{self.name} = {self.value:.3g}"


def ceilings_among(facts: Mapping[str, Any], *, units: str, wanted: bool | Collection[str]) -> list[Ceiling]:
    """The ceilings that ``facts`` knows; ``wanted`` is all (True), none (False), or the names of some.

    ``log2_n`` is in bits whatever the unit of the picture, the others are in that unit.
    """
    names = [] if wanted is False else list(_KNOWN) if wanted is True else list(wanted)
    found: list[Ceiling] = []
    for name in names:
        if name not in _KNOWN:
            raise UnknownNameError("ceiling", name, _KNOWN)
        if facts.get(name) is None or _differs(name, facts):
            continue
        try:
            value = float(facts[name])
        except (TypeError, ValueError) as error:
            raise InputError(f"the fact {name} is {facts[name]!r}, a number of {units} is needed") from error
        axis, shown = _KNOWN[name]
        value *= NATS_PER["bits"] / NATS_PER[units] if name == "log2_n" and units in NATS_PER else 1.0
        if found and axis == found[-1].axis and abs(found[-1].value - value) < 5e-4 * abs(value):
            found[-1] = Ceiling(axis, value, f"{found[-1].name} = {shown}")
        else:
            found.append(Ceiling(axis, value, shown))
    return found


def _differs(name: str, facts: Mapping[str, Any]) -> bool:
    """Whether splits (train, test) have ceilings of their own, so that one line would be wrong for some of them."""
    values = [split[name] for split in dict(facts.get("splits") or {}).values() if split.get(name) is not None]
    return bool(values) and max(values) - min(values) > 5e-3 * abs(max(values))


def limits(values: np.ndarray, ceilings: list[Ceiling], axis: str, *, pad: float = 0.05) -> tuple[float, float]:
    """From 0 (or below) to a little beyond the values and those ceilings that are near them."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    near = [bound.value for bound in ceilings if bound.axis == axis and high >= _NEAR * bound.value]
    high = max([high, *near]) or 1.0
    return low - pad * (high - low), high + pad * (high - low)


def draw_ceilings(ax: Axes, ceilings: list[Ceiling], *, points: np.ndarray, theme: Theme) -> None:
    """Dashed lines with their names inside the limits of ``ax``; a note with an arrow for a ceiling beyond them.

    The name of a level stands where the fewest of the ``points`` (points, 2) are.
    """
    line: dict[str, Any] = {"color": theme.ceiling, "linestyle": (0, (5, 4)), "linewidth": 1.0, "zorder": 1}
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    shares = ax.transAxes.inverted().transform(ax.transData.transform(points))  # of width and height
    above = True
    for bound in ceilings:
        inside = bound.value <= (right if bound.axis == "x" else top)
        if bound.axis == "x" and inside:
            ax.axvline(bound.value, **line)
            _name(ax, bound.text, (bound.value, 0.02), coords=("data", "axes fraction"), shift=(-3, 0), turned=True,
                  theme=theme)  # fmt: skip
        elif bound.axis == "x":
            _name(ax, f"{bound.text} →", (0.985, 0.02), coords="axes fraction", shift=(0, 0), right=True, theme=theme)
        elif inside:
            ax.axhline(bound.value, **line)
            level = ax.transAxes.inverted().transform(ax.transData.transform((right, bound.value)))[1]
            near = shares[np.abs(shares[:, 1] - level) < 0.06, 0]
            where = np.argmin([np.sum(np.abs(near - 0.1 - x) < 0.13) for x in _PLACES])
            _name(ax, bound.text, (_PLACES[where], bound.value), coords=("axes fraction", "data"),
                  shift=(0, 2 if above else -2), below=not above, theme=theme)  # fmt: skip
            above = False
        else:
            _name(ax, f"↑ {bound.text}", (0.012, 0.985 if above else 0.93), coords="axes fraction", shift=(0, 0),
                  below=True, theme=theme)  # fmt: skip
            above = False


def _name(  # noqa: PLR0913
    ax: Axes, text: str, at: tuple[float, float], *, coords: Any, shift: tuple[float, float], theme: Theme,
    turned: bool = False, right: bool = False, below: bool = False,
) -> None:  # fmt: skip
    """The name of a ceiling at ``at``, ``shift`` points away from it."""
    ax.annotate(
        text,
        at,
        xycoords=coords,
        xytext=shift,
        textcoords="offset points",
        rotation=90 if turned else 0,
        ha="right" if turned or right else "left",
        va="top" if below else "bottom",
        color=theme.ceiling,
        fontsize=8,
        zorder=6,
        bbox=behind_text(theme),
        **AS_TYPED,
    )
