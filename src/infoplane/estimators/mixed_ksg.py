"""Nearest neighbours where samples may be equal: layers with ties, and mixtures of discrete and continuous parts.

With e_i the distance of sample i to its k-th nearest neighbour in the joint space (max-norm): where one sample lies at
e_i, k_i = k and n_x, n_y count the samples strictly nearer than e_i, sample i with them; where several do, or e_i = 0,
k_i, n_x and n_y count the samples at a distance of at most e_i, sample i with them, but not in k_i where e_i > 0:

    I(X;Y) = psi(n) + mean_i [ psi(k_i) - psi(n_x) - psi(n_y) ]

Gao, Kannan, Oh, Viswanath (2017), NeurIPS 30, arXiv:1709.06212, algorithm 1, with psi(n) for log(n + 1) throughout:
without ties it is then KSG's equation 8, for a class label Ross' equation 2, and for discrete samples nearly the count
estimate. There only e_i = 0 is a tie; on a grid many samples lie at e_i > 0, and leaving them out of n_x and n_y but
not out of k gives information where there is none. In nats inside. Bias: that of ``ksg``, and for discrete variables
about that of counting.
"""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from infoplane.checks import whole_number
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.columns import scaled
from infoplane.estimators.ksg import NeighbourEstimator, Placed, continuous_terms
from infoplane.types import Information


@final
class MixedKSG(NeighbourEstimator):
    """Mutual information from neighbours, right for equal samples too (dead or saturated units, counts, mixtures).

    For a few units of which some repeat their values, and a label of classes or numbers.

    ``k``: neighbours. ``standardise``: divide each unit by its standard deviation first. Classes are infinitely far
    from each other. Flags: ``high-dimension``, ``few-samples``, ``above-ceiling`` (above H(Y)), ``constant-units``.

    >>> import infoplane as ip, numpy as np
    >>> y = np.arange(900) % 3
    >>> round(ip.mutual_information(y / 2, y, estimator="mixed-ksg", units="nats").value, 2)  # log 3 = 1.0986
    1.1
    """

    name: ClassVar[str] = "mixed-ksg"

    def __init__(self, k: int = 5, standardise: bool = True) -> None:
        whole_number("k", k, least=1, example=5)
        self.k = k
        self.standardise = standardise

    @property
    def measurement(self) -> str:
        return f"{self.k} nearest neighbours or all equal samples, max-norm"

    def prepare(self, t: Tensor) -> Placed:
        return self.placed(t)

    def with_numbers(self, prepared: Placed, other: Variable) -> Information:
        t = prepared

        def whole() -> Placed:
            return Placed.whole(scaled(other.values().to(t.device), self.standardise))

        points = other.derived((self.name, self.standardise, t.device), whole)
        terms: Tensor | float = 0.0
        if t.count and points.count:
            terms, _ = continuous_terms(t, points, min(self.k, t.n - 1))
        return self.information(t, terms, columns=points.count, facts={"ties": _ties(t)})

    def with_classes(self, prepared: Placed, classes: Ids) -> Information:
        return self.of_classes(prepared, classes, flagged=False, ties=_ties(prepared))


def _ties(t: Placed) -> float:
    """The share of the samples that equal another one."""
    return float((t.cloud.equal > 0).sum()) / t.n if t.count else 1.0
