"""One number (with its doubt) from two samples: the registry of estimators, and ``mutual_information``."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator, SymbolEstimator, check_finite
from infoplane.estimators.binned import Binned
from infoplane.estimators.compressed import Compressed
from infoplane.estimators.counting.samples import (
    as_array,
    check_classes,
    check_lengths,
    label_variable,
    looks_continuous,
)
from infoplane.estimators.doubt import convergence_curve, label_null, with_curve, with_group_interval, with_null
from infoplane.estimators.edge import EDGE
from infoplane.estimators.gaussian import Gaussian
from infoplane.estimators.gaussian_copula import GaussianCopula
from infoplane.estimators.kde import KDE
from infoplane.estimators.ksg import KSG
from infoplane.estimators.mixed_ksg import MixedKSG
from infoplane.estimators.neural.club import CLUB
from infoplane.estimators.neural.infonce import InfoNCE
from infoplane.estimators.neural.mine import MINE
from infoplane.estimators.neural.nwj import NWJ
from infoplane.estimators.neural.smile import SMILE
from infoplane.estimators.noisy import Noisy
from infoplane.estimators.quantised import Quantised
from infoplane.estimators.renyi import Renyi
from infoplane.estimators.soft import Soft
from infoplane.estimators.usable import Usable
from infoplane.types import NATS_PER, Estimate, Units

#: Every estimator, by the name it has in tables: one line each.
REGISTRY: dict[str, type[Estimator]] = {
    "binned": Binned,
    "kde": KDE,
    "renyi": Renyi,
    "soft": Soft,
    "ksg": KSG,
    "mixed-ksg": MixedKSG,
    "gaussian": Gaussian,
    "gaussian-copula": GaussianCopula,
    "compressed": Compressed,
    "noisy": Noisy,
    "quantised": Quantised,
    "edge": EDGE,
    "usable": Usable,
    "infonce": InfoNCE,
    "nwj": NWJ,
    "smile": SMILE,
    "mine": MINE,
    "club": CLUB,
}


def names() -> list[str]:
    """The names that ``estimator=`` takes; also ``infoplane.estimators()``."""
    return list(REGISTRY)


def estimator(spec: Estimator | str | Mapping[str, Any], **options: Any) -> Estimator:
    """An estimator from a name and options, a table with a ``name``, or an instance.

    Errors: ``UnknownNameError`` for a name or an option that does not exist; ``InputError`` for a value out of range.

    >>> estimator({"name": "binned", "bins": "width"}).measurement
    'bins of width 0.07'
    """
    if isinstance(spec, Estimator):
        if options:
            raise InputError(f"options {sorted(options)} beside an estimator that is made already: give them to it")
        return spec
    if isinstance(spec, Mapping):
        options = {**spec, **options}
        spec = str(options.pop("name", "binned"))
    if spec not in REGISTRY:
        raise UnknownNameError("estimator", spec, REGISTRY)
    known = list(inspect.signature(REGISTRY[spec]).parameters)
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the estimator {spec!r}", option, known)
    return REGISTRY[spec](**options)


def _shared_options(
    spec: Estimator | str | Mapping[str, Any], given: Mapping[str, Any], *, seed: int, shuffles: int
) -> dict[str, Any]:
    """The seed for an estimator that has one, and no null of its own where shuffles are asked for."""
    if isinstance(spec, Estimator):
        return {}
    name = str(spec.get("name", "binned")) if isinstance(spec, Mapping) else spec
    given = {**given, **(spec if isinstance(spec, Mapping) else {})}
    known = inspect.signature(REGISTRY[name]).parameters if name in REGISTRY else {}
    shared = {"seed": seed, **({"null": 0} if shuffles else {})}
    return {option: value for option, value in shared.items() if option in known and option not in given}


def check_units(units: str) -> None:
    """Bits or nats, or an error."""
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

    ``t`` (samples, units) or (samples,) numbers; ``y`` (samples,) labels: whole numbers, names, one-hot, or a
    continuous one with ``y_bins=`` classes of equal share. Numpy, torch, pandas or lists. ``estimator`` is a name
    (``infoplane.estimators()``) with its ``options``, or an instance. Returns an ``Estimate`` in ``units``.

    ``shuffles``: also estimate it on that many random orders of the labels (``details``: ``null``, their mean, and
    ``p_value``). ``groups`` (samples,) names the samples that belong together: they are shuffled as wholes, and the
    interval comes from leaving out whole groups. ``convergence``: also estimate it on n/8, n/4 and n/2 samples
    (``details["convergence"]``; flag ``not-converged``).

    Errors: ``InputError`` where t and y differ in length or hold fewer than two samples, or y has one class or looks
    continuous; ``NonFiniteError`` where t holds NaN or infinity; ``UnknownNameError`` for names.

    >>> import infoplane as ip
    >>> estimate = ip.mutual_information([[0.0], [0.1], [0.9], [1.0]], ["a", "a", "b", "b"], bins=2)
    >>> estimate.value, estimate.units
    (1.0, 'bits')
    """
    check_units(units)
    made = _make(estimator, **options, **_shared_options(estimator, options, seed=seed, shuffles=shuffles))
    activations = as_activations(t)
    check_lengths(t=len(activations), y=len(as_array(y)))
    if y_bins is None and not made.continuous and looks_continuous(y):
        names = ", ".join(name for name, kind in REGISTRY.items() if kind.continuous)
        raise InputError(
            f"Y looks continuous ({len(np.unique(as_array(y), axis=0))} distinct values); pass y_bins= to cut it into "
            f"classes, for example y_bins=10, or an estimator that takes it: {names}"
        )
    labels = label_variable(y, bins=y_bins, continuous=made.continuous).to(activations.device)
    if labels.ids is not None:
        check_classes(labels.ids)
    if not isinstance(made, SymbolEstimator):
        check_finite(activations)
    prepared = made.prepare(activations)
    estimate = made.with_label(prepared, labels, units)
    if groups is not None:
        estimate = with_group_interval(estimate, made, activations, labels, groups=groups, seed=seed)
    if shuffles:
        null = label_null(
            made, prepared, labels, estimate.value, shuffles=shuffles, groups=groups, seed=seed, units=units
        )
        estimate = with_null(estimate, null)
    if convergence:
        curve = convergence_curve(made, activations, labels, groups=groups, seed=seed, units=units)
        estimate = with_curve(estimate, curve)
    return estimate


_make = estimator  # the argument of mutual_information has the same name


class _CallableModule(types.ModuleType):
    """Lets ``infoplane.estimators`` be both this room and the promised ``infoplane.estimators()``."""

    def __call__(self) -> list[str]:
        return names()


sys.modules[__name__].__class__ = _CallableModule
