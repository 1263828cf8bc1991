"""The information plane: one path a layer through (I(X;T), I(T;Y)), one panel for every way of measuring."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, limits
from infoplane.plotting.panel import Look, draw_panel, key, xy
from infoplane.plotting.style import (
    AS_TYPED,
    Theme,
    drawing,
    grid_of_axes,
    layer_colours,
    layer_legend,
    new_figure,
    page_margins,
    step_colours,
    step_norm,
    theme_named,
    write_title,
)
from infoplane.plotting.tracks import Panel, panels, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY_POINTS = 5000  # beyond this, paths and points are stored as pixels in an svg or pdf


def plane(  # noqa: PLR0913 (public keywords)
    table: pandas.DataFrame,
    *,
    color: Literal["step", "layer"] = "step",
    kind: Literal["auto", "lines", "points"] = "auto",
    ax: Axes | Figure | None = None,
    ceilings: bool | Collection[str] = True,
    facts: Mapping[str, Any] | None = None,
    ib_curve: Any = None,
    splits: Literal["beside", "together"] = "beside",
    repeats: Literal["band", "paths"] = "band",
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Any:
    """Draw the information plane: what each layer knows about input and label, from the first step to the last.

    One panel for every split, label set, estimator and family in the table, on shared axes. In it one path a layer, in
    the colours of the steps with a colour bar (by their logarithm where they are log spaced) or in a colour a layer;
    a dot at the first step, a large marker and the layer's name at the last. Points flagged ``red`` or ``saturated``
    are hollow. Single copies, and the runs of several seeds in one table (``concat``), are repeats: the path is their
    median, in a band from the 10 % to the 90 % quantile in both directions. Names come out as typed.

    Args:
        table: the table of ``Trajectory.to_pandas()``; information in its column ``units``.
        kind: lines and points, or one of both.
        ax: axes for a table with one panel, or a figure to clear and draw on; a new figure without a window if None.
        ceilings: dashed bounds from ``facts``: all, none, or the names of some (``log2_n``, ``h_y``, ``i_xy``).
            ``h_x`` too.
        facts: ``measurement``, the measurement model in words, for the axes; ``log2_n`` in bits; ``h_x``, ``h_y``,
            ``i_xy`` and ``ib_curve`` in the unit of the table.
        ib_curve: (points, 2), what no layer can beat, as of ``infoplane.companions.bottleneck.ib_curve(x, y)``.
        splits: a panel for each split, or all in one, told apart by the shape of their points.
        repeats: a median in a band, or a thin path for each repeat.

    Returns:
        The figure, or ``ax`` where it was given.

    Raises:
        InputError: no row with both values, different units, several panels for one ``ax``, an unknown option.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> plane(Trajectory(rows).to_pandas(), facts={"h_y": 1.0}).axes[0].get_xlabel()
        'I(X;T) [bits]'

    References:
        [1] Shwartz-Ziv, Tishby: Opening the black box of deep neural networks via information, 2017, figure 2.
    """
    for name, value, known in (
        ("color", color, ("step", "layer")),
        ("kind", kind, ("auto", "lines", "points")),
        ("splits", splits, ("beside", "together")),
        ("repeats", repeats, ("band", "paths")),
    ):
        if value not in known:
            raise UnknownNameError(name, value, known)
    known_facts = dict(facts or {})
    found, units = panels(table, together=splits == "together"), the_units(table)
    bounds = ceilings_among(known_facts, units=units, wanted=ceilings)
    with drawing(theme_named(theme)):
        look = _look(found, color=color, kind=kind, theme=theme_named(theme), ceilings=bounds)
        curve = known_facts.get("ib_curve") if ib_curve is None else ib_curve
        look = replace(look, bands=repeats == "band", curve=None if curve is None else _points_of(curve))
        labels = [_axis_labels(units, panel.measured(known_facts)) for panel in found]
        if ax is not None and not hasattr(ax, "add_axes"):
            return _on_axes(ax, found, look, labels=labels[0], title=title)
        figure = new_figure(look.theme) if ax is None else ax
        _on_figure(figure, found, look, labels=labels, title=title)
        return figure


def _points_of(curve: Any) -> np.ndarray:
    points = np.asarray(curve, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(
            f"ib_curve has shape {points.shape}: it needs (points, 2), as estimators.bottleneck.ib_curve gives"
        )
    return points


def _look(found: list[Panel], *, color: str, kind: str, theme: Theme, ceilings: list[Ceiling]) -> Look:
    tracks = [track for panel in found for track in (*panel.whole, *panel.single)]
    names = {track.number: track.layer for track in tracks}
    points = sum(len(track.steps) for track in tracks)
    if not sum(len(xy(track)) for track in tracks):
        raise InputError("no row of the table has both i_xt and i_ty, so there is no point to draw: measure both")
    colours = layer_colours(max(names) + 1, theme)
    layers = {number: (names[number], colours[number]) for number in sorted(names)}
    steps = np.unique(np.concatenate([track.steps for track in tracks]))
    return Look(color, kind, theme, ceilings, layers, steps, points > _MANY_POINTS, True, None)


def _axis_labels(units: str, measurement: str | None) -> tuple[str, str]:
    model = f", {measurement}" if measurement else ""
    return f"I(X;T) [{units}{model}]", f"I(T;Y) [{units}{model}]"


def _on_axes(ax: Any, found: list[Panel], look: Look, *, labels: tuple[str, str], title: str | None) -> Any:
    if len(found) > 1:
        titles = "; ".join(panel.title for panel in found)
        raise InputError(
            f"the table has {len(found)} panels ({titles}), one ax holds one: select rows, or leave ax out"
        )
    if look.color == "step" and len(look.steps) > 1:
        ax.figure.colorbar(_scale(look), ax=ax).set_label("step")
    _limit([ax], found, look.ceilings)
    draw_panel(ax, found[0], look)
    ax.set_xlabel(labels[0], **AS_TYPED)
    ax.set_ylabel(labels[1], **AS_TYPED)
    ax.set_title(title or found[0].title, loc="left", **AS_TYPED)
    if look.color == "layer":
        layer_legend(ax, look.layers, loc="best")
    return ax


def _on_figure(
    figure: Any, found: list[Panel], look: Look, *, labels: list[tuple[str, str]], title: str | None
) -> None:
    figure.clear()
    figure.set_facecolor(look.theme.page)
    size, per_row = ((5.2, 4.2) if len(found) == 1 else (4.1, 3.7)), (2 if len(found) == 4 else 3)
    names = [name for name, _ in look.layers.values()]
    margins = page_margins(names, title=title, legend=look.color == "layer")
    differ = len(set(labels)) > 1
    between = 0.85 if differ else 0.45  # inches: room for a label below every panel
    axes = grid_of_axes(figure, count=len(found), per_row=per_row, size=size, margins=margins, between=between)
    _limit(axes, found, look.ceilings)
    for ax, panel, label in zip(axes, found, labels, strict=True):
        draw_panel(ax, panel, look)
        ax.set_title(panel.short_title if differ else panel.title, loc="left", fontsize=10, **AS_TYPED)
        if differ or ax.xaxis.get_tick_params().get("labelbottom", True):
            ax.set_xlabel(_in_lines(label[0], size[0]), **AS_TYPED)
        if ax.yaxis.get_tick_params().get("labelleft", True):
            ax.set_ylabel(_in_lines(label[1].partition(",")[0] + "]" if differ else label[1], size[1]), **AS_TYPED)
    width = figure.get_size_inches()[0]
    write_title(figure, title)
    key(figure, found, look)
    right = axes[min(len(found), per_row) - 1].get_position()
    if look.color == "layer":
        layer_legend(figure, look.layers, loc="upper left", at=(right.x1 + 0.1 / width, right.y1))
    elif len(look.steps) > 1:
        cax = figure.add_axes((right.x1 + 0.2 / width, right.y0, 0.14 / width, right.height))
        figure.colorbar(_scale(look), cax=cax).set_label("step")


def _in_lines(label: str, inches: float) -> str:
    """A label in as few lines of similar length as fit into so many inches."""
    lines = math.ceil(len(label) / (13 * inches))
    return label if lines == 1 else textwrap.fill(label, math.ceil(len(label) / lines) + 6)


def _scale(look: Look) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(norm=step_norm(look.steps), cmap=step_colours(look.theme))


def _limit(axes: list[Any], found: list[Panel], bounds: list[Ceiling]) -> None:
    """The same limits for all panels, wide enough for every point."""
    points = np.concatenate([xy(track) for panel in found for track in (*panel.whole, *panel.single)])
    for ax in axes:
        ax.set_xlim(*limits(points[:, 0], bounds, "x"))
        ax.set_ylim(*limits(points[:, 1], bounds, "y"))
