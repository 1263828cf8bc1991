"""The result of a comparison: a row for every estimator, as a table, as text, and how far the rows differ."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, final

from infoplane import plotting
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.rules import RuleLike
from infoplane.flags import Flag
from infoplane.types import Units

if TYPE_CHECKING:
    import pandas

#: The bin rules of published planes: 30 bins on [-1, 1], bins of width .07, 30 from minimum to maximum of the layer,
#: 30 of each unit.
PUBLISHED_RULES: tuple[RuleLike, ...] = ("fixed", "width", 30, "unit")


@dataclass(frozen=True)
class Row:
    """What one estimator says, in ``units``; None where it says nothing, and then ``note`` says why.

    ``kind`` and ``n`` are those of I(T;Y), where it has a value. ``flags`` are those of both informations, with the
    worse of their traffic lights. ``i_ty_null`` is the mean on shuffled labels, ``p_value`` the share of shuffles that
    reach the value.
    """

    estimator: str
    measurement: str
    i_xt: float | None = None
    i_xt_low: float | None = None
    i_xt_high: float | None = None
    i_ty: float | None = None
    i_ty_low: float | None = None
    i_ty_high: float | None = None
    i_ty_null: float | None = None
    p_value: float | None = None
    kind: str = ""
    n: int | None = None
    units: str = "bits"
    flags: tuple[Flag, ...] = ()
    seconds: float = 0.0
    note: str = ""
    i_xt_kind: str = ""
    i_xt_flags: tuple[Flag, ...] = ()
    i_ty_flags: tuple[Flag, ...] = ()
    i_xt_interval: str = ""
    i_ty_interval: str = ""

    @property
    def empty(self) -> bool:
        return self.i_xt is None and self.i_ty is None


#: The columns of a comparison, in order.
COLUMNS = tuple(field.name for field in fields(Row))


@final
@dataclass(frozen=True)
class Comparison:
    """Rows of estimators on the same samples. ``facts``: ``log2_n`` in bits, ``h_y`` in ``units`` where y has classes,
    ``label``, what y was taken for.

    >>> import infoplane as ip, numpy as np
    >>> t, y = np.repeat([[-0.9], [0.1], [0.2], [0.9]], 50, axis=0), np.repeat([0, 0, 1, 1], 50)
    >>> both = ip.compare(t, y, estimators=[{"name": "binned", "bins": 3}, {"name": "binned", "bins": "distinct"}])
    >>> [round(row.i_ty, 3) for row in both.rows], round(both.spread()["bin rules"]["i_ty"], 3)
    ([0.5, 1.0], 0.5)
    """

    rows: tuple[Row, ...]
    units: Units = "bits"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def spread(self) -> dict[str, dict[str, float | None]]:
        """Largest less smallest ``i_xt`` and ``i_ty``: of the published bin rules, of all bin rules, of all plug-ins.

        None where fewer than two rows have a value.
        """
        published = {Binned(rule).measurement for rule in PUBLISHED_RULES}
        binned = [row for row in self.rows if row.estimator == Binned.name and row.kind == "plug-in"]
        groups = {
            "published bin rules": [row for row in binned if row.measurement in published],
            "bin rules": binned,
            "plug-ins": [row for row in self.rows if row.kind == "plug-in"],
        }
        return {name: {what: _reach(rows, what) for what in ("i_xt", "i_ty")} for name, rows in groups.items()}

    def to_pandas(self) -> pandas.DataFrame:
        """A table of the rows; flags joined with ``;``, NaN where there is no number."""
        import pandas

        flags = ("flags", "i_xt_flags", "i_ty_flags")
        rows = [asdict(row) | {name: ";".join(getattr(row, name)) for name in flags} for row in self.rows]
        table = pandas.DataFrame(rows, columns=list(COLUMNS))
        intervals = ("i_xt_interval", "i_ty_interval")
        texts = ("estimator", "measurement", "kind", "i_xt_kind", "units", "note", *flags, *intervals)
        return table.astype({name: "float64" for name in COLUMNS if name not in (*texts, "n")})

    def record(self) -> dict[str, Any]:
        """Everything, in values that JSON has a form for."""
        rows = [asdict(row) for row in self.rows]
        return {"units": self.units, "facts": dict(self.facts), "rows": rows, "spread": self.spread()}

    def plot(self, **options: Any) -> Any:
        """Both informations, a line a row, by :func:`infoplane.plotting.comparison`, which explains the options."""
        return plotting.comparison(self.to_pandas(), **({"facts": self.facts} | options))

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns and cells as a person reads them, without the columns that are empty."""
        heads = {
            "estimator": "estimator", "measurement": "measurement", "i_xt": f"I(X;T) [{self.units}]",
            "i_ty": f"I(T;Y) [{self.units}]", "i_ty_interval": "interval", "i_ty_null": "null", "p_value": "p",
            "kind": "kind", "n": "n", "flags": "flags", "seconds": "s",
        }  # fmt: skip
        cells = [{name: _cell(row, name) for name in heads} for row in self.rows]
        used = [name for name in heads if any(line[name] for line in cells)]
        return [heads[name] for name in used], [[line[name] for name in used] for line in cells]

    def notes(self) -> list[str]:
        """What the estimators say beside their numbers, or why they have none."""
        return [f"{row.estimator}: {row.note}" for row in self.rows if row.note]

    def summary(self) -> list[str]:
        """The ceilings and the spreads, in words."""
        known = [f"log2 N = {self.facts['log2_n']:.3f} bits"] if "log2_n" in self.facts else []
        known += [f"H(Y) = {self.facts['h_y']:.3f} {self.units}"] if "h_y" in self.facts else []
        lines = [f"y is taken for {self.facts['label']}"] if "label" in self.facts else []
        lines += [f"Ceilings: {', '.join(known)}"] if known else []
        for name, reach in self.spread().items():
            said = [
                f"{value:.3f} {self.units} of {what}"
                for what, value in (("I(X;T)", reach["i_xt"]), ("I(T;Y)", reach["i_ty"]))
                if value is not None
            ]
            lines += [f"Spread of the {name}: {', '.join(said)}"] if said else []
        return lines

    def __str__(self) -> str:
        heads, cells = self.table()
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in (heads, *cells)]
        return "\n".join([*lines, *self.notes(), *self.summary()])

    def _repr_html_(self) -> str:
        heads, cells = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in cells)
        notes = "".join(f"<p>{html.escape(line)}</p>" for line in (*self.notes(), *self.summary()))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _reach(rows: Sequence[Row], what: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, what)) is not None]
    return max(values) - min(values) if len(values) > 1 else None


def _cell(row: Row, name: str) -> str:
    """A value as a person reads it, with its interval."""
    value = getattr(row, name)
    if value is None:
        return ""
    if name in ("i_xt", "i_ty"):
        low, high = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        if low is None and high is None:
            return f"{value:.3f}"
        ends = ("-inf" if low is None else f"{low:.3f}", "inf" if high is None else f"{high:.3f}")
        return f"{value:.3f} [{ends[0]}, {ends[1]}]"
    if isinstance(value, tuple):
        return ", ".join(value)
    digits = 2 if name == "seconds" else 3
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)
