"""The depth profile: what each layer knows at one step, I(X;T) above and I(T;Y) below, against the depth."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.labels import along
from infoplane.plotting.style import (
    AS_TYPED,
    MARKERS,
    Theme,
    drawing,
    layer_colours,
    new_figure,
    shown_name,
    theme_named,
    write_title,
)
from infoplane.plotting.tracks import Panel, Track, layer_names, panels, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}
_LEFT, _HEIGHT, _BETWEEN, _LETTER = 0.85, 2.4, 0.2, 0.085  # inches
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
    one, else reach from the 10 % to the 90 % quantile of single copies or runs. Points flagged ``red`` or ``saturated``
    are hollow. Dotted lines are nulls, dashed lines the ceilings that ``facts`` knows. Names come out as typed.

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
    known = dict(facts or {})
    units, (step, rows) = the_units(table), _at_step(table, step)
    found, names = panels(rows), layer_names(rows)
    if rows[list(_QUANTITIES)].isna().all(axis=None):
        raise InputError(f"no row of step {step} has i_xt or i_ty, so there is nothing to draw: measure one of them")
    bounds = ceilings_among(known, units=units, wanted=True)
    with drawing(theme_named(theme)):
        figure = new_figure(theme_named(theme))
        axes = _axes(figure, [shown_name(name) for name in names], found, titled=title is not None)
        for ax, (name, shown) in zip(axes, _QUANTITIES.items(), strict=True):
            axis = "x" if name == "i_xt" else "y"  # of the information plane; here both go upwards
            mine = [Ceiling("y", bound.value, bound.name) for bound in bounds if bound.axis == axis]
            _draw(ax, [_line(panel, name) for panel in found], mine, theme_named(theme))
            ax.set_ylabel(f"{shown} [{units}]", **AS_TYPED)
        _finish(axes, found, step=step, models={panel.measured(known) for panel in found}, theme=theme_named(theme))
        write_title(figure, title)
    return figure


def _at_step(table: pandas.DataFrame, step: int | None) -> tuple[int, pandas.DataFrame]:
    """The step, and its rows."""
    measured = sorted(table["step"].dropna().unique())
    if not measured:
        raise InputError("the table has no rows with a step, so there is nothing to draw: measure at least once before")
    if step is None:
        step = int(measured[-1])
    elif step not in measured:
        near = int(min(measured, key=lambda one: abs(one - step)))
        raise InputError(f"step {step} was not measured: the nearest one is {near}, give step={near}")
    return step, table[table["step"] == step]


def _line(panel: Panel, name: str) -> _Line:
    nothing = np.array([np.nan])

    def of(column: str) -> np.ndarray:
        return np.array([track.numbers.get(column, nothing)[-1] for track in panel.whole])

    values, low, high, null = (of(f"{name}{end}") for end in ("", "_low", "_high", "_null"))
    for at, track in enumerate(panel.whole):
        ends = track.band(name)
        if ends is not None:
            low[at], high[at] = ends[0][-1], ends[1][-1]
    depth, doubted = (np.array([get(track) for track in panel.whole]) for get in (_depth, _doubt))
    return _Line(depth, values, low, high, null, doubted)


def _depth(track: Track) -> int:
    return track.number


def _doubt(track: Track) -> bool:
    return bool(track.doubted[-1])


def _axes(figure: Figure, names: list[str], found: list[Panel], *, titled: bool) -> list[Axes]:
    """Two panels, one above the other, with the names of the layers below and room for a legend at the right."""
    longest = max(map(len, names))
    width = max(5.0, 0.55 * len(names))
    turned = longest * _LETTER > width / len(names)
    bottom = 0.9 + (0.7 * longest * _LETTER if turned else 0.15)
    right = 0.3 if len(found) == 1 else 0.8 + _LETTER * max(len(line) for panel in found for line in _wrapped(panel))
    top = 0.8 if titled else 0.45
    height = bottom + 2 * _HEIGHT + _BETWEEN + top
    figure.set_size_inches(_LEFT + width + right, height)
    axes: list[Axes] = []
    for below in (bottom + _HEIGHT + _BETWEEN, bottom):
        place = (_LEFT / (_LEFT + width + right), below / height, width / (_LEFT + width + right), _HEIGHT / height)
        ax = figure.add_axes(place)
        ax.set_xlim(-0.5, len(names) - 0.5)
        ax.set_xticks(range(len(names)), [""] * len(names))
        ax.grid(True, linewidth=0.6, zorder=0)
        axes.append(ax)
    for tick, name in zip(axes[1].set_xticklabels(names), names, strict=True):
        tick.set(text=name, **AS_TYPED)
        if turned:
            tick.set(rotation=45, ha="right", rotation_mode="anchor")
    return axes


def _wrapped(panel: Panel) -> list[str]:
    return textwrap.wrap(panel.title, _WRAP) or [""]


def _draw(ax: Any, lines: list[_Line], bounds: list[Ceiling], theme: Theme) -> None:
    values = np.concatenate([part for line in lines for part in (line.values, line.low, line.high, line.null)])
    values = values[np.isfinite(values)]
    ax.set_ylim(*limits(values if len(values) else np.zeros(1), bounds, "y", pad=0.1))
    points = [np.stack([line.depth, line.values], axis=1) for line in lines]
    draw_ceilings(ax, bounds, points=np.concatenate([along(path) for path in points]), theme=theme)
    if not len(values):
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": theme.ceiling, "fontsize": 9}
        ax.text(0.5, 0.5, "not computed", transform=ax.transAxes, **style)
    for number, (line, colour) in enumerate(zip(lines, layer_colours(len(lines), theme), strict=True)):
        ax.plot(line.depth, line.values, color=colour, linewidth=1.4, zorder=3)
        if np.isfinite(line.null).any():
            ax.plot(line.depth, line.null, color=colour, linewidth=1.0, linestyle=":", zorder=2)
        sure = np.isfinite(line.low) & np.isfinite(line.high)
        ax.vlines(line.depth[sure], line.low[sure], line.high[sure], color=colour, linewidth=4.0, alpha=0.3, zorder=2)
        ax.scatter(
            line.depth,
            line.values,
            s=30,
            marker=MARKERS[number % len(MARKERS)],
            facecolors=[theme.page if doubt else colour for doubt in line.doubted],
            edgecolors=[colour],
            linewidths=1.0,
            zorder=4,
        )


def _finish(axes: list[Any], found: list[Panel], *, step: int, models: set[str | None], theme: Theme) -> None:
    """Titles, notes, and a legend where there are several lines."""
    figure = axes[0].figure
    axes[0].set_title(f"step {step}" if len(found) > 1 or not found[0].title else f"step {step}, {found[0].title}",
                      loc="left", fontsize=10, **AS_TYPED)  # fmt: skip
    reasons = ", ".join(sorted(set().union(*(panel.reasons for panel in found))))
    notes = [f"hollow: in doubt ({reasons})"] if reasons else []
    notes += ["dotted: null"] if any(line.get_linestyle() == ":" for ax in axes for line in ax.lines) else []
    said = [f"measured with {model}" for model in models if model and len(models) == 1] + [";  ".join(notes)]
    width, height = figure.get_size_inches()
    letters = int((width - 0.3) / 0.068)
    text = "\n".join(line for note in said for line in textwrap.wrap(note, letters))
    figure.text(0.2 / width, 0.12 / height, text, fontsize=8.5, **AS_TYPED)
    if len(found) > 1:
        from matplotlib.lines import Line2D

        colours = layer_colours(len(found), theme)
        handles = [
            Line2D([], [], color=colours[number], marker=MARKERS[number % len(MARKERS)], label=str(number))
            for number in range(len(found))
        ]
        right = axes[0].get_position()
        at = (right.x1 + 0.1 / width, right.y1)
        legend = figure.legend(handles=handles, loc="upper left", bbox_to_anchor=at, frameon=False, fontsize=9)
        for shown, panel in zip(legend.get_texts(), found, strict=True):
            shown.set(text="\n".join(_wrapped(panel)), **AS_TYPED)
