"""The information of a layer with Gaussian noise, T = t + N(0, noise^2), by Monte Carlo over the mixture.

    I(X;T) = h(T) - h(T|X) = E[ log p(T|X) - log p(T) ],   I(T;Y) = E[ log p(T|Y) - log p(T) ]

p(T) is the mixture of normal distributions around the recorded rows, p(T|X) and p(T|Y) the mixtures around the rows of
the same input or label. With one row an input p(T|X) is one normal distribution. Rows of the same input that differ are
taken for paths of a network with noise in earlier layers (see ``infoplane.networks.noisy.sample_paths``).

Goldfeld et al. (2019), arXiv:1810.05728 (the noisy network and the sample propagation estimator); Goldfeld et al.
(2020), IEEE Trans. Inf. Theory 66, 4368 (its rate). All densities are taken at the same noise, which comes in pairs +z
and -z: I(X;T) can then never exceed the logarithm of the number of inputs, and vanishes with growing noise. Nats
inside. Exact for the recorded inputs, up to the Monte Carlo error given by ``low`` and ``high``; as an estimate for a
population biased downwards where it comes near log n (flag ``saturated``). Exponents in float64: memory O(n x chunk),
time O(samples x n x units), and much less where most rows are too far apart for the noise to lead from one to another.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators.base import Estimator
from infoplane.estimators.compiled import compiled
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.counting.symbols import constant_units
from infoplane.estimators.distances.columns import total_variance
from infoplane.estimators.distances.pairwise import half_squares
from infoplane.estimators.distances.reach import within_reach
from infoplane.flags import CONSTANT_UNITS, NOISE_EXCEEDS_LAYER, SATURATED
from infoplane.types import Information

PAIRS_AT_ONCE = 1 << 21  # exponents held in memory
SATURATED_SHARE = 0.9  # of the logarithm of the number of inputs
MOST_NEAR = 1 << 21  # exponents that are kept
KEPT = 1 << 19  # normal numbers up to which they are kept for the next layer
_LEAST = -50.0  # exponents below are as good as none beside the 0 of a row and itself


@dataclass(frozen=True)
class NearCentres:
    """What is near to each draw, but for its own row, draw after draw: how much (draws,), the numbers of the centres
    (count,), and the exponents for +z and -z (2, count); log p(T) of each draw (2, draws), but for a constant.
    """

    counts: Tensor
    centres: Tensor
    exponents: Tensor
    everywhere: Tensor


@dataclass(frozen=True)
class Mixture:
    """A layer ``t`` (samples, units); the ``rows`` (draws,) where noise is added; ``constant`` units; what is ``near``,
    None where that is too much.
    """

    t: Tensor
    rows: Tensor
    constant: int
    near: NearCentres | None


@final
class Noisy(Estimator):
    """Mutual information through a declared Gaussian noise, by Monte Carlo.

    For networks with noise in their forward pass, and as a declared resolution for others: finite, with a known error.

    ``noise`` is the standard deviation in the layer's own unit; ``samples`` the number of Monte Carlo points,
    half of them for each sign of the noise; rounded up so that all rows are used equally often, or, where there are
    fewer points than rows, taken at random rows. Labels must be classes.

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
        pairs = self.samples // 2
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(t), generator=generator)
        rows = order[:pairs] if pairs < len(t) else order.repeat(-(-pairs // len(t)))  # every row equally often
        near = self._near(t, rows) if t.device.type == "cpu" else None
        return Mixture(t, rows.to(t.device), int(constant_units(t[None])), near)

    def with_input(self, prepared: Mixture, x: Variable) -> Information:
        return self._information(prepared, x.classes(), "h_x")

    def with_label(self, prepared: Mixture, y: Variable) -> Information:
        return self._information(prepared, y.classes(), "h_y")

    def _information(self, mixture: Mixture, groups: Ids, entropy: str) -> Information:
        n = len(mixture.t)
        within, everywhere = self._log_sums(mixture, groups)
        sizes = groups.counts.to(within.device, torch.float64)[groups.ids[mixture.rows]]
        each = (within - sizes.log() - everywhere).mean(0) + math.log(n)
        if not bool(each.isfinite().all()):
            largest = float(mixture.t.abs().max())
            raise NonFiniteError(
                f"distances overflow with activations up to {largest:g}: divide the layer by its scale"
            )
        null = null_nats(everywhere, sizes, n) if entropy == "h_y" else None
        value, error = float(each.mean()), float(each.std(correction=0)) / math.sqrt(len(each))
        raised = {
            CONSTANT_UNITS: mixture.constant > 0,
            SATURATED: entropy == "h_x" and value >= SATURATED_SHARE * math.log(groups.count),
            NOISE_EXCEEDS_LAYER: self.noise**2 > total_variance(mixture.t) and mixture.constant < mixture.t.shape[1],
        }
        return Information(
            value,
            n,
            "empirical",
            low=value - 1.96 * error,
            high=value + 1.96 * error,
            flags=tuple(flag for flag, true in raised.items() if true),
            amounts={"standard_error": error, "log_n": math.log(n), entropy: groups.entropy(), "null": null},
            facts={
                "noise_variance": self.noise**2,
                "monte_carlo_points": 2 * len(each),
                "constant_units": mixture.constant,
            },
            interval="Monte Carlo 95 %",
        )

    def _near(self, t: Tensor, rows: Tensor) -> NearCentres | None:
        """Of all draws, in main memory and as long as they are few."""
        n, times = len(t), max(1, len(rows) // len(t))
        pairs = within_reach(t, self.noise, rows[:n], MOST_NEAR // (2 * times))
        if pairs is None:
            return None
        neighbours = tuple(each.numpy() for each in pairs.of_each_row(n))
        found = [(np.zeros(len(rows), np.int64), np.empty(0, np.int32), np.empty((2, 0)))]
        if len(pairs.halves):
            found = [
                _exponents(t.contiguous().numpy(), 1 / self.noise, chunk.numpy(), noise.numpy(), *neighbours)
                for chunk, noise in self._noise(t, rows)
            ]
        counts, centres, exponents = (
            torch.from_numpy(np.concatenate(parts, axis=-1)) for parts in zip(*found, strict=True)
        )
        near = NearCentres(counts, centres, exponents, torch.zeros(2, len(rows), dtype=torch.float64))
        return replace(near, everywhere=_log_sums(near, rows, torch.zeros(n, dtype=torch.int64)))

    def _noise(self, t: Tensor, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Some rows at a time (chunk,), and their noise (chunk, units): always the same."""
        step = max(1, PAIRS_AT_ONCE // len(t))
        draw = _kept_numbers if len(rows) * t.shape[1] <= KEPT else _normal_numbers
        for chunk, noise in zip(rows.split(step), draw(self.seed, len(rows), t.shape[1], step), strict=True):
            yield chunk, noise.to(t.device)

    def _log_sums(self, mixture: Mixture, groups: Ids) -> tuple[Tensor, Tensor]:
        """Of each draw, for +z and for -z, log of the sum of exp over the same group and over all: (2, draws) twice.

        The exponents are those of the densities relative to the row's own one: (|z|^2 - |z + t_i - t_j|^2) / 2.
        """
        t, near, lone = mixture.t, mixture.near, groups.count == groups.n
        if near is not None:
            alone = torch.zeros_like(near.everywhere)  # a group of its own, with exponent 0
            return alone if lone else _log_sums(near, mixture.rows, groups.ids), near.everywhere
        centres = t.to(torch.float64, copy=True)
        centres.sub_(centres.mean(0)).div_(self.noise)
        halves, sums = half_squares(centres), []
        for rows, noise in self._noise(t, mixture.rows):
            alike = None if lone else groups.ids[rows, None] == groups.ids
            distances = (halves[rows, None] + halves).addmm_(centres[rows], centres.T, alpha=-1)
            distances = distances.clamp_(min=0).scatter_(1, rows[:, None], 0.0)  # exactly 0 for a row to itself
            along = noise @ centres.T  # (rows, samples)
            along -= along.gather(1, rows[:, None])
            signs = [_within_and_all(sign * along - distances, alike) for sign in (1, -1)]
            sums.append(torch.stack(signs, 1))
        within, everywhere = torch.cat(sums, 2)
        return within, everywhere


def _normal_numbers(seed: int, draws: int, units: int, step: int) -> Iterator[Tensor]:
    """Normal numbers (draws, units), ``step`` draws at a time."""
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, draws, step):
        yield torch.randn(min(step, draws - start), units, generator=generator, dtype=torch.float64)


@functools.lru_cache(maxsize=4)
def _kept_numbers(seed: int, draws: int, units: int, step: int) -> list[Tensor]:
    """The same, drawn once for all layers of a width. Never change them."""
    return list(_normal_numbers(seed, draws, units, step))


def _within_and_all(exponents: Tensor, same: Tensor | None) -> Tensor:
    """log of the sum of exp over the ``same`` group, and over all, for each row: (2, rows)."""
    everywhere = exponents.logsumexp(1)
    if same is None:  # every row is a group of its own, with exponent 0
        return torch.stack([torch.zeros_like(everywhere), everywhere])
    return torch.stack([exponents.masked_fill(~same, -math.inf).logsumexp(1), everywhere])


def null_nats(everywhere: Tensor, sizes: Tensor, n: int) -> float:
    """What the recorded rows give on average where labels have nothing to do with them, or a little more.

    ``everywhere``: log of the sum S of exp over all, 1 of which is that of the row itself; ``sizes`` (draws,) of the
    groups. Of S - 1 a group of c of n has (c - 1) / (n - 1) on average, if labels are shuffled; and the mean of a
    logarithm is below that of the mean (Jensen).
    """
    share = (sizes - 1) / (n - 1)
    within = torch.logaddexp(torch.log1p(-share), everywhere + share.log())  # log(1 + share (S - 1)), S may overflow
    return float((within - sizes.log() - everywhere).mean()) + math.log(n)


def _log_sums(near: NearCentres, rows: Tensor, ids: Tensor) -> Tensor:
    """log of the sum of exp over the samples with the id of each draw's row (2, draws)."""
    sums = np.empty((2, len(rows)))
    _add_exponents(rows.numpy(), near.counts.numpy(), near.centres.numpy(), near.exponents.numpy(), ids.numpy(), sums)
    return torch.from_numpy(sums)


@compiled(nogil=True, fastmath={"reassoc", "contract"})
def _exponents(t, scale, rows, noise, starts, others, halves):  # type: ignore[no-untyped-def]
    """What ``NearCentres`` holds of draws at ``rows`` of ``scale`` t with ``noise`` (draws, units)."""
    most, kept = 0, 0
    for row in rows:
        most += starts[row + 1] - starts[row]
    counts, centres, exponents = np.empty(len(rows), np.int64), np.empty(most, np.int32), np.empty((2, most))
    for draw in range(len(rows)):
        z, own, before = noise[draw], t[rows[draw]], kept
        for at in range(starts[rows[draw]], starts[rows[draw] + 1]):
            other, along = t[others[at]], 0.0
            for unit in range(len(z)):
                along += z[unit] * (np.float64(other[unit]) - np.float64(own[unit]))
            along *= scale
            if abs(along) - halves[at] > _LEAST:
                centres[kept] = others[at]
                exponents[0, kept], exponents[1, kept] = along - halves[at], -along - halves[at]
                kept += 1
        counts[draw] = kept - before
    return counts, centres[:kept].copy(), exponents[:, :kept].copy()


@compiled(nogil=True)
def _add_exponents(rows, counts, centres, exponents, ids, sums):  # type: ignore[no-untyped-def]
    """``_log_sums``."""
    for sign in range(2):
        start = 0
        for draw in range(len(rows)):
            stop, own, largest = start + counts[draw], ids[rows[draw]], 0.0  # the exponent of the row itself
            for at in range(start, stop):
                if ids[centres[at]] == own:
                    largest = max(largest, exponents[sign, at])
            total = np.exp(-largest)
            for at in range(start, stop):
                if ids[centres[at]] == own:
                    total += np.exp(exponents[sign, at] - largest)
            sums[sign, draw] = np.log(total) + largest
            start = stop
