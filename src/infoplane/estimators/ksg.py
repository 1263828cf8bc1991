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
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.columns import Columns, scaled, scales, varying
from infoplane.estimators.distances.neighbours import Cloud
from infoplane.flags import (
    ABOVE_CEILING,
    CONSTANT_UNITS,
    FEW_SAMPLES,
    HIGH_DIMENSION,
    LONE_SAMPLES,
    NOISELESS,
    SATURATED,
    TIES,
    Flag,
)
from infoplane.types import NATS_PER, Estimate, Units

#: Beyond this many columns of both variables together, neighbours are too far away to be local.
MOST_COLUMNS = 6
#: Fewer samples than this have no small neighbourhoods.
FEWEST_SAMPLES = 100
#: An estimate that grows by this many nats (half of log 2) when the samples double has no noise to stop it.
MOST_GROWTH = 0.5 * math.log(2.0)
#: ... and by this many standard errors.
_GROWTH_ERRORS = 3.0


@dataclass(frozen=True)
class Placed:
    """``n`` samples of a variable as points in ``count`` columns; ``constant`` counts the units left out."""

    cloud: Cloud
    n: int
    count: int
    constant: int
    device: torch.device

    @classmethod
    def of(cls, columns: Columns, scale: Tensor | None = None) -> Placed:
        """Over the ``scale`` (columns,)."""
        return cls(Cloud.of(columns.values, scale), columns.n, columns.count, columns.constant, columns.values.device)

    @classmethod
    def whole(cls, columns: Columns) -> Placed:
        """Of a variable that many layers are held against."""
        return cls(Cloud.whole(columns.values), columns.n, columns.count, columns.constant, columns.values.device)


@final
class KSG(Estimator):
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
    continuous: ClassVar[bool] = True

    def __init__(self, k: int = 3, standardise: bool = True, jitter: float = 0.0, seed: int = 0) -> None:
        check_neighbours(k)
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
        if self.jitter:
            return Placed.of(self._columns(t, self.seed))
        columns = varying(t)
        return Placed.of(columns, scales(columns, self.standardise))

    def with_input(self, prepared: Placed, x: Variable, units: Units = "bits") -> Estimate:
        if x.numbers is None:
            return self._with_classes(prepared, x.classes(), units)
        return self._with_numbers(prepared, x, units)

    def with_label(self, prepared: Placed, y: Variable, units: Units = "bits") -> Estimate:
        if y.ids is None:
            return self._with_numbers(prepared, y, units)
        return self._with_classes(prepared, y.classes(), units)

    def _with_numbers(self, t: Placed, other: Variable, units: Units) -> Estimate:
        key = (self.name, self.standardise, self.jitter, self.seed, t.device)

        def placed_with_half() -> tuple[Placed, Cloud]:
            found = Placed.whole(self._columns(other.values().to(t.device), self.seed + 1))
            return found, found.cloud.take(self._half(found))

        found, half = other.derived(key, placed_with_half)
        if not (t.count and found.count):
            return neighbour_estimate(self, 0.0, t, found.count, units)
        terms = continuous_terms(t.cloud, found.cloud, min(self.k, t.n - 1))
        flags = [TIES] if tied(t.cloud, found.cloud) else []
        growth = None
        if t.n >= FEWEST_SAMPLES:
            growth = self._growth(terms, continuous_terms(t.cloud.take(self._half(t)), half, self.k))
        if growth is not None and growth > MOST_GROWTH:
            flags.append(NOISELESS)
        return neighbour_estimate(
            self, float(terms.mean()), t, found.count, units, flags=flags, facts={"growth": growth}
        )

    def _half(self, placed: Placed) -> Tensor:
        """Which samples are half of them."""
        order = torch.randperm(placed.n, generator=torch.Generator().manual_seed(self.seed))
        return order[: placed.n // 2].to(placed.device)

    def _growth(self, terms: Tensor, fewer: Tensor) -> float:
        """Nats gained over half of the samples, whose terms are ``fewer``; 0 within the error."""
        growth = float(terms.mean() - fewer.mean())
        error = math.sqrt(float(fewer.var()) / len(fewer))
        return growth if abs(growth) > _GROWTH_ERRORS * error else 0.0

    def _with_classes(self, t: Placed, classes: Ids, units: Units) -> Estimate:
        facts = {"h_y": classes.entropy() / NATS_PER[units]}
        if not t.count:
            return neighbour_estimate(self, 0.0, t, 0, units, facts=facts)
        shared = (classes.counts > 1).to(t.device)[classes.ids]
        flags = []
        if bool(t.cloud.equal.any()):
            flags.append(TIES)
        lone = int((~shared).sum())
        if lone:
            flags.append(LONE_SAMPLES)
        if lone == t.n:  # no class to look into: as much as a sample of this size can show
            flags.append(SATURATED)
            value = math.log(t.n)
        elif lone:
            value = float(class_terms(t.cloud.take(shared.nonzero()[:, 0]), classes.take(shared), self.k).mean())
        else:
            value = float(class_terms(t.cloud, classes, self.k).mean())
        facts["lone_samples"] = lone
        return neighbour_estimate(self, value, t, 0, units, flags=flags, facts=facts)

    def _columns(self, values: Tensor, seed: int) -> Columns:
        columns = scaled(values, self.standardise)
        return Columns(self._shaken(columns.values, seed), columns.constant)

    def _shaken(self, values: Tensor, seed: int) -> Tensor:
        if not self.jitter:
            return values
        noise = torch.randn(values.shape, dtype=values.dtype, generator=torch.Generator().manual_seed(seed))
        return values + self.jitter * values.std(0) * noise.to(values.device)


def check_neighbours(k: int) -> None:
    """A whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(f"k={k!r} must be a whole number of at least 1: for example k=3")


def continuous_terms(x: Cloud, y: Cloud, k: int) -> Tensor:
    """What each sample adds, in nats; their mean is the information."""
    distance, around_x, around_y = x.around(y, k)
    return psi(k) + psi(len(distance)) - (psi(around_x + 1) + psi(around_y + 1))


def tied(x: Cloud, y: Cloud) -> bool:
    """Whether there are samples that are equal in both."""
    possible = (x.equal > 0) & (y.equal > 0)
    return bool(possible.any()) and bool(Cloud.joint(x, y).equal.any())


def class_terms(t: Cloud, classes: Ids, k: int) -> Tensor:
    """What each sample adds, in nats; every class has at least two samples."""
    distance = t.within(classes.ids, classes.counts, k)
    sizes = classes.counts.to(distance.device)[classes.ids]
    return psi(sizes.clamp(max=k + 1) - 1) + psi(classes.n) - psi(sizes) - psi(t.nearer(distance) + 1)


def psi(count: int | Tensor) -> Tensor:
    """The digamma function of counts."""
    return torch.special.digamma(torch.as_tensor(count, dtype=torch.float64))


def neighbour_estimate(
    made: Estimator,
    nats: float,
    t: Placed,
    columns: int,
    units: Units,
    *,
    flags: list[Flag] | None = None,
    facts: dict[str, Any] | None = None,
) -> Estimate:
    """An estimate from neighbours, with what is doubtful about it; ``columns`` of the other variable."""
    scale, n = NATS_PER[units], t.n
    facts = dict(facts or {})
    doubt = list(flags or [])
    if t.count + columns > MOST_COLUMNS:
        doubt.append(HIGH_DIMENSION)
    if n < FEWEST_SAMPLES:
        doubt.append(FEW_SAMPLES)
    if nats / scale > facts.get("h_y", math.inf):
        doubt.append(ABOVE_CEILING)
    if t.constant:
        doubt.append(CONSTANT_UNITS)
    if facts.get("growth") is not None:
        facts["growth"] /= scale
    details = {
        "measurement": made.measurement,
        "estimand": "population",
        "log_n": math.log(n) / scale,
        "columns": t.count,
        "columns_other": columns,
        "constant_units": t.constant,
        **facts,
    }
    return Estimate(nats / scale, units, n=n, flags=tuple(doubt), details=details)
