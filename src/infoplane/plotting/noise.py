"""Information curves: what layers know at every level of noise, in the plane, and over depth at equal rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from infoplane.errors import InputError
from infoplane.flags import LIGHTS
from infoplane.plotting.frame import new_page
from infoplane.plotting.style import AS_TYPED, MARKERS, Theme, layer_colours, shown_name, theme_named

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

_SIZE = (7.6, 4.2)  # inches of a picture of its own


class HasTable(Protocol):
    """What is drawn: a table with the columns of ``infoplane.companions.curve.Curve.to_pandas``."""

    def to_pandas(self) -> pandas.DataFrame: ...


def information_curves(
    curves: Mapping[str, HasTable | Sequence[HasTable]],
    *,
    label: str | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
    ax: Axes | None = None,
) -> Any:
    """Draw I(T;Y) against I(X;T), one line a layer, from much noise at the left to little at the right.

    Higher is more label for each bit of input. Bands reach from the lower to the upper end of I(T;Y), bars from those
    of I(X;T); points whose light is red are left out, and the legend counts them. The straight line is
    I(T;Y) = I(X;T), above which no layer can be, the dashed one H(Y) where a curve has half of it.

    Args:
        curves: By name of the layer, results of :func:`infoplane.information_curve`, or one for each copy of a network:
            then the line is their mean, and the band holds all of them.
        label: The label set, where there are several.
        title: Stands above the picture.
        theme: ``"light"`` or ``"dark"``.
        ax: Axes to draw on; a new figure if None.

    Returns:
        The figure.

    Raises:
        InputError: no curve, curves in different units, no point that is not red, an unknown label set.
    """
    if not curves:
        raise InputError("there are no curves to draw: give a table of them by layer")
    tables = {name: _joint(each, label) for name, each in curves.items()}
    units = sorted({str(table["units"].iloc[0]) for table in tables.values()})
    if len(units) > 1:
        raise InputError(f"the curves are in {' and '.join(units)}: measure all of them in one unit")
    look = theme_named(theme)

    def draw(axes: Axes) -> None:
        _draw(axes, tables, units[0], look)

    return _drawn(draw, look, title, ax)


def rate_profile(
    table: pandas.DataFrame,
    *,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
    ax: Axes | None = None,
) -> Any:
    """Draw I(T;Y) at equal I(X;T) against the depth: one number a layer that no scale, bin or width enters.

    Args:
        table: Of ``Curves.at_rate``: layers from first to last, one row a copy. Hollow markers are in doubt (red), bars
            reach from the lower to the upper end, the line joins the means of the copies; a layer that does not have so
            much is a gap.
        title: Stands above the picture.
        theme: ``"light"`` or ``"dark"``.
        ax: Axes to draw on; a new figure if None.

    Returns:
        The figure.

    Raises:
        InputError: no layer has so much.
    """
    rate, units = float(table["rate"].iloc[0]), str(table["units"].iloc[0])
    if table["i_ty"].isna().all():
        raise InputError(f"no layer has {rate:g} bits of I(X;T) on these levels: ask for less")
    look = theme_named(theme)
    return _drawn(lambda axes: _draw_profile(axes, table, units, look), look, title, ax)


def _drawn(draw: Callable[[Axes], None], look: Theme, title: str | None, ax: Axes | None) -> Any:
    """On given axes, or on a page of its own."""
    if ax is not None:
        draw(ax)
        return ax.figure
    with new_page(look, None) as figure:
        figure.set_size_inches(*_SIZE)
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        draw(axes)
        if title:
            axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
    return figure


def _draw_profile(ax: Axes, table: pandas.DataFrame, units: str, theme: Theme) -> None:
    layers = list(dict.fromkeys(table["layer"]))
    colour = theme.layers[0]
    depth = np.array([layers.index(layer) for layer in table["layer"]])
    low, high = table["i_ty_low"], table["i_ty_high"].fillna(np.inf)
    value = table["i_ty"].to_numpy(float)
    top = float(np.nanmax(np.where(np.isfinite(high), high, value)))
    ends = np.stack([value - low, np.minimum(high, top) - value])  # a bar without an upper end leaves the picture
    ax.errorbar(depth, value, yerr=ends, color=colour, linestyle="none", elinewidth=0.9)
    for doubted, fill in ((table["light"] != "red", colour), (table["light"] == "red", theme.page)):
        ax.plot(depth[doubted], value[doubted], "o", markersize=5, color=colour, markerfacecolor=fill)
    means = [value[depth == place].mean() for place in range(len(layers))]
    ax.plot(range(len(layers)), means, color=colour, linewidth=1.4)
    ax.set_xticks(
        range(len(layers)), [shown_name(layer) for layer in layers], parse_math=False, rotation=30, ha="right"
    )
    rate = float(table["rate"].iloc[0])
    ax.set(ylabel=f"I(T;Y) [{units}] at I(X;T) = {rate:g} bits", xlabel="layer", ylim=(min(0, ax.get_ylim()[0]), None))
    ax.grid(color=theme.grid, linewidth=0.6)
    ax.set_axisbelow(True)


def _joint(curves: HasTable | Sequence[HasTable], label: str | None) -> pandas.DataFrame:
    """The table of a layer; of several copies, means between the outermost ends, with the worst light."""
    if not isinstance(curves, Sequence):
        return _of_label(curves.to_pandas(), label)
    tables = [_of_label(curve.to_pandas(), label).reset_index(drop=True) for curve in curves]
    joint = tables[0].copy()
    for name in ("i_xt", "i_ty") if len(tables) > 1 else ():
        joint[name] = np.mean([table[name] for table in tables], axis=0)
        joint[f"{name}_low"] = np.min([table[f"{name}_low"] for table in tables], axis=0)
        joint[f"{name}_high"] = np.max([table[f"{name}_high"] for table in tables], axis=0)
        every = np.array([table[f"{name}_light"] for table in tables])
        joint[f"{name}_light"] = [next(light for light in LIGHTS if light in column) for column in every.T]
    return joint


def _of_label(table: pandas.DataFrame, label: str | None) -> pandas.DataFrame:
    labels = list(dict.fromkeys(table["label"]))
    if "i_ty" not in table:
        raise InputError("a curve has no labels, and so no I(T;Y): give y to information_curve")
    if label is None and len(labels) > 1:
        raise InputError(f"there are several label sets: draw one of them, label={labels[0]!r} or another of {labels}")
    if label is not None and label not in labels:
        raise InputError(f"there is no label set {label!r}: there are {', '.join(map(repr, labels))}")
    return table[table["label"] == (labels[0] if label is None else label)]


def _draw(ax: Axes, tables: Mapping[str, pandas.DataFrame], units: str, theme: Theme) -> None:
    reach = 0.0
    for number, (name, table) in enumerate(tables.items()):
        trusted = table[(table["i_xt_light"] != "red") & (table["i_ty_light"] != "red")]
        colour = layer_colours(len(tables), theme)[number]
        left_out = len(table) - len(trusted)
        words = shown_name(name) + (f" ({left_out} of {len(table)} levels red)" if left_out else "")
        x, y = trusted["i_xt"].to_numpy(), trusted["i_ty"].to_numpy()
        ax.fill_between(x, trusted["i_ty_low"], trusted["i_ty_high"], color=colour, alpha=0.18, linewidth=0)
        ends = np.stack([x - trusted["i_xt_low"], trusted["i_xt_high"] - x])
        marker = MARKERS[number % len(MARKERS)]
        ax.errorbar(x, y, xerr=ends, color=colour, marker=marker, markersize=4.5, linewidth=1.4, elinewidth=0.8,
                    label=words)  # fmt: skip
        reach = max(reach, float(x.max()) if len(x) else 0.0)
    if not reach:
        raise InputError("every point is red, in doubt: measure more samples, or take more noise, as snr=[0.5, 1, 2]")
    top = ax.get_ylim()[1]
    ax.plot([0, top], [0, top], color=theme.ceiling, linewidth=0.9, linestyle=":", label="I(T;Y) = I(X;T)")
    h_y = float(next(iter(tables.values()))["h_y"].iloc[0])
    if top > h_y / 2:
        ax.axhline(h_y, color=theme.ceiling, linewidth=0.9, linestyle="--", label="H(Y)")
        top = max(top, 1.05 * h_y)
    ax.set(xlabel=f"I(X;T) [{units}]", ylabel=f"I(T;Y) [{units}]", xlim=(0, None), ylim=(min(0, ax.get_ylim()[0]), top))
    ax.grid(color=theme.grid, linewidth=0.6)
    ax.set_axisbelow(True)
    legend = ax.legend(
        frameon=False, fontsize="small", labelcolor=theme.ink, loc="upper left", bbox_to_anchor=(1.01, 1.0)
    )
    for text in legend.get_texts():
        text.set(**{key: value for key, value in AS_TYPED.items() if key != "usetex"})
