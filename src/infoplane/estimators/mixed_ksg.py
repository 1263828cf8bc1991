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
from infoplane.estimators.columns import scaled
from infoplane.estimators.ksg import Placed, check_neighbours, members_of, neighbour_estimate, psi
from infoplane.estimators.neighbours import Cloud
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

    def prepare(self, t: Tensor) -> Placed:
        return Placed.of(scaled(t, self.standardise))

    def with_input(self, prepared: Placed, x: Variable, units: Units = "bits") -> Estimate:
        if x.numbers is None:
            return self._with_classes(prepared, x.classes(), units)
        return self._with_numbers(prepared, x, units)

    def with_label(self, prepared: Placed, y: Variable, units: Units = "bits") -> Estimate:
        if y.ids is None:
            return self._with_numbers(prepared, y, units)
        return self._with_classes(prepared, y.classes(), units)

    def _with_numbers(self, placed: Placed, other: Variable, units: Units) -> Estimate:
        t, device = placed.columns, placed.columns.values.device
        found = other.derived((self.name, self.standardise, device), lambda: self.prepare(other.values().to(device)))
        value = 0.0
        if t.count and found.columns.count:
            value = float(mixed_terms(placed.cloud, found.cloud, min(self.k, t.n - 1)).mean())
        facts = {"ties": _ties(placed)}
        return neighbour_estimate(self, value, t, found.columns.count, units, facts=facts)

    def _with_classes(self, placed: Placed, classes: Ids, units: Units) -> Estimate:
        facts = {"h_y": classes.entropy() / NATS_PER[units], "ties": _ties(placed)}
        value = float(mixed_class_terms(placed.cloud, classes, self.k).mean()) if placed.columns.count else 0.0
        return neighbour_estimate(self, value, placed.columns, 0, units, facts=facts)


def _ties(placed: Placed) -> float:
    """The share of the samples that equal another one."""
    return float((placed.cloud.equal() > 0).sum()) / placed.columns.n if placed.columns.count else 1.0


def mixed_terms(x: Cloud, y: Cloud, k: int) -> Tensor:
    """What each sample adds, in nats; their mean is the information."""
    joint = Cloud.joint(x, y)
    distance = joint.kth(k)
    nearest = torch.where(distance == 0, joint.equal() + 1, k)
    return psi(len(distance)) + psi(nearest) - psi(_around(x, distance)) - psi(_around(y, distance))


def mixed_class_terms(t: Cloud, classes: Ids, k: int) -> Tensor:
    """What each sample adds, in nats; a class alone with its sample counts as a tie with itself."""
    distance = torch.zeros(classes.n, dtype=torch.float64, device=t.points.device)
    equal = torch.zeros_like(distance, dtype=torch.int64)  # in t and in class
    sizes = classes.counts.to(distance.device)[classes.ids]
    for members in members_of(classes):
        if len(members) > 1:
            within = t.take(members)
            distance[members] = within.kth(min(k, len(members) - 1))
            equal[members] = within.equal()
    nearest = torch.where(distance == 0, equal + 1, sizes.clamp(max=k + 1) - 1)
    return psi(classes.n) + psi(nearest) - psi(_around(t, distance)) - psi(sizes)


def _around(cloud: Cloud, distance: Tensor) -> Tensor:
    """How many samples are strictly nearer than ``distance``, or equal where it is 0, each with itself."""
    return torch.where(distance == 0, cloud.equal(), cloud.nearer(distance)) + 1
