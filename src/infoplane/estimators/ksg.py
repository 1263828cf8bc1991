"""Nearest neighbours (KSG): mutual information of continuous variables, and of a continuous one with classes.

Two continuous variables, with e_i the distance of sample i to its k-th nearest neighbour in the joint space (max-norm),
and n_x, n_y the numbers of other samples strictly nearer than e_i in x and in y alone:

    I(X;Y) = psi(k) + psi(n) - mean_i [ psi(n_x + 1) + psi(n_y + 1) ]

Kraskov, Stoegbauer, Grassberger (2004), Physical Review E 69, 066138, equation 8. A class y, with e_i the distance to
the k-th neighbour in t among the n_y samples of the same class, and m_i - 1 other samples strictly nearer than e_i:

    I(T;Y) = psi(n) + mean_i [ psi(k_i) - psi(n_y) - psi(m_i) ]

Ross (2014), PLoS ONE 9, e87357, equation 2. In nats inside. Bias: almost none in up to three dimensions a side; beyond
that, and where dependence is strong, far too low (-0.24 nats of 1.02 in 5 + 5 dimensions at n = 10 000). For a
noiseless mapping the truth is infinite and the estimate grows as log n: flag "noiseless".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import NumbersOrClasses
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.columns import Columns, scaled, scales, varying
from infoplane.estimators.distances.neighbours import Cloud
from infoplane.estimators.light import CHANCE_ERRORS
from infoplane.flags import (
    ABOVE_CEILING,
    CONSTANT_UNITS,
    FEW_SAMPLES,
    HIGH_DIMENSION,
    LONE_SAMPLES,
    NOISELESS,
    SATURATED,
    TIES,
)
from infoplane.types import Information

#: Beyond this many columns of both variables together, neighbours are too far away to be local.
MOST_COLUMNS = 6
#: Fewer samples than this have no small neighbourhoods.
FEWEST_SAMPLES = 100
#: An estimate that grows by this many nats (half of log 2) when the samples double has no noise to stop it.
MOST_GROWTH = 0.5 * math.log(2.0)
#: ... and by this many standard errors.
_GROWTH_ERRORS = 3.0
_ROUNDING = 1e-6  # of a distance: values on a grid are no longer on one, to the last bit, over their scale
_COLUMNS_LOOKED_AT = 16  # a layer on a grid has all of its units there


@dataclass(frozen=True)
class Placed:
    """``n`` samples of a variable as points in ``count`` columns, some of which may have ``repeats``; ``constant``
    counts the units left out.
    """

    cloud: Cloud
    n: int
    count: int
    constant: int
    device: torch.device
    repeats: bool

    @classmethod
    def of(cls, columns: Columns, scale: Tensor | None = None) -> Placed:
        """Over the ``scale`` (columns,)."""
        return cls._with(Cloud.of(columns.values, scale), columns)

    @classmethod
    def whole(cls, columns: Columns) -> Placed:
        """Of a variable that many layers are held against."""
        return cls._with(Cloud.whole(columns.values), columns)

    @classmethod
    def _with(cls, cloud: Cloud, columns: Columns) -> Placed:
        device, repeats = columns.values.device, has_repeats(columns)
        return cls(cloud, columns.n, columns.count, columns.constant, device, repeats)

    def take(self, chosen: Tensor) -> Placed:
        """The samples that ``chosen`` numbers."""
        return replace(self, cloud=self.cloud.take(chosen), n=len(chosen))


class NeighbourEstimator(NumbersOrClasses):
    """An estimator of distances to neighbours, in the max-norm."""

    k: int
    standardise: bool

    @final
    def placed(self, t: Tensor) -> Placed:
        """The units of t that vary, over their scales, as points."""
        columns = varying(t)
        return Placed.of(columns, scales(columns, self.standardise))

    @final
    def of_classes(self, t: Placed, classes: Ids, *, flagged: bool = True, **facts: Any) -> Information:
        """The information of t and classes, without the samples that are alone in theirs; ties are ``flagged``."""
        if not t.count:
            return self.information(t, 0.0, classes=classes, facts=facts)
        shared = (classes.counts > 1).to(t.device)[classes.ids]
        lone = int((~shared).sum())
        facts["lone_samples"] = lone
        flags = [LONE_SAMPLES] if lone else []
        if lone == t.n:  # no class to look into: as much as a sample of this size can show
            return self.information(t, math.log(t.n), classes=classes, flags=[*flags, SATURATED], facts=facts)
        if lone:
            terms, ties = class_terms(t.take(shared.nonzero()[:, 0]), classes.take(shared), self.k)
        else:
            terms, ties = class_terms(t, classes, self.k)
        if ties and flagged:
            flags.append(TIES)
        return self.information(t, terms, classes=classes, flags=flags, facts=facts)

    @final
    def information(
        self, t: Placed, terms: Tensor | float, *, columns: int = 0, classes: Ids | None = None, **more: Any
    ) -> Information:
        """The mean of the ``terms`` of the samples, with what is doubtful about it.

        ``columns`` of the other variable, or its ``classes``; ``more`` are ``flags``, ``facts`` and ``amounts``.
        """
        if isinstance(terms, float):
            nats, each, chance = terms, t.n, None
        else:
            nats, each = float(terms.mean()), len(terms)
            chance = CHANCE_ERRORS * float(terms.std(correction=0)) / math.sqrt(each)
        h_y = math.inf if classes is None else classes.entropy()
        raised = (
            (HIGH_DIMENSION, t.count + columns > MOST_COLUMNS),
            (FEW_SAMPLES, each < FEWEST_SAMPLES or self.k >= each),
            (ABOVE_CEILING, nats > h_y),
            (CONSTANT_UNITS, t.constant > 0),
        )
        amounts = {"log_n": math.log(t.n), "chance": chance} | ({} if classes is None else {"h_y": h_y})
        facts = {"columns": t.count, "columns_other": columns, "constant_units": t.constant}
        return Information(
            nats,
            t.n,
            "population",
            flags=(*more.get("flags", ()), *(flag for flag, true in raised if true)),
            amounts={**amounts, **more.get("amounts", {})},
            facts={**facts, **more.get("facts", {})},
        )


@final
class KSG(NeighbourEstimator):
    """Mutual information from distances to the k-th nearest neighbour.

    For a few continuous units and a label of classes or numbers: nearly unbiased up to some three dimensions a
    side.

    ``k``: neighbours; more of them, less variance and more bias. ``standardise``: divide each unit by its standard
    deviation first. ``jitter``: normal noise of this many standard deviations, added with ``seed`` to break ties (off:
    0). For x and y of numbers the first algorithm of Kraskov 2004, for classes Ross 2014; a sample that is alone in
    its class is left out.

    Flags: ``high-dimension``, ``few-samples``, ``ties`` (equal samples: use ``"mixed-ksg"``), ``noiseless`` (the
    estimate grows with the number of samples), ``lone-samples``, ``above-ceiling`` (above H(Y)), ``constant-units``.

    >>> import infoplane as ip, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> t = rng.normal(size=2000)
    >>> y = t + rng.normal(size=2000)
    >>> estimate = ip.mutual_information(t, y, estimator="ksg", units="nats")
    >>> bool(abs(estimate.value - 0.5 * np.log(2)) < 0.05)
    True
    """

    name: ClassVar[str] = "ksg"

    def __init__(self, k: int = 3, standardise: bool = True, jitter: float = 0.0, seed: int = 0) -> None:
        whole_number("k", k, least=1, example=3)
        if not jitter >= 0:
            raise InputError(f"jitter={jitter!r} must be 0 or more: for example 1e-10")
        self.k = k
        self.standardise = standardise
        self.jitter = jitter
        self.seed = seed

    @property
    def measurement(self) -> str:
        noise = f", noise of {self.jitter:g} standard deviations" if self.jitter else ""
        return f"{self.k} nearest neighbours, max-norm{noise}"

    def prepare(self, t: Tensor) -> Placed:
        return Placed.of(self._columns(t, self.seed)) if self.jitter else self.placed(t)

    def with_numbers(self, prepared: Placed, other: Variable) -> Information:
        t, key = prepared, (self.name, self.standardise, self.jitter, self.seed, prepared.device)

        def placed_with_half() -> tuple[Placed, Placed]:
            whole = Placed.whole(self._columns(other.values().to(t.device), self.seed + 1))
            return whole, whole.take(self._half(whole))

        points, half = other.derived(key, placed_with_half)
        if not (t.count and points.count):
            return self.information(t, 0.0, columns=points.count)
        terms, ties = continuous_terms(t, points, min(self.k, t.n - 1))
        flags = [TIES] if ties else []
        growth = None
        if t.n >= FEWEST_SAMPLES:
            growth = self._growth(terms, continuous_terms(t.take(self._half(t)), half, min(self.k, t.n // 2 - 1))[0])
        if growth is not None and growth > MOST_GROWTH:
            flags.append(NOISELESS)
        return self.information(t, terms, columns=points.count, flags=flags, amounts={"growth": growth})

    def with_classes(self, prepared: Placed, classes: Ids) -> Information:
        return self.of_classes(prepared, classes)

    def _half(self, placed: Placed) -> Tensor:
        """Which samples are half of them."""
        order = torch.randperm(placed.n, generator=torch.Generator().manual_seed(self.seed))
        return order[: placed.n // 2].to(placed.device)

    def _growth(self, terms: Tensor, fewer: Tensor) -> float:
        """Nats gained over half of the samples, whose terms are ``fewer``; 0 within the error."""
        growth = float(terms.mean() - fewer.mean())
        error = math.sqrt(float(fewer.var()) / len(fewer))
        return growth if abs(growth) > _GROWTH_ERRORS * error else 0.0

    def _columns(self, values: Tensor, seed: int) -> Columns:
        columns = scaled(values, self.standardise)
        return Columns(self._shaken(columns.values, seed), columns.constant)

    def _shaken(self, values: Tensor, seed: int) -> Tensor:
        if not self.jitter:
            return values
        noise = torch.randn(values.shape, dtype=values.dtype, generator=torch.Generator().manual_seed(seed))
        return values + self.jitter * values.std(0) * noise.to(values.device)


def continuous_terms(x: Placed, y: Placed, k: int) -> tuple[Tensor, bool]:
    """What each sample adds, in nats, whose mean is the information; and whether any neighbours tie."""
    distance, around_x, around_y = x.cloud.around(y.cloud, k)
    n = len(distance)
    terms = psi(k) + psi(n) - (psi(around_x + 1) + psi(around_y + 1))
    if not (x.repeats or y.repeats):
        return terms, False
    reach = closed(distance)
    within_x, within_y = x.cloud.nearer(reach), y.cloud.nearer(reach)
    ties = (within_x - around_x + within_y - around_y > 1) | (distance == 0)
    if not bool(ties.any()):
        return terms, False
    nearest = tied_psi(Cloud.joint(x.cloud, y.cloud).nearer(reach), distance)
    return torch.where(ties, nearest + psi(n) - psi(within_x + 1) - psi(within_y + 1), terms), True


def class_terms(t: Placed, classes: Ids, k: int) -> tuple[Tensor, bool]:
    """What each sample adds, in nats, and whether any neighbours tie; every class has at least two samples."""
    distance = t.cloud.within(classes.ids, classes.counts, k)
    sizes, around = classes.counts.to(distance.device)[classes.ids], t.cloud.nearer(distance)
    shared = psi(classes.n) - psi(sizes)
    terms = psi(sizes.clamp(max=k + 1) - 1) + shared - psi(around + 1)
    if not t.repeats:
        return terms, False
    reach = closed(distance)
    within = t.cloud.nearer(reach)
    ties = (within - around > 1) | (distance == 0)
    if not bool(ties.any()):
        return terms, False
    together = torch.zeros_like(sizes)
    for members in classes.ids.argsort(stable=True).split(classes.counts.tolist()):
        together[members] = t.cloud.take(members).nearer(reach[members])
    tied = tied_psi(together, distance) + shared - tied_psi(within, distance)  # 0 where all are of one class
    return torch.where(ties, tied, terms), True


def tied_psi(together: Tensor, distance: Tensor) -> Tensor:
    """psi of the samples (samples,) at most at a ``distance`` in both: with the sample itself where all are equal.

    That is so for discrete samples (Gao 2017). At a distance above 0, which the k-th of them has set, the sample itself
    does not count: measured on independent pairs of rounded normal numbers, -.01 to .03 nats without it, .05 to .2 with
    it, and .3 to 1 where the samples at that distance are left out of one column and not of the other.
    """
    return psi(together + (distance == 0))


def closed(distance: Tensor) -> Tensor:
    """The radius (samples,) below which lies what is at most at a distance, rounding of the scales included."""
    return (distance * (1 + _ROUNDING)).clamp(min=float(np.finfo(np.float64).smallest_subnormal))


def has_repeats(columns: Columns) -> bool:
    """Whether any of the columns, or of as many as are looked at, repeats a value: without that no neighbours tie."""
    step = max(1, columns.count // _COLUMNS_LOOKED_AT)
    some = columns.values[:, ::step].sort(0).values
    return bool((some.diff(dim=0) == 0).any())


def psi(count: int | Tensor) -> Tensor:
    """The digamma function of counts."""
    return torch.special.digamma(torch.as_tensor(count, dtype=torch.float64))
