"""Information against the steps: a row for each quantity, loss, accuracy and gradient, a column a way of measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.checks import choice
from infoplane.errors import InputError
from infoplane.plotting.ceilings import draw_ceilings, limits
from infoplane.plotting.frame import (
    QUANTITIES,
    Frame,
    Pen,
    beside,
    footnotes,
    grid_of_axes,
    layer_legend,
    layers_of,
    page_margins,
    scale_steps,
    write_notes,
)
from infoplane.plotting.labels import along
from infoplane.plotting.scalar_rows import draw_scalars, rows_of
from infoplane.plotting.style import AS_TYPED

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


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
    quantile; other bands are the interval of a row (``i_xt_low`` to ``i_xt_high``) where it has one. Points in
    doubt are hollow, and the reasons stand below. Dotted lines are nulls: the same quantity on shuffled samples or of
    an untrained network, where the table has it.

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
        choice("quantity", name, QUANTITIES)
    if not quantities:
        raise InputError(f"quantities is empty: name at least one of {', '.join(QUANTITIES)}")
    choice("axis of the steps", steps, ("auto", "linear", "log"))
    frame = Frame.of(table, facts=facts, theme=theme, title=title)
    more, wide = rows_of(scalars, loss), len(frame.panels)
    margins = page_margins([*frame.layers, *(row.words for row in more)], title=title, legend=True)
    size = (6.0 if wide == 1 else 3.6, 2.3)
    with frame.page() as figure:
        count = (len(quantities) + len(more)) * wide
        axes = grid_of_axes(figure, count=count, per_row=wide, size=size, margins=margins, share="rows",
                            gaps=(0.25, 0.2), below=footnotes(frame.reasons()))  # fmt: skip
        scale_steps(axes[0], [*(track.steps for track in frame.tracks), *(row.steps for row in more)], how=steps)
        in_rows = [axes[at : at + wide] for at in range(0, count, wide)]
        for of_row, name in zip(in_rows, quantities, strict=False):
            _draw_row(of_row, frame, name)
        for of_row, row in zip(in_rows[len(quantities) :], more, strict=True):
            draw_scalars(of_row, row, frame.layers, frame.theme)
        _write_words(figure, axes, frame)
    return figure


def _draw_row(axes: list[Any], frame: Frame, name: str) -> None:
    """One quantity of all panels, which share its limits."""
    values, bounds = frame.finite(name, repeats=True), frame.bounds(name)
    layers = layers_of(frame.every_track, frame.theme)
    axes[0].set_ylabel(frame.label(name), **AS_TYPED)
    for ax, panel in zip(axes, frame.panels, strict=True):
        ax.set_ylim(*limits(values, bounds, "y", pad=0.1))
        points = np.concatenate([along(np.stack([track.steps, track.numbers[name]], axis=1)) for track in panel.whole])
        draw_ceilings(ax, bounds, points=points, theme=frame.theme)
        for track in panel.whole:
            pen = Pen(track.number, layers[track.number][1], frame.theme)
            pen.draw_band(ax, track.steps, track.band(name), alpha=0.18)
            there = np.isfinite(track.numbers[name])
            pen.draw(ax, track.steps[there], track.numbers[name][there], doubted=track.doubted[there])
            pen.draw_null(ax, track.steps, track.numbers.get(f"{name}_null"))


def _write_words(figure: Figure, axes: list[Any], frame: Frame) -> None:
    """Titles of the panels, the name of the steps, the legend and the notes."""
    models, wide = frame.measurements(), len(frame.panels)
    for ax, panel in zip(axes, frame.panels, strict=False):
        words = panel.title if len(models) < 2 else f"{panel.short_title}\n{panel.measured(frame.facts)}".strip()
        ax.set_title(words, loc="left", fontsize=10 if len(models) < 2 else 8.5, **AS_TYPED)
    for ax in axes[-wide:]:
        ax.set_xlabel("step")
    measured = [f"measured with {models[0]}"] if len(models) == 1 and models[0] else []
    write_notes(figure, [";  ".join([*measured, *frame.notes()]), *footnotes(frame.reasons())])
    layer_legend(figure, layers_of(frame.tracks, frame.theme), frame.theme, **beside(axes[wide - 1]))
