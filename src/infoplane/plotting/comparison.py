"""One layer under many estimators: a line for each, I(X;T) on the left and I(T;Y) on the right, with ceilings."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, limits
from infoplane.plotting.style import AS_TYPED, Theme, behind_text, drawing, new_figure, theme_named, write_title
from infoplane.plotting.tracks import the_units

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}
_KINDS = {
    "plug-in": (0, "o"),
    "exact": (5, "s"),
    "lower bound": (2, ">"),
    "upper bound": (3, "<"),
    "estimate": (1, "D"),
}
_ROW, _PANEL, _LEFT, _BETWEEN, _RIGHT, _TOP, _BOTTOM = 0.31, 3.7, 3.3, 0.35, 0.35, 0.42, 1.0  # inches
_WRAP = 46  # letters of a measurement in a line


def comparison(
    table: pandas.DataFrame,
    *,
    facts: Mapping[str, Any] | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw what estimators say of the same samples: one line each, a bar for its interval, dashes for the ceilings.

    Colour and marker say the kind of a number; points flagged ``red`` are hollow; a grey tick is the value on shuffled
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
    there = table[list(_QUANTITIES)].notna().any(axis=1)
    shown, missing = table[there], table[~there]
    if shown.empty:
        raise InputError("no row of the table has i_xt or i_ty, so there is no point to draw: compare other estimators")
    units, look = the_units(shown), theme_named(theme)
    bounds = ceilings_among(dict(facts or {}), units=units, wanted=["log2_n", "h_y"])
    with drawing(look):
        figure = new_figure(look)
        axes = _axes(figure, len(shown), top=_TOP + (0.45 if title else 0.0))
        for ax, quantity in zip(axes, _QUANTITIES, strict=True):
            axis = "x" if quantity == "i_xt" else "y"  # of the information plane; here both lie along x
            mine = [Ceiling("x", bound.value, bound.name) for bound in bounds if bound.axis == axis]
            _draw(ax, shown, quantity, mine, look)
            ax.set_xlabel(f"{_QUANTITIES[quantity]} [{units}]", **AS_TYPED)
        _name_rows(axes[0], shown)
        _note(figure, shown, missing, look)
        write_title(figure, title)
    return figure


def _axes(figure: Figure, rows: int, *, top: float) -> list[Any]:
    """Two panels side by side that share their lines, which are of one height in inches."""
    width, height = _LEFT + 2 * _PANEL + _BETWEEN + _RIGHT, _BOTTOM + rows * _ROW + top
    figure.set_size_inches(width, height)
    axes: list[Any] = []
    for left in (_LEFT, _LEFT + _PANEL + _BETWEEN):
        place = (left / width, _BOTTOM / height, _PANEL / width, rows * _ROW / height)
        ax = figure.add_axes(place)
        ax.set_ylim(rows - 0.5, -0.5)  # the first row on top
        ax.set_yticks(range(rows), [""] * rows)
        ax.tick_params(axis="y", length=0)
        ax.grid(True, linewidth=0.6, zorder=0)
        axes.append(ax)
    return axes


def _draw(ax: Any, rows: pandas.DataFrame, quantity: str, bounds: list[Ceiling], theme: Theme) -> None:
    columns = [quantity, f"{quantity}_low", f"{quantity}_high"]
    values, lows, highs = (rows[name].to_numpy(dtype=float) for name in columns)
    nulls = rows["i_ty_null"].to_numpy(dtype=float) if quantity == "i_ty" else np.full(len(rows), np.nan)
    every = np.concatenate([values, lows, highs, nulls])
    every = every[np.isfinite(every)]
    low, high = limits(every if len(every) else np.zeros(1), bounds, "x")
    ax.set_xlim(low, high + 0.12 * (high - low))  # room for the last number
    if not np.isfinite(values).any():
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": theme.ceiling, "fontsize": 9}
        ax.text(0.5, 0.5, "not computed", transform=ax.transAxes, **style)
    kinds = rows["i_xt_kind" if quantity == "i_xt" else "kind"]
    for at, (kind, flags) in enumerate(zip(kinds, rows[f"{quantity}_flags"], strict=True)):
        if np.isfinite(values[at]):
            number, marker = _KINDS.get(kind, (-1, "o"))
            hollow = "red" in flags.split(";")
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
    place: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "ha": "left", "va": "center"}
    text: dict[str, Any] = {"fontsize": 7.5, "color": theme.ink, "zorder": 5, "bbox": behind_text(theme)}
    ax.annotate(f"{value:.2f}", (value, at), **place, **text, **AS_TYPED)


def _draw_bounds(ax: Any, bounds: list[Ceiling], theme: Theme) -> None:
    """Dashed lines with their names above the panel; a note with an arrow for one beyond the limits."""
    for bound in bounds:
        inside = bound.value <= ax.get_xlim()[1]
        if inside:
            ax.axvline(bound.value, color=theme.ceiling, linestyle=(0, (5, 4)), linewidth=1.0, zorder=1)
        at, across = (bound.value, "data") if inside else (1.0, "axes fraction")
        style: dict[str, Any] = {"fontsize": 8.5, "color": theme.ceiling, "ha": "center" if inside else "right"}
        ax.annotate(
            bound.text if inside else f"{bound.text} →",
            (at, 1.0),
            xycoords=(across, "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            va="bottom",
            **style,
            **AS_TYPED,
        )


def _name_rows(ax: Any, rows: pandas.DataFrame) -> None:
    """The estimator and, smaller, its measurement at the left of each line."""
    for at, (name, measurement) in enumerate(zip(rows["estimator"], rows["measurement"], strict=True)):
        lines = textwrap.wrap(str(measurement), _WRAP) or [""]
        words = "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")
        style: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        ax.annotate(str(name), (0, at), xytext=(-72 * (_LEFT - 0.15), 0), ha="left", fontsize=9, **style, **AS_TYPED)
        ax.annotate(words, (0, at), xytext=(-6, 0), ha="right", fontsize=7, linespacing=1.0, **style, **AS_TYPED)


def _note(figure: Any, shown: pandas.DataFrame, missing: pandas.DataFrame, theme: Theme) -> None:
    """The kinds as a legend, what is hollow, and which rows are not drawn."""
    from matplotlib.lines import Line2D

    kinds = [kind for kind in _KINDS if kind in {*shown["kind"], *shown["i_xt_kind"]}]
    handles = [
        Line2D([], [], color=theme.layers[_KINDS[kind][0]], marker=_KINDS[kind][1], linestyle="", label=kind)
        for kind in kinds
    ]
    height = figure.get_size_inches()[1]
    doubts = ";".join([*shown["i_xt_flags"], *shown["i_ty_flags"]]).split(";")
    if "red" in doubts:
        hollow: dict[str, Any] = {"markerfacecolor": theme.page, "markeredgecolor": theme.ceiling}
        handles.append(Line2D([], [], marker="o", linestyle="", label="hollow: set by the sample (red)", **hollow))
    if shown["i_ty_null"].notna().any():
        handles.append(Line2D([], [], color=theme.ceiling, marker="|", linestyle="", label="shuffled labels"))
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.008, 0.22 / height), ncols=len(handles), frameon=False,
        fontsize=8.5, handletextpad=0.1, columnspacing=1.4,
    )  # fmt: skip
    if len(missing):
        names = ", ".join(dict.fromkeys(map(str, missing["estimator"])))
        place = (0.15 / figure.get_size_inches()[0], 0.12 / height)
        figure.text(*place, f"without a number: {names}", fontsize=8, color=theme.ceiling, **AS_TYPED)
