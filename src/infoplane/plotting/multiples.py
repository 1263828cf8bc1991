"""A panel a layer with a line for every way of measuring: how far estimators agree, and the phases marked on them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.curves import scale_steps, write_notes
from infoplane.plotting.style import (
    AS_TYPED,
    MARKERS,
    Theme,
    drawing,
    grid_of_axes,
    layer_colours,
    new_figure,
    shown_name,
    theme_named,
    write_title,
)
from infoplane.plotting.tracks import Panel, Track, layer_names, panels, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}
_SIZE, _WRAP = (2.9, 2.2), 34  # inches of a panel; letters of a line beside or above it
_MARKED = 8  # markers on a curve


def multiples(
    table: pandas.DataFrame,
    *,
    quantity: Literal["i_xt", "i_ty"] = "i_xt",
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw one quantity against the step in a panel for every layer, with a line for every way of measuring it.

    Lines are told apart by colour and marker; bands and hollow points are as in :func:`infoplane.plotting.curves`.

    Args:
        table: the table of ``Trajectory.to_pandas()``; information in its column ``units``.
        facts: as for :func:`infoplane.plotting.plane`.

    Raises:
        InputError: nothing to draw, or rows with different units.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "estimator": e, "i_xt": 3.0 - s} for s in (0, 1) for e in "ab"]
        >>> len(multiples(Trajectory(rows).to_pandas()).axes[0].lines)
        2
    """
    return _draw(table, None, quantity=quantity, facts=facts, title=title, theme=theme)


def phases(
    table: pandas.DataFrame,
    marks: pandas.DataFrame,
    *,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw I(X;T) of every layer under all estimators, with its phases marked on the one that they are found with.

    A star at the largest I(X;T), beside the last step a bar as long as the loss, and above the panel bits gained and
    lost and the verdict. A dotted line where the gradient's signal-to-noise ratio falls below 1.

    Args:
        table: as for :func:`multiples`.
        marks: the table of ``Phases.to_pandas()``.

    Raises:
        InputError: nothing to draw, or rows with different units.

    Example:
        >>> import infoplane as ip
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": i} for s, i in enumerate((1.0, 3.0, 2.0))]
        >>> trajectory = ip.Trajectory(rows)
        >>> figure = phases(trajectory.to_pandas(), ip.phases(trajectory).to_pandas())
        >>> figure.axes[0].get_title("left").splitlines()[0]
        'fc1: +2.00, −1.00 bits'
    """
    return _draw(table, marks, quantity="i_xt", facts=facts, title=title, theme=theme)


def _draw(
    table: pandas.DataFrame,
    marks: pandas.DataFrame | None,
    *,
    quantity: str,
    facts: Mapping[str, Any] | None,
    title: str | None,
    theme: str,
) -> Figure:
    if quantity not in _QUANTITIES:
        raise UnknownNameError("quantity", quantity, _QUANTITIES)
    found, units, look, names = panels(table), the_units(table), theme_named(theme), layer_names(table)
    values = np.concatenate([track.numbers[quantity] for one in found for track in one.whole])
    if not np.isfinite(values).any():
        raise InputError(f"no row of the table has {quantity}, so there is nothing to draw: choose another quantity")
    words = [_in_words(panel, dict(facts or {}), several=len(found) > 1) for panel in found]
    with drawing(look):
        figure = new_figure(look)
        right = 0.5 + 0.075 * max(len(line) for text in words for line in text.split("\n"))
        margins = (max(right, 1.0), (0.8 if title else 0.45) + (0.25 if marks is not None else 0.0))
        axes = grid_of_axes(figure, count=len(names), per_row=3, size=_SIZE, margins=margins,
                            between=1.15 if marks is not None else 0.45)  # fmt: skip
        _limit(axes, found, quantity, values)
        for number, (ax, name) in enumerate(zip(axes, names, strict=True)):
            lines = [[track for track in panel.whole if track.number == number] for panel in found]
            _draw_lines(ax, lines, quantity, look)
            ax.set_title(shown_name(name), loc="left", fontsize=10, **AS_TYPED)
            if marks is not None:
                _mark(ax, marks[marks["layer"].fillna("") == name], units, look)
        labels = (f"{_QUANTITIES[quantity]} [{units}]", title)
        _finish(figure, axes, words, labels, marked=marks is not None, theme=look)
        write_notes(figure, found, [])
    return figure


def _in_words(panel: Panel, facts: Mapping[str, Any], *, several: bool) -> str:
    """A way of measuring, in lines for the legend; with the measurement where the name does not hold it."""
    model = panel.measured(facts) or ""
    named = panel.title if several else panel.estimator
    text = named if model in named else f"{named}: {model}"
    return "\n".join(textwrap.wrap(text, _WRAP)) or "all"


def _limit(axes: list[Any], found: list[Panel], quantity: str, values: np.ndarray) -> None:
    bands = [end for one in found for track in one.whole for end in track.band(quantity) or ()]
    every = np.concatenate([values, *bands])
    every = every[np.isfinite(every)]
    low, high = min(0.0, float(every.min())), float(every.max()) or 1.0
    scale_steps(axes[0], [track.steps for one in found for track in one.whole], how="auto")
    axes[0].set_ylim(low - 0.04 * (high - low), high + 0.1 * (high - low))


def _draw_lines(ax: Any, lines: list[list[Track]], quantity: str, theme: Theme) -> None:
    ax.grid(True, linewidth=0.6, zorder=0)
    colours = layer_colours(len(lines), theme)
    for number, tracks in enumerate(lines):
        for track in tracks:
            there = np.flatnonzero(np.isfinite(track.numbers[quantity]))
            steps, values = track.steps[there], track.numbers[quantity][there]
            ax.plot(steps, values, color=colours[number], linewidth=1.3, zorder=3)
            ends = track.band(quantity)
            if ends is not None:
                ax.fill_between(track.steps, *ends, color=colours[number], alpha=0.15, linewidth=0, zorder=2)
            at = np.unique(np.linspace(0, max(len(there) - 1, 0), _MARKED).round().astype(int))[: len(there)]
            face = [theme.page if doubt else colours[number] for doubt in track.doubted[there][at]]
            style: dict[str, Any] = {"marker": MARKERS[number % len(MARKERS)], "edgecolors": [colours[number]]}
            ax.scatter(steps[at], values[at], s=20, facecolors=face, linewidths=0.9, zorder=4, **style)


def _mark(ax: Any, marks: pandas.DataFrame, units: str, theme: Theme) -> None:
    """Star, bar and dotted line, and what is said of them in the title."""
    for _, one in marks.iterrows():
        ax.scatter([one["peak_step"]], [one["i_xt_peak"]], s=110, marker="*", color=theme.ink, zorder=6)
        if one["loses"]:
            ends = {"arrowstyle": "-|>", "color": theme.ink, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (one["last_step"], one["i_xt_last"]), xytext=(one["last_step"], one["i_xt_peak"]),
                        arrowprops=ends, zorder=6)  # fmt: skip
        if np.isfinite(float(one["noise_from"] if one["noise_from"] is not None else np.nan)):
            ax.axvline(one["noise_from"], color=theme.ink, linestyle=":", linewidth=1.2, zorder=2)
    if len(marks):
        one = marks.iloc[0]
        numbers = f"{ax.get_title('left')}: {one['gained']:+.2f}, {-one['lost']:+.2f} {units}".replace("-", "−")
        said = textwrap.wrap(one["verdict"], 2 * _WRAP - 16)
        ax.set_title("\n".join([numbers, *said]), loc="left", fontsize=8.5, **AS_TYPED)


def _finish(
    figure: Any, axes: list[Any], words: list[str], labels: tuple[str, str | None], *, marked: bool, theme: Theme
) -> None:
    """Labels, legend and notes."""
    from matplotlib.lines import Line2D

    for at, ax in enumerate(axes):
        if at % 3 == 0:
            ax.set_ylabel(labels[0], **AS_TYPED)
        if at + 3 >= len(axes):
            ax.set_xlabel("step")
    write_title(figure, labels[1])
    colours = layer_colours(len(words), theme)
    handles = [
        Line2D([], [], color=colours[number], marker=MARKERS[number % len(MARKERS)], label=str(number))
        for number in range(len(words))
    ]
    if marked:
        handles.append(Line2D([], [], color=theme.ink, marker="*", markersize=10, linestyle="", label="peak"))
        handles.append(Line2D([], [], color=theme.ink, marker=r"$\downarrow$", linestyle="", label="loss"))
        handles.append(Line2D([], [], color=theme.ink, linestyle=":", label="signal"))
        words = [*words, "largest I(X;T)", "lost after it", "gradient's signal falls\nbelow its noise"]
    (width, _), place = figure.get_size_inches(), axes[min(len(axes), 3) - 1].get_position()
    legend = figure.legend(handles=handles, loc="upper left", frameon=False, fontsize=8.5,
                           bbox_to_anchor=(place.x1 + 0.1 / width, place.y1))  # fmt: skip
    for shown, text in zip(legend.get_texts(), words, strict=True):
        shown.set(text=text, **AS_TYPED)
