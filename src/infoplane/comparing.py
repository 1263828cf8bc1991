"""The same activations under many estimators and bin rules, side by side, with what does not apply and why."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, final

from torch import Tensor

from infoplane import plotting
from infoplane.errors import InputError
from infoplane.estimators import as_activations, check_units, estimator, names
from infoplane.estimators.base import Estimator, SymbolEstimator, check_finite
from infoplane.estimators.binned import Binned
from infoplane.estimators.doubt import label_null, with_null
from infoplane.estimators.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    distinct_ids,
    input_variable,
    label_variable,
)
from infoplane.types import NATS_PER, Estimate, Units

if TYPE_CHECKING:
    import pandas

Spec = Estimator | str | Mapping[str, Any]  #: what names an estimator: an instance, a name, a table with a ``name``

#: The bin rules of published planes: 30 bins on [-1, 1], bins of width .07, 30 from minimum to maximum of the layer,
#: 30 of each unit.
PUBLISHED_RULES: tuple[Spec, ...] = (
    {"name": "binned", "bins": "fixed"},
    {"name": "binned", "bins": "width"},
    {"name": "binned", "bins": 30},
    {"name": "binned", "bins": "unit"},
)
_OTHER_RULES: tuple[Spec, ...] = tuple({"name": "binned", "bins": rule} for rule in ("report", "quantile", "distinct"))
_QUICK = ("kde", "gaussian", "gaussian-copula", "ksg", "mixed-ksg", "renyi", "soft", "usable", "edge")
_MOST_NEIGHBOUR_UNITS = 6  # neighbours are far away beyond
_MOST_MATRIX_SAMPLES = 2000  # the time for eigenvalues grows with their cube


@dataclass(frozen=True)
class Row:
    """What one estimator says, in ``units``; None where it says nothing, and then ``note`` says why.

    ``kind`` and ``n`` are those of I(T;Y). ``flags`` are those of both informations. ``i_ty_null`` is the mean on
    shuffled labels, ``p_value`` the share of shuffles that reach the value; ``seconds`` of this row alone.
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
    flags: tuple[str, ...] = ()
    seconds: float = 0.0
    note: str = ""

    @property
    def empty(self) -> bool:
        return self.i_xt is None and self.i_ty is None


#: The columns of a comparison, in order.
COLUMNS = tuple(field.name for field in fields(Row))


@final
@dataclass(frozen=True)
class Comparison:
    """Rows of estimators on the same samples. ``facts``: ``log2_n`` in bits, ``h_y`` in ``units`` where y has classes.

    >>> import numpy as np
    >>> t, y = np.repeat([[-0.9], [0.1], [0.2], [0.9]], 50, axis=0), np.repeat([0, 0, 1, 1], 50)
    >>> both = compare(t, y, estimators=[{"name": "binned", "bins": 3}, {"name": "binned", "bins": "distinct"}])
    >>> [round(row.i_ty, 3) for row in both.rows], both.spread()["bin rules"]["i_ty"]
    ([0.5, 1.0], 0.5)
    """

    rows: tuple[Row, ...]
    units: Units = "bits"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def spread(self) -> dict[str, dict[str, float | None]]:
        """Largest less smallest ``i_xt`` and ``i_ty``: of the published bin rules, of all bin rules, of all plug-ins.

        None where fewer than two rows have a value.
        """
        published = {_made(spec).measurement for spec in PUBLISHED_RULES}
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

        rows = [asdict(row) | {"flags": ";".join(row.flags)} for row in self.rows]
        table = pandas.DataFrame(rows, columns=list(COLUMNS))
        texts = ("estimator", "measurement", "kind", "units", "flags", "note")
        return table.astype({name: "float64" for name in COLUMNS if name not in (*texts, "n")})

    def plot(self, **options: Any) -> Any:
        """Both informations, a line a row, by :func:`infoplane.plotting.comparison`, which explains the options."""
        return plotting.comparison(self.to_pandas(), **({"facts": self.facts} | options))

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns and cells as a person reads them, without the columns that are empty."""
        heads = {
            "estimator": "estimator", "measurement": "measurement", "i_xt": f"I(X;T) [{self.units}]",
            "i_ty": f"I(T;Y) [{self.units}]", "i_ty_null": "null", "p_value": "p", "kind": "kind", "n": "n",
            "flags": "flags", "seconds": "s", "note": "note",
        }  # fmt: skip
        cells = [{name: _cell(row, name) for name in heads} for row in self.rows]
        used = [name for name in heads if any(line[name] for line in cells)]
        return [heads[name] for name in used], [[line[name] for name in used] for line in cells]

    def summary(self) -> list[str]:
        """The ceilings and the spreads, in words."""
        known = [f"log2 N = {self.facts['log2_n']:.3f} bits"] if "log2_n" in self.facts else []
        known += [f"H(Y) = {self.facts['h_y']:.3f} {self.units}"] if "h_y" in self.facts else []
        lines = [f"Ceilings: {', '.join(known)}"] if known else []
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
        return "\n".join([*lines, *self.summary()])

    def _repr_html_(self) -> str:
        heads, cells = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in cells)
        notes = "".join(f"<p>{html.escape(line)}</p>" for line in self.summary())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def compare(
    t: Any,
    y: Any,
    *,
    x: Any = None,
    estimators: Spec | Iterable[Spec] | None = None,
    units: Units = "bits",
    y_bins: int | None = None,
    shuffles: int = 0,
    seed: int = 0,
) -> Comparison:
    """The same samples under many estimators: how far do they agree?

    ``t`` (samples, units) activations; ``y`` (samples,) labels; ``x`` (samples, ...) inputs, from which comes I(X;T);
    without it only estimators that count give I(X;T), as of inputs that are all distinct. ``estimators``: names,
    tables such as ``{"name": "binned", "bins": 8}`` or instances; None for the published bin rules and all that is
    quick; ``"all"`` for these and all others, trained ones too. ``y_bins`` cuts a continuous y, ``shuffles`` estimates
    I(T;Y) on as many random orders of the labels, drawn from ``seed``, as in ``mutual_information``.

    An estimator that does not apply is a row with the reason. Errors: ``InputError`` where t, y and x differ in length,
    y has one class, or no estimator applies.

    >>> import numpy as np
    >>> t = np.random.default_rng(0).normal(size=(500, 2))
    >>> comparison = compare(t, t[:, 0] > 0)
    >>> comparison.rows[0].measurement, len(comparison.rows)
    ('30 bins on [-1, 1]', 16)
    """
    check_units(units)
    activations = as_activations(t)
    lengths = {"t": len(activations), "y": len(as_array(y))} | ({} if x is None else {"x": len(as_array(x))})
    check_lengths(**lengths)
    inputs = None if x is None else input_variable(x).to(activations.device)
    samples = _Samples(activations, y, inputs, units, y_bins, shuffles, seed)
    facts: dict[str, Any] = {"log2_n": math.log2(len(activations))}
    labels = label_variable(y, bins=y_bins, continuous=True)
    if labels.ids is not None:
        check_classes(labels.ids)
        facts["h_y"] = labels.ids.entropy() / NATS_PER[units]
    rows, refusals = [], []
    for made in _estimators(estimators):
        skipped = "" if estimators is not None else _too_slow(made, activations)
        row, refused = (_blank(made, units, skipped), []) if skipped else _row(made, samples)
        rows.append(row)
        refusals += refused
    if all(row.empty for row in rows) and refusals:
        raise refusals[0]
    return Comparison(tuple(rows), units, facts)


@dataclass(frozen=True)
class _Samples:
    """What is the same for all rows."""

    t: Tensor
    y: Any
    x: Variable | None
    units: Units
    y_bins: int | None
    shuffles: int
    seed: int


def _made(spec: Spec) -> Estimator:
    return estimator(spec)


def _estimators(wanted: Spec | Iterable[Spec] | None) -> list[Estimator]:
    standard: tuple[Spec, ...] = (*PUBLISHED_RULES, *_OTHER_RULES, *_QUICK)
    if wanted is None:
        return list(map(_made, standard))
    if isinstance(wanted, str) and wanted == "all":
        others = [name for name in names() if name != Binned.name and name not in _QUICK]
        return list(map(_made, (*standard, *others)))
    specs = [wanted] if isinstance(wanted, Estimator | str | Mapping) else list(wanted)
    if not specs:
        raise InputError(f"estimators is empty: name at least one of {', '.join(names())}, or leave it out")
    return list(map(_made, specs))


def _too_slow(made: Estimator, t: Tensor) -> str:
    """Why an estimator is left out where nobody asked for it."""
    n, units = t.shape
    if made.name in ("ksg", "mixed-ksg") and units > _MOST_NEIGHBOUR_UNITS:
        return f"left out: {units} units, neighbours are local in up to {_MOST_NEIGHBOUR_UNITS}; ask for it by name"
    if made.name == "renyi" and n > _MOST_MATRIX_SAMPLES:
        return f"left out: {n} samples, slow beyond {_MOST_MATRIX_SAMPLES}; ask for it by name"
    return ""


def _blank(made: Estimator, units: Units, note: str) -> Row:
    return Row(made.name, made.measurement, units=units, note=note)


def _row(made: Estimator, samples: _Samples) -> tuple[Row, list[InputError]]:
    """One estimator on the samples, and what it refused."""
    begun = time.perf_counter()
    row = _blank(made, samples.units, "")
    refused: list[InputError] = []
    try:
        if not isinstance(made, SymbolEstimator):
            check_finite(samples.t)
        prepared = made.prepare(samples.t)
    except InputError as error:
        return replace(row, note=str(error), seconds=time.perf_counter() - begun), [error]
    for what, estimate_of in (("I(T;Y)", _of_label), ("I(X;T)", _of_input)):
        try:
            row = _filled(row, what, estimate_of(made, prepared, samples))
        except InputError as error:
            refused.append(error)
            row = _noted(row, f"no {what}: {error}")
    return replace(row, seconds=time.perf_counter() - begun), refused


def _of_label(made: Estimator, prepared: Any, samples: _Samples) -> Estimate:
    y = label_variable(samples.y, bins=samples.y_bins, continuous=made.continuous).to(samples.t.device)
    estimate = made.with_label(prepared, y, samples.units)
    if not samples.shuffles:
        return estimate
    null = label_null(
        made, prepared, y, estimate.value, shuffles=samples.shuffles, seed=samples.seed, units=samples.units
    )
    return with_null(estimate, null)


def _of_input(made: Estimator, prepared: Any, samples: _Samples) -> Estimate | None:
    """I(X;T), or None where it is not asked for or not defined."""
    if "i_xt" not in made.informations:
        return None
    if samples.x is not None:
        return made.with_input(prepared, samples.x, samples.units)
    if isinstance(made, SymbolEstimator):
        return made.with_input(prepared, Variable(distinct_ids(len(samples.t), samples.t.device)), samples.units)
    return None


def _filled(row: Row, what: str, estimate: Estimate | None) -> Row:
    """The row with one more estimate."""
    if estimate is None:
        return row
    flags = tuple(dict.fromkeys((*row.flags, *estimate.flags)))
    if what == "I(X;T)":
        row = replace(row, i_xt=estimate.value, i_xt_low=estimate.low, i_xt_high=estimate.high, flags=flags)
        other = row.kind and estimate.kind != row.kind
        return _noted(row, f"I(X;T) is of the kind {estimate.kind}") if other else row
    details = estimate.details
    return replace(
        row,
        i_ty=estimate.value,
        i_ty_low=estimate.low,
        i_ty_high=estimate.high,
        i_ty_null=details.get("null"),
        p_value=details.get("p_value"),
        kind=estimate.kind,
        n=estimate.n,
        flags=flags,
    )


def _noted(row: Row, note: str) -> Row:
    return replace(row, note="; ".join(filter(None, (row.note, note))))


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
