"""One question, one way to its answer: prepare -> value -> interval -> null -> convergence, for everybody who asks.

``infoplane.mutual_information``, ``infoplane.compare`` and the metric of torchmetrics come through here; a plane, which
prepares layers itself, shares the null's orders of the samples with it (``doubt.orders``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, check_finite
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    label_variable,
    looks_continuous,
)
from infoplane.estimators.doubt import convergence_curve, label_null, with_curve, with_group_interval, with_null
from infoplane.estimators.registry import REGISTRY, shared_options
from infoplane.estimators.registry import estimator as estimator_of
from infoplane.types import NATS_PER, Estimate, Units


@dataclass(frozen=True)
class Doubts:
    """What is asked beside the value; the arguments of :func:`mutual_information` of these names explain it."""

    shuffles: int = 0
    groups: Any = None
    convergence: bool = False
    seed: int = 0


def check_units(units: str) -> None:
    """An error unless they are bits or nats."""
    if units not in NATS_PER:
        raise UnknownNameError("unit", units, NATS_PER)


def as_activations(t: Any) -> Tensor:
    """``t`` (samples, ...) numbers -> (samples, units) float32 or float64; half precision is upcast."""
    if not isinstance(t, Tensor):
        t = as_array(t)
        if t.dtype.kind not in "biufc":
            raise InputError(f"t holds {t.dtype}, not numbers: encode it first")
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
    estimate, seed = estimator.about_label(ready, y, units), doubts.seed
    if doubts.groups is not None:
        estimate = with_group_interval(estimate, estimator, activations, y, groups=doubts.groups, seed=seed)
    if doubts.shuffles:
        null = label_null(estimator, ready, y, estimate, shuffles=doubts.shuffles, groups=doubts.groups, seed=seed)
        estimate = with_null(estimate, null)
    if doubts.convergence:
        curve = convergence_curve(estimator, activations, y, groups=doubts.groups, seed=seed, units=units)
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
    shuffles: int = 0,
    groups: Any = None,
    convergence: bool = False,
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
        shuffles: Also estimate it on that many random orders of the labels: ``details`` hold their mean, ``null``, and
            ``p_value``.
        groups: (samples,) the names of samples that belong together: they are shuffled as wholes, and the interval
            comes from leaving out whole groups.
        convergence: Also estimate it on n/8, n/4 and n/2 samples (``details["convergence"]``; flag
            ``not-converged``).
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
    activations = as_activations(t)
    check_lengths(t=len(activations), y=len(as_array(y)))
    if y_bins is None and not chosen.continuous and looks_continuous(y):
        names = ", ".join(name for name, kind in REGISTRY.items() if kind.continuous)
        raise InputError(
            f"Y looks continuous ({len(np.unique(as_array(y), axis=0))} distinct values); pass y_bins= to cut it into "
            f"classes, for example y_bins=10, or an estimator that takes it: {names}"
        )
    labels = label_variable(y, bins=y_bins, continuous=chosen.continuous).to(activations.device)
    if labels.ids is not None:
        check_classes(labels.ids)
    ready = prepared(chosen, activations)
    doubts = Doubts(shuffles=shuffles, groups=groups, convergence=convergence, seed=seed)
    return label_estimate(chosen, activations, ready, labels, units, doubts)
