"""The kernel density bounds: Gaussian noise of a declared variance v is added to every unit, and distances do the rest.

With n samples, d_ij the distance of samples i and j, and c(i) the samples with the label of i,

    K_s(i, A) = sum over j in A of exp(-d_ij^2 / s v) / |A|
    M_s = -mean log K_s(i, all)          W_s = -mean log K_s(i, c(i))

s = 2 comes from the Kullback-Leibler distance of two Gaussians and bounds the entropy of their mixture from above,
s = 8 from their Bhattacharyya distance and bounds it from below. Since T + noise is a mixture of Gaussians,

    M_8 <= I(X; T + noise) <= M_2                      for a deterministic layer and distinct inputs
    M_8 - W_2 <= I(T + noise; Y) <= M_2 - W_8          M_2 - W_2 is the value in use, and never above H(Y)

Nats. Bias: none as bounds for the recorded samples; as the information of a population, M is at most log n.

Kolchinsky, Tracey (2017), Entropy 19, 361, section 3: the estimator and both bounds, for one covariance;
Saxe et al. (2018), ICLR, for layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators.base import Estimator, Resampling
from infoplane.estimators.compiled import compiled
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.counting.symbols import constant_units
from infoplane.estimators.distances.columns import total_variance
from infoplane.estimators.distances.pairwise import Scaled, kernel_sums, scaled
from infoplane.estimators.distances.reach import FEW, within_reach
from infoplane.flags import CONSTANT_UNITS, NOISE_EXCEEDS_LAYER, SATURATED
from infoplane.types import Information, Kind

_SATURATED = 0.9  # of log n: nearly every sample stands alone at this noise
_MOST_NEAR = 1 << 21  # pairs that are kept


@dataclass(frozen=True)
class NearPairs:
    """Pairs of samples, each once, that are within reach of each other: their numbers (2, count), and both kernels
    (2, count) of each.
    """

    ends: Tensor
    kernels: Tensor


@dataclass(frozen=True)
class KernelSums:
    """What is near in a layer, or all of it, and its sums over all pairs (2, samples), with the variance of the noise
    that was added, and the ``total`` variance of the layer.
    """

    near: NearPairs | Scaled
    variance: float
    sums: Tensor
    constant_units: int
    total: float
    varies: bool


@final
class KDE(Estimator):
    """Bounds on the information through Gaussian noise, from the distances of all pairs of samples.

    For layers of any width whose scale is known, and bounds for a declared noise. Compare values of one noise variance
    only: the number depends on it. ``noise_variance`` is absolute, or, where ``relative`` is set, a share of the
    layer's mean unit variance.

    I(X;T): ``value`` is the upper bound, between ``low`` and ``high``. I(T;Y): ``value`` is the difference of the upper
    bounds of both entropies, an estimate as published, and lies between ``low`` and ``high``, which are bounds.
    Time is samples^2 x units / 2 for the layer and the same within each class for a label, and much less where most
    samples are too far apart for the noise to lead from one to another; memory is two copies of the layer.

    Raises:
        InputError: a variance that is not positive.
        NonFiniteError: distances overflow.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> t = np.repeat([[-0.9], [0.1], [0.2], [0.9]], 50, axis=0)
        >>> y = np.repeat([0, 0, 1, 1], 50)
        >>> round(ip.mutual_information(t, y, estimator="kde", noise_variance=1e-4).value, 6)
        1.0
    """

    name: ClassVar[str] = "kde"
    resampling: Resampling = "jackknife"

    def __init__(self, noise_variance: float = 1e-3, relative: bool = False) -> None:
        if not (
            isinstance(noise_variance, int | float | np.number) and math.isfinite(noise_variance) and noise_variance > 0
        ):
            raise InputError(f"noise_variance must be a positive number, got {noise_variance!r}: for example 1e-3")
        self.noise_variance = noise_variance
        self.relative = relative

    @property
    def measurement(self) -> str:
        if self.relative:
            return f"Gaussian noise of {self.noise_variance:g} of the layer's mean unit variance"
        return f"Gaussian noise of variance {self.noise_variance:g}"

    def prepare(self, t: Tensor) -> KernelSums:
        variance = float(self.noise_variance)
        if self.relative:
            spread = float(t.to(torch.float64).var(0, correction=0).mean())
            variance *= spread if spread > 0 else 1.0  # a constant layer knows nothing at any noise
        constant = int(constant_units(t[None]))
        near = _near(t, math.sqrt(variance)) or scaled(t, variance)
        sums = _sums(near, torch.zeros(len(t), dtype=torch.int64, device=t.device))
        if not bool(sums.isfinite().all()):
            raise NonFiniteError(
                f"distances overflow with activations up to {float(t.abs().max()):g}: divide the layer by its scale"
            )
        return KernelSums(near, variance, sums, constant, total_variance(t), constant < t.shape[1])

    def with_input(self, prepared: KernelSums, x: Variable) -> Information:
        inputs = x.classes()
        upper, lower, upper_within, lower_within = self._entropies(prepared, inputs)
        high, low = upper - lower_within, lower - upper_within
        entropies = {"h_t": upper, "h_t_given_x": upper_within, "h_x": inputs.entropy()}
        return self._information(prepared, (high, low, high), "upper bound", entropies)

    def with_label(self, prepared: KernelSums, y: Variable) -> Information:
        labels = y.classes()
        upper, lower, upper_within, lower_within = self._entropies(prepared, labels)
        entropies = {"h_t": upper, "h_t_given_y": upper_within, "h_y": labels.entropy()}
        numbers = upper - upper_within, lower - upper_within, upper - lower_within
        return self._information(prepared, numbers, "estimate", entropies, null_nats(prepared.sums[0], labels))

    def _entropies(self, prepared: KernelSums, groups: Ids) -> list[float]:
        """M_2, M_8, W_2, W_8 in nats: entropies of T + noise less that of the noise, alone and within the groups."""
        n = groups.n
        alone = math.log(n) - prepared.sums.log().mean(1)
        if groups.count == n:
            return [*alone.tolist(), 0.0, 0.0]
        within = _sums(prepared.near, groups.ids)
        sizes = groups.counts.to(within.device)[groups.ids].to(torch.float64)
        return [*alone.tolist(), *(sizes.log() - within.log()).mean(1).tolist()]

    def _information(
        self,
        prepared: KernelSums,
        numbers: tuple[float, float, float],
        kind: Kind,
        entropies: dict[str, float],
        null: float | None = None,
    ) -> Information:
        """With what both informations say; ``numbers`` are the value and its bounds."""
        value, low, high = numbers
        n = prepared.sums.shape[1]
        flags = [CONSTANT_UNITS] if prepared.constant_units else []
        if entropies["h_t"] >= _SATURATED * math.log(n):
            flags.append(SATURATED)
        if prepared.variance > prepared.total and prepared.varies:
            flags.append(NOISE_EXCEEDS_LAYER)
        amounts = {**entropies, "log_n": math.log(n), "null": null}
        facts = {"noise_variance": prepared.variance, "constant_units": prepared.constant_units}
        return Information(value, n, "empirical", kind, low, high, tuple(flags), amounts, facts, "analytic bounds")


def null_nats(sums: Tensor, labels: Ids) -> float:
    """What the recorded distances give on average where labels have nothing to do with them, or a little more.

    ``sums`` S (samples,) of the kernel over all samples, 1 of which is that with itself. Of S - 1 a class of c of n
    samples has (c - 1) / (n - 1) on average, if labels are shuffled; and the mean of a logarithm is below that of the
    mean (Jensen).
    """
    n, sizes = len(sums), labels.counts.to(sums.device)[labels.ids].to(torch.float64)
    within = 1 + (sums - 1) * (sizes - 1) / (n - 1)
    return float((within.log() - sizes.log() - sums.log()).mean()) + math.log(n)


def _near(t: Tensor, noise: float) -> NearPairs | None:
    """In main memory, and where they are few."""
    if t.device.type != "cpu":
        return None
    most = min(len(t) * (len(t) - 1) // (2 * FEW), _MOST_NEAR)
    pairs = within_reach(t, noise, torch.arange(len(t)), most)
    return None if pairs is None else NearPairs(pairs.ends, torch.stack([-pairs.halves, -pairs.halves / 4]).exp_())


def _sums(near: NearPairs | Scaled, ids: Tensor) -> Tensor:
    """Both kernels' sums over the samples with the id of each (2, samples) float64."""
    if isinstance(near, Scaled):
        return kernel_sums(near, ids)
    sums = torch.ones((2, len(ids)), dtype=torch.float64)  # each sample and itself
    _add_pairs(near.ends.numpy(), near.kernels.numpy(), ids.numpy(), sums.numpy())
    return sums


@compiled(nogil=True)
def _add_pairs(ends, kernels, ids, sums):  # type: ignore[no-untyped-def]
    """Add the kernels of each pair with one id to the sums of both its ends."""
    for at in range(ends.shape[1]):
        a, b = ends[0, at], ends[1, at]
        if ids[a] == ids[b]:
            for row in range(len(sums)):
                sums[row, a] += kernels[row, at]
                sums[row, b] += kernels[row, at]
