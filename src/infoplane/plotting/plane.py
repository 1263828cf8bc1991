"""The information plane: one path a layer through (I(X;T), I(T;Y)), one panel for every way of measuring."""

from __future__ import annotations

import base64
import html
import itertools
import math
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.checks import choice
from infoplane.errors import InputError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.frame import (
    Frame,
    beside,
    drawing,
    footnotes,
    grid_of_axes,
    layer_legend,
    layers_of,
    legend,
    new_figure,
    page_margins,
    picture,
    size_within,
    write_notes,
    write_title,
)
from infoplane.plotting.labels import along, label_ends
from infoplane.plotting.style import (
    AS_TYPED,
    MARKERS,
    Theme,
    behind_text,
    shown_name,
    step_colours,
    step_norm,
    write_near,
)
from infoplane.plotting.tracks import Panel, Track

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY_POINTS = 5000  # beyond this, paths and points are stored as pixels in an svg or pdf
_DENSE_STEPS = 200  # beyond this the points alone make the path
_MOST_LABELS = 14
_MOST_BANDS = 80  # pieces of a band
_POINTS = "o^svD"  # a marker for the points of every split, where splits share a panel


def plane(  # noqa: PLR0913 (public keywords)
    table: Any,
    *,
    color: Literal["step", "layer"] = "step",
    kind: Literal["auto", "lines", "points"] = "auto",
    ax: Axes | Figure | None = None,
    ceilings: bool | Collection[str] = True,
    facts: Mapping[str, Any] | None = None,
    ib_curve: Any = None,
    splits: Literal["beside", "together"] = "beside",
    repeats: Literal["band", "paths"] = "band",
    layers: str | Sequence[str] | None = None,
    figsize: tuple[float, float] | None = None,
    colorbar: bool = True,
    notes: bool = True,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Any:
    """Draw the information plane: what each layer knows about input and label, from the first step to the last.

    One panel for every split, label set, estimator and family in the table, on shared axes. In it one path a layer, in
    the colours of the steps with a colour bar (by their logarithm where they are log spaced) or in a colour a layer;
    a dot at the first step, a large marker and the layer's name at the last. Points in doubt are hollow, and the
    reasons stand below. Single copies, and the runs of several seeds in one table (``concat``), are repeats: the path
    is their median, in a band from the 10 % to the 90 % quantile in both directions. Names come out as typed.

    Args:
        table: a ``Trajectory``, its table ``to_pandas()``, or runs by name, ``{"plain": ..., "dropout": ...}``, each
            in a panel of its own; with ``splits="together"`` in one.
        kind: lines and points, or one of both.
        ax: axes for a table with one panel, or a figure to clear and draw on; a new figure without a window if None.
        ceilings: dashed bounds from ``facts``: all, none, or the names of some (``log2_n``, ``h_y``, ``i_xy``).
            ``h_x`` too.
        facts: ``measurement``, the measurement model in words, for the axes; ``log2_n`` in bits; ``h_x``, ``h_y``,
            ``i_xy`` and ``ib_curve`` in the unit of the table.
        ib_curve: (points, 2), what no layer can beat, as of ``infoplane.companions.bottleneck.ib_curve(x, y)``.
        splits: a panel for each split, or all in one, told apart by the shape of their points.
        repeats: a median in a band, or a thin path for each repeat.
        layers: only these, by name or glob.
        figsize: inches of the whole figure, (width, height), as a column of a paper has them.
        colorbar: whether the colours of the steps are explained.
        notes: whether the measurement and the reasons for doubt are put into words; a paper has its caption for that.

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
    choice("color", color, ("step", "layer"))
    choice("kind", kind, ("auto", "lines", "points"))
    choice("splits", splits, ("beside", "together"))
    choice("repeats", repeats, ("band", "paths"))
    frame = Frame.of(table, facts=facts, theme=theme, title=title, together=splits == "together", layers=layers)
    bounds = ceilings_among(frame.facts, units=frame.units, wanted=ceilings)
    curve = frame.facts.get("ib_curve") if ib_curve is None else ib_curve
    look = _look(frame, color=color, kind=kind, bands=repeats == "band", ceilings=bounds, curve=_points_of(curve),
                 colorbar=colorbar, notes=notes)  # fmt: skip
    with drawing(frame.theme):
        if ax is not None and not hasattr(ax, "add_axes"):
            return _on_axes(ax, frame, look)
        figure = new_figure(frame.theme) if ax is None else ax
        _on_figure(figure, frame, look, figsize)
        return figure


def inline_picture(table: pandas.DataFrame, *, facts: Mapping[str, Any] | None = None) -> str:
    """The information plane of a table as an HTML ``img`` that needs no file, or why there is none.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> inline_picture(Trajectory().to_pandas())[:35]
        '<p>no picture: the table has no row'
    """
    return inline(lambda: plane(table, facts=facts), "Information plane")


def inline(draw: Callable[[], Figure], alt: str) -> str:
    """A picture as an HTML ``img`` that needs no file, or why there is none; ``alt`` says in words what it is."""
    try:
        figure = draw()
    except InputError as error:
        return f"<p>no picture: {html.escape(str(error))}</p>"
    width = round(96 * figure.get_size_inches()[0])
    content = base64.b64encode(picture(figure, dpi=120)).decode()
    return f'<img alt="{html.escape(alt)}" width="{width}" src="data:image/png;base64,{content}">'


# ------------------------------------------------------------------ what all panels share


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
    bands: bool
    curve: np.ndarray | None  # the points of the bottleneck curve, (points, 2)
    colorbar: bool
    notes: bool

    def colours(self, track: Track) -> np.ndarray:
        """(points, 4): red, green, blue and opacity of every point of a track."""
        from matplotlib.colors import to_rgba

        if self.color == "step":
            return np.asarray(step_colours(self.theme)(step_norm(self.steps)(track.steps)))
        rgba = np.tile(to_rgba(self.layers[track.number][1]), (len(track.steps), 1))
        rgba[:, 3] = 0.4 + 0.6 * np.asarray(step_norm(self.steps)(track.steps))
        return rgba

    def scale(self) -> Any:
        """What a colour bar of the steps is made from."""
        from matplotlib.cm import ScalarMappable

        return ScalarMappable(norm=step_norm(self.steps), cmap=step_colours(self.theme))


def _look(
    frame: Frame, *, color: str, kind: str, bands: bool, ceilings: list[Ceiling], curve: np.ndarray | None,
    colorbar: bool, notes: bool,
) -> _Look:  # fmt: skip
    tracks = frame.every_track
    if not sum(len(track.xy) for track in tracks):
        raise InputError("no row of the table has both i_xt and i_ty, so there is no point to draw: measure both")
    steps = np.unique(np.concatenate([track.steps for track in tracks]))
    pixels = sum(len(track.steps) for track in tracks) > _MANY_POINTS
    colorbar = colorbar and color == "step" and len(steps) > 1
    layers = layers_of(tracks, frame.theme)
    return _Look(color, kind, frame.theme, ceilings, layers, steps, pixels, bands, curve, colorbar, notes)


def _points_of(curve: Any) -> np.ndarray | None:
    if curve is None:
        return None
    points = np.asarray(curve, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(
            f"ib_curve has shape {points.shape}: it needs (points, 2), as companions.bottleneck.ib_curve gives"
        )
    return points


def _limit(axes: list[Any], frame: Frame, bounds: list[Ceiling]) -> None:
    """The same limits for all panels, wide enough for every point; but for those in doubt far beyond a ceiling.

    A bias of 15 000 bits would leave nothing to see of the rest.
    """
    points = np.concatenate([track.xy for track in frame.every_track])
    absurd = np.concatenate([track.doubted[track.finite] for track in frame.every_track]) & _beyond(points, bounds)
    if not absurd.all():
        points = points[~absurd]
    for ax in axes:
        ax.set_xlim(*limits(points[:, 0], bounds, "x"))
        ax.set_ylim(*limits(points[:, 1], bounds, "y"))


def _beyond(points: np.ndarray, bounds: list[Ceiling]) -> np.ndarray:
    """Which points (points, 2) are above all ceilings of an axis by more than a half."""
    beyond = np.zeros(len(points), dtype=bool)
    for column, axis in enumerate("xy"):
        values = [bound.value for bound in bounds if bound.axis == axis]
        if values:
            beyond |= points[:, column] > 1.5 * max(values)
    return beyond


# ------------------------------------------------------------------ where it is drawn


def _on_axes(ax: Any, frame: Frame, look: _Look) -> Any:
    if len(frame.panels) > 1:
        titles = "; ".join(panel.title for panel in frame.panels)
        raise InputError(
            f"the table has {len(frame.panels)} panels ({titles}), one ax holds one: select rows, or leave ax out"
        )
    panel = frame.panels[0]
    if look.colorbar:
        ax.figure.colorbar(look.scale(), ax=ax).set_label("step")
    _limit([ax], frame, look.ceilings)
    ax.grid(True, linewidth=0.6, zorder=0)
    _draw_panel(ax, panel, look)
    across, upwards = _axis_labels(frame, panel, notes=look.notes)
    ax.set_xlabel(across, **AS_TYPED)
    ax.set_ylabel(upwards, **AS_TYPED)
    ax.set_title(frame.title or panel.title, loc="left", **AS_TYPED)
    if look.color == "layer":
        layer_legend(ax, look.layers, look.theme, loc="best")
    return ax


def _on_figure(figure: Any, frame: Frame, look: _Look, figsize: tuple[float, float] | None) -> None:
    figure.clear()
    figure.set_facecolor(look.theme.page)
    count = len(frame.panels)
    size, per_row = ((5.2, 4.2) if count == 1 else (4.1, 3.7)), (2 if count == 4 else 3)
    labels = [_axis_labels(frame, panel, notes=look.notes) for panel in frame.panels]
    differ = len(set(labels)) > 1  # then every panel has a label of its own below it
    margins = page_margins(frame.layers, title=frame.title, legend=look.color == "layer")
    if not (look.colorbar or look.color == "layer"):
        margins = margins._replace(right=0.25)
    gaps, below = (0.25, 0.85 if differ else 0.45), footnotes(frame.reasons() if look.notes else [])
    if figsize is not None:
        size = size_within(figsize, count=count, per_row=per_row, margins=margins, gaps=gaps, below=below)
    axes = grid_of_axes(figure, count=count, per_row=per_row, size=size, margins=margins, gaps=gaps, below=below)
    _limit(axes, frame, look.ceilings)
    for number, (ax, panel, (across, upwards)) in enumerate(zip(axes, frame.panels, labels, strict=True)):
        _draw_panel(ax, panel, look)
        ax.set_title(panel.short_title if differ else panel.title, loc="left", fontsize=10, **AS_TYPED)
        if differ or number + per_row >= count:
            ax.set_xlabel(_in_lines(across, size[0]), **AS_TYPED)
        if number % per_row == 0:
            ax.set_ylabel(_in_lines(frame.label("i_ty") if differ else upwards, size[1]), **AS_TYPED)
    write_title(figure, frame.title)
    _key(figure, frame, look)
    last = axes[min(count, per_row) - 1]  # of the first row, the one at the right
    if look.color == "layer":
        layer_legend(figure, look.layers, look.theme, **beside(last))
    elif look.colorbar:
        place, width = last.get_position(), figure.get_size_inches()[0]
        bar = figure.add_axes((place.x1 + 0.2 / width, place.y0, 0.14 / width, place.height))
        figure.colorbar(look.scale(), cax=bar).set_label("step")


def _axis_labels(frame: Frame, panel: Panel, *, notes: bool) -> tuple[str, str]:
    measurement = panel.measured(frame.facts) if notes else ""
    model = f", {measurement}]" if measurement else "]"
    return frame.label("i_xt")[:-1] + model, frame.label("i_ty")[:-1] + model


def _in_lines(label: str, inches: float) -> str:
    """A label in as few lines of similar length as fit into so many inches."""
    lines = math.ceil(len(label) / (13 * inches))
    return label if lines == 1 else textwrap.fill(label, math.ceil(len(label) / lines) + 6)


# ------------------------------------------------------------------ what is inside a panel


def _draw_panel(ax: Any, panel: Panel, look: _Look) -> None:
    ax.set_axisbelow(True)
    points = np.concatenate([along(track.xy) for track in panel.whole] or [np.empty((0, 2))])
    if look.curve is not None:
        ax.plot(*look.curve.T, color=look.theme.ceiling, linewidth=1.4, zorder=1.8, scalex=False, scaley=False)
    draw_ceilings(ax, look.ceilings, points=points, theme=look.theme)
    tracks = [track for track in panel.whole if track.finite.any()]
    if look.bands:
        _draw_bands(ax, tracks, look)
    if look.kind != "points":
        _draw_lines(ax, [] if look.bands else panel.single, look, width=0.6, opacity=0.35)
        dense = len(look.steps) > _DENSE_STEPS and look.kind == "auto"
        _draw_lines(ax, tracks, look, width=0.7 if dense else 1.2, opacity=0.3 if dense else 0.7)
    if look.kind != "lines":
        _draw_points(ax, tracks, look)
    for track in tracks:
        _draw_ends(ax, track, look)
    every = np.concatenate([track.xy for track in tracks] or [np.empty((0, 2))])
    outside = every[_outside(every, ax)]
    if len(outside):
        words = f"{len(outside)} in doubt beyond the axes, up to {outside.max(0)[0]:.3g}, {outside.max(0)[1]:.3g}"
        place: dict[str, Any] = {"xycoords": "axes fraction", "ha": "right", "va": "top", "fontsize": 8, "zorder": 6}
        write_near(ax, words, (0.985, 0.985), (0, 0), color=look.theme.ceiling, bbox=behind_text(look.theme), **place)
    named = [track for track in tracks if track.style == 0 and not _outside(track.xy[-1:], ax).any()]
    if named:
        chosen = sorted(set(np.linspace(0, len(named) - 1, _MOST_LABELS).round().astype(int)))
        ends = np.array([named[at].xy[-1] for at in chosen])
        label_ends(ax, [named[at].layer for at in chosen], ends, paths=points, theme=look.theme)


def _outside(points: np.ndarray, ax: Any) -> np.ndarray:
    """Which points (points, 2) lie beyond the limits of the axes."""
    return (points[:, 0] > ax.get_xlim()[1]) | (points[:, 1] > ax.get_ylim()[1])


def _draw_ends(ax: Any, track: Track, look: _Look) -> None:
    """A dot at the first step, and the marker of the layer at the last."""
    first, last = track.xy[0], track.xy[-1]
    face = look.theme.page if track.doubted[track.finite][-1] else look.colours(track)[track.finite][-1]
    style: dict[str, Any] = {"s": 72, "marker": MARKERS[track.number % len(MARKERS)], "linewidth": 0.9, "zorder": 5}
    ax.scatter(*first, s=16, color=look.theme.ink, zorder=4, linewidths=0)
    ax.scatter(*last, facecolor=face, edgecolor=look.theme.ink, **style)


def _draw_lines(ax: Any, tracks: Iterable[Track], look: _Look, *, width: float, opacity: float) -> None:
    from matplotlib.collections import LineCollection

    segments, colours = [np.empty((0, 2, 2))], [np.empty((0, 4))]
    for track in tracks:
        line = track.xy
        segments.append(np.stack([line[:-1], line[1:]], axis=1))  # (points - 1, 2 ends, 2 coordinates)
        colours.append(look.colours(track)[track.finite][1:])
    rgba = np.concatenate(colours)
    rgba[:, 3] *= opacity
    lines = LineCollection(list(np.concatenate(segments)), colors=rgba, linewidths=width, zorder=2)
    lines.set_rasterized(look.pixels)
    ax.add_collection(lines, autolim=False)


def _draw_bands(ax: Any, tracks: list[Track], look: _Look) -> None:
    """What lies between two neighbouring steps: the hull of their boxes, from the low ends to the high ones."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    pieces, colours = [], []
    for track in tracks:
        if not track.spread:
            continue
        ends = np.stack([np.stack(track.spread[name], axis=1) for name in ("i_xt", "i_ty")], axis=1)  # (steps, 2, 2)
        there = np.flatnonzero(np.isfinite(ends).all(axis=(1, 2)))
        kept = there[np.unique(np.linspace(0, len(there) - 1, min(len(there), _MOST_BANDS)).astype(int))]
        corners = np.stack([ends[kept][:, [0, 1], [i, j]] for i in (0, 1) for j in (0, 1)], axis=1)  # (steps, 4, 2)
        pieces += [_hull(np.concatenate(pair)) for pair in itertools.pairwise(corners)]
        tint = 0.25 * look.colours(track)[kept][1:, :3] + 0.75 * np.array(to_rgb(look.theme.page))
        colours.append(tint)  # without transparency: overlapping pieces would show their seams
    if pieces:
        bands = PolyCollection(
            pieces, facecolors=np.concatenate(colours), edgecolors="face", linewidths=0.3, zorder=1.5
        )
        bands.set_rasterized(look.pixels)
        ax.add_collection(bands, autolim=False)


def _hull(points: np.ndarray) -> np.ndarray:
    """The corners of the smallest convex polygon around points (points, 2), counter-clockwise."""
    ordered = np.unique(points, axis=0)
    corners: list[np.ndarray] = []
    for way in (ordered, ordered[::-1]):
        part: list[np.ndarray] = []
        for point in way:
            while len(part) > 1 and _turn(part[-2], part[-1], point) <= 0:
                part.pop()
            part.append(point)
        corners += part[:-1]
    return np.array(corners or ordered)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Above 0 where the way from a over b to c turns left."""
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))


def _draw_points(ax: Any, tracks: list[Track], look: _Look) -> None:
    for style in sorted({track.style for track in tracks}):
        marker = _POINTS[style % len(_POINTS)]
        for hollow in (False, True):
            _scatter(ax, [track for track in tracks if track.style == style], look, hollow=hollow, marker=marker)


def _scatter(ax: Any, tracks: list[Track], look: _Look, *, hollow: bool, marker: str) -> None:
    chosen = [(track, track.finite & (track.doubted == hollow)) for track in tracks]
    xs = np.concatenate([track.numbers["i_xt"][mask] for track, mask in chosen] or [np.empty(0)])
    ys = np.concatenate([track.numbers["i_ty"][mask] for track, mask in chosen] or [np.empty(0)])
    if not len(xs):
        return
    colours = np.concatenate([look.colours(track)[mask] for track, mask in chosen])
    size = float(np.clip(1500 / max(len(look.steps), 1), 4, 18))
    face = {"facecolors": [look.theme.page], "linewidths": 0.7} if hollow else {"linewidths": 0}
    edge = {"edgecolors": colours} if hollow else {"c": colours}
    ax.scatter(xs, ys, s=size, marker=marker, zorder=3, rasterized=look.pixels, **face, **edge)


def _key(figure: Figure, frame: Frame, look: _Look) -> None:
    """What dot, marker and hollow point mean, in a line below the panels; below it the words of the reasons."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ink, faint = look.theme.ink, look.theme.ceiling

    def mark(size: float, *, marker: str = "o", face: str = ink) -> Any:
        return Line2D([], [], linestyle="", marker=marker, markersize=size, color=ink, markerfacecolor=face)

    entries: list[tuple[str, Any]] = [("first step", mark(4)), ("last step", mark(8, face=faint))]
    if reasons := frame.reasons():
        entries.append((f"in doubt: {', '.join(reasons)}" if look.notes else "in doubt", mark(6, face=look.theme.page)))
    if look.curve is not None:
        entries.append(("bottleneck curve", Line2D([], [], color=faint)))
    bands = dict.fromkeys(panel.band_in_words() for panel in frame.panels) if look.bands else {}
    entries += [(words, Patch(color=faint, alpha=0.35)) for words in bands if words]
    splits = max((panel.styles for panel in frame.panels), key=len)
    for style, split in enumerate(splits if len(splits) > 1 else ()):
        entries.append((f"split {shown_name(split)}", mark(5, marker=_POINTS[style % len(_POINTS)])))
    columns = _columns([text for text, _ in entries], figure.get_size_inches()[0])
    room = write_notes(figure, footnotes(reasons if look.notes else [])) / figure.get_size_inches()[1]
    legend(figure, entries, loc="lower center", bbox_to_anchor=(0.0, room, 1.0, 1.0 - room), ncols=columns,
           handlelength=1.4, columnspacing=1.2)  # fmt: skip


def _columns(labels: list[str], inches: float) -> int:
    """The most columns of a legend, filled one after the other, that fit into so many inches."""
    for columns in range(len(labels), 1, -1):
        parts = np.array_split([len(label) for label in labels], columns)
        if sum(0.42 + 0.066 * part.max() for part in parts) < inches:
            return columns
    return 1
