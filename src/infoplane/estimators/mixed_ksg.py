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

from infoplane.estimators.base import Estimator
from infoplane.estimators.columns import Columns, scaled, tied_share
from infoplane.estimators.ksg import check_neighbours, members_of, neighbour_estimate, psi
from infoplane.estimators.neighbours import count_equal, count_nearer, kth_distance
from infoplane.estimators.samples import Ids, Variable
from infoplane.types import NATS_PER, Estimate, Units


@final
class MixedKSG(Estimator):
    """Mutual information from neighbours, right for equal samples too (dead or saturated units, counts, mixtures).

    ``k``: neighbours. ``standardise``: divide each unit by its standard deviation first. Classes are infinitely far
    from each other. Flags: ``high-dimension``, ``few-samples``, ``above-ceiling`` (above H(Y)), ``constant-units``.

    >>> import infoplane as ip, numpy as np
    >>> y = np.arange(900) % 3
    >>> round(ip.mutual_information(y / 2, y, estimator="mixed-ksg", units="nats").value, 2)  # log 3 = 1.0986
    1.1
    """

    name: ClassVar[str] = "mixed-ksg"
    continuous: ClassVar[bool] = True

    def __init__(self, k: int = 5, standardise: bool = True) -> None:
        check_neighbours(k)
        self.k = k
        self.standardise = standardise

    @property
    def measurement(self) -> str:
        return f"{self.k} nearest neighbours or all equal samples, max-norm"

    def prepare(self, t: Tensor) -> Columns:
        return scaled(t, self.standardise)

    def with_input(self, prepared: Columns, x: Variable, units: Units = "bits") -> Estimate:
        if x.numbers is None:
            return self._with_classes(prepared, x.classes(), units)
        return self._with_numbers(prepared, x, units)

    def with_label(self, prepared: Columns, y: Variable, units: Units = "bits") -> Estimate:
        if y.ids is None:
            return self._with_numbers(prepared, y, units)
        return self._with_classes(prepared, y.classes(), units)

    def _with_numbers(self, t: Columns, other: Variable, units: Units) -> Estimate:
        y = scaled(other.values().to(t.values.device), self.standardise)
        facts = {"ties": tied_share(t.values) if t.count else 1.0}
        value = 0.0
        if t.count and y.count:
            value = float(mixed_terms(t.values, y.values, min(self.k, t.n - 1)).mean())
        return neighbour_estimate(self, value, t, y.count, units, facts=facts)

    def _with_classes(self, t: Columns, classes: Ids, units: Units) -> Estimate:
        facts = {"h_y": classes.entropy() / NATS_PER[units], "ties": tied_share(t.values) if t.count else 1.0}
        value = float(mixed_class_terms(t.values, classes, self.k).mean()) if t.count else 0.0
        return neighbour_estimate(self, value, t, 0, units, facts=facts)


def mixed_terms(x: Tensor, y: Tensor, k: int) -> Tensor:
    """What each sample adds, in nats; ``x`` and ``y`` (samples, columns) float64. Their mean is the information."""
    joint = torch.cat([x, y], 1)
    distance = kth_distance(joint, k)
    tied = distance == 0
    nearest = torch.where(tied, count_equal(joint) + 1, k)
    around = [torch.where(tied, count_equal(z), count_nearer(z, distance)) + 1 for z in (x, y)]
    return psi(len(x)) + psi(nearest) - psi(around[0]) - psi(around[1])


def mixed_class_terms(t: Tensor, classes: Ids, k: int) -> Tensor:
    """What each sample adds, in nats; a class alone with its sample counts as a tie with itself."""
    distance = torch.zeros(len(t), dtype=t.dtype, device=t.device)
    equal = torch.zeros(len(t), dtype=torch.int64, device=t.device)  # in t and in class
    sizes = classes.counts.to(t.device)[classes.ids]
    for members in members_of(classes):
        if len(members) > 1:
            distance[members] = kth_distance(t[members], min(k, len(members) - 1))
            equal[members] = count_equal(t[members])
    tied = distance == 0
    nearest = torch.where(tied, equal + 1, sizes.clamp(max=k + 1) - 1)
    around = torch.where(tied, count_equal(t), count_nearer(t, distance)) + 1
    return psi(len(t)) + psi(nearest) - psi(around) - psi(sizes)
