"""One layer under many estimators: a line for each, I(X;T) on the left and I(T;Y) on the right, with ceilings."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError
from infoplane.flags import Flag, from_text, in_doubt
from infoplane.plotting.ceilings import DASHES, Ceiling, ceilings_among, limits
from infoplane.plotting.frame import (
    QUANTITIES,
    Margins,
    bounds_of,
    footnotes,
    grid_of_axes,
    hollow_in_words,
    legend,
    new_page,
    say_not_computed,
    write_notes,
)
from infoplane.plotting.style import AS_TYPED, Theme, behind_text, theme_named, write_near
from infoplane.plotting.tracks import reasons_of, the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = {
    "plug-in": (0, "o"),
    "exact": (5, "s"),
    "lower bound": (2, ">"),
    "upper bound": (3, "<"),
    "estimate": (1, "D"),
}
_ROW, _PANEL, _LEFT = 0.31, 3.7, 3.3  # inches: height of a line, width of a panel, room for names at the left
_WRAP = 46  # letters of a measurement in a line


def comparison(
    table: pandas.DataFrame,
    *,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw what estimators say of the same samples: one line each, a bar for its interval, dashes for the ceilings.

    Colour and marker say the kind of a number; points in doubt are hollow; a grey tick is the value on shuffled
    labels. Rows without any number are named below. Names come out as typed.

    Args:
        table: the table of ``Comparison.to_pandas()``; information in its column ``units``.
        facts: ``log2_n`` in bits; ``h_y`` in the unit of the table.

    Raises:
        InputError: no row has a value, or rows have different units.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> t = np.linspace(-1, 1, 40)[:, None]
        >>> figure = comparison(ip.compare(t, t[:, 0] > 0, estimators=["binned", "kde"]).to_pandas())
        >>> [ax.get_xlabel() for ax in figure.axes]
        ['I(X;T) [bits]', 'I(T;Y) [bits]']
    """
    there = table[["i_xt", "i_ty"]].notna().any(axis=1)
    shown, missing = table[there], table[~there]
    if shown.empty:
        raise InputError("no row of the table has i_xt or i_ty, so there is no point to draw: compare other estimators")
    units, look, reasons = the_units(shown), theme_named(theme), _reasons(shown)
    bounds = ceilings_among(dict(facts or {}), units=units, wanted=["log2_n", "h_y"])
    with new_page(look, title) as figure:
        axes = grid_of_axes(figure, count=2, per_row=2, size=(_PANEL, len(shown) * _ROW), share="lines",
                            margins=Margins(0.35, 0.87 if title else 0.42, left=_LEFT, bottom=1.0),
                            gaps=(0.35, 0.0), below=footnotes(reasons))  # fmt: skip
        axes[0].set_ylim(len(shown) - 0.5, -0.5)  # the first row on top
        axes[0].set_yticks(range(len(shown)), [""] * len(shown))
        for ax, quantity in zip(axes, ("i_xt", "i_ty"), strict=True):
            ax.tick_params(axis="y", length=0)
            _draw(ax, shown, quantity, bounds_of(quantity, bounds, along="x"), look)
            ax.set_xlabel(f"{QUANTITIES[quantity]} [{units}]", **AS_TYPED)
        _name_rows(axes[0], shown)
        room = write_notes(figure, footnotes(reasons))
        _write_legend(figure, shown, look, hollow=hollow_in_words(reasons), above=room)
        if len(missing):
            _name_missing(figure, missing, look, above=room)
    return figure


def _reasons(rows: pandas.DataFrame) -> list[Flag]:
    """Why values are in doubt."""
    cells = [from_text(text) for quantity in ("i_xt", "i_ty") for text in rows[f"{quantity}_flags"]]
    return reasons_of(cells)


def _draw(ax: Axes, rows: pandas.DataFrame, quantity: str, bounds: list[Ceiling], theme: Theme) -> None:
    """One quantity of all rows: a point with its interval, its null, and the ceilings."""
    columns = [quantity, f"{quantity}_low", f"{quantity}_high"]
    values, lows, highs = (rows[name].to_numpy(dtype=float) for name in columns)
    nulls = rows["i_ty_null"].to_numpy(dtype=float) if quantity == "i_ty" else np.full(len(rows), np.nan)
    every = np.concatenate([values, lows, highs, nulls])
    every = every[np.isfinite(every)]
    low, high = limits(every if len(every) else np.zeros(1), bounds, "x")
    ax.set_xlim(low, high + 0.12 * (high - low))  # room for the last number
    if not np.isfinite(values).any():
        say_not_computed(ax, theme)
    kinds = rows["i_xt_kind" if quantity == "i_xt" else "kind"]
    for at, (kind, flags) in enumerate(zip(kinds, rows[f"{quantity}_flags"], strict=True)):
        if np.isfinite(values[at]):
            number, marker = _KINDS.get(kind, (-1, "o"))
            hollow = in_doubt(from_text(flags))
            _draw_point(ax, at, (lows[at], values[at], highs[at]), (theme.layers[number], marker, hollow), theme)
        if np.isfinite(nulls[at]):
            ax.plot([nulls[at]] * 2, [at - 0.28, at + 0.28], color=theme.ceiling, linewidth=1.6, zorder=2)
    _draw_bounds(ax, bounds, theme)


def _draw_point(
    ax: Any, at: int, numbers: tuple[float, float, float], style: tuple[str, str, bool], theme: Theme
) -> None:
    """One value with its interval, an open end of which reaches to the edge, and its number beside it."""
    low, value, high = numbers
    colour, marker, hollow = style
    if np.isfinite(low) or np.isfinite(high):
        ends = [low if np.isfinite(low) else ax.get_xlim()[0], high if np.isfinite(high) else ax.get_xlim()[1]]
        ax.plot(ends, [at, at], color=colour, linewidth=3.5, alpha=0.35, solid_capstyle="butt", zorder=2)
    face = theme.page if hollow else colour
    ax.scatter([value], [at], s=34, marker=marker, facecolors=[face], edgecolors=[colour], linewidths=1.3, zorder=4)
    text: dict[str, Any] = {"fontsize": 7.5, "color": theme.ink, "zorder": 5, "bbox": behind_text(theme)}
    write_near(ax, f"{value:.2f}", (value, at), (6, 0), ha="left", va="center", **text)


def _draw_bounds(ax: Any, bounds: list[Ceiling], theme: Theme) -> None:
    """Dashed lines with their names above the panel; a note with an arrow for one beyond the limits."""
    for bound in bounds:
        inside = bound.value <= ax.get_xlim()[1]
        if inside:
            ax.axvline(bound.value, color=theme.ceiling, linestyle=DASHES, linewidth=1.0, zorder=1)
        at, across = (bound.value, "data") if inside else (1.0, "axes fraction")
        style: dict[str, Any] = {"fontsize": 8.5, "color": theme.ceiling, "ha": "center" if inside else "right"}
        text = bound.text if inside else f"{bound.text} →"
        write_near(ax, text, (at, 1.0), (0, 4), xycoords=(across, "axes fraction"), va="bottom", **style)


def _name_rows(ax: Any, rows: pandas.DataFrame) -> None:
    """The estimator and, smaller, its measurement at the left of each line."""
    for at, (name, measurement) in enumerate(zip(rows["estimator"], rows["measurement"], strict=True)):
        lines = textwrap.wrap(str(measurement), _WRAP) or [""]
        words = "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")
        style: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center"}
        write_near(ax, str(name), (0, at), (-72 * (_LEFT - 0.15), 0), ha="left", fontsize=9, **style)
        write_near(ax, words, (0, at), (-6, 0), ha="right", fontsize=7, linespacing=1.0, **style)


def _write_legend(figure: Figure, rows: pandas.DataFrame, theme: Theme, *, hollow: list[str], above: float) -> None:
    """The kinds of numbers, what is hollow, and what a tick is, ``above`` inches from the notes at the lower edge."""
    from matplotlib.lines import Line2D

    kinds = [kind for kind in _KINDS if kind in {*rows["kind"], *rows["i_xt_kind"]}]
    entries = []
    for kind in kinds:
        number, marker = _KINDS[kind]
        entries.append((kind, Line2D([], [], color=theme.layers[number], marker=marker, linestyle="")))
    for words in hollow:
        face: dict[str, Any] = {"markerfacecolor": theme.page, "markeredgecolor": theme.ceiling}
        entries.append((words, Line2D([], [], marker="o", linestyle="", **face)))
    if rows["i_ty_null"].notna().any():
        entries.append(("shuffled labels", Line2D([], [], color=theme.ceiling, marker="|", linestyle="")))
    at = (0.008, (0.22 + above) / figure.get_size_inches()[1])
    legend(figure, entries, loc="lower left", bbox_to_anchor=at, ncols=len(entries), handletextpad=0.1,
           columnspacing=1.4)  # fmt: skip


def _name_missing(figure: Figure, rows: pandas.DataFrame, theme: Theme, *, above: float) -> None:
    """The rows that have no number, below all else."""
    names = ", ".join(dict.fromkeys(map(str, rows["estimator"])))
    width, height = figure.get_size_inches()
    figure.text(
        0.15 / width, (0.12 + above) / height, f"without a number: {names}", fontsize=8, color=theme.ceiling, **AS_TYPED
    )
