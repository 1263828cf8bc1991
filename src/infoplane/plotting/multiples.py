"""A panel a layer with a line for every way of measuring: how far estimators agree, and the phases marked on them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.checks import choice
from infoplane.plotting.frame import (
    Frame,
    Margins,
    Pen,
    beside,
    footnotes,
    grid_of_axes,
    legend,
    scale_steps,
    write_notes,
)
from infoplane.plotting.style import AS_TYPED, Theme, layer_colours, shown_name
from infoplane.plotting.tracks import Panel

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_SIZE, _PER_ROW, _WRAP = (2.9, 2.2), 3, 34  # inches of a panel; panels in a row; letters of a line beside or above it


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
    choice("quantity", quantity, ("i_xt", "i_ty"))
    return _draw(Frame.of(table, facts=facts, theme=theme, title=title), quantity, None)


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
    return _draw(Frame.of(table, facts=facts, theme=theme, title=title), "i_xt", marks)


def _draw(frame: Frame, quantity: str, marks: pandas.DataFrame | None) -> Figure:
    """A panel a layer; with ``marks`` the phases too."""
    values = frame.finite(quantity)
    words = [_in_words(panel, frame) for panel in frame.panels]
    right = 0.5 + 0.075 * max(len(line) for text in words for line in text.split("\n"))
    top = (0.8 if frame.title else 0.45) + (0.25 if marks is not None else 0.0)
    pens = [
        Pen(number, colour, frame.theme, width=1.3, size=20, edge=0.9, most=8)
        for number, colour in enumerate(layer_colours(len(frame.panels), frame.theme))
    ]
    with frame.page() as figure:
        axes = grid_of_axes(figure, count=len(frame.layers), per_row=_PER_ROW, size=_SIZE,
                            margins=Margins(max(right, 1.0), top),
                            gaps=(0.25, 0.45 if marks is None else 1.15), below=footnotes(frame.reasons()))  # fmt: skip
        _limit(axes[0], frame, quantity, values)
        for number, (ax, name) in enumerate(zip(axes, frame.layers, strict=True)):
            _draw_layer(ax, frame, quantity, number, pens)
            ax.set_title(shown_name(name), loc="left", fontsize=10, **AS_TYPED)
            if number % _PER_ROW == 0:
                ax.set_ylabel(frame.label(quantity), **AS_TYPED)
            if number + _PER_ROW >= len(axes):
                ax.set_xlabel("step")
            if marks is not None:
                _mark(ax, marks[marks["layer"].fillna("") == name], frame.units, frame.theme)
        entries = [(text, pen.handle()) for text, pen in zip(words, pens, strict=True)]
        entries += [] if marks is None else _mark_entries(frame.theme)
        legend(figure, entries, **beside(axes[min(len(axes), _PER_ROW) - 1]))
        write_notes(figure, [";  ".join(frame.notes()), *footnotes(frame.reasons())])
    return figure


def _in_words(panel: Panel, frame: Frame) -> str:
    """A way of measuring, in lines for the legend; with the measurement where the name does not hold it."""
    model = panel.measured(frame.facts) or ""
    name = panel.title if len(frame.panels) > 1 else panel.estimator
    text = name if model in name else f"{name}: {model}"
    return "\n".join(textwrap.wrap(text, _WRAP)) or "all"


def _limit(ax: Any, frame: Frame, quantity: str, values: np.ndarray) -> None:
    """The limits of all panels, which share them: wide enough for every value and every band."""
    bands = [end[np.isfinite(end)] for track in frame.tracks for end in track.band(quantity) or ()]
    every = np.concatenate([values, *bands])
    low, high = min(0.0, float(every.min())), float(every.max()) or 1.0
    scale_steps(ax, [track.steps for track in frame.tracks])
    ax.set_ylim(low - 0.04 * (high - low), high + 0.1 * (high - low))


def _draw_layer(ax: Any, frame: Frame, quantity: str, number: int, pens: list[Pen]) -> None:
    """The lines of one layer, one for every way of measuring."""
    for panel, pen in zip(frame.panels, pens, strict=True):
        for track in panel.whole:
            if track.number == number:
                there = np.isfinite(track.numbers[quantity])
                pen.draw(ax, track.steps[there], track.numbers[quantity][there], doubted=track.doubted[there])
                pen.draw_band(ax, track.steps, track.band(quantity), alpha=0.15)


def _mark(ax: Any, marks: pandas.DataFrame, units: str, theme: Theme) -> None:
    """Star, bar and dotted line of the phases of one layer, and their numbers and verdict in the title."""
    for _, phase in marks.iterrows():
        ax.scatter([phase["peak_step"]], [phase["i_xt_peak"]], s=110, marker="*", color=theme.ink, zorder=6)
        if phase["loses"]:
            ends = {"arrowstyle": "-|>", "color": theme.ink, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (phase["last_step"], phase["i_xt_last"]), xytext=(phase["last_step"], phase["i_xt_peak"]),
                        arrowprops=ends, zorder=6)  # fmt: skip
        noise_from = np.nan if phase["noise_from"] is None else float(phase["noise_from"])
        if np.isfinite(noise_from):
            ax.axvline(noise_from, color=theme.ink, linestyle=":", linewidth=1.2, zorder=2)
    if len(marks):
        first = marks.iloc[0]
        numbers = f"{ax.get_title('left')}: {first['gained']:+.2f}, {-first['lost']:+.2f} {units}".replace("-", "−")
        verdict = textwrap.wrap(first["verdict"], 2 * _WRAP - 16)
        ax.set_title("\n".join([numbers, *verdict]), loc="left", fontsize=8.5, **AS_TYPED)


def _mark_entries(theme: Theme) -> list[tuple[str, Any]]:
    """What the marks of the phases mean, for the legend."""
    from matplotlib.lines import Line2D

    return [
        ("largest I(X;T)", Line2D([], [], color=theme.ink, marker="*", markersize=10, linestyle="")),
        ("lost after it", Line2D([], [], color=theme.ink, marker=r"$\downarrow$", linestyle="")),
        ("gradient's signal falls\nbelow its noise", Line2D([], [], color=theme.ink, linestyle=":")),
    ]
