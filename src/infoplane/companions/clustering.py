"""How tightly the activations of a class lie together: a geometric measure to stand beside mutual information.

Binned information of a deterministic layer follows how its activations cluster (Goldfeld et al. 2019, arXiv:1810.05728,
section 5), so the clustering is shown by itself:

    ratio = mean squared distance within classes / mean squared distance between samples of different classes

over pairs of distinct samples. It is 1 without any structure, 0 where every class is one point, and has no unit; it
does not change when a layer is shifted, rotated or scaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from infoplane.errors import InputError
from infoplane.estimators import as_activations
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import check_finite
from infoplane.estimators.counting.samples import check_classes, check_lengths, label_ids


@dataclass(frozen=True)
class Clustering:
    """Mean squared distances of pairs, in squared units of the activations, and their ratio."""

    within: float
    between: float
    n: int

    @property
    def ratio(self) -> float:
        return self.within / self.between if self.between > 0 else float("nan")


@shielded
def clustering(t: Any, y: Any) -> Clustering:
    """Clustering by class of activations ``t`` (samples, units) with labels ``y`` (samples,).

    Raises:
        InputError: lengths differ, there is one class only, or no class has two samples.

    Example:
        >>> clustering([[0.0], [0.1], [1.0], [1.1]], ["a", "a", "b", "b"]).ratio < 0.02
        True
    """
    activations, labels = as_activations(t).to(torch.float64), label_ids(y)
    check_lengths(t=len(activations), y=labels.n)
    check_classes(labels)
    check_finite(activations)
    n, sizes = labels.n, labels.counts.to(torch.float64)
    ids = labels.ids.to(activations.device)
    # distances do not change, and far from 0 the difference of two large sums below would lose its digits
    centred = activations - activations.mean(0)
    sums = torch.zeros(labels.count, centred.shape[1], dtype=torch.float64, device=centred.device)
    sums = sums.index_add_(0, ids, centred)
    squares = torch.zeros(labels.count, dtype=torch.float64, device=centred.device)
    squares = squares.index_add_(0, ids, centred.square().sum(1))
    # over ordered pairs of distinct samples of a class: sum |a - b|^2 = 2 (size * sum |a|^2 - |sum a|^2)
    inside = float((2 * (sizes.to(squares.device) * squares - sums.square().sum(1))).sum())
    everything = float(2 * (n * squares.sum() - sums.sum(0).square().sum()))
    pairs_inside = float((sizes * (sizes - 1)).sum())
    if pairs_inside == 0:
        raise InputError(f"each of the {labels.count} classes has one sample: distances within a class need two")
    pairs_between = n * (n - 1) - pairs_inside
    return Clustering(max(inside, 0.0) / pairs_inside, max(everything - inside, 0.0) / pairs_between, n)
