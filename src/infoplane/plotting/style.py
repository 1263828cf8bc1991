"""How every picture looks: colours for a light and a dark page, markers, names as typed, the scale of the steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from infoplane.checks import choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

#: What keeps a text as it was typed: no formulas between dollar signs.
AS_TYPED: dict[str, Any] = {"parse_math": False, "usetex": False}

#: One marker a layer, told apart without colours.
MARKERS = "os^DvPX*<>"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")  # what a picture file cannot hold
_LONGEST_NAME = 32


@dataclass(frozen=True)
class Theme:
    """The colours of a page. ``layers`` is the Okabe-Ito set; ``steps`` the part of a colour map that is legible."""

    page: str
    ink: str
    grid: str
    ceiling: str
    layers: tuple[str, ...]
    steps: tuple[str, float, float]


_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
THEMES = {
    "light": Theme("#ffffff", "#22262b", "#e6e8eb", "#6b7280", (*_OKABE_ITO, "#000000"), ("viridis", 0.0, 0.93)),
    "dark": Theme("#14171c", "#e8eaed", "#2b3038", "#9aa3af", (*_OKABE_ITO, "#F0E442"), ("viridis", 0.18, 1.0)),
}


def theme_named(name: str) -> Theme:
    """A theme by its name."""
    return THEMES[choice("theme", name, THEMES)]


def behind_text(theme: Theme) -> dict[str, Any]:
    """A veil that keeps a name legible on top of a path; an outline would turn its letters into shapes in an svg."""
    return {"facecolor": theme.page, "edgecolor": "none", "alpha": 0.7, "pad": 0.6}


def write_near(ax: Axes, text: str, at: Any, shift: tuple[float, float], **style: Any) -> None:
    """A text ``shift`` points away from a place, as typed."""
    ax.annotate(text, at, xytext=shift, textcoords="offset points", **style, **AS_TYPED)


def shown_name(name: object) -> str:
    """A name as typed, without control characters, a long one with its middle left out."""
    text = _CONTROL.sub("", str(name))
    half = _LONGEST_NAME // 2
    return text if len(text) <= _LONGEST_NAME else f"{text[: half - 1]}…{text[-half:]}"


def layer_colours(count: int, theme: Theme) -> list[Any]:
    """One colour a layer: the Okabe-Ito set as far as it reaches, beyond that steps of the colour map."""
    if count <= len(theme.layers):
        return list(theme.layers[:count])
    return list(step_colours(theme)(np.linspace(0, 1, count)))


def step_colours(theme: Theme) -> Colormap:
    """The colour map of the steps."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    name, low, high = theme.steps
    return ListedColormap(matplotlib.colormaps[name](np.linspace(low, high, 256)))


def log_spaced(steps: np.ndarray) -> bool:
    """Whether the distances between steps grow with the steps themselves."""
    positive = np.unique(steps[steps > 0])
    if len(positive) < 4:
        return False
    gaps = np.diff(positive)
    return bool(positive[-1] / positive[0] >= 20 and gaps.max() / gaps.min() >= 5 and np.argmax(gaps) > len(gaps) / 2)


def step_norm(steps: np.ndarray) -> Normalize:
    """Steps -> 0 to 1, by their logarithm where they are log spaced; step 0 then takes the first colour."""
    from matplotlib.colors import LogNorm, Normalize

    if log_spaced(steps):
        return LogNorm(float(steps[steps > 0].min()), float(steps.max()), clip=True)
    return Normalize(float(steps.min()), float(max(steps.max(), steps.min() + 1)))
