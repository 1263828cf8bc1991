"""The information plane: one path a layer through (I(X;T), I(T;Y)), one panel for every way of measuring."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.labels import along, label_ends
from infoplane.plotting.style import (
    AS_TYPED,
    MARKERS,
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
from infoplane.plotting.tracks import Panel, Track, panels, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY_POINTS = 5000  # beyond this, paths and points are stored as pixels in an svg or pdf
_MOST_LABELS = 14


@dataclass(frozen=True)
class _Look:
    """The choices and the scales that all panels of one picture share."""

    color: str
    kind: str
    theme: Theme
    ceilings: list[Ceiling]
    layers: dict[int, tuple[str, Any]]  # number of the layer -> its name and colour
    steps: np.ndarray
    pixels: bool

    def colours(self, track: Track) -> np.ndarray:
        """(points, 4): red, green, blue and opacity of every point of a track."""
        from matplotlib.colors import to_rgba

        if self.color == "step":
            return np.asarray(step_colours(self.theme)(step_norm(self.steps)(track.steps)))
        rgba = np.tile(to_rgba(self.layers[track.number][1]), (len(track.steps), 1))
        rgba[:, 3] = 0.4 + 0.6 * np.asarray(step_norm(self.steps)(track.steps))
        return rgba


def plane(
    table: pandas.DataFrame,
    *,
    color: Literal["step", "layer"] = "step",
    kind: Literal["auto", "lines", "points"] = "auto",
    ax: Axes | Figure | None = None,
    ceilings: bool | Collection[str] = True,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Any:
    """Draw the information plane: what each layer knows about input and label, from the first step to the last.

    One panel for every split, label set, estimator and family in the table, on shared axes. In it one path a layer, in
    the colours of the steps with a colour bar (by their logarithm where they are log spaced) or in a colour a layer;
    a dot at the first step, a large marker and the layer's name at the last. Rows of single copies are thin paths.
    Points flagged ``red`` or ``saturated`` are hollow. Names come out as typed.

    Args:
        table: the table of ``Trajectory.to_pandas()``; information in its column ``units``.
        kind: lines and points, or one of both.
        ax: axes for a table with one panel, or a figure to clear and draw on; a new figure without a window if None.
        ceilings: dashed bounds from ``facts``: all, none, or the names of some (``log2_n``, ``h_y``, ``i_xy``).
        facts: ``measurement``, the measurement model in words, for the axes; ``log2_n`` in bits; ``h_y`` and ``i_xy``
            in the unit of the table.

    Returns:
        The figure, or ``ax`` where it was given.

    Raises:
        InputError: no row with both values, different units, several panels for one ``ax``, an unknown option.

    Example:
        >>> from infoplane.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> plane(Trajectory(rows).to_pandas(), facts={"h_y": 1.0}).axes[0].get_xlabel()
        'I(X;T) [bits]'

    References:
        [1] Shwartz-Ziv, Tishby: Opening the black box of deep neural networks via information, 2017, figure 2.
    """
    for name, value, known in (("color", color, ("step", "layer")), ("kind", kind, ("auto", "lines", "points"))):
        if value not in known:
            raise UnknownNameError(name, value, known)
    known_facts = dict(facts or {})
    found, units = panels(table), the_units(table)
    bounds = ceilings_among(known_facts, units=units, wanted=ceilings)
    with drawing(theme_named(theme)):
        look = _look(found, color=color, kind=kind, theme=theme_named(theme), ceilings=bounds)
        labels = _axis_labels(units, known_facts.get("measurement"))
        if ax is not None and not hasattr(ax, "add_axes"):
            return _on_axes(ax, found, look, labels=labels, title=title)
        figure = new_figure(look.theme) if ax is None else ax
        _on_figure(figure, found, look, labels=labels, title=title)
        return figure


def _look(found: list[Panel], *, color: str, kind: str, theme: Theme, ceilings: list[Ceiling]) -> _Look:
    tracks = [track for panel in found for track in (*panel.whole, *panel.single)]
    names = {track.number: track.layer for track in tracks}
    points = sum(len(track.steps) for track in tracks)
    if not sum(len(_xy(track)) for track in tracks):
        raise InputError("no row of the table has both i_xt and i_ty, so there is no point to draw: measure both")
    colours = layer_colours(max(names) + 1, theme)
    layers = {number: (names[number], colours[number]) for number in sorted(names)}
    steps = np.unique(np.concatenate([track.steps for track in tracks]))
    return _Look(color, kind, theme, ceilings, layers, steps, points > _MANY_POINTS)


def _axis_labels(units: str, measurement: str | None) -> tuple[str, str]:
    model = f", {measurement}" if measurement else ""
    return f"I(X;T) [{units}{model}]", f"I(T;Y) [{units}{model}]"


def _on_axes(ax: Any, found: list[Panel], look: _Look, *, labels: tuple[str, str], title: str | None) -> Any:
    if len(found) > 1:
        titles = "; ".join(panel.title for panel in found)
        raise InputError(
            f"the table has {len(found)} panels ({titles}), one ax holds one: select rows, or leave ax out"
        )
    if look.color == "step" and len(look.steps) > 1:
        ax.figure.colorbar(_scale(look), ax=ax).set_label("step")
    _limit([ax], found, look.ceilings)
    _draw_panel(ax, found[0], look)
    ax.set_xlabel(labels[0], **AS_TYPED)
    ax.set_ylabel(labels[1], **AS_TYPED)
    ax.set_title(title or found[0].title, loc="left", **AS_TYPED)
    if look.color == "layer":
        layer_legend(ax, look.layers, loc="best")
    return ax


def _on_figure(figure: Any, found: list[Panel], look: _Look, *, labels: tuple[str, str], title: str | None) -> None:
    figure.clear()
    figure.set_facecolor(look.theme.page)
    size, per_row = ((5.2, 4.2) if len(found) == 1 else (4.1, 3.7)), (2 if len(found) == 4 else 3)
    names = [name for name, _ in look.layers.values()]
    margins = page_margins(names, title=title, legend=look.color == "layer")
    axes = grid_of_axes(figure, count=len(found), per_row=per_row, size=size, margins=margins)
    _limit(axes, found, look.ceilings)
    for ax, panel in zip(axes, found, strict=True):
        _draw_panel(ax, panel, look)
        ax.set_title(panel.title, loc="left", fontsize=10, **AS_TYPED)
        if ax.xaxis.get_tick_params()["labelbottom"]:
            ax.set_xlabel(_in_lines(labels[0], size[0]), **AS_TYPED)
        if ax.yaxis.get_tick_params()["labelleft"]:
            ax.set_ylabel(_in_lines(labels[1], size[1]), **AS_TYPED)
    width = figure.get_size_inches()[0]
    write_title(figure, title)
    _key(figure, found, look)
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


def _scale(look: _Look) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(norm=step_norm(look.steps), cmap=step_colours(look.theme))


def _limit(axes: list[Any], found: list[Panel], bounds: list[Ceiling]) -> None:
    """The same limits for all panels, wide enough for every point."""
    points = np.concatenate([_xy(track) for panel in found for track in (*panel.whole, *panel.single)])
    for ax in axes:
        ax.set_xlim(*limits(points[:, 0], bounds, "x"))
        ax.set_ylim(*limits(points[:, 1], bounds, "y"))


def _finite(track: Track) -> np.ndarray:
    return np.isfinite(track.numbers["i_xt"]) & np.isfinite(track.numbers["i_ty"])


def _xy(track: Track) -> np.ndarray:
    """(points, 2): the points of a track that have both coordinates."""
    return np.stack([track.numbers["i_xt"], track.numbers["i_ty"]], axis=1)[_finite(track)]


def _draw_panel(ax: Any, panel: Panel, look: _Look) -> None:
    ax.grid(True, linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    points = np.concatenate([along(_xy(track)) for track in panel.whole] or [np.empty((0, 2))])
    draw_ceilings(ax, look.ceilings, points=points, theme=look.theme)
    tracks = [track for track in panel.whole if _finite(track).any()]
    if look.kind != "points":
        _draw_lines(ax, panel.single, look, width=0.6, opacity=0.35)
        dense = len(look.steps) > 200 and look.kind == "auto"  # the points alone make the path then
        _draw_lines(ax, tracks, look, width=0.7 if dense else 1.2, opacity=0.3 if dense else 0.7)
    if look.kind != "lines":
        _draw_points(ax, tracks, look)
    ends = []
    for track in tracks:
        line, colour = _xy(track), look.colours(track)[_finite(track)][-1]
        hollow = track.doubted[_finite(track)][-1]
        ax.scatter(*line[0], s=16, color=look.theme.ink, zorder=4, linewidths=0)
        ax.scatter(
            *line[-1],
            s=72,
            marker=MARKERS[track.number % len(MARKERS)],
            facecolor=look.theme.page if hollow else colour,
            edgecolor=look.theme.ink,
            linewidth=0.9,
            zorder=5,
        )
        ends.append(line[-1])
    if ends:
        chosen = sorted(set(np.linspace(0, len(tracks) - 1, _MOST_LABELS).round().astype(int)))
        label_ends(ax, [tracks[i].layer for i in chosen], np.array(ends)[chosen], paths=points, theme=look.theme)


def _draw_lines(ax: Any, tracks: Iterable[Track], look: _Look, *, width: float, opacity: float) -> None:
    from matplotlib.collections import LineCollection

    segments, colours = [np.empty((0, 2, 2))], [np.empty((0, 4))]
    for track in tracks:
        line = _xy(track)
        segments.append(np.stack([line[:-1], line[1:]], axis=1))  # (points - 1, 2 ends, 2 coordinates)
        colours.append(look.colours(track)[_finite(track)][1:])
    rgba = np.concatenate(colours)
    rgba[:, 3] *= opacity
    lines = LineCollection(list(np.concatenate(segments)), colors=rgba, linewidths=width, zorder=2)
    lines.set_rasterized(look.pixels)
    ax.add_collection(lines, autolim=False)


def _draw_points(ax: Any, tracks: list[Track], look: _Look) -> None:
    for hollow in (False, True):
        chosen = [(track, _finite(track) & (track.doubted == hollow)) for track in tracks]
        xs = np.concatenate([track.numbers["i_xt"][mask] for track, mask in chosen] or [np.empty(0)])
        ys = np.concatenate([track.numbers["i_ty"][mask] for track, mask in chosen] or [np.empty(0)])
        if not len(xs):
            continue
        colours = np.concatenate([look.colours(track)[mask] for track, mask in chosen])
        size = float(np.clip(1500 / max(len(look.steps), 1), 4, 18))
        face = {"facecolors": [look.theme.page], "linewidths": 0.7} if hollow else {"linewidths": 0}
        edge = {"edgecolors": colours} if hollow else {"c": colours}
        ax.scatter(xs, ys, s=size, zorder=3, rasterized=look.pixels, **face, **edge)


def _key(figure: Any, found: list[Panel], look: _Look) -> None:
    """What dot, marker and hollow point mean, in a line below the panels."""
    from matplotlib.lines import Line2D

    ink, page = look.theme.ink, look.theme.page
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=4, color=ink, label="first step"),
        Line2D([], [], linestyle="", marker="o", markersize=8, markerfacecolor=look.theme.ceiling,
               markeredgecolor=ink, label="last step"),
    ]  # fmt: skip
    reasons = sorted(set().union(*(panel.reasons for panel in found)))
    if any(track.doubted.any() for panel in found for track in panel.whole):
        handles.append(
            Line2D([], [], linestyle="", marker="o", markersize=6, markerfacecolor=page, markeredgecolor=ink)
        )
        handles[-1].set_label(f"in doubt: {', '.join(reasons)}" if reasons else "in doubt")
    texts = figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=8.5)
    for text in texts.get_texts():
        text.set(**AS_TYPED)
