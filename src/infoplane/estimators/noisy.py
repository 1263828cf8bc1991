"""The information of a layer with Gaussian noise, T = t + N(0, noise^2), by Monte Carlo over the mixture.

    I(X;T) = h(T) - h(T|X) = E[ log p(T|X) - log p(T) ],   I(T;Y) = E[ log p(T|Y) - log p(T) ]

p(T) is the mixture of normal distributions around the recorded rows, p(T|X) and p(T|Y) the mixtures around the rows of
the same input or label. With one row an input p(T|X) is one normal distribution. Rows of the same input that differ are
taken for paths of a network with noise in earlier layers (see ``infoplane.networks.noisy.sample_paths``).

Goldfeld et al. (2019), arXiv:1810.05728 (the noisy network and the sample propagation estimator); Goldfeld et al.
(2020), IEEE Trans. Inf. Theory 66, 4368 (its rate). All densities are taken at the same noise, which comes in pairs +z
and -z: I(X;T) can then never exceed the logarithm of the number of inputs, and vanishes with growing noise. Nats
inside. Exact for the recorded inputs, up to the Monte Carlo error given by ``low`` and ``high``; as an estimate for a
population biased downwards where it comes near log n (flag ``saturated``). Float64 throughout: memory O(n x chunk),
time O(samples x n x units), and much less where most rows are too far apart for the noise to lead from one to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.reach import products_of_pairs, within_reach
from infoplane.estimators.samples import Ids, Variable
from infoplane.estimators.symbols import constant_units
from infoplane.types import NATS_PER, Estimate, Units

PAIRS_AT_ONCE = 1 << 21  # exponents held in memory
SATURATED_SHARE = 0.9  # of the logarithm of the number of inputs
MOST_NEAR = 1 << 21  # exponents that are kept
_FEW = 16  # times fewer pairs than all: their products are formed one by one


@dataclass(frozen=True)
class Near:
    """All exponents within reach, for +z and -z (2, count); which draw and which centre they belong to (count,);
    log p(T) of each draw (2, pairs), but for a constant.
    """

    draws: Tensor
    centres: Tensor
    exponents: Tensor
    everywhere: Tensor


@dataclass(frozen=True)
class Mixture:
    """Rows of a layer in units of the noise: ``centres`` (samples, units) float64; ``rows`` (pairs,) where noise is
    added; ``constant`` units; what is ``near``, None where that is too much.
    """

    centres: Tensor
    rows: Tensor
    constant: int
    near: Near | None


@final
class Noisy(Estimator):
    """Mutual information through a declared Gaussian noise, by Monte Carlo.

    ``noise`` is the standard deviation in the layer's own unit; ``samples`` the number of Monte Carlo points,
    half of them for each sign of the noise; rounded up so that all rows are used equally often, or, where there are
    fewer points than rows, taken at random rows. For networks with such a noise in their forward pass, and as a
    declared resolution for others. Labels must be classes.

    >>> import infoplane as ip, torch
    >>> t, y = torch.tensor([[-1.0], [1.0]]).repeat(50, 1), torch.arange(100) % 2
    >>> round(ip.mutual_information(t, y, estimator="noisy", noise=0.1).value, 3)
    1.0
    """

    name: ClassVar[str] = "noisy"

    def __init__(self, noise: float = 0.1, samples: int = 10_000, seed: int = 0) -> None:
        if not 0 < noise < math.inf:
            raise InputError(
                f"noise must be a positive standard deviation, got {noise!r}: for example noise=0.1; without noise "
                "count distinct rows with estimator='binned', bins='distinct'"
            )
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 2:
            raise InputError(
                f"samples must be a whole number of at least 2, got {samples!r}: for example samples=10000"
            )
        self.noise = noise
        self.samples = samples
        self.seed = seed

    @property
    def measurement(self) -> str:
        return f"Gaussian noise of standard deviation {self.noise:g}"

    def prepare(self, t: Tensor) -> Mixture:
        centres = t.to(torch.float64, copy=True)
        pairs = self.samples // 2
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(t), generator=generator)
        rows = order[:pairs] if pairs < len(t) else order.repeat(-(-pairs // len(t)))  # every row equally often
        centres, rows = centres.sub_(centres.mean(0)).div_(self.noise), rows.to(t.device)
        return Mixture(centres, rows, int(constant_units(t[None])), self._near(centres, rows))

    def with_input(self, prepared: Mixture, x: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, x.classes(), "h_x", units)

    def with_label(self, prepared: Mixture, y: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, y.classes(), "h_y", units)

    def _estimate(self, mixture: Mixture, groups: Ids, entropy: str, units: Units) -> Estimate:
        n, scale = len(mixture.centres), NATS_PER[units]
        each = self._log_ratios(mixture, groups)
        value, error = float(each.mean()), float(each.std(correction=0)) / math.sqrt(len(each))
        flags: tuple[str, ...] = ("constant-units",) if mixture.constant else ()
        if value >= SATURATED_SHARE * math.log(groups.count) and entropy == "h_x":
            flags += ("saturated",)
        details = {
            "measurement": self.measurement,
            "estimand": "empirical",
            "noise_variance": self.noise**2,
            "monte_carlo_points": 2 * len(each),
            "standard_error": error / scale,
            "log_n": math.log(n) / scale,
            entropy: groups.entropy() / scale,
            "constant_units": mixture.constant,
        }
        low, high = (value - 1.96 * error) / scale, (value + 1.96 * error) / scale
        return Estimate(value / scale, units, low, high, "estimate", n, flags, details)

    def _near(self, centres: Tensor, rows: Tensor) -> Near | None:
        """Of all draws, in main memory and as long as they are few."""
        distances = within_reach(centres, rows, MOST_NEAR) if centres.device.type == "cpu" else None
        if distances is None:
            return None
        if bool((distances.counts[rows] == 1).all()):  # nothing but each row itself, whatever the noise
            nothing = torch.zeros(2, len(rows), dtype=torch.float64)
            return Near(torch.arange(len(rows)), rows, nothing, nothing)
        parts, first = [], 0
        for chunk, noise in self._noise(centres, rows):
            draw, centre, half = distances.of(chunk)
            if len(draw) * _FEW < len(chunk) * len(centres):
                along = torch.empty_like(half)
                places = draw.numpy(), centre.numpy(), chunk[draw].numpy()
                products_of_pairs(noise.numpy(), centres.numpy(), places, along.numpy())
            else:
                products = noise @ centres.T  # (chunk, samples)
                along = (products - products.gather(1, chunk[:, None]))[draw, centre]
            parts.append((draw + first, centre, torch.stack([along - half, -along - half])))
            first += len(chunk)
        each_draws, each_centres, each_exponents = zip(*parts, strict=True)
        draws, exponents = torch.cat(each_draws), torch.cat(each_exponents, 1)
        return Near(draws, torch.cat(each_centres), exponents, _log_sums(exponents, draws, len(rows)))

    def _noise(self, centres: Tensor, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Some rows at a time (chunk,), and their noise (chunk, units): always the same."""
        generator = torch.Generator().manual_seed(self.seed)
        for chunk in rows.split(max(1, PAIRS_AT_ONCE // len(centres))):
            noise = torch.randn(len(chunk), centres.shape[1], generator=generator, dtype=torch.float64)
            yield chunk, noise.to(centres.device)

    def _log_ratios(self, mixture: Mixture, groups: Ids) -> Tensor:
        """log p(T|group) - log p(T), (pairs,): the mean over +z and -z for each of the mixture's rows."""
        near, n, lone = mixture.near, groups.n, groups.count == groups.n
        log_sizes = groups.counts.to(mixture.centres.device, torch.float64).log()
        if near is not None:
            ratio = -near.everywhere
            if not lone:
                same = groups.ids[mixture.rows][near.draws] == groups.ids[near.centres]
                own = log_sizes[groups.ids[mixture.rows]]
                ratio += _log_sums(near.exponents[:, same], near.draws[same], len(mixture.rows)) - own
            return ratio.mean(0) + math.log(n)
        result = []
        for rows, noise in self._noise(mixture.centres, mixture.rows):
            alike = None if lone else groups.ids[rows, None] == groups.ids
            distances = _half_distances(mixture.centres, rows)
            along = noise @ mixture.centres.T  # (rows, samples)
            along -= along.gather(1, rows[:, None])
            signs = [_log_ratio(sign * along - distances, alike, log_sizes[groups.ids[rows]]) for sign in (1, -1)]
            result.append((signs[0] + signs[1]) / 2)
        return torch.cat(result) + math.log(n)


def _log_sums(exponents: Tensor, draws: Tensor, count: int) -> Tensor:
    """log of the sum of exp of each draw's ``exponents`` (2, pairs), of which one is 0: (2, ``count``)."""
    which = draws.expand_as(exponents)
    largest = exponents.new_zeros(2, count).scatter_reduce_(1, which, exponents, "amax")
    sums = torch.zeros_like(largest).scatter_add_(1, which, (exponents - largest.gather(1, which)).exp_())
    return sums.log_() + largest


def _half_distances(centres: Tensor, rows: Tensor) -> Tensor:
    """Half the squared distances of some rows to all; exactly 0 for a row to itself."""
    squares = centres.square().sum(1)
    half = (squares[rows, None] + squares) / 2 - centres[rows] @ centres.T
    return half.clamp_(min=0).scatter_(1, rows[:, None], 0.0)


def _log_ratio(exponents: Tensor, same: Tensor | None, log_size: Tensor) -> Tensor:
    """log of the mean of exp over the same group minus log of the sum of exp over all, for each row.

    The exponents are those of the densities relative to the row's own one: (|z|^2 - |z + t_i - t_j|^2) / 2.
    """
    everywhere = exponents.logsumexp(1)
    if same is None:  # every row is a group of its own, with exponent 0
        return -everywhere
    return exponents.masked_fill(~same, -math.inf).logsumexp(1) - log_size - everywhere
