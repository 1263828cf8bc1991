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

from typing import ClassVar, final

from torch import Tensor

from infoplane.errors import UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.canonical import RESOLUTION, Basis, Standard, canonical, class_nats, gaussian_nats
from infoplane.estimators.distances.columns import varying
from infoplane.flags import CONSTANT_UNITS, FEW_SAMPLES, NOISELESS, RANK_DEFICIENT, Flag
from infoplane.types import NATS_PER, Estimate, Units

CORRECTIONS = ("wishart", "none")
#: Fewer samples than this a column (of both variables together) leave the estimate to chance.
FEWEST_PER_COLUMN = 10


class NormalEstimator(Estimator):
    """An estimator that takes columns, made of a layer's units in some way, for jointly Gaussian."""

    continuous: ClassVar[bool] = True

    def __init__(self, correction: str = "wishart") -> None:
        if correction not in CORRECTIONS:
            raise UnknownNameError("correction", correction, CORRECTIONS)
        self.correction = correction

    def with_input(self, prepared: Standard, x: Variable, units: Units = "bits") -> Estimate:
        if x.numbers is None:
            return class_estimate(self, prepared, x.classes(), units)
        return self._with_numbers(prepared, x, units)

    def with_label(self, prepared: Standard, y: Variable, units: Units = "bits") -> Estimate:
        if y.ids is None:
            return self._with_numbers(prepared, y, units)
        return class_estimate(self, prepared, y.classes(), units)

    def _with_numbers(self, t: Standard, other: Variable, units: Units) -> Estimate:
        device = t.device

        def decomposed() -> tuple[Standard, Basis | None]:
            standard = self.prepare(other.values().to(device))
            return standard, standard.basis

        found, _ = other.derived((self.name, device), decomposed)
        return number_estimate(self, t, found, self.correction, units)


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


def number_estimate(made: Estimator, t: Standard, other: Standard, correction: str, units: Units) -> Estimate:
    """The information of t and other columns of numbers, with its doubt."""
    columns = other.units
    if not (t.units.count and columns.count):
        return _estimate(made, 0.0, t, units, {"columns_other": columns.count}, [])
    found = canonical(t, other, directions=False)
    facts = {
        "columns_other": columns.count,
        "rank": found.rank_t,
        "rank_other": found.rank_other,
        "correlations": found.correlations.tolist(),
        "correction": correction,
    }
    flags = []
    if found.rank_t < t.units.count or found.rank_other < columns.count:
        flags.append(RANK_DEFICIENT)
    if bool((found.residual <= RESOLUTION).any()):
        flags.append(NOISELESS)
    if t.n < FEWEST_PER_COLUMN * (found.rank_t + found.rank_other):
        flags.append(FEW_SAMPLES)
    return _estimate(made, gaussian_nats(found, t.n, correction), t, units, facts, flags)


def class_estimate(made: Estimator, t: Standard, classes: Ids, units: Units) -> Estimate:
    """The information of t and classes, with its doubt."""
    facts: dict[str, object] = {"columns_other": classes.count - 1, "h_y": classes.entropy() / NATS_PER[units]}
    if not t.units.count:
        return _estimate(made, 0.0, t, units, facts, [])
    nats, found = class_nats(t, classes)
    facts |= {"rank": found.rank_t, "rank_other": found.rank_other, "correlations": found.correlations.tolist()}
    flags = [RANK_DEFICIENT] if found.rank_t < t.units.count else []
    if t.n < FEWEST_PER_COLUMN * (found.rank_t + found.rank_other):
        flags.append(FEW_SAMPLES)
    return _estimate(made, nats, t, units, facts, flags)


def _estimate(
    made: Estimator, nats: float, t: Standard, units: Units, facts: dict[str, object], flags: list[Flag]
) -> Estimate:
    constant = t.units.constant
    details = {
        "measurement": made.measurement,
        "estimand": "population",
        "columns": t.units.count,
        "constant_units": constant,
        **facts,
    }
    doubt = (*flags, CONSTANT_UNITS) if constant else tuple(flags)
    return Estimate(nats / NATS_PER[units], units, n=t.n, flags=doubt, details=details)
