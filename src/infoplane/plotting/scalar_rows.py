"""Losses, accuracies and statistics of gradients below the curves of the information: a row of panels for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from infoplane.plotting.ceilings import DASHES
from infoplane.plotting.frame import layer_legend, legend
from infoplane.plotting.style import MARKERS, Theme, layer_colours, shown_name

if TYPE_CHECKING:
    import pandas

#: The rows, their scalars with line styles and words, and whether they are read on a logarithmic axis.
_ROWS: dict[str, tuple[dict[str, tuple[str, str]], bool]] = {
    "loss": ({"loss": ("-", "")}, False),
    "accuracy": ({"accuracy": ("-", "")}, False),
    "gradient norm": ({"gradient_mean": ("-", "mean"), "gradient_deviation": ("--", "deviation")}, True),
    "mean / deviation": ({"gradient_ratio": ("-", "")}, True),
}
_MARKED = 7  # markers on a curve
_DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True, eq=False)
class _Curve:
    """One scalar over the steps: of a layer or of the network, the median of its copies and their spread."""

    layer: str
    style: str
    words: str
    steps: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class ScalarRow:
    """One row of panels: its name, which labels the axis, and its curves."""

    name: str
    log: bool
    curves: list[_Curve]

    @property
    def steps(self) -> np.ndarray:
        return np.concatenate([curve.steps for curve in self.curves])

    @property
    def words(self) -> str:
        """The longest word of its legend."""
        return max((curve.words for curve in self.curves), key=len)


def rows_of(scalars: pandas.DataFrame | None, loss: Mapping[int, float] | None = None) -> list[ScalarRow]:
    """The rows for which there are numbers; ``loss`` is step -> loss, beside what the table has."""
    rows = []
    for name, (parts, log) in _ROWS.items():
        curves = [curve for part, how in parts.items() for curve in _curves(scalars, part, *how)]
        if name == "loss" and loss:
            steps, values = (np.array(part, dtype=float) for part in zip(*sorted(loss.items()), strict=True))
            curves.append(_Curve("", "-", "", steps, values, values, values))
        if curves:
            rows.append(ScalarRow(name, log, curves))
    return rows


def _curves(scalars: pandas.DataFrame | None, name: str, style: str, words: str) -> list[_Curve]:
    """The curves of one scalar: one a split and layer."""
    if scalars is None:
        return []
    rows = scalars[(scalars["name"] == name) & np.isfinite(scalars["value"])]
    rows = rows.assign(split=rows["split"].fillna(""), layer=rows["layer"].fillna(""))
    splits = list(rows["split"].unique())
    curves = []
    for (split, layer), part in rows.groupby(["split", "layer"], sort=False):
        values = part.groupby("step")["value"].quantile([0.5, 0.1, 0.9]).unstack()
        look = style if words else _DASHES[splits.index(split) % len(_DASHES)]
        steps = values.index.to_numpy(dtype=float)
        curves.append(_Curve(layer, look, words or shown_name(split), steps, *values.to_numpy(dtype=float).T))
    return curves


def draw_scalars(axes: list[Any], row: ScalarRow, layers: list[str], theme: Theme) -> None:
    """Draw the curves of a row into all of its panels, layers in the colours that they have above."""
    from matplotlib.lines import Line2D

    colours = _colours(row, layers, theme)
    for ax in axes:
        for curve in row.curves:
            colour = colours.get(curve.layer, theme.ink)
            marker: dict[str, Any] = {}
            if curve.layer:
                number = list(colours).index(curve.layer)
                marker = {"marker": MARKERS[number % len(MARKERS)], "markevery": _spread_out(ax, curve.steps)}
            style: dict[str, Any] = {
                "linewidth": 1.3 if len(curve.steps) < 100 else 0.8,
                "markersize": 4.5,
                "zorder": 3,
                **marker,
            }
            ax.plot(curve.steps, curve.values, curve.style, color=colour, **style)
            ax.fill_between(curve.steps, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0, zorder=2)
        if row.log and all((curve.values > 0).any() for curve in row.curves):
            ax.set_yscale("log")
        if row.name == "mean / deviation":
            ax.axhline(1.0, color=theme.ceiling, linestyle=DASHES, linewidth=1.0, zorder=1)
    axes[0].set_ylabel(row.name)
    words: dict[str, Any] = {curve.words: curve.style for curve in row.curves if curve.words}
    if len(words) > 1:
        entries = [(f" {word}", Line2D([], [], color=theme.ink, linestyle=look)) for word, look in words.items()]
        legend(axes[-1], entries, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    elif colours and not set(colours) <= set(layers):  # layers with weights that are not those measured above
        layer_legend(axes[-1], dict(enumerate(colours.items())), theme, loc="upper left", bbox_to_anchor=(1.0, 1.05))


def _spread_out(ax: Any, steps: np.ndarray) -> list[int]:
    """The numbers of a few steps at similar distances on the axis."""
    places = ax.transData.transform(np.stack([steps, np.ones(len(steps))], axis=1))[:, 0]
    wanted = np.linspace(places[0], places[-1], _MARKED)
    return sorted({int(np.abs(places - place).argmin()) for place in wanted})


def _colours(row: ScalarRow, layers: list[str], theme: Theme) -> dict[str, Any]:
    """Layer with weights -> its colour: that of the same name above, or, where none has it, the one in its place."""
    weighted = list(dict.fromkeys(curve.layer for curve in row.curves if curve.layer))
    if not weighted:
        return {}
    named = layers if set(weighted) <= set(layers) else weighted
    return dict(zip(named, layer_colours(len(named), theme), strict=True))
