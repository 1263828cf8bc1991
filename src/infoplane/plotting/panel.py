"""What is inside one panel of an information plane: paths, points and bands of the layers, and what they mean."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infoplane.plotting.ceilings import Ceiling, draw_ceilings
from infoplane.plotting.labels import along, label_ends
from infoplane.plotting.style import AS_TYPED, MARKERS, Theme, shown_name, step_colours, step_norm
from infoplane.plotting.tracks import Panel, Track

_MOST_LABELS = 14
_MOST_BANDS = 80  # pieces of a band
_POINTS = "o^svD"  # a marker for the points of every split, where splits share a panel


@dataclass(frozen=True)
class Look:
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

    def colours(self, track: Track) -> np.ndarray:
        """(points, 4): red, green, blue and opacity of every point of a track."""
        from matplotlib.colors import to_rgba

        if self.color == "step":
            return np.asarray(step_colours(self.theme)(step_norm(self.steps)(track.steps)))
        rgba = np.tile(to_rgba(self.layers[track.number][1]), (len(track.steps), 1))
        rgba[:, 3] = 0.4 + 0.6 * np.asarray(step_norm(self.steps)(track.steps))
        return rgba


def _finite(track: Track) -> np.ndarray:
    return np.isfinite(track.numbers["i_xt"]) & np.isfinite(track.numbers["i_ty"])


def xy(track: Track) -> np.ndarray:
    """(points, 2): the points of a track that have both coordinates."""
    return np.stack([track.numbers["i_xt"], track.numbers["i_ty"]], axis=1)[_finite(track)]


def draw_panel(ax: Any, panel: Panel, look: Look) -> None:
    ax.grid(True, linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    points = np.concatenate([along(xy(track)) for track in panel.whole] or [np.empty((0, 2))])
    if look.curve is not None:
        ax.plot(*look.curve.T, color=look.theme.ceiling, linewidth=1.4, zorder=1.8, scalex=False, scaley=False)
    draw_ceilings(ax, look.ceilings, points=points, theme=look.theme)
    tracks = [track for track in panel.whole if _finite(track).any()]
    if look.bands:
        _draw_bands(ax, tracks, look)
    if look.kind != "points":
        _draw_lines(ax, [] if look.bands else panel.single, look, width=0.6, opacity=0.35)
        dense = len(look.steps) > 200 and look.kind == "auto"  # the points alone make the path then
        _draw_lines(ax, tracks, look, width=0.7 if dense else 1.2, opacity=0.3 if dense else 0.7)
    if look.kind != "lines":
        _draw_points(ax, tracks, look)
    ends = []
    for track in tracks:
        line, colour = xy(track), look.colours(track)[_finite(track)][-1]
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
    named = [at for at, track in enumerate(tracks) if track.style == 0]
    if named:
        chosen = sorted({named[at] for at in np.linspace(0, len(named) - 1, _MOST_LABELS).round().astype(int)})
        label_ends(ax, [tracks[i].layer for i in chosen], np.array(ends)[chosen], paths=points, theme=look.theme)


def _draw_lines(ax: Any, tracks: Iterable[Track], look: Look, *, width: float, opacity: float) -> None:
    from matplotlib.collections import LineCollection

    segments, colours = [np.empty((0, 2, 2))], [np.empty((0, 4))]
    for track in tracks:
        line = xy(track)
        segments.append(np.stack([line[:-1], line[1:]], axis=1))  # (points - 1, 2 ends, 2 coordinates)
        colours.append(look.colours(track)[_finite(track)][1:])
    rgba = np.concatenate(colours)
    rgba[:, 3] *= opacity
    lines = LineCollection(list(np.concatenate(segments)), colors=rgba, linewidths=width, zorder=2)
    lines.set_rasterized(look.pixels)
    ax.add_collection(lines, autolim=False)


def _draw_bands(ax: Any, tracks: list[Track], look: Look) -> None:
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
    found: list[np.ndarray] = []
    for way in (ordered, ordered[::-1]):
        part: list[np.ndarray] = []
        for point in way:
            while len(part) > 1 and _turn(part[-2], part[-1], point) <= 0:
                part.pop()
            part.append(point)
        found += part[:-1]
    return np.array(found or ordered)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Above 0 where the way from a over b to c turns left."""
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))


def _draw_points(ax: Any, tracks: list[Track], look: Look) -> None:
    for style in sorted({track.style for track in tracks}):
        marker = _POINTS[style % len(_POINTS)]
        for hollow in (False, True):
            _scatter(ax, [track for track in tracks if track.style == style], look, hollow=hollow, marker=marker)


def _scatter(ax: Any, tracks: list[Track], look: Look, *, hollow: bool, marker: str) -> None:
    chosen = [(track, _finite(track) & (track.doubted == hollow)) for track in tracks]
    xs = np.concatenate([track.numbers["i_xt"][mask] for track, mask in chosen] or [np.empty(0)])
    ys = np.concatenate([track.numbers["i_ty"][mask] for track, mask in chosen] or [np.empty(0)])
    if not len(xs):
        return
    colours = np.concatenate([look.colours(track)[mask] for track, mask in chosen])
    size = float(np.clip(1500 / max(len(look.steps), 1), 4, 18))
    face = {"facecolors": [look.theme.page], "linewidths": 0.7} if hollow else {"linewidths": 0}
    edge = {"edgecolors": colours} if hollow else {"c": colours}
    ax.scatter(xs, ys, s=size, marker=marker, zorder=3, rasterized=look.pixels, **face, **edge)


def key(figure: Any, found: list[Panel], look: Look) -> None:
    """What dot, marker and hollow point mean, in a line below the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ink, page = look.theme.ink, look.theme.page
    handles: list[Any] = [
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
    handles += [Line2D([], [], color=look.theme.ceiling, label="bottleneck curve")] * (look.curve is not None)
    words = dict.fromkeys(panel.said() if look.bands else "" for panel in found)
    handles += [Patch(color=look.theme.ceiling, alpha=0.35, label=line) for line in words if line]
    splits = max((panel.styles for panel in found), key=len)
    for style, split in enumerate(splits if len(splits) > 1 else ()):
        handles.append(Line2D([], [], linestyle="", marker=_POINTS[style % len(_POINTS)], color=ink, markersize=5))
        handles[-1].set_label(f"split {shown_name(split)}")
    columns = _columns([str(handle.get_label()) for handle in handles], figure.get_size_inches()[0])
    box: dict[str, Any] = {"frameon": False, "fontsize": 8.5, "handlelength": 1.4, "columnspacing": 1.2}
    texts = figure.legend(handles=handles, loc="lower center", ncols=columns, **box)
    for text in texts.get_texts():
        text.set(**AS_TYPED)


def _columns(labels: list[str], inches: float) -> int:
    """The most columns of a legend, filled one after the other, that fit into so many inches."""
    for columns in range(len(labels), 1, -1):
        parts = np.array_split([len(label) for label in labels], columns)
        if sum(0.42 + 0.066 * part.max() for part in parts) < inches:
            return columns
    return 1
