"""Nearest neighbours where samples may be equal: layers with ties, and mixtures of discrete and continuous parts.

With e_i the distance of sample i to its k-th nearest neighbour in the joint space (max-norm): where e_i > 0, k_i = k
and n_x, n_y count the samples strictly nearer than e_i, sample i with them; where e_i = 0, k_i, n_x and n_y count the
samples equal to sample i, with itself:

    I(X;Y) = psi(n) + mean_i [ psi(k_i) - psi(n_x) - psi(n_y) ]

Gao, Kannan, Oh, Viswanath (2017), NeurIPS 30, arXiv:1709.06212, algorithm 1, with psi(n) for log(n + 1) throughout:
without ties it is then KSG's equation 8, for a class label Ross' equation 2, and for discrete samples nearly the count
estimate. In nats inside. Bias: that of ``ksg``, and for discrete variables about that of counting.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.checks import whole_number
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.distances.columns import scaled
from infoplane.estimators.distances.neighbours import Cloud
from infoplane.estimators.ksg import NeighbourEstimator, Placed, psi
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
            terms = mixed_terms(t.cloud, points.cloud, min(self.k, t.n - 1))
        return self.information(t, terms, columns=points.count, facts={"ties": _ties(t)})

    def with_classes(self, prepared: Placed, classes: Ids) -> Information:
        terms = mixed_class_terms(prepared.cloud, classes, self.k) if prepared.count else 0.0
        return self.information(prepared, terms, classes=classes, facts={"ties": _ties(prepared)})


def _ties(t: Placed) -> float:
    """The share of the samples that equal another one."""
    return float((t.cloud.equal > 0).sum()) / t.n if t.count else 1.0


def mixed_terms(x: Cloud, y: Cloud, k: int) -> Tensor:
    """What each sample adds, in nats; their mean is the information."""
    distance, *nearer = x.around(y, k)
    ties = distance == 0
    equal = Cloud.joint(x, y).equal if bool(ties.any()) else torch.zeros_like(nearer[0])
    around = [torch.where(ties, one.equal, some) + 1 for one, some in zip((x, y), nearer, strict=True)]
    return psi(len(distance)) + psi(torch.where(ties, equal + 1, k)) - psi(around[0]) - psi(around[1])


def mixed_class_terms(t: Cloud, classes: Ids, k: int) -> Tensor:
    """What each sample adds, in nats; a class alone with its sample counts as a tie with itself."""
    distance = t.within(classes.ids, classes.counts, k)
    ties = distance == 0
    sizes = classes.counts.to(distance.device)[classes.ids]
    equal = torch.zeros_like(sizes)  # in t and in class
    for label in classes.ids[ties].unique():
        members = (classes.ids == label).nonzero()[:, 0]
        equal[members] = t.take(members).equal
    nearest = torch.where(ties, equal + 1, sizes.clamp(max=k + 1) - 1)
    around = torch.where(ties, t.equal, t.nearer(distance)) + 1
    return psi(classes.n) + psi(nearest) - psi(around) - psi(sizes)
