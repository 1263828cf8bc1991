"""Gaussian copula: every unit replaced by its normal scores, then the closed form of jointly Gaussian variables.

    z = Phi^-1(rank / (n + 1)),   I(X;T) >= -1/2 sum_j log(1 - r_j^2)     r_j: canonical correlations of the scores

Information does not change under increasing maps of single units, and among all dependences with given correlations
of normal margins the Gaussian one has least information: in the population a lower bound where margins are normal
jointly, and exact where only the margins were not normal. Classes as in ``gaussian``.

Ince, Giordano, Kayser, Rousselet, Gross, Schyns (2017), Human Brain Mapping 38, 1541, equations 18 and 29. In nats
inside. Bias: as ``gaussian``, and downwards by whatever dependence is not between ranks: all of it for a Student
distribution of uncorrelated parts.
"""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from infoplane.estimators.distances.canonical import Standard
from infoplane.estimators.distances.columns import normal_scores, varying
from infoplane.estimators.gaussian import NormalEstimator


@final
class GaussianCopula(NormalEstimator):
    """Mutual information through ranks: unchanged by any increasing map of a unit.

    For many units of any margins that depend on each other roughly as Gaussian ones do.

    ``correction`` as in ``Gaussian``, and flags. Equal values share the mean of their ranks: with many ties (dead
    units) the scores are far from normal, and the number is the linear part of the dependence of ranks.

    >>> import infoplane as ip, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=5000)
    >>> t = x + rng.normal(size=5000)
    >>> one = ip.mutual_information(t, x, estimator="gaussian-copula")
    >>> one.value == ip.mutual_information(np.exp(t), x, estimator="gaussian-copula").value
    True
    """

    name: ClassVar[str] = "gaussian-copula"

    @property
    def measurement(self) -> str:
        return "Gaussian copula"

    def prepare(self, t: Tensor) -> Standard:
        return Standard(varying(t), normal_scores)
