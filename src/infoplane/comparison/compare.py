"""The same activations under many estimators and bin rules, side by side, with what does not apply and why."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from infoplane.checks import real_number, whole_number
from infoplane.comparison.table import PUBLISHED_RULES, Comparison, Row
from infoplane.errors import InputError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.ask import Doubts, as_activations, check_units, label_estimate, of_classes, prepared
from infoplane.estimators.base import Estimator, LadderEstimator, SymbolEstimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.labels import Declared, Labels, Missing, read_labels, rows_with_labels
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    distinct_ids,
    input_variable,
    label_variable,
)
from infoplane.estimators.registry import Spec, estimators_of, names, together
from infoplane.flags import merged
from infoplane.types import NATS_PER, Estimate, Units

_RULES = (*PUBLISHED_RULES, "report", "quantile", "distinct")
_QUICK = ("kde", "gaussian", "gaussian-copula", "ksg", "mixed-ksg", "renyi", "soft", "usable", "edge")
_LAST = ("usable", "renyi", "channel", "noisy", "infonce", "nwj", "smile", "mine", "club")  # what takes longest
_MOST_NEIGHBOUR_UNITS = 6  # neighbours are far away beyond
_MOST_MATRIX_SAMPLES = 2000  # the time for eigenvalues grows with their cube


@shielded
def compare(  # noqa: PLR0913 (public keywords)
    t: Any,
    y: Any,
    *,
    x: Any = None,
    estimators: Spec | Iterable[Spec] | None = None,
    units: Units = "bits",
    y_bins: int | None = None,
    continuous: str | Iterable[str] | None = None,
    discrete: str | Iterable[str] | None = None,
    missing: Missing = "error",
    ignore_index: int | None = None,
    shuffles: int = 0,
    groups: Any = None,
    intervals: bool = True,
    seed: int = 0,
    nonfinite: str = "error",
    seconds: float | None = None,
) -> Comparison:
    """The same samples under many estimators: how far do they agree?

    An estimator that does not apply is a row with the reason.

    Args:
        t: Activations (samples, units).
        y: Labels (samples,).
        x: Inputs (samples, ...), from which comes I(X;T); without them only estimators that count give I(X;T), as of
            inputs that are all distinct.
        estimators: Names, tables such as ``{"name": "binned", "bins": 8}`` or instances; None for the published bin
            rules and all that is quick; ``"all"`` for these and all others, trained ones too.
        units: Of all numbers.
        y_bins: Cuts a continuous y into classes.
        continuous: ``"y"``, as of ``mutual_information``, and so are the next three.
        discrete: ``"y"``, ``"t"`` or both.
        missing: What a missing label leads to: ``"error"``, or ``"drop"`` its sample.
        ignore_index: A number in y that stands for "no label".
        shuffles: Also estimates I(T;Y) on so many random orders of the labels, as ``mutual_information`` does.
        groups: (samples,) the names of samples that belong together, for shuffles, held-out splits and intervals.
        intervals: Intervals of I(T;Y) for estimators without one of their own, as ``mutual_information`` makes them.
        seed: Of these orders.
        nonfinite: What becomes of rows with NaN or infinity, for every estimator: ``"error"``, ``"drop-row"``, or
            ``"own-cell"`` where all of them count symbols.
        seconds: After so many no further estimator begins, those that take longest come last; None: no limit.

    Raises:
        InputError: t, y and x differ in length, y has one class, or no estimator applies.

    Example:
        >>> import numpy as np
        >>> t = np.random.default_rng(0).normal(size=(500, 2))
        >>> comparison = compare(t, t[:, 0] > 0)
        >>> comparison.rows[0].measurement, len(comparison.rows)
        ('30 bins on [-1, 1]', 16)
    """
    check_units(units)
    whole_number("shuffles", shuffles, least=0, example=20)
    declared = Declared.of(
        ("t", "y"), continuous=continuous, discrete=discrete, missing=missing, ignore_index=ignore_index
    )
    is_discrete = declared.kind("t") == "discrete"
    t, labels = read_labels(t, "t") if is_discrete else as_activations(t), read_labels(y, "y", declared)
    check_lengths(t=len(t), y=len(labels), **({} if x is None else {"x": len(as_array(x))}))
    inputs = None if x is None else input_variable(x)
    keep = rows_with_labels([labels], declared)
    if keep is not None:
        t, labels = t.at(keep) if is_discrete else t[torch.from_numpy(keep).to(t.device)], labels.at(keep)
        inputs = None if inputs is None else inputs.take(torch.from_numpy(keep))
        groups = None if groups is None else as_array(groups)[keep]
    doubts = Doubts(shuffles, groups, seed=seed, intervals=intervals)
    samples = _Samples(t, labels, inputs, units, y_bins, doubts)
    facts: dict[str, Any] = {"log2_n": math.log2(len(t))}
    variable = label_variable(labels, bins=y_bins, continuous=True)
    facts["label"] = variable.kind
    if variable.ids is not None:
        check_classes(variable.ids)
        facts["h_y"] = variable.ids.entropy() / NATS_PER[units]
    if seconds is not None:
        real_number("seconds", seconds, above=0, example=60)
    kins = together(_estimators(estimators, {} if nonfinite == "error" else {"nonfinite": nonfinite}))
    each = _in_time(kins, samples, guessed=estimators is None or estimators == "all", seconds=seconds)
    rows, refusals = [row for row, _ in each], [error for _, refused in each for error in refused]
    if all(row.empty for row in rows) and refusals:
        raise refusals[0]
    return Comparison(tuple(rows), units, facts)


@dataclass(frozen=True)
class _Samples:
    """What is the same for all rows."""

    t: Any  # a Tensor; Labels where equal rows of t are classes, until an estimator is chosen
    y: Labels
    x: Variable | None
    units: Units
    y_bins: int | None
    doubts: Doubts


def _estimators(wanted: Spec | Iterable[Spec] | None, policy: Mapping[str, str]) -> list[Estimator]:
    standard: tuple[Spec, ...] = (*({"name": "binned", "bins": rule} for rule in _RULES), *_QUICK)
    specs: Sequence[Spec] = standard
    if isinstance(wanted, str) and wanted == "all":
        specs = [*standard, *(name for name in names() if name != Binned.name and name not in _QUICK)]
    elif wanted is not None:
        specs = [wanted] if isinstance(wanted, Estimator | str | Mapping) else list(wanted)
    if not specs:
        raise InputError(f"estimators is empty: name at least one of {', '.join(names())}, or leave it out")
    return estimators_of(specs, **policy)


def _too_slow(estimator: Estimator, t: Tensor | Labels) -> str:
    """Why an estimator is left out where nobody named it."""
    n, units = t.shape if isinstance(t, Tensor) else (len(t), 1)
    if estimator.name in ("ksg", "mixed-ksg") and units > _MOST_NEIGHBOUR_UNITS:
        return f"left out: {units} units, neighbours are local in up to {_MOST_NEIGHBOUR_UNITS}; ask for it by name"
    if estimator.name == "renyi" and n > _MOST_MATRIX_SAMPLES:
        return f"left out: {n} samples, slow beyond {_MOST_MATRIX_SAMPLES}; ask for it by name"
    return ""


def _in_time(
    kins: Iterable[Sequence[Estimator]], samples: _Samples, *, guessed: bool, seconds: float | None
) -> list[tuple[Row, list[InputError]]]:
    """Rows in the order of the estimators; ``guessed``: nobody named these, so that slow ones can be left out."""
    begun, several = time.perf_counter(), list(kins)
    each: list[list[tuple[Row, list[InputError]]]] = [[] for _ in several]
    for at in sorted(range(len(several)), key=lambda at: several[at][0].name in _LAST):
        kin = several[at]
        note = _too_slow(kin[0], samples.t) if guessed else ""
        if seconds is not None and any(each) and time.perf_counter() - begun > seconds:
            note = note or f"left out after {seconds:g} s: ask for it by name, or for more seconds"
        if note:
            each[at] = [(_blank(estimator, samples.units, note), []) for estimator in kin]
        else:
            each[at] = list(_rows(kin, samples))
    return [row for rows in each for row in rows]


def _blank(estimator: Estimator, units: Units, note: str) -> Row:
    return Row(estimator.name, estimator.measurement, units=units, note=note)


def _rows(kin: Sequence[Estimator], samples: _Samples) -> Iterator[tuple[Row, list[InputError]]]:
    """Estimators that one pass serves, mostly one: a row of each, and what it refused."""
    begun = time.perf_counter()
    try:
        if isinstance(samples.t, Labels):
            t, y = of_classes(kin[0], samples.t, samples.y)
            samples = replace(samples, t=as_activations(t), y=y)
        ready = prepared(kin[0], samples.t)
        if isinstance(kin[0], LadderEstimator) and len(kin) > 1:
            kin[0].foresee(ready, kin, [_label_for(kin[0], samples)])
    except InputError as error:
        for estimator in kin:
            yield replace(_blank(estimator, samples.units, str(error)), seconds=time.perf_counter() - begun), [error]
        return
    for estimator in kin:
        yield _row(estimator, ready, samples, begun)
        begun = time.perf_counter()


def _row(estimator: Estimator, ready: Any, samples: _Samples, begun: float) -> tuple[Row, list[InputError]]:
    """One estimator on what was prepared of the samples, and what it refused."""
    row = _blank(estimator, samples.units, "")
    refused: list[InputError] = []
    for what, estimate_of in (("I(T;Y)", _of_label), ("I(X;T)", _of_input)):
        try:
            row = _filled(row, what, estimate_of(estimator, ready, samples))
        except InputError as error:
            refused.append(error)
            row = _noted(row, f"no {what}: {error}")
    return replace(row, seconds=time.perf_counter() - begun), refused


def _of_label(estimator: Estimator, ready: Any, samples: _Samples) -> Estimate:
    y = _label_for(estimator, samples)
    return label_estimate(estimator, samples.t, ready, y, samples.units, samples.doubts)


def _label_for(estimator: Estimator, samples: _Samples) -> Variable:
    return label_variable(samples.y, bins=samples.y_bins, continuous=estimator.continuous).to(samples.t.device)


def _of_input(estimator: Estimator, ready: Any, samples: _Samples) -> Estimate | None:
    """I(X;T), or None where it is not asked for or not defined."""
    if "i_xt" not in estimator.informations:
        return None
    if samples.x is not None:
        return estimator.about_input(ready, samples.x, samples.units)
    if isinstance(estimator, SymbolEstimator):
        return estimator.about_input(ready, Variable(distinct_ids(len(samples.t), samples.t.device)), samples.units)
    return None


def _filled(row: Row, what: str, estimate: Estimate | None) -> Row:
    """The row with one more estimate."""
    if estimate is None:
        return row
    flags = merged(row.flags, estimate.flags)
    if what == "I(X;T)":
        return replace(
            row,
            i_xt=estimate.value,
            i_xt_low=estimate.low,
            i_xt_high=estimate.high,
            kind=row.kind or estimate.kind,
            n=row.n or estimate.n,
            flags=flags,
            i_xt_kind=estimate.kind,
            i_xt_flags=estimate.flags,
            i_xt_interval=estimate.interval or "",
        )
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
        i_ty_flags=estimate.flags,
        i_ty_interval=estimate.interval or "",
    )


def _noted(row: Row, note: str) -> Row:
    return replace(row, note="; ".join(filter(None, (row.note, note))))
