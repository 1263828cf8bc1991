"""Soft entropy: every activation names codewords on the sphere, with probabilities, and these are counted.

With n random unit codewords w, an activation t of d units sends codeword k with probability

    p_k(t) = exp(cos(t, w_k) / e) / sum over all codewords,      e = 1 / sqrt(2 d log n)
    I(T;Y) = H(mean of p) - sum over y of p(y) H(mean of p in y),   I(X;T) = H(mean of p) - mean of H(p) for distinct x

It is the mutual information through a declared noisy channel, activation -> codeword, and so by data processing a lower
bound on that of the recorded samples, at most log n. It does not saturate at log(samples). The length of the activation
is not seen. Nats. Bias as of a population: upwards, the more the more labels there are; the null says how much.

Conklin (2025), arXiv:2505.23960, for the estimator and its temperature;
Conklin et al. (2026), ICLR, for language models.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, Resampling
from infoplane.estimators.counting.intervals import error_of_mean
from infoplane.estimators.counting.pieces import Pieces, Rows, RowWise
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.counting.soft_codes import (
    Groups,
    group_weights,
    influence,
    row_weights,
    sample_weights,
    soft_codes,
)
from infoplane.estimators.counting.symbols import Varying
from infoplane.estimators.distances.pairwise import doubts, shuffles, unit_rows
from infoplane.types import Information

_KEPT = 2**20  # numbers in codewords up to which they are kept: drawing them takes as long as some hundred samples
_LEAST = 1e-15  # of lengths up to the inverse neither squares nor products leave the range of float32
_BLOCK = 256  # samples that are assigned at a time: always the same, since products of other sizes round otherwise
_WIDE = 4096  # units up to which these are twice as many: a recording batch of wider layers may have no more


@dataclass(frozen=True)
class SoftLayer:
    """The soft codes of a layer: 2^16 - 1 times the roots of the probabilities, (samples, codewords).

    They are whole numbers of 16 bits without a sign, in tensors of int16. So are their squares whole numbers, which
    have one sum, whatever the order of the samples, the chunks or the device; and the roots say a probability p up to
    about sqrt(p) / 2^16, a small one better than a large one.
    """

    codes: Tensor
    epsilon: float
    constant_units: int
    zero: Tensor  # (samples,) which rows are zero
    bad: Tensor  # (samples,) which rows have NaN or infinity

    def take(self, keep: Tensor) -> SoftLayer:
        """Some of the samples: those where ``keep`` (samples,) is set, or that it numbers."""
        return replace(self, codes=self.codes[keep], zero=self.zero[keep], bad=self.bad[keep])

    @functools.cached_property
    def _weighed(self) -> tuple[Tensor, Tensor]:
        return sample_weights(self.codes)

    @functools.cached_property
    def _total(self) -> int:
        return int(self._weighed[1].sum())

    @functools.cached_property
    def entropy(self) -> float:
        """H(mean probabilities), in nats."""
        return float(row_weights(self._weighed[1][None])) / self._total

    def entropies_within(self, groups: Groups) -> list[float]:
        """sum over groups of their share times H(mean probabilities), in nats, for each order of the samples.

        A group's share is that of its probabilities in all of them: so what is rounded is still a table of a channel,
        with an information that is at least 0.
        """
        return [weight / self._total for weight in group_weights(self.codes, groups, self._weighed[0])]


@final
class Soft(Estimator, RowWise):
    """Mutual information through a soft choice among random codewords: for wide layers and language models.

    For wide layers, language models and several label sets: a lower bound that never saturates, with its null.

    ``codewords``: how many; ``epsilon``: the temperature, None for 1 / sqrt(2 units log codewords); ``null``: how many
    shuffles of the labels, whose mean value is ``details["null"]`` (the value itself where every label is another, and
    none of I(X;T) where every input is); ``seed``: of codewords and shuffles. A row of zeros has no direction, chooses
    evenly and is flagged. Values of different codewords or temperature cannot be compared.

    Time is samples x codewords x units once, and samples x codewords for each set of labels; memory is 2 bytes a sample
    and codeword, which rounds a value by about 1e-4 / sqrt(samples) nats, and its table stays that of a channel.
    Float32 layers in main memory become codes in float32, unless ``epsilon`` is given: that moves fewer than 1 in 200
    codes, by one step, and a value by less than the rounding does. All else is float64 or exact.

    Raises:
        InputError: options out of range.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> t, y = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 50, axis=0), np.repeat([0, 1], 50)
        >>> round(ip.mutual_information(t, y, estimator="soft", epsilon=0.01).value, 3)
        1.0
    """

    name: ClassVar[str] = "soft"
    resampling: Resampling = "jackknife"

    def __init__(self, codewords: int = 100, epsilon: float | None = None, null: int = 5, seed: int = 0) -> None:
        if isinstance(codewords, bool) or not isinstance(codewords, int | np.integer) or codewords < 2:
            raise InputError(f"codewords must be a whole number of at least 2, got {codewords!r}: for example 100")
        if epsilon is not None and not (math.isfinite(epsilon) and epsilon > 0):
            raise InputError(f"epsilon must be a positive number or None, got {epsilon!r}: for example epsilon=0.05")
        if isinstance(null, bool) or not isinstance(null, int | np.integer) or null < 0:
            raise InputError(f"null must be a number of shuffles, got {null!r}: for example null=5")
        self.codewords = codewords
        self.epsilon = epsilon
        self.null = null
        self.seed = seed

    @property
    def measurement(self) -> str:
        temperature = "1/sqrt(2 d log n)" if self.epsilon is None else f"{self.epsilon:g}"
        return f"soft choice among {self.codewords} random directions, temperature {temperature}"

    def prepare(self, t: Tensor) -> SoftLayer:
        pieces = self.pieces(len(t))
        pieces.take(t[None])
        return pieces.prepared()[0]

    def pieces(self, samples: int) -> SoftPieces:
        return SoftPieces(self, samples)

    @property
    def row_bytes(self) -> int:
        return 2 * self.codewords + 2

    def with_input(self, prepared: SoftLayer, x: Variable) -> Information:
        return self._information(prepared, x, "x")

    def with_label(self, prepared: SoftLayer, y: Variable) -> Information:
        return self._information(prepared, y, "y")

    def _information(self, prepared: SoftLayer, other: Variable, what: str) -> Information:
        groups = other.classes()
        zero_rows = int(prepared.zero.sum())
        orders = other.derived((self.name, self.null, self.seed), lambda: self._orders(groups))
        whole = prepared.entropy
        within, *shuffled = prepared.entropies_within(orders)
        value, null = whole - within, None
        if shuffled:
            null = whole - math.fsum(shuffled) / len(shuffled)
        elif what == "y" and self.null:  # every label is another, and any order of them gives the same
            null = value
        constant, ends = prepared.constant_units, {}
        if groups.count < groups.n and other.groups is None:
            ends = self._ends(prepared, groups, value)
        return Information(
            value,
            groups.n,
            "empirical",
            "lower bound",
            flags=doubts(constant_units=constant, zero_rows=zero_rows),
            amounts={
                "null": null,
                "h_t": whole,
                f"h_t_given_{what}": within,
                f"h_{what}": groups.entropy(),
                "log_n": math.log(groups.n),
                "log_codewords": math.log(self.codewords),
            },
            facts={"epsilon": prepared.epsilon, "constant_units": constant, "zero_rows": zero_rows},
            **ends,
        )

    def _ends(self, prepared: SoftLayer, labels: Ids, value: float) -> dict[str, Any]:
        """An interval for the population, around the value without its bias."""
        terms, bias = influence(prepared.codes, labels)
        half = error_of_mean(terms)[1] + abs(bias)
        return {"low": value - bias - half, "high": value - bias + half, "interval": "population 95 %"}

    def _orders(self, groups: Ids) -> Groups:
        """The groups, and shuffled where that makes a difference."""
        times = self.null if groups.count < groups.n else 0
        return Groups.of([groups, *shuffles(groups, times, self.seed)])


@final
class SoftPieces(Pieces):
    """The soft codes of one layer that comes in pieces; rows wait until they fill a block."""

    def __init__(self, soft: Soft, samples: int) -> None:
        self._soft = soft
        self._epsilon = 0.0
        self._words: dict[torch.dtype, Tensor] = {}
        self._waiting: Tensor | None = None
        self._codes, self._lengths = Rows(samples), Rows(samples)
        self._varying: list[Varying] = []

    def look(self, t: Tensor) -> None:
        """Nothing: one pass is enough."""

    def take(self, t: Tensor) -> None:
        if not self._varying:
            self._start(t)
        for member, varying in zip(t, self._varying, strict=True):
            varying.take(member[None])
        rows = t if self._waiting is None else torch.cat([self._waiting, t], 1)
        block = _BLOCK if t.shape[2] > _WIDE else 2 * _BLOCK
        whole = rows.shape[1] - rows.shape[1] % block
        for start in range(0, whole, block):
            self._assign(rows[:, start : start + block])
        self._waiting = rows[:, whole:].clone() if whole < rows.shape[1] else None

    def prepared(self) -> list[SoftLayer]:
        if self._waiting is not None:
            self._assign(self._waiting)
            self._waiting = None
        codes, lengths = self._codes.tensor(), self._lengths.tensor()
        zero, bad = lengths == 0, ~lengths.isfinite()
        return [
            SoftLayer(codes[member], self._epsilon, varying.constant, zero[member], bad[member])
            for member, varying in enumerate(self._varying)
        ]

    def _start(self, t: Tensor) -> None:
        members, _, units = t.shape
        codewords, epsilon = self._soft.codewords, self._soft.epsilon
        self._varying = [Varying() for _ in range(members)]
        self._epsilon = 1 / math.sqrt(2 * units * math.log(codewords)) if epsilon is None else epsilon

    def _assign(self, rows: Tensor) -> None:
        """A block (members, samples, units) to codewords."""
        shares, lengths = zip(*map(self._chosen, rows), strict=True)
        self._codes.add(torch.stack([soft_codes(one) for one in shares]))
        self._lengths.add(torch.stack(lengths))

    def _chosen(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The probabilities of rows (samples, units), (samples, codewords), and their lengths (samples,)."""
        if self._soft.epsilon is None and is_single(rows):
            rows = aligned(rows)
            lengths = torch.linalg.vector_norm(rows, dim=1)
            if lengths.min() > _LEAST and lengths.max() < 1 / _LEAST:  # not where a row is zero or has NaN
                products = rows @ self._words_like(rows).T
                return products.div_((lengths * self._epsilon)[:, None]).softmax(1), lengths
        rows, lengths = scaled(rows)
        products = rows @ self._words_like(rows).T
        return products.div_((lengths.where(lengths > 0, 1.0) * self._epsilon)[:, None]).softmax(1), lengths

    def _words_like(self, rows: Tensor) -> Tensor:
        """The codewords (codewords, units) in the type of ``rows``, and beside them."""
        if rows.dtype not in self._words:
            words = directions(self._soft.codewords, rows.shape[1], self._soft.seed, dtype=rows.dtype)
            self._words[rows.dtype] = words.to(rows.device)
        return self._words[rows.dtype]


def is_single(rows: Tensor) -> bool:
    """Whether ``rows`` are float32 whose products have full precision, in main memory: half the time of float64."""
    precise = torch.get_float32_matmul_precision() == "highest" and not torch.is_autocast_enabled("cpu")
    return rows.dtype == torch.float32 and rows.device.type == "cpu" and precise


def aligned(rows: Tensor) -> Tensor:
    """``rows`` at a multiple of 64 bytes, where a fresh tensor begins: elsewhere float32 products round otherwise."""
    return rows if rows.is_contiguous() and rows.data_ptr() % 64 == 0 else rows.contiguous().clone()


def scaled(rows: Tensor) -> tuple[Tensor, Tensor]:
    """A float64 copy of rows (samples, units), each over its largest number, and the lengths of these (samples,).

    Squares then neither overflow nor vanish. Rows of zeros stay; one with NaN or infinity has no finite length.
    """
    low, high = rows.aminmax(dim=1, keepdim=True)
    largest = torch.maximum(-low, high)
    exact = rows.to(torch.float64, copy=True).div_(torch.where(largest > 0, largest, 1.0))
    return exact, torch.linalg.vector_norm(exact, dim=1)


def directions(count: int, units: int, seed: int, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random unit vectors, evenly over the sphere, (count, units) in main memory. Never change them."""
    return (_kept_directions if count * units <= _KEPT else _new_directions)(count, units, seed, dtype)


def _new_directions(count: int, units: int, seed: int, dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return unit_rows(torch.randn((count, units), dtype=torch.float64, generator=generator)).to(dtype)


_kept_directions = functools.lru_cache(maxsize=8)(_new_directions)
