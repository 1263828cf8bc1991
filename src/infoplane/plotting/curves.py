"""Information against the steps: a row for each quantity, loss, accuracy and gradient, a column a way of measuring."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.labels import along
from infoplane.plotting.scalar_rows import draw_scalars, rows_of
from infoplane.plotting.style import (
    AS_TYPED,
    MARKERS,
    Theme,
    drawing,
    grid_of_axes,
    layer_colours,
    layer_legend,
    log_spaced,
    new_figure,
    page_margins,
    theme_named,
    write_title,
)
from infoplane.plotting.tracks import Panel, Track, layer_names, panels, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)", "h_t": "H(T)", "h_t_given_x": "H(T|X)"}
_MARKED = 12  # markers on a curve


def curves(
    table: pandas.DataFrame,
    *,
    quantities: Sequence[str] = ("i_xt", "i_ty"),
    loss: Mapping[int, float] | None = None,
    scalars: pandas.DataFrame | None = None,
    steps: Literal["auto", "linear", "log"] = "auto",
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw quantities of every layer against the step, on a logarithmic axis where the steps are log spaced.

    Curves of single copies, or of several runs in one table, are their medians in a band from the 10 % to the 90 %
    quantile; other bands are the interval of a row (``i_xt_low`` to ``i_xt_high``) where it has one. Points flagged
    ``red`` or ``saturated`` are hollow. Dotted lines are nulls: the same quantity on shuffled samples or of an
    untrained network, where the table has it.

    Args:
        table: the table of ``Trajectory.to_pandas()``.
        quantities: any of ``i_xt``, ``i_ty``, ``h_t``, ``h_t_given_x``, each a row of panels.
        loss: step -> loss (a dict or a pandas Series), drawn below.
        scalars: the table of ``Trajectory.scalars.to_pandas()``: ``loss`` and ``accuracy`` of every split, and, with
            logarithmic axes, norm of the mean and norm of the deviation of each layer's gradient, and their ratio.
        steps: the axis of the steps.
        facts: as for :func:`infoplane.plotting.plane`.

    Raises:
        InputError: an unknown quantity, nothing to draw, or rows with different units.

    References:
        [1] Shwartz-Ziv, Tishby: Opening the black box of deep neural networks via information, 2017, figure 4.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> len(curves(Trajectory(rows).to_pandas(), loss={0: 1.0, 1: 0.5}).axes)
        3
    """
    for name in quantities:
        if name not in _QUANTITIES:
            raise UnknownNameError("quantity", name, _QUANTITIES)
    if not quantities:
        raise InputError(f"quantities is empty: name at least one of {', '.join(_QUANTITIES)}")
    if steps not in ("auto", "linear", "log"):
        raise UnknownNameError("axis of the steps", steps, ("auto", "linear", "log"))
    found, units, look = panels(table), the_units(table), theme_named(theme)
    known = dict(facts or {})
    more = rows_of(scalars, loss)
    with drawing(look):
        figure = new_figure(look)
        size = (6.0 if len(found) == 1 else 3.6, 2.3)
        names = layer_names(table)
        margins = page_margins([*names, *(row.words for row in more)], title=title, legend=True)
        shape = {"count": (len(quantities) + len(more)) * len(found), "per_row": len(found)}
        axes = grid_of_axes(figure, **shape, size=size, margins=margins, share="rows")
        scale_steps(axes[0], [*(track.steps for one in found for track in one.whole), *(row.steps for row in more)],
                     how=steps)  # fmt: skip
        in_rows = [axes[at : at + len(found)] for at in range(0, len(axes), len(found))]
        for of_row, name in zip(in_rows, quantities, strict=False):
            bounds = _bounds(name, ceilings_among(known, units=units, wanted=True))
            _draw_row(of_row, found, name, bounds=bounds, theme=look)
            of_row[0].set_ylabel(f"{_QUANTITIES[name]} [{units}]", **AS_TYPED)
        for of_row, row in zip(in_rows[len(quantities) :], more, strict=True):
            draw_scalars(of_row, row, names, look)
        _finish(figure, axes, found, title=title, facts=known, theme=look)
    return figure


def scale_steps(ax: Any, each: list[np.ndarray], *, how: str) -> None:
    """The axis of the steps, for all panels: a little wider than the steps, logarithmic where they are log spaced."""
    steps = np.concatenate(each)
    low, high = steps.min(), max(steps.max(), steps.min() + 1)
    positive = steps[steps > 0]
    if len(positive) and (how == "log" or (how == "auto" and log_spaced(each[0]))):
        first = float(positive.min())
        ax.set_xscale("symlog", linthresh=first)
        ax.set_xlim(low - 0.25 * first if low < first else low / 1.25, 1.25 * high)
    else:
        ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))


def _bounds(quantity: str, ceilings: list[Ceiling]) -> list[Ceiling]:
    """The ceilings of one quantity, all of them upwards."""
    axis = {"i_xt": "x", "i_ty": "y"}.get(quantity)
    return [Ceiling("y", bound.value, bound.name) for bound in ceilings if bound.axis == axis]


def _draw_row(axes: list[Any], found: list[Panel], name: str, *, bounds: list[Ceiling], theme: Theme) -> None:
    tracks = [track for panel in found for track in (*panel.whole, *panel.single)]
    values = np.concatenate([track.numbers[name] for track in tracks])
    if not np.isfinite(values).any():
        raise InputError(f"no row of the table has {name}, so there is nothing to draw: leave {name} out of quantities")
    colours = layer_colours(max(track.number for track in tracks) + 1, theme)
    for ax, panel in zip(axes, found, strict=True):
        ax.set_ylim(*limits(values[np.isfinite(values)], bounds, "y", pad=0.1))
        points = np.concatenate([along(np.stack([track.steps, track.numbers[name]], axis=1)) for track in panel.whole])
        draw_ceilings(ax, bounds, points=points, theme=theme)
        for track in panel.whole:
            _draw_band(ax, track, name, colours[track.number])
            _draw_curve(ax, track, name, colours[track.number], theme)


def _draw_curve(ax: Any, track: Track, name: str, colour: Any, theme: Theme) -> None:
    there = np.flatnonzero(np.isfinite(track.numbers[name]))
    if not len(there):
        return
    steps, values = track.steps[there], track.numbers[name][there]
    ax.plot(steps, values, color=colour, linewidth=1.4, zorder=3)
    null = track.numbers.get(f"{name}_null")
    if null is not None and np.isfinite(null).any():
        ax.plot(track.steps, null, color=colour, linewidth=1.0, linestyle=":", zorder=2)
    marked = np.unique(np.linspace(0, len(there) - 1, _MARKED).round().astype(int))
    hollow = track.doubted[there][marked]
    ax.scatter(
        steps[marked],
        values[marked],
        s=26,
        marker=MARKERS[track.number % len(MARKERS)],
        facecolors=[theme.page if doubt else colour for doubt in hollow],
        edgecolors=[colour],
        linewidths=1.0,
        zorder=4,
    )


def _draw_band(ax: Any, track: Track, name: str, colour: Any) -> None:
    ends = track.band(name)
    if ends is not None:
        ax.fill_between(track.steps, *ends, color=colour, alpha=0.18, linewidth=0, zorder=2)


def _finish(
    figure: Any, axes: list[Any], found: list[Panel], *, title: str | None, facts: Mapping[str, Any], theme: Theme
) -> None:
    """Grid, titles, notes and the legend."""
    tracks = [track for panel in found for track in panel.whole]
    for ax in axes:
        ax.grid(True, linewidth=0.6, zorder=0)
    models = list(dict.fromkeys(panel.measured(facts) for panel in found))
    for ax, panel in zip(axes, found, strict=False):
        words = panel.title if len(models) < 2 else f"{panel.short_title}\n{panel.measured(facts)}".strip()
        ax.set_title(words, loc="left", fontsize=10 if len(models) < 2 else 8.5, **AS_TYPED)
    for ax in axes[-len(found) :]:
        ax.set_xlabel("step")
    write_title(figure, title)
    write_notes(figure, found, [f"measured with {models[0]}"] if len(models) == 1 and models[0] else [])
    colours = layer_colours(max(track.number for track in tracks) + 1, theme)
    layers = {track.number: (track.layer, colours[track.number]) for track in tracks}
    right = axes[len(found) - 1].get_position()
    at = (right.x1 + 0.1 / figure.get_size_inches()[0], right.y1)
    layer_legend(figure, layers, loc="upper left", at=at)


def write_notes(figure: Any, found: list[Panel], notes: list[str]) -> None:
    """What is hollow, what a band is, and other notes, below all panels."""
    reasons = ", ".join(sorted(set().union(*(panel.reasons for panel in found))))
    notes = [*notes, *([f"hollow: in doubt ({reasons})"] if reasons else [])]
    notes += dict.fromkeys(panel.said() for panel in found if panel.said())
    width, height = figure.get_size_inches()
    text = "\n".join(textwrap.wrap(";  ".join(notes), int((width - 0.9) / 0.068)))
    figure.text(0.85 / width, 0.1 / height, text, fontsize=8.5, **AS_TYPED)
