"""What no point can exceed: log2 N and H(X) to the right, H(Y) and I(X;Y) above: dashed lines, or notes at the edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.checks import choice
from infoplane.errors import InputError
from infoplane.plotting.style import Theme, behind_text, write_near
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
DASHES = (0, (5, 4))  #: of the line of a ceiling
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
    ceilings: list[Ceiling] = []
    for name in names:
        axis, shown = _KNOWN[choice("ceiling", name, _KNOWN)]
        if facts.get(name) is None or _differs(name, facts):
            continue
        try:
            value = float(facts[name])
        except (TypeError, ValueError) as error:
            raise InputError(f"the fact {name} is {facts[name]!r}, a number of {units} is needed") from error
        value *= NATS_PER["bits"] / NATS_PER[units] if name == "log2_n" and units in NATS_PER else 1.0
        last = ceilings[-1] if ceilings else None
        if last and axis == last.axis and abs(last.value - value) < 5e-4 * abs(value):  # one line for two of them
            ceilings[-1] = Ceiling(axis, value, f"{last.name} = {shown}")
        else:
            ceilings.append(Ceiling(axis, value, shown))
    return ceilings


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
    line: dict[str, Any] = {"color": theme.ceiling, "linestyle": DASHES, "linewidth": 1.0, "zorder": 1}
    name: dict[str, Any] = {"color": theme.ceiling, "fontsize": 8, "zorder": 6, "bbox": behind_text(theme)}
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    to_shares = ax.transData + ax.transAxes.inverted()
    shares = to_shares.transform(points)  # (points, 2), of width and height
    low = 0.02  # where the next upright name begins: two of them may lie close together
    above = True  # whether the next name of a level stands above its line: two levels may lie close together
    for bound in ceilings:
        inside = bound.value <= (right if bound.axis == "x" else top)
        if bound.axis == "x" and inside:
            ax.axvline(bound.value, **line)
            write_near(ax, bound.text, (bound.value, low), (-3, 0), xycoords=("data", "axes fraction"), rotation=90,
                       ha="right", va="bottom", **name)  # fmt: skip
            low += 0.36
        elif bound.axis == "x":
            write_near(ax, f"{bound.text} →", (0.985, low), (0, 0), xycoords="axes fraction", ha="right",
                       va="bottom", **name)  # fmt: skip
            low += 0.07
        elif inside:
            ax.axhline(bound.value, **line)
            level = to_shares.transform((right, bound.value))[1]
            near = shares[np.abs(shares[:, 1] - level) < 0.06, 0]
            where = np.argmin([np.sum(np.abs(near - 0.1 - x) < 0.13) for x in _PLACES])
            write_near(ax, bound.text, (_PLACES[where], bound.value), (0, 2 if above else -2),
                       xycoords=("axes fraction", "data"), ha="left", va="bottom" if above else "top",
                       **name)  # fmt: skip
            above = False
        else:
            write_near(ax, f"↑ {bound.text}", (0.012, 0.985 if above else 0.93), (0, 0), xycoords="axes fraction",
                       ha="left", va="top", **name)  # fmt: skip
            above = False
