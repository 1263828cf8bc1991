"""Gaussian: the information of variables that are jointly normal, in closed form from canonical correlations.

    I(X;T) = -1/2 sum_j log(1 - r_j^2)          r_j: canonical correlations of x and t

Cover, Thomas (2006), Elements of Information Theory, equation 8.56 (of each pair). For numbers of other distributions
it is the linear part of the dependence. For classes t is taken for a mixture of normals of one covariance, and

    I(T;Y) = H(Y) + mean_i log p(y_i | t_i)      p(y|t): the posterior of linear discriminants

Hastie, Tibshirani, Friedman (2009), The Elements of Statistical Learning, equation 4.10. It cannot exceed H(Y), which a
difference of Gaussian entropies does as soon as classes are well apart. In nats inside. Bias: for numbers about
rank_x rank_t / 2n upwards, removed by the exact expectation of log det of a Wishart matrix (``correction``; Ince et
al. 2017, Human Brain Mapping 38, 1541, equation 29); for classes about rank_t (classes - 1) / 2n upwards, left in.
"""

from __future__ import annotations

import math
from typing import ClassVar, final

from torch import Tensor

from infoplane.errors import UnknownNameError
from infoplane.estimators.base import NumbersOrClasses, Resampling
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.canonical import (
    RESOLUTION,
    Basis,
    Canonical,
    Standard,
    canonical,
    class_nats,
    gaussian_nats,
)
from infoplane.estimators.distances.columns import varying
from infoplane.estimators.light import CHANCE_ERRORS
from infoplane.flags import CONSTANT_UNITS, FEW_SAMPLES, NOISELESS, RANK_DEFICIENT, Flag
from infoplane.types import Information

CORRECTIONS = ("wishart", "none")
#: Fewer samples than this a column (of both variables together) leave the estimate to chance.
FEWEST_PER_COLUMN = 10


class NormalEstimator(NumbersOrClasses):
    """An estimator that takes columns, made of a layer's units in some way, for jointly Gaussian."""

    resampling: Resampling = "jackknife"

    def __init__(self, correction: str = "wishart") -> None:
        if correction not in CORRECTIONS:
            raise UnknownNameError("correction", correction, CORRECTIONS)
        self.correction = correction

    def with_numbers(self, prepared: Standard, other: Variable) -> Information:
        device = prepared.device

        def decomposed() -> tuple[Standard, Basis | None]:
            standard = self.prepare(other.values().to(device))
            return standard, standard.basis

        standard, _ = other.derived((self.name, device), decomposed)
        return _of_numbers(prepared, standard, self.correction)

    def with_classes(self, prepared: Standard, classes: Ids) -> Information:
        amounts = {"h_y": classes.entropy()}
        facts: dict[str, object] = {"columns_other": classes.count - 1}
        if not prepared.units.count:
            return _information(prepared, 0.0, [], facts, amounts)
        nats, excess, pairs = class_nats(prepared, classes)
        facts |= {"rank": pairs.rank_t, "rank_other": pairs.rank_other, "correlations": pairs.correlations.tolist()}
        facts["correction"] = self.correction
        flags = [RANK_DEFICIENT] if pairs.rank_t < prepared.units.count else []
        few = _few(prepared, pairs)
        if self.correction != "none" and not few:
            nats -= excess
        if prepared.n < pairs.rank_t * pairs.rank_other and not few:  # half a nat of what is seen would be chance
            few = [FEW_SAMPLES]
        amounts |= _by_chance(pairs, prepared.n, 0.0 if self.correction != "none" else excess)
        return _information(prepared, nats, [*flags, *few], facts, amounts)


@final
class Gaussian(NormalEstimator):
    """Mutual information of jointly Gaussian variables; of a Gaussian mixture where the label has classes.

    For many units that are roughly Gaussian: a closed form, and the fastest.

    ``correction``: ``"wishart"`` takes the mean excess of a sample of this size off (numbers only), ``"none"`` does
    not. Units that are linear functions of others add nothing (flag ``rank-deficient``). A direction of t that x
    determines to one part in 10^12 counts as such a share of noise, about 13.8 nats: flag ``noiseless`` (the truth is
    infinite). Flags too: ``few-samples``, ``constant-units``.

    >>> import infoplane as ip, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(5000, 2))
    >>> t = x + rng.normal(size=(5000, 2))
    >>> estimate = ip.mutual_information(t, x, estimator="gaussian", units="nats")
    >>> bool(abs(estimate.value - np.log(2)) < 0.05)
    True
    """

    name: ClassVar[str] = "gaussian"

    @property
    def measurement(self) -> str:
        return "jointly Gaussian"

    def prepare(self, t: Tensor) -> Standard:
        return Standard(varying(t))


def _of_numbers(t: Standard, other: Standard, correction: str) -> Information:
    """The information of t and other columns of numbers, with its doubt."""
    columns = other.units
    if not (t.units.count and columns.count):
        return _information(t, 0.0, [], {"columns_other": columns.count})
    pairs = canonical(t, other, directions=False)
    facts = {
        "columns_other": columns.count,
        "rank": pairs.rank_t,
        "rank_other": pairs.rank_other,
        "correlations": pairs.correlations.tolist(),
        "correction": correction,
    }
    flags = []
    if pairs.rank_t < t.units.count or pairs.rank_other < columns.count:
        flags.append(RANK_DEFICIENT)
    if bool((pairs.residual <= RESOLUTION).any()):
        flags.append(NOISELESS)
    left_in = 0.0 if correction != "none" else pairs.rank_t * pairs.rank_other / (2 * t.n)
    amounts = _by_chance(pairs, t.n, left_in)
    return _information(t, gaussian_nats(pairs, t.n, correction), [*flags, *_few(t, pairs)], facts, amounts)


def _by_chance(pairs: Canonical, n: int, null: float) -> dict[str, float]:
    """What is seen where nothing is shared: 2n times the information is then chi-square of rank_t rank_other degrees.

    Bartlett (1947), Journal of the Royal Statistical Society B 9, 176, for canonical correlations and discriminants.
    """
    return {"null": null, "chance": null + CHANCE_ERRORS * math.sqrt(pairs.rank_t * pairs.rank_other / 2) / n}


def _few(t: Standard, pairs: Canonical) -> list[Flag]:
    return [FEW_SAMPLES] if t.n < FEWEST_PER_COLUMN * (pairs.rank_t + pairs.rank_other) else []


def _information(
    t: Standard, nats: float, flags: list[Flag], facts: dict[str, object], amounts: dict[str, float] | None = None
) -> Information:
    constant = t.units.constant
    doubt = (*flags, CONSTANT_UNITS) if constant else tuple(flags)
    facts = {"columns": t.units.count, "constant_units": constant, **facts}
    return Information(nats, t.n, "population", flags=doubt, amounts=amounts or {}, facts=facts)
