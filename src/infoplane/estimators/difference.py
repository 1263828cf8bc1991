"""The difference of two informations about the same samples, with an interval: what both share cancels out.

Two layers see the same samples, and so do two steps, networks or estimators: their estimates go up and down together,
and intervals of each by itself say little about what lies between them. Here both are estimated again without the same
blocks of samples, or on the same small parts, and the differences are resampled (module ``resampling`` has the formulas
and their sources; they hold for the difference of two estimates, which is an estimate).

Over several seeds, with d(s) the difference of seed s of S, all on the same samples,

    SE^2 = SE_samples(mean d)^2 + var(d)/S      (between seeds)

with degrees of freedom by Welch and Satterthwaite (Satterthwaite 1946, Biometrics Bulletin 2, 110). d(s) also differ by
what samples and seeds have in common, so that the sum is rather too large than too small.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from scipy.special import stdtrit
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.doubt import group_members
from infoplane.estimators.resampling import BIAS_FACTOR, PARTS, Again, jackknife, kept_groups
from infoplane.flags import RED, Flag, merged
from infoplane.types import Estimate, Units


@final
@dataclass(frozen=True)
class Terms:
    """One estimate and what it is on fixed choices of its samples, the same for all estimates of these samples.

    Args:
        value: the estimate of all of them, in ``units``.
        without: without one of up to 50 blocks; None for an estimator that leaves no block out.
        parts: of 8 parts that share nothing; ``halves``: of both halves.
        samples: what tells the samples from others: their number, groups and seed.
        flags: of the estimate.
    """

    value: float
    units: Units
    without: tuple[float, ...] | None
    parts: tuple[float, ...]
    halves: tuple[float, ...]
    samples: tuple[int, int, int]
    flags: tuple[Flag, ...] = ()


@final
@dataclass(frozen=True)
class Choices:
    """Which samples are estimated again, (some,) each, in ascending order."""

    without: list[np.ndarray]
    parts: list[np.ndarray]
    halves: list[np.ndarray]
    samples: tuple[int, int, int]

    @classmethod
    def of(cls, groups: Tensor | None, n: int, seed: int, *, smooth: bool) -> Choices:
        """Those of ``n`` samples, whole groups of them (samples,); without blocks only for ``smooth`` estimators.

        Raises:
            InputError: fewer than 16 samples, or groups.
        """
        members = group_members(groups, n)
        if len(members) < 2 * PARTS:
            raise InputError(f"{len(members)} samples or groups are too few to compare them: give at least {2 * PARTS}")
        order = np.random.default_rng(seed).permutation(len(members))

        def joined(some: np.ndarray) -> np.ndarray:
            return np.sort(np.concatenate([members[at] for at in order[some]]))

        every = np.arange(len(members))
        code = 0 if groups is None else zlib.crc32(np.ascontiguousarray(groups.cpu().numpy()).tobytes())
        return cls(
            [joined(kept) for kept in kept_groups(len(members))] if smooth else [],
            [joined(every[at::PARTS]) for at in range(PARTS)],
            [joined(every[at::2]) for at in range(2)],
            (n, code, seed),
        )


def with_terms(estimate: Estimate, estimator: Estimator, t: Tensor, ready: Any, y: Variable, seed: int) -> Estimate:
    """The estimate with what a paired difference needs, in ``details["terms"]``.

    Raises:
        InputError: the estimator splits samples by itself, or there are too few.
    """
    need_no_split(estimator)
    again = Again(estimator, t, ready, y, "label", estimate.units)
    choices = Choices.of(y.groups, y.n, seed, smooth=estimator.resampling == "jackknife")
    without, parts, halves = (
        tuple(again([some]) for some in several) for several in (choices.without, choices.parts, choices.halves)
    )
    terms = Terms(estimate.value, estimate.units, without or None, parts, halves, choices.samples, estimate.flags)
    return replace(estimate, details={**estimate.details, "terms": terms})


def need_no_split(estimator: Estimator) -> None:
    """An error for an estimator that splits samples by itself, or draws noise.

    Raises:
        InputError: it is one.
    """
    if estimator.resampling == "own":
        raise InputError(
            f"keep_terms=True estimates again on some of the samples, and {estimator.name} splits them by itself: "
            "compare it over several seeds, or use another estimator"
        )


def difference(a: Estimate | Sequence[Estimate], b: Estimate | Sequence[Estimate]) -> Estimate:
    """I_a - I_b of the same samples, with a 95 % interval for the population that takes their pairing into account.

    Args:
        a: an estimate that was made with ``keep_terms=True``; or several, one a seed, in the same order as ``b``.
        b: the other one, of the same samples with the same ``groups`` and ``seed``: of another layer, step, network or
            estimator.

    Returns:
        The difference as an estimate. ``details``: ``standard_error``, and ``between_seeds``, that part of it which the
        seeds make. No interval where one of both is red; its flags are those of both.

    Raises:
        InputError: without ``keep_terms=True``, of other samples, or in other units.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> random = np.random.default_rng(0)
        >>> y = random.integers(0, 2, 1000)
        >>> early = y + random.normal(size=1000)
        >>> late = early + random.normal(size=1000)
        >>> a, b = (ip.mutual_information(t, y, estimator="gaussian", keep_terms=True) for t in (early, late))
        >>> lost = ip.difference(a, b)
        >>> lost.low > 0, lost.high - lost.low < a.high - a.low
        (True, True)
    """
    several = [[each] if isinstance(each, Estimate) else list(each) for each in (a, b)]
    terms = []
    for side in several:
        for estimate in side:
            if not isinstance(estimate.details.get("terms"), Terms):
                raise InputError("difference needs what belongs together: make both estimates with keep_terms=True")
        terms.append([estimate.details["terms"] for estimate in side])
    return difference_of_terms(*terms)


def difference_of_terms(a: Sequence[Terms], b: Sequence[Terms]) -> Estimate:
    """As :func:`difference`, one pair a seed."""
    _need_alike(a, b)
    smooth = all(one.without is not None for one in (*a, *b))
    values = [left.value - right.value for left, right in zip(a, b, strict=True)]
    value = float(np.mean(values))
    if smooth:
        without = _mean_difference(a, b, "without")
        centre, _, error = jackknife(value, without.tolist())
        freedom, bias = len(without) - 1.0, 0.0
    else:
        parts = _mean_difference(a, b, "parts")
        centre, error = value, float(np.std(parts, ddof=1)) / len(parts) ** 0.5
        freedom, bias = len(parts) - 1.0, BIAS_FACTOR * abs(value - float(_mean_difference(a, b, "halves").mean()))
    seeds = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    total = float(np.hypot(error, seeds))
    if seeds:
        freedom = total**4 / max(error**4 / freedom + seeds**4 / (len(values) - 1), np.finfo(float).tiny)
    half = float(stdtrit(freedom, 0.975)) * total + bias
    flags = merged(*(one.flags for one in (*a, *b)))
    details = {"standard_error": total, "between_seeds": seeds, "seeds": len(values)}
    result = Estimate(value, a[0].units, n=a[0].samples[0], flags=flags, details=details)
    if RED in flags:
        return result
    return replace(result, low=centre - half, high=centre + half, interval="population 95 %")


def _need_alike(a: Sequence[Terms], b: Sequence[Terms]) -> None:
    if not a or len(a) != len(b):
        raise InputError(f"{len(a)} estimates and {len(b)}: give as many of both, one a seed, in the same order")
    for what, name in (("samples", "samples, groups and seed"), ("units", "units")):
        if len({getattr(one, what) for one in (*a, *b)}) > 1:
            raise InputError(f"the estimates differ in their {name}: their difference needs the same ones")


def _mean_difference(a: Sequence[Terms], b: Sequence[Terms], name: str) -> np.ndarray:
    """(choices,) the mean over the seeds of the differences."""
    left, right = (np.array([getattr(one, name) for one in side]) for side in (a, b))
    return np.asarray((left - right).mean(axis=0))
