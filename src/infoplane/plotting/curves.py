"""Information against the steps: a row for each quantity and for the loss, a column for every way of measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.labels import along
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
from infoplane.plotting.tracks import Panel, Track, panels, the_units

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
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw quantities of every layer against the step, on a logarithmic axis where the steps are log spaced.

    Bands are the interval of a row (``i_xt_low`` to ``i_xt_high``) where it has one, else the reach of the single
    copies where there are several. Points flagged ``red`` or ``saturated`` are hollow. Dotted lines are nulls: the same
    quantity on shuffled samples or of an untrained network, where the table has it.

    Args:
        table: the table of ``Trajectory.to_pandas()``.
        quantities: any of ``i_xt``, ``i_ty``, ``h_t``, ``h_t_given_x``, each a row of panels.
        loss: step -> loss (a dict or a pandas Series), drawn below.
        facts: as for :func:`infoplane.plotting.plane`.

    Raises:
        InputError: an unknown quantity, nothing to draw, or rows with different units.

    Example:
        >>> from infoplane.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> len(curves(Trajectory(rows).to_pandas(), loss={0: 1.0, 1: 0.5}).axes)
        3
    """
    for name in quantities:
        if name not in _QUANTITIES:
            raise UnknownNameError("quantity", name, _QUANTITIES)
    if not quantities:
        raise InputError(f"quantities is empty: name at least one of {', '.join(_QUANTITIES)}")
    found, units, look = panels(table), the_units(table), theme_named(theme)
    measured = dict(facts or {}).get("measurement")
    with drawing(look):
        figure = new_figure(look)
        rows = len(quantities) + (loss is not None)
        size = (6.0 if len(found) == 1 else 3.6, 2.3)
        margins = page_margins((track.layer for panel in found for track in panel.whole), title=title, legend=True)
        axes = grid_of_axes(
            figure, count=rows * len(found), per_row=len(found), size=size, margins=margins, share="rows"
        )
        _scale_steps(axes[0], found)
        for row, name in enumerate(quantities):
            of_row = axes[row * len(found) : (row + 1) * len(found)]
            bounds = _bounds(name, ceilings_among(dict(facts or {}), units=units, wanted=True))
            _draw_row(of_row, found, name, bounds=bounds, theme=look)
            of_row[0].set_ylabel(f"{_QUANTITIES[name]} [{units}]", **AS_TYPED)
        if loss is not None:
            _draw_loss(axes[-len(found) :], loss, look)
        _finish(figure, axes, found, title=title, measured=measured, theme=look)
    return figure


def _scale_steps(ax: Any, found: list[Panel]) -> None:
    """The axis of the steps, for all panels: a little wider than the steps, logarithmic where they are log spaced."""
    steps = np.concatenate([track.steps for panel in found for track in panel.whole])
    low, high = steps.min(), max(steps.max(), steps.min() + 1)
    if log_spaced(steps):
        first = float(steps[steps > 0].min())
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
            _draw_band(ax, track, panel.single, name, colours[track.number])
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


def _draw_band(ax: Any, track: Track, single: list[Track], name: str, colour: Any) -> None:
    """The interval of the rows, or else from the lowest copy to the highest."""
    steps = track.steps
    nothing = np.full(len(steps), np.nan)
    low, high = (track.numbers.get(f"{name}_{end}", nothing) for end in ("low", "high"))
    copies = [other for other in single if other.number == track.number and np.array_equal(other.steps, steps)]
    if copies and not (np.isfinite(low) & np.isfinite(high)).any():
        values = np.stack([other.numbers[name] for other in copies])  # (copies, steps)
        low, high = values.min(axis=0), values.max(axis=0)
    ax.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0, zorder=2)


def _draw_loss(axes: list[Any], loss: Mapping[int, float], theme: Theme) -> None:
    steps, values = (np.array(part, dtype=float) for part in zip(*sorted(loss.items()), strict=True))
    for ax in axes:
        ax.plot(steps, values, color=theme.ink, linewidth=1.2, zorder=3)
    axes[0].set_ylabel("loss")


def _finish(
    figure: Any, axes: list[Any], found: list[Panel], *, title: str | None, measured: str | None, theme: Theme
) -> None:
    """Grid, titles, notes and the legend."""
    tracks = [track for panel in found for track in panel.whole]
    for ax in axes:
        ax.grid(True, linewidth=0.6, zorder=0)
    for ax, panel in zip(axes, found, strict=False):
        ax.set_title(panel.title, loc="left", fontsize=10, **AS_TYPED)
    for ax in axes[-len(found) :]:
        ax.set_xlabel("step")
    write_title(figure, title)
    width, height = figure.get_size_inches()
    reasons = ", ".join(sorted(set().union(*(panel.reasons for panel in found))))
    notes = [f"measured with {measured}"] if measured else []
    notes += [f"hollow: in doubt ({reasons})"] if reasons else []
    figure.text(0.85 / width, 0.14 / height, ";  ".join(notes), fontsize=8.5, **AS_TYPED)
    colours = layer_colours(max(track.number for track in tracks) + 1, theme)
    layers = {track.number: (track.layer, colours[track.number]) for track in tracks}
    right = axes[len(found) - 1].get_position()
    layer_legend(figure, layers, loc="upper left", at=(right.x1 + 0.1 / width, right.y1))
