"""The depth profile: what each layer knows at one step, I(X;T) above and I(T;Y) below, against the depth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError
from infoplane.plotting.ceilings import Ceiling, draw_ceilings, limits
from infoplane.plotting.frame import (
    Frame,
    Margins,
    Pen,
    beside,
    footnotes,
    grid_of_axes,
    hollow_in_words,
    legend,
    say_not_computed,
    write_notes,
)
from infoplane.plotting.labels import along
from infoplane.plotting.style import AS_TYPED, layer_colours, shown_name
from infoplane.plotting.tracks import Panel

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT, _LETTER = 2.4, 0.085  # inches of a panel, and of a letter of a layer's name
_WRAP = 30  # letters of a legend's line


@dataclass(frozen=True, eq=False)
class _Line:
    """One quantity of one way of measuring at every layer: arrays in the order of the layers."""

    depth: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    null: np.ndarray
    doubted: np.ndarray


def profile(
    table: pandas.DataFrame,
    *,
    step: int | None = None,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw what each layer knows about input and label at one step, from the first layer to the last.

    One line for every split, label set, estimator and family in the table. Bars are the interval of a row where it has
    one, else reach from the 10 % to the 90 % quantile of single copies or runs. Points in doubt are hollow,
    and the reasons stand below. Dotted lines are nulls, dashed lines the ceilings that ``facts`` knows. Names come out
    as typed.

    Args:
        table: the table of ``Trajectory.to_pandas()``; information in its column ``units``.
        step: a step of the table; the largest if None.
        facts: as for :func:`infoplane.plotting.plane`.

    Raises:
        InputError: a step that was not measured, nothing to draw, or rows with different units.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> rows = [{"step": 7, "layer": f"fc{n}", "layer_index": n, "i_xt": 3.0 - n, "i_ty": 0.5} for n in (0, 1)]
        >>> [ax.get_ylabel() for ax in profile(Trajectory(rows).to_pandas()).axes]
        ['I(X;T) [bits]', 'I(T;Y) [bits]']
    """
    step, rows = _at_step(table, step)
    frame = Frame.of(rows, facts=facts, theme=theme, title=title)
    if rows[["i_xt", "i_ty"]].isna().all(axis=None):
        raise InputError(f"no row of step {step} has i_xt or i_ty, so there is nothing to draw: measure one of them")
    pens = [
        Pen(number, colour, frame.theme, size=30, most=len(frame.layers))
        for number, colour in enumerate(layer_colours(len(frame.panels), frame.theme))
    ]
    with frame.page() as figure:
        axes = _axes(figure, frame)
        for ax, quantity in zip(axes, ("i_xt", "i_ty"), strict=True):
            lines = [_line(panel, quantity) for panel in frame.panels]
            _draw(ax, lines, pens, frame.bounds(quantity))
            ax.set_ylabel(frame.label(quantity), **AS_TYPED)
        _write_words(figure, axes, frame, step)
        if len(frame.panels) > 1:
            entries = [
                ("\n".join(_wrapped(panel)), pen.handle()) for panel, pen in zip(frame.panels, pens, strict=True)
            ]
            legend(figure, entries, size=9, **beside(axes[0]))
    return figure


def _at_step(table: pandas.DataFrame, step: int | None) -> tuple[int, pandas.DataFrame]:
    """The step, and its rows."""
    measured = sorted(table["step"].dropna().unique())
    if not measured:
        raise InputError("the table has no rows with a step, so there is nothing to draw: measure at least once before")
    if step is None:
        step = int(measured[-1])
    elif step not in measured:
        near = int(min(measured, key=lambda other: abs(other - step)))
        raise InputError(f"step {step} was not measured: the nearest one is {near}, give step={near}")
    return step, table[table["step"] == step]


def _line(panel: Panel, quantity: str) -> _Line:
    """What a panel has of one quantity: each track has one point, since the rows are of one step."""
    nothing = np.array([np.nan])

    def of(column: str) -> np.ndarray:
        return np.array([track.numbers.get(column, nothing)[-1] for track in panel.whole])

    values, low, high, null = (of(f"{quantity}{end}") for end in ("", "_low", "_high", "_null"))
    for at, track in enumerate(panel.whole):
        ends = track.band(quantity)
        if ends is not None:
            low[at], high[at] = ends[0][-1], ends[1][-1]
    depth = np.array([track.number for track in panel.whole])
    doubted = np.array([bool(track.doubted[-1]) for track in panel.whole])
    return _Line(depth, values, low, high, null, doubted)


def _axes(figure: Figure, frame: Frame) -> list[Axes]:
    """Two panels, one above the other, with the names of the layers below and room for a legend at the right."""
    names, entries = [shown_name(name) for name in frame.layers], [_wrapped(panel) for panel in frame.panels]
    longest, width = max(map(len, names)), max(5.0, 0.55 * len(names))
    turned = longest * _LETTER > width / len(names)
    bottom = 0.9 + (0.7 * longest * _LETTER if turned else 0.15)
    right = 0.3 if len(entries) == 1 else 0.8 + _LETTER * max(len(line) for lines in entries for line in lines)
    margins = Margins(right, 0.8 if frame.title else 0.45, bottom=bottom)
    axes = grid_of_axes(figure, count=2, per_row=1, size=(width, _HEIGHT), margins=margins, share="rows",
                        gaps=(0.0, 0.2), below=footnotes(frame.reasons()))  # fmt: skip
    axes[1].set_xlim(-0.5, len(names) - 0.5)
    for tick, name in zip(axes[1].set_xticks(range(len(names)), names), names, strict=True):
        tick.label1.set(text=name, **AS_TYPED)
        if turned:
            tick.label1.set(rotation=45, ha="right", rotation_mode="anchor")
    return axes


def _wrapped(panel: Panel) -> list[str]:
    return textwrap.wrap(panel.title, _WRAP) or [""]


def _draw(ax: Axes, lines: list[_Line], pens: list[Pen], bounds: list[Ceiling]) -> None:
    """The lines of one quantity, with bars, nulls and ceilings."""
    values = np.concatenate([part for line in lines for part in (line.values, line.low, line.high, line.null)])
    values = values[np.isfinite(values)]
    ax.set_ylim(*limits(values if len(values) else np.zeros(1), bounds, "y", pad=0.1))
    points = [along(np.stack([line.depth, line.values], axis=1)) for line in lines]
    draw_ceilings(ax, bounds, points=np.concatenate(points), theme=pens[0].theme)
    if not len(values):
        say_not_computed(ax, pens[0].theme)
    for line, pen in zip(lines, pens, strict=True):
        pen.draw(ax, line.depth, line.values, doubted=line.doubted)
        pen.draw_null(ax, line.depth, line.null)
        bars = np.isfinite(line.low) & np.isfinite(line.high)
        ends: dict[str, Any] = {"color": pen.colour, "linewidth": 4.0, "alpha": 0.3, "zorder": 2}
        ax.vlines(line.depth[bars], line.low[bars], line.high[bars], **ends)


def _write_words(figure: Figure, axes: list[Axes], frame: Frame, step: int) -> None:
    """The step in the title, and below all panels the measurement and what is hollow or dotted."""
    only = frame.panels[0].title if len(frame.panels) == 1 else ""
    axes[0].set_title(f"step {step}, {only}" if only else f"step {step}", loc="left", fontsize=10, **AS_TYPED)
    models, notes = frame.measurements(), hollow_in_words(frame.reasons())
    notes += ["dotted: null"] if any(line.get_linestyle() == ":" for ax in axes for line in ax.lines) else []
    measured = [f"measured with {models[0]}"] if len(models) == 1 and models[0] else []
    write_notes(figure, [*measured, ";  ".join(notes), *footnotes(frame.reasons())], left=0.2, bottom=0.12)
