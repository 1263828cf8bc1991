"""Information curves in the plane: what layers know at every level of noise, between their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from infoplane.errors import InputError
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
    curves: Mapping[str, HasTable],
    *,
    label: str | None = None,
    title: str | None = None,
    theme: Literal["light", "dark"] = "light",
    ax: Axes | None = None,
) -> Any:
    """Draw I(T;Y) against I(X;T), one line a layer, from much noise at the left to little at the right.

    Higher is more label for each bit of input. Bands reach from the lower to the upper end of I(T;Y), bars from those
    of I(X;T); points whose light is red are left out, and the legend counts them. The straight line is
    I(T;Y) = I(X;T), above which no layer can be, the dashed one H(Y) where a curve comes near it.

    Args:
        curves: By name of the layer, results of :func:`infoplane.information_curve`.
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
    tables = {name: _of_label(curve.to_pandas(), label) for name, curve in curves.items()}
    units = sorted({str(table["units"].iloc[0]) for table in tables.values()})
    if len(units) > 1:
        raise InputError(f"the curves are in {' and '.join(units)}: measure all of them in one unit")
    look = theme_named(theme)
    if ax is not None:
        _draw(ax, tables, units[0], look)
        return ax.figure
    with new_page(look, None) as figure:
        figure.set_size_inches(*_SIZE)
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        _draw(axes, tables, units[0], look)
        if title:
            axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
    return figure


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
        raise InputError(
            "every point is red, in doubt: measure more samples, or more noise, for example snr=[0.5, 1, 2, 4]"
        )
    top = ax.get_ylim()[1]
    ax.plot([0, top], [0, top], color=theme.ceiling, linewidth=0.9, linestyle=":", label="I(T;Y) = I(X;T)")
    ax.set(xlabel=f"I(X;T) [{units}]", ylabel=f"I(T;Y) [{units}]", xlim=(0, None), ylim=(min(0, ax.get_ylim()[0]), top))
    ax.grid(color=theme.grid, linewidth=0.6)
    ax.set_axisbelow(True)
    legend = ax.legend(
        frameon=False, fontsize="small", labelcolor=theme.ink, loc="upper left", bbox_to_anchor=(1.01, 1.0)
    )
    for text in legend.get_texts():
        text.set(**{key: value for key, value in AS_TYPED.items() if key != "usetex"})
