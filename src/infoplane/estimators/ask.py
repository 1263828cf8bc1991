"""One question, one way to its answer: prepare -> value -> interval -> null -> convergence, for everybody who asks.

``infoplane.mutual_information``, ``infoplane.compare`` and the metric of torchmetrics come through here; a plane, which
prepares layers itself, shares the null's orders of the samples with it (``doubt.orders``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, NumbersOrClasses, check_finite
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.labels import Declared, Labels, Missing, read_labels, rows_with_labels
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    label_ids,
    label_variable,
    looks_continuous,
    needs_cutting,
)
from infoplane.estimators.difference import with_terms
from infoplane.estimators.doubt import convergence_curve, label_null, with_curve, with_null
from infoplane.estimators.ordered import with_order
from infoplane.estimators.registry import REGISTRY, shared_options
from infoplane.estimators.registry import estimator as estimator_of
from infoplane.estimators.resampling import with_interval
from infoplane.types import NATS_PER, Estimate, Units


@dataclass(frozen=True)
class Doubts:
    """What is asked beside the value; the arguments of :func:`mutual_information` of these names explain it."""

    shuffles: int = 0
    groups: Any = None
    convergence: bool = False
    seed: int = 0
    intervals: bool = True
    terms: bool = False


def check_units(units: str) -> None:
    """An error unless they are bits or nats."""
    if units not in NATS_PER:
        raise UnknownNameError("unit", units, NATS_PER)


def as_activations(t: Any) -> Tensor:
    """``t`` (samples, ...) numbers -> (samples, units) float32 or float64; half precision is upcast."""
    if not isinstance(t, Tensor):
        t = _as_numbers(t)
    tensor = torch.as_tensor(t).detach()
    if tensor.ndim == 0:
        raise InputError("t is a single number: it needs one row per sample")
    if tensor.numel() == 0:
        raise InputError(f"t has shape {tuple(tensor.shape)}: it needs at least one sample and one unit")
    if tensor.is_complex():
        raise InputError(f"t holds {tensor.dtype}: take real and imaginary parts as units")
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.to(torch.float32 if tensor.is_floating_point() else torch.float64)
    return tensor.reshape(len(tensor), -1)


def _as_numbers(t: Any) -> np.ndarray:
    """Numbers of a table or a list, NaN where one is missing; truth values beside numbers are 0 and 1."""
    array = as_array(t)
    gone = np.ma.getmaskarray(t) if isinstance(t, np.ma.MaskedArray) else None
    if array.dtype.kind == "O":
        read = read_labels(array, "t")
        array, gone = read.values, read.missing
    if array.dtype.kind not in "biufc":
        raise InputError(f"t holds {array.dtype}, not numbers{_which_column(t)}: encode it first")
    if gone is None or not gone.any():
        return array
    return np.where(gone, np.nan, array.astype(np.float32 if array.dtype == np.float32 else np.float64))


def _which_column(t: Any) -> str:
    """The first column of a frame that holds no numbers, in words."""
    types = dict(getattr(t, "dtypes", {})) if hasattr(t, "columns") else {}
    names = [name for name, kind in types.items() if getattr(kind, "kind", "O") not in "biufc"]
    return f" (column {names[0]!r})" if names else ""


def prepared(estimator: Estimator, activations: Tensor) -> Any:
    """What an estimator makes of activations, once for both informations.

    Raises:
        NonFiniteError: NaN or infinity, unless the estimator counts symbols and has a policy of its own.
    """
    if not estimator.screens:
        check_finite(activations)
    return estimator.prepare(activations)


def label_estimate(
    estimator: Estimator, activations: Tensor, ready: Any, y: Variable, units: Units, doubts: Doubts
) -> Estimate:
    """I(T;Y) of what an estimator prepared of the activations, ``ready``, with everything that is asked beside it."""
    y, seed = y.grouped(doubts.groups), doubts.seed
    estimate = estimator.about_label(ready, y, units)
    if doubts.intervals:
        estimate = with_interval(estimate, estimator, activations, ready, y, seed=seed)
    if doubts.shuffles:
        null = label_null(estimator, ready, y, estimate, shuffles=doubts.shuffles, seed=seed)
        estimate = with_null(estimate, null)
    estimate = with_order(estimate, activations, y)
    if doubts.terms:
        estimate = with_terms(estimate, estimator, activations, ready, y, seed)
    if doubts.convergence:
        curve = convergence_curve(estimator, activations, y, seed=seed, units=units)
        estimate = with_curve(estimate, curve)
    return estimate


@shielded
def mutual_information(  # noqa: PLR0913 (public keywords)
    t: Any,
    y: Any,
    *,
    estimator: Estimator | str = "binned",
    units: Units = "bits",
    y_bins: int | None = None,
    continuous: str | Iterable[str] | None = None,
    discrete: str | Iterable[str] | None = None,
    missing: Missing = "error",
    ignore_index: int | None = None,
    shuffles: int = 0,
    groups: Any = None,
    convergence: bool = False,
    keep_terms: bool = False,
    intervals: bool = True,
    seed: int = 0,
    **options: Any,
) -> Estimate:
    """I(T;Y) of activations and labels, estimated from samples.

    Args:
        t: Activations (samples, units) or (samples,): numpy, torch, pandas or lists, as y.
        y: Labels (samples,): whole numbers, names, one-hot, or a continuous one with ``y_bins=`` classes of equal
            share or an estimator that takes it.
        estimator: A name (``infoplane.estimators()``) with its ``options``, or an instance.
        units: Of the value and of everything beside it.
        y_bins: Cuts a continuous y into that many classes of equal share.
        continuous: ``"y"`` where its values are numbers, whole ones too: counts, cents, ages. Otherwise they are looked
            at, and ``details["label"]`` says what they were taken for.
        discrete: ``"y"`` where its values are classes, however many there are; ``"t"``, or both, where equal rows of t
            are one class and distances between them mean nothing.
        missing: What a label that is None, NaN, NA or masked leads to: ``"error"``, or ``"drop"`` its sample.
        ignore_index: A number in y that stands for "no label", such as -100: these samples are left out.
        shuffles: Also estimate it on that many random orders of the labels: ``details`` hold their mean, ``null``, and
            ``p_value``.
        groups: (samples,) the names of samples that belong together: they are shuffled as wholes, and the interval
            comes from leaving out whole groups.
        convergence: Also estimate it on n/8, n/4 and n/2 samples (``details["convergence"]``; flag
            ``not-converged``).
        intervals: An interval also for an estimator that has none of its own: from eight parts and both halves of the
            samples, or from leaving out groups, which takes about as long as the estimate does once or twice more.
        keep_terms: Keep what ``ip.difference`` needs, in ``details["terms"]``: 10 more estimates of parts of the
            samples, and 50 without some of them where the estimator is smooth.
        seed: Of shuffles, subsets, and of the estimator where it has one.

    Raises:
        InputError: t and y differ in length or hold fewer than two samples; y has one class, or looks continuous.
        NonFiniteError: t holds NaN or infinity.
        UnknownNameError: an estimator, an option or a unit that does not exist.

    Example:
        >>> import infoplane as ip
        >>> estimate = ip.mutual_information([[0.0], [0.1], [0.9], [1.0]], ["a", "a", "b", "b"], bins=2)
        >>> estimate.value, estimate.units
        (1.0, 'bits')
    """
    check_units(units)
    chosen = estimator_of(estimator, **options, **shared_options(estimator, options, seed=seed, shuffles=shuffles))
    declared = Declared.of(
        ("t", "y"), continuous=continuous, discrete=discrete, missing=missing, ignore_index=ignore_index
    )
    if declared.kind("t") == "discrete":
        chosen = _counting_rows(chosen, "bins" in options)
        t, y = of_classes(chosen, t, read_labels(y, "y", declared))
    activations, labels = as_activations(t), read_labels(y, "y", declared)
    check_lengths(t=len(activations), y=len(labels))
    keep = rows_with_labels([labels], declared)
    if keep is not None:
        activations, labels = activations[torch.from_numpy(keep).to(activations.device)], labels.at(keep)
        groups = None if groups is None else as_array(groups)[keep]
    _need_classes_or(chosen, labels, y_bins)
    variable = label_variable(labels, bins=y_bins, continuous=chosen.continuous).to(activations.device)
    if variable.ids is not None:
        check_classes(variable.ids)
    ready = prepared(chosen, activations)
    doubts = Doubts(shuffles, groups, convergence, seed, intervals, keep_terms)
    return label_estimate(chosen, activations, ready, variable, units, doubts)


def _need_classes_or(estimator: Estimator, labels: Labels, y_bins: int | None) -> None:
    """An error for a label of numbers and an estimator of classes, which names the estimators of numbers."""
    if y_bins is None and not estimator.continuous and looks_continuous(labels):
        names = ", ".join(name for name, kind in REGISTRY.items() if kind.continuous)
        raise InputError(needs_cutting(labels, f"an estimator that takes it: {names}"))


def _counting_rows(estimator: Estimator, has_bins: bool) -> Estimator:
    """The estimator for a t of classes: the one of bins has none then."""
    if not isinstance(estimator, Binned):
        return estimator
    if has_bins and estimator.bins != "distinct":
        raise InputError("discrete='t' counts equal rows of t, and bins= cuts its numbers: leave one of them out")
    return Binned("distinct", correction=estimator.correction, interval=estimator.interval)


def of_classes(estimator: Estimator, t: Any, y: Labels) -> tuple[Any, Labels]:
    """What stands in the places of t and y where equal rows of t are one class.

    I(T;Y) = I(Y;T): where y is of numbers it stands in the place of the layer, for estimators to which both are alike.

    Raises:
        InputError: the estimator needs numbers, and there are none.
    """
    classes = replace(read_labels(t, "t"), kind="discrete")
    if isinstance(estimator, Binned) and estimator.bins == "distinct":
        return label_ids(classes).ids[:, None].to(torch.float64), y
    if not isinstance(estimator, NumbersOrClasses) or not looks_continuous(y):
        alike = ", ".join(name for name, kind in REGISTRY.items() if issubclass(kind, NumbersOrClasses))
        raise InputError(
            f"discrete='t': {estimator.name} needs numbers in a place where none are; use estimator='binned' with "
            f"bins='distinct', or with a continuous y one of {alike}"
        )
    return torch.from_numpy(y.numbers()), replace(classes, name="y")
