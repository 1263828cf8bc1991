"""A trajectory's table -> panels of tracks: a panel for every way of measuring, a track for every layer and copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from infoplane.columns import TRAJECTORY
from infoplane.errors import InputError
from infoplane.flags import LIGHTS, RED, Flag, from_text, in_doubt
from infoplane.plotting.style import shown_name

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
_BAND = (0.1, 0.9)  # the shares between which a band reaches
_NUMBERS = [column.name for column in TRAJECTORY if column.in_units]


@dataclass(frozen=True, eq=False)
class Track:
    """One layer over the steps, of one copy or of all of them: arrays of one length, in the order of the steps."""

    layer: str
    number: int  # the layer's position, the first is 0
    steps: np.ndarray
    numbers: dict[str, np.ndarray]  # column -> values
    doubted: np.ndarray  # whether the row carries a reason for doubt
    spread: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # column -> ends, over the repeats
    middle: bool = False  # whether the numbers are medians over the repeats
    style: int = 0  # which of the splits, where several share a panel

    @property
    def finite(self) -> np.ndarray:
        """Whether a point has both coordinates of the information plane."""
        return np.isfinite(self.numbers["i_xt"]) & np.isfinite(self.numbers["i_ty"])

    @property
    def xy(self) -> np.ndarray:
        """(points, 2): the points that have both coordinates."""
        return np.stack([self.numbers["i_xt"], self.numbers["i_ty"]], axis=1)[self.finite]

    def band(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The spread of a median; else the interval of the rows where they have one; else the spread of the copies."""
        low, high = self.numbers.get(f"{name}_low"), self.numbers.get(f"{name}_high")
        if not self.middle and low is not None and high is not None and np.isfinite(low + high).any():
            return low, high
        return self.spread.get(name)


@dataclass(frozen=True, eq=False)
class Panel:
    """One way of measuring. ``whole``: one track a layer; ``single``: one a layer and repeat, where there are some.

    ``reasons`` are the flags of the doubted rows; ``styles`` the splits that share the panel; ``repeats`` says what
    the repeats are, "5 copies".
    """

    title: str
    estimator: str
    whole: list[Track]
    single: list[Track]
    reasons: frozenset[Flag]
    styles: tuple[str, ...] = ()
    repeats: str = ""

    @property
    def short_title(self) -> str:
        """The title without the measurement, for where the axes name it."""
        return self.title.replace(self.estimator, self.estimator.partition("(")[0]) if self.estimator else self.title

    def measured(self, facts: Mapping[str, Any]) -> str | None:
        """The measurement model in words, from the estimator's label or else from ``facts``."""
        inside = self.estimator.partition("(")[2].removesuffix(")")
        known = dict(facts.get("estimators") or {}).get(self.estimator, {})
        return inside or known.get("measurement") or facts.get("measurement")

    def band_in_words(self) -> str:
        """What lines and bands of repeats are; an empty text where there are none."""
        if not any(track.spread for track in self.whole):
            return ""
        line = "median, " if any(track.middle for track in self.whole) else ""
        return f"{line}band: {_BAND[0]:.0%} to {_BAND[1]:.0%} of {self.repeats}".replace("%", " %")


def panels(table: pandas.DataFrame, *, together: bool = False) -> list[Panel]:
    """The panels of a table, in the order in which they first appear; with ``together`` the splits share them.

    Rows that agree in everything, step and copy too, are repeats, as the runs of several seeds are.

    Raises:
        InputError: a column is missing, or there is no row.
    """
    missing = [column.name for column in TRAJECTORY if column.name not in table.columns and column.role != "fact"]
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(missing)}: pass Trajectory.to_pandas()")
    if not len(table):
        raise InputError("the table has no rows, so there is nothing to draw: measure at least once before")
    table = table.fillna(dict.fromkeys((*_PANEL_COLUMNS, "flags", "layer"), "") | {"copy": -1})
    table = table.assign(repeat=table.groupby([*_PANEL_COLUMNS, "layer", "copy", "step"]).cumcount())
    columns = [name for name in _PANEL_COLUMNS if not (together and name == "split")]
    varying = [name for name in columns if table[name].nunique() > 1]
    layers = layer_names(table)
    return [_panel(rows, layers, varying) for _, rows in table.groupby(columns, sort=False)]


def the_units(table: pandas.DataFrame) -> str:
    """The one unit of the table, bits where it names none; an InputError where rows have different ones."""
    units = sorted(table["units"].dropna().unique())
    if len(units) > 1:
        example = f"table[table.units == {units[0]!r}]"
        raise InputError(f"the table has rows in {' and '.join(units)}: draw one unit at a time, for example {example}")
    return units[0] if units else "bits"


def layer_names(table: pandas.DataFrame) -> list[str]:
    """The names of the layers, the first layer first."""
    return list(table.sort_values("layer_index", kind="stable")["layer"].unique())


def _panel(rows: pandas.DataFrame, layers: list[str], varying: list[str]) -> Panel:
    first = rows.iloc[0]
    named = [name for name in _PANEL_COLUMNS if name in varying or (name == "family" and first[name] != "single")]
    parts = [first[name] if name == "estimator" else shown_name(_FAMILY_TITLES.get(first[name], first[name]))
             for name in named]  # fmt: skip
    whole, single, splits = [], [], tuple(rows["split"].unique())
    for style, split in enumerate(splits):
        of_split = rows[rows["split"] == split]
        for number, layer in enumerate(layers):
            tracks = _tracks(of_split[of_split["layer"] == layer], layer, number, style)
            whole += tracks[:1]
            single += tracks[1:]
    title = ", ".join(part for part in parts if part)
    return Panel(
        title,
        first["estimator"],
        whole,
        single,
        frozenset(reasons_of(map(from_text, rows["flags"].unique()))),
        splits,
        _repeats(rows),
    )


def reasons_of(cells: Iterable[Sequence[Flag]]) -> list[Flag]:
    """The flags of the rows in doubt but for the lights, which say nothing more where there is another reason."""
    doubts = [flags for flags in cells if in_doubt(flags)]
    return sorted({flag for flags in doubts for flag in flags} - set(LIGHTS)) or ([RED] if doubts else [])


def _tracks(rows: pandas.DataFrame, layer: str, number: int, style: int) -> list[Track]:
    """The track of the whole, and those of the repeats where there are several."""
    each = {who: _track(part, layer, number, style=style) for who, part in rows.groupby(["copy", "repeat"])}
    if len(each) < 2:
        return list(each.values())
    total = each.pop((-1, 0), None) if (-1, 1) not in each else None  # rows of all copies, beside rows of single ones
    spread = rows[rows["copy"] >= 0] if total is not None else rows
    return [_middle_track(spread, total, layer, number, style), *each.values()]


def _repeats(rows: pandas.DataFrame) -> str:
    """What the repeats of a panel are, and how many."""
    copies, runs = (rows["copy"][rows["copy"] >= 0].nunique(), rows["repeat"].max() + 1)
    words = [f"{runs} runs"] if runs > 1 else []
    return " of ".join([*words, f"{copies} copies"] if copies > 1 else words)


def _track(rows: pandas.DataFrame, layer: str, number: int, *, style: int = 0) -> Track:
    rows = rows.sort_values("step", kind="stable")
    doubts = {text: in_doubt(from_text(text)) for text in rows["flags"].unique()}
    numbers = {name: rows[name].to_numpy(dtype=float) for name in _NUMBERS}
    doubted = rows["flags"].map(doubts).to_numpy(dtype=bool)
    return Track(layer, number, rows["step"].to_numpy(dtype=float), numbers, doubted, style=style)


def _middle_track(rows: pandas.DataFrame, total: Track | None, layer: str, number: int, style: int) -> Track:
    """The spread of the repeats, around ``total`` or else around their medians; in doubt where one of them is."""
    by_step = rows.groupby("step")
    low, high = (by_step[_NUMBERS].quantile(end) for end in _BAND)
    medians = by_step[_NUMBERS].median().reset_index()
    medians["flags"] = by_step["flags"].agg(";".join).to_numpy()
    track = _track(medians, layer, number, style=style) if total is None else total
    if not np.array_equal(track.steps, medians["step"]):
        return track
    spread = {name: (low[name].to_numpy(float), high[name].to_numpy(float)) for name in _NUMBERS}
    return replace(track, spread=spread, middle=total is None)
