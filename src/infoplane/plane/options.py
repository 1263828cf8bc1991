"""Everything that one may choose about a plane, checked once; the keywords of ``InformationPlane`` fill it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from infoplane.checks import whole_number
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import check_units
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.labels import Declared, Missing
from infoplane.estimators.registry import estimators_of
from infoplane.plane.schedule import Budget, Every, Schedule
from infoplane.recording.outputs import Part
from infoplane.recording.pooling import Pool, check_pool
from infoplane.recording.record import check_batch_size
from infoplane.recording.select import Layers
from infoplane.types import FAMILIES, Units


@final
@dataclass(frozen=True)
class PlaneOptions:
    """What is measured, and how.

    Args:
        layers: as in ``ip.record``: None, a name, a glob, a module, or a list of these.
        estimators: a name, a table with options, an instance, or a list of these.
        family: how copies become one number, one name or several: ``exact`` (default where symbols are counted),
            ``sampled`` (the report's), ``per-copy`` (default elsewhere), ``single`` (one row a copy).
        units: ``bits`` or ``nats``.
        shuffles: each number also on so many random orders of inputs and labels.
        intervals: for every number an interval, also where an estimator has none of its own.
        keep_terms: keep what differences between rows need, for ``Trajectory.difference``.
        seed: of the shuffles, the draws of copies, the subsample, and the parts of such intervals.
        continuous: label sets whose values are numbers, and ``discrete``, whose values are classes, as of
            ``ip.mutual_information``; ``y`` is the name where there is one.
        y_bins: cuts label sets of numbers into so many classes of equal share.
        missing: what a missing label leads to, ``error`` or ``drop`` its sample; ``ignore_index``, a number for "none".
        given: the label set whose values are measured one by one as well.
        pool: how outputs become rows of units, one way or a table by glob.
        select: which part of an output is taken.
        batch_size: samples that go through the network at once; None: 4096, or fewer where layers are large.
        subsample: how many samples estimators see that need activations; None: all.
        max_activation_bytes: how much such estimators may keep.
        every: the steps at which to measure: the multiples of a number, or ``log``.
        max_share: the largest share of the wall time that measuring may take; None: no limit.

    Raises:
        InputError: a value that does not fit; UnknownNameError, which is one, for a name.
    """

    layers: Layers = None
    estimators: Any = "binned"
    family: str | Sequence[str] | None = None
    units: Units = "bits"
    shuffles: int = 0
    intervals: bool = False
    keep_terms: bool = False
    seed: int = 0
    continuous: str | Iterable[str] | None = None
    discrete: str | Iterable[str] | None = None
    y_bins: int | None = None
    missing: Missing = "error"
    ignore_index: int | None = None
    given: str | None = None
    pool: Pool = "flatten"
    select: Part = None
    batch_size: int | None = None
    subsample: int | None = None
    max_activation_bytes: float = 2e9
    every: Every = 1
    max_share: float | None = None

    def __post_init__(self) -> None:
        check_units(self.units)
        check_pool(self.pool)
        check_batch_size(self.batch_size)
        whole_number("shuffles", self.shuffles, least=0, example=100)
        if self.y_bins is not None:
            whole_number("y_bins", self.y_bins, least=2, example=10)
        if self.subsample is not None:
            whole_number("subsample", self.subsample, least=2, example=2000)
        if self.keep_terms and self.subsample is not None:
            raise InputError("keep_terms=True pairs all samples: leave subsample= out")
        Schedule(self.every)
        Budget(self.max_share)

    def declared(self, labels: Iterable[str]) -> Declared:
        """What is declared of these label sets."""
        return Declared.of(
            labels, continuous=self.continuous, discrete=self.discrete, missing=self.missing,
            ignore_index=self.ignore_index,
        )  # fmt: skip


def chosen_estimators(asked: Any) -> tuple[Estimator, ...]:
    """The estimators that an option names.

    Raises:
        InputError: none at all; UnknownNameError, which is one, for a name.
    """
    several = asked if isinstance(asked, (list, tuple)) else [asked]
    if not several:
        raise InputError("estimators is empty: name at least one, for example estimators='binned'")
    return tuple(estimators_of(several))


def chosen_families(asked: str | Iterable[str] | None, estimators: Sequence[Estimator]) -> tuple[str, ...]:
    """How the copies of a network are read: as asked for, or as suits the estimators.

    Raises:
        InputError: none at all, or one that is not defined for an estimator; UnknownNameError for a name.
    """
    others = [estimator for estimator in estimators if not isinstance(estimator, SymbolEstimator)]
    if asked is None:
        return ("per-copy",) if others else ("exact",)
    kinds = (asked,) if isinstance(asked, str) else tuple(asked)
    for kind in kinds:
        if kind not in FAMILIES:
            raise UnknownNameError("family", kind, FAMILIES)
        if kind in ("exact", "sampled") and others:
            raise InputError(
                f"the estimator {others[0].name!r} counts no symbols, so family={kind!r} is not defined for it: use "
                "family='per-copy' or 'single'"
            )
    if not kinds:
        raise InputError("family is empty: name at least one of exact, sampled, per-copy, single")
    return kinds
