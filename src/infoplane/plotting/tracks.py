"""A trajectory's table -> panels of tracks: a panel for every way of measuring, a track for every layer and copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from infoplane.errors import InputError
from infoplane.plotting.style import shown_name
from infoplane.types import COLUMNS

if TYPE_CHECKING:
    import pandas

#: What a way of turning the copies of a family into one number measures; K is the copy.
_FAMILY_TITLES = {
    "single": "one network",
    "sampled": "sampled: I(X,K;T)",
    "exact": "exact: I(X;T) over all copies",
    "per-copy": "per copy: I(X;T|K)",
}
_PANEL_COLUMNS = ("split", "label", "estimator", "family")
_NUMBERS = [name for name in COLUMNS if name.startswith(("i_", "h_"))]


@dataclass(frozen=True, eq=False)
class Track:
    """One layer over the steps, of one copy or of all of them: arrays of one length, in the order of the steps."""

    layer: str
    number: int  # the layer's position, the first is 0
    steps: np.ndarray
    numbers: dict[str, np.ndarray]  # column -> values
    doubted: np.ndarray  # whether the row carries a reason for doubt


@dataclass(frozen=True, eq=False)
class Panel:
    """One way of measuring. ``whole``: one track a layer; ``single``: one a layer and copy, where there are copies.

    ``reasons`` are the flags of the doubted rows.
    """

    title: str
    whole: list[Track]
    single: list[Track]
    reasons: frozenset[str]


def panels(table: pandas.DataFrame) -> list[Panel]:
    """The panels of a table, in the order in which they first appear.

    Raises:
        InputError: a column is missing, or there is no row.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(missing)}: pass Trajectory.to_pandas()")
    if not len(table):
        raise InputError("the table has no rows, so there is nothing to draw: measure at least once before")
    table = table.fillna(dict.fromkeys((*_PANEL_COLUMNS, "flags", "layer"), "") | {"copy": -1})
    varying = [name for name in _PANEL_COLUMNS if table[name].nunique() > 1]
    layers = layer_names(table)
    return [_panel(rows, layers, varying) for _, rows in table.groupby(list(_PANEL_COLUMNS), sort=False)]


def the_units(table: pandas.DataFrame) -> str:
    """The one unit of the table, bits where it names none; an InputError where rows have different ones."""
    units = sorted(table["units"].dropna().unique())
    if len(units) > 1:
        one = f"table[table.units == {units[0]!r}]"
        raise InputError(f"the table has rows in {' and '.join(units)}: draw one unit at a time, for example {one}")
    return units[0] if units else "bits"


def layer_names(table: pandas.DataFrame) -> list[str]:
    """The names of the layers, the first layer first."""
    return list(table.sort_values("layer_index", kind="stable")["layer"].unique())


def _panel(rows: pandas.DataFrame, layers: list[str], varying: list[str]) -> Panel:
    first = rows.iloc[0]
    named = [name for name in _PANEL_COLUMNS if name in varying or (name == "family" and first[name] != "single")]
    parts = [_FAMILY_TITLES.get(first[name], first[name]) if name == "family" else first[name] for name in named]
    doubts = [text.split(";") for text in rows["flags"].unique() if _in_doubt(text)]
    reasons = frozenset(flag for flags in doubts for flag in flags if flag != "red")
    whole, single = [], []
    for number, layer in enumerate(layers):
        of_layer = rows[rows["layer"] == layer]
        copies = {copy: _track(part, layer, number) for copy, part in of_layer.groupby("copy")}
        total = copies.pop(-1, None)
        if total is None and len(copies) > 1:
            total = _mean_track(of_layer, layer, number)
        elif total is None and copies:
            total = copies.popitem()[1]
        whole += [total] if total is not None else []
        single += list(copies.values())
    return Panel(", ".join(shown_name(part) for part in parts if part), whole, single, reasons)


def _track(rows: pandas.DataFrame, layer: str, number: int) -> Track:
    rows = rows.sort_values("step", kind="stable")
    doubts = {text: _in_doubt(text) for text in rows["flags"].unique()}
    numbers = {name: rows[name].to_numpy(dtype=float) for name in _NUMBERS}
    doubted = rows["flags"].map(doubts).to_numpy(dtype=bool)
    return Track(layer, number, rows["step"].to_numpy(dtype=float), numbers, doubted)


def _mean_track(rows: pandas.DataFrame, layer: str, number: int) -> Track:
    """The mean over the copies at every step; in doubt where one of them is."""
    means = rows.groupby("step")[_NUMBERS].mean().reset_index()
    means["flags"] = rows.groupby("step")["flags"].agg(";".join).to_numpy()
    return _track(means, layer, number)


def _in_doubt(flags: str) -> bool:
    """Whether a row's flags, joined with ``;``, say that the number is the sample's rather than the network's."""
    return not {"red", "saturated"}.isdisjoint(flags.split(";"))
