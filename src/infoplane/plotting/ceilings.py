"""What no point can exceed: log2 N to the right, H(Y) and I(X;Y) above, as dashed lines or as a note at the edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.style import AS_TYPED, Theme
from infoplane.types import NATS_PER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The facts that are ceilings: the axis they bound, and their name in a picture.
_KNOWN: dict[str, tuple[Literal["x", "y"], str]] = {
    "log2_n": ("x", "log₂ N"),
    "h_y": ("y", "H(Y)"),
    "i_xy": ("y", "I(X;Y)"),
}
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

    ``log2_n`` is in bits whatever the unit of the picture, ``h_y`` and ``i_xy`` are in that unit.
    """
    names = [] if wanted is False else list(_KNOWN) if wanted is True else list(wanted)
    found: list[Ceiling] = []
    for name in names:
        if name not in _KNOWN:
            raise UnknownNameError("ceiling", name, _KNOWN)
        if facts.get(name) is None:
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


def limits(values: np.ndarray, ceilings: list[Ceiling], axis: str) -> tuple[float, float]:
    """From 0 (or below) to a little beyond the values and those ceilings that are near them."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    near = [bound.value for bound in ceilings if bound.axis == axis and high >= _NEAR * bound.value]
    high = max([high, *near]) or 1.0
    pad = 0.05 * (high - low)
    return low - pad, high + pad


def draw_ceilings(ax: Axes, ceilings: list[Ceiling], *, theme: Theme) -> None:
    """Dashed lines with their names inside the limits of ``ax``; a note with an arrow for a ceiling beyond them."""
    style: dict[str, Any] = {"color": theme.ceiling, "fontsize": 8, "zorder": 1, **AS_TYPED}
    above = True
    for bound in ceilings:
        inside = bound.value <= (ax.get_xlim() if bound.axis == "x" else ax.get_ylim())[1]
        line = {"color": theme.ceiling, "linestyle": (0, (5, 4)), "linewidth": 1.0, "zorder": 1}
        if bound.axis == "x" and inside:
            ax.axvline(bound.value, **line)
            ax.annotate(bound.text, (bound.value, 0.02), xycoords=("data", "axes fraction"), xytext=(-3, 0),
                        textcoords="offset points", rotation=90, ha="right", va="bottom", **style)  # fmt: skip
        elif bound.axis == "x":
            ax.annotate(f"{bound.text} →", (1.0, 0.02), xycoords="axes fraction", ha="right", va="bottom", **style)
        elif inside:
            ax.axhline(bound.value, **line)
            ax.annotate(bound.text, (0.012, bound.value), xycoords=("axes fraction", "data"),
                        xytext=(0, 2 if above else -3), textcoords="offset points", ha="left",
                        va="bottom" if above else "top", **style)  # fmt: skip
            above = False
        else:
            ax.annotate(f"↑ {bound.text}", (0.012, 0.985 if above else 0.935), xycoords="axes fraction", ha="left",
                        va="top", **style)  # fmt: skip
            above = False
