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

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.pairwise import doubts, shuffles, unit_rows
from infoplane.estimators.pieces import Pieces, Rows, RowWise
from infoplane.estimators.samples import Ids, Variable
from infoplane.estimators.symbols import Varying
from infoplane.types import NATS_PER, Estimate, Units

_ROWS = 4096  # samples whose probabilities are spelt out at a time
_BLOCK = 256  # samples that are assigned at a time: always the same, since products of other sizes round otherwise
_ROOT = 2**16 - 1  # the root of a probability of 1, as a whole number


@dataclass(frozen=True)
class Prepared:
    """The soft codes of a layer: 2^16 - 1 times the roots of the probabilities, (samples, codewords).

    They are whole numbers of 16 bits without a sign, in tensors of int16. So are their squares whole numbers, which
    have one sum, whatever the order of the samples, the chunks or the device; and they say a probability p up to about
    sqrt(p) / 2^16, a small one better than a large one.
    """

    codes: Tensor
    epsilon: float
    constant_units: int
    zero: Tensor  # (samples,) which rows are zero
    bad: Tensor  # (samples,) which rows have NaN or infinity

    def take(self, keep: Tensor) -> Prepared:
        """Some of the samples: those where ``keep`` (samples,) is set, or that it numbers."""
        return replace(self, codes=self.codes[keep], zero=self.zero[keep], bad=self.bad[keep])


@final
class Soft(Estimator, RowWise):
    """Mutual information through a soft choice among random codewords: for wide layers and language models.

    ``codewords``: how many; ``epsilon``: the temperature, None for 1 / sqrt(2 units log codewords); ``null``: how many
    shuffles of the labels, whose mean value is ``details["null"]`` (None where every label is another); ``seed``: of
    codewords and shuffles. A row of zeros has no direction, chooses evenly and is flagged. Values of different
    codewords or temperature cannot be compared.

    Time is samples x codewords x units once, and samples x codewords for each set of labels; memory is 2 bytes a sample
    and codeword, which rounds a value by about 1e-4 / sqrt(samples) nats, and its table stays that of a channel. All
    arithmetic is float64, whatever the layer's type. Errors: ``InputError`` for options out of range.

    >>> import infoplane as ip, numpy as np
    >>> t, y = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 50, axis=0), np.repeat([0, 1], 50)
    >>> round(ip.mutual_information(t, y, estimator="soft", epsilon=0.01).value, 3)
    1.0
    """

    name: ClassVar[str] = "soft"

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

    def prepare(self, t: Tensor) -> Prepared:
        pieces = self.pieces(len(t))
        pieces.take(t[None])
        return pieces.prepared()[0]

    def pieces(self, samples: int) -> SoftPieces:
        return SoftPieces(self, samples)

    @property
    def row_bytes(self) -> int:
        return 2 * self.codewords + 2

    def with_input(self, prepared: Prepared, x: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, x.classes(), "x", units)

    def with_label(self, prepared: Prepared, y: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, y.classes(), "y", units)

    def _estimate(self, prepared: Prepared, groups: Ids, what: str, units: Units) -> Estimate:
        scale, n, zero_rows = NATS_PER[units], groups.n, int(prepared.zero.sum())
        everything = Ids(torch.zeros_like(groups.ids), torch.tensor([n]))
        whole, within = (entropy_within(prepared.codes, each) for each in (everything, groups))
        value, null = whole - within, None
        if self.null and groups.count < n:  # otherwise no order of the labels differs from another
            shuffled = [entropy_within(prepared.codes, mixed) for mixed in shuffles(groups, self.null, self.seed)]
            null = whole - math.fsum(shuffled) / self.null
        entropies = {
            "h_t": whole,
            f"h_t_given_{what}": within,
            f"h_{what}": groups.entropy(),
            "log_n": math.log(n),
            "log_codewords": math.log(self.codewords),
        }
        details: dict[str, Any] = {
            "measurement": self.measurement,
            "estimand": "empirical",
            "epsilon": prepared.epsilon,
            "null": None if null is None else null / scale,
            "constant_units": prepared.constant_units,
            "zero_rows": zero_rows,
            **{name: number / scale for name, number in entropies.items()},
        }
        flags = doubts(value=value, null=null, constant_units=prepared.constant_units, zero_rows=zero_rows)
        return Estimate(value / scale, units, kind="lower bound", n=n, flags=flags, details=details)


@final
class SoftPieces(Pieces):
    """The soft codes of one layer that comes in pieces; rows wait until they fill a block."""

    def __init__(self, soft: Soft, samples: int) -> None:
        self._soft = soft
        self._epsilon, self._words = 0.0, torch.empty(0)
        self._waiting: Tensor | None = None
        self._codes, self._zero, self._bad = Rows(samples), Rows(samples), Rows(samples)
        self._varying: list[Varying] = []

    def look(self, t: Tensor) -> None:
        """Nothing: one pass is enough."""

    def take(self, t: Tensor) -> None:
        if not self._varying:
            self._start(t)
        for member, varying in zip(t, self._varying, strict=True):
            varying.take(member[None])
        rows = t if self._waiting is None else torch.cat([self._waiting, t], 1)
        whole = rows.shape[1] - rows.shape[1] % _BLOCK
        for start in range(0, whole, _BLOCK):
            self._assign(rows[:, start : start + _BLOCK])
        self._waiting = rows[:, whole:].clone() if whole < rows.shape[1] else None

    def prepared(self) -> list[Prepared]:
        if self._waiting is not None:
            self._assign(self._waiting)
            self._waiting = None
        codes, zero, bad = (rows.tensor() for rows in (self._codes, self._zero, self._bad))
        return [
            Prepared(codes[member], self._epsilon, varying.constant, zero[member], bad[member])
            for member, varying in enumerate(self._varying)
        ]

    def _start(self, t: Tensor) -> None:
        members, _, units = t.shape
        codewords, epsilon = self._soft.codewords, self._soft.epsilon
        self._varying = [Varying() for _ in range(members)]
        self._words = directions(codewords, units, self._soft.seed).to(t.device)
        self._epsilon = 1 / math.sqrt(2 * units * math.log(codewords)) if epsilon is None else epsilon

    def _assign(self, rows: Tensor) -> None:
        """A block (members, samples, units) to codewords, as whole numbers; the last step keeps the 16 lowest bits."""
        shares = [(unit_rows(member) @ self._words.T).div_(self._epsilon).softmax(1) for member in rows]
        self._codes.add(
            torch.stack([share.sqrt_().mul_(_ROOT).round_().to(torch.int32).to(torch.int16) for share in shares])
        )
        self._zero.add((rows == 0).all(-1))
        self._bad.add(~rows.isfinite().all(-1))


def directions(count: int, units: int, seed: int) -> Tensor:
    """Random unit vectors, evenly over the sphere, (count, units) float64 in main memory."""
    return unit_rows(torch.randn((count, units), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)))


def entropy_within(codes: Tensor, groups: Ids) -> float:
    """sum over groups of their share times H(mean probabilities), in nats; ``codes`` as in ``Prepared``.

    A group's share is that of its probabilities in all of them: so what is rounded is still a table of a channel, with
    an information that is at least 0.
    """
    pieces = map(_numbers, codes.split(_ROWS))
    if groups.count < groups.n:
        table = torch.zeros((groups.count, codes.shape[1]), dtype=torch.int64, device=codes.device)
        for ids, piece in zip(groups.ids.split(_ROWS), pieces, strict=True):
            table.index_add_(0, ids, piece)
        pieces = iter(table.split(_ROWS))
    found = [(_weighed_entropy(piece), int(piece.sum())) for piece in pieces]
    return math.fsum(entropy for entropy, _ in found) / sum(total for _, total in found)


def _numbers(codes: Tensor) -> Tensor:
    """Probabilities as whole numbers of 1 / (2^16 - 1)^2, int64."""
    return (codes.to(torch.int32) & _ROOT).to(torch.int64).square_()


def _weighed_entropy(table: Tensor) -> float:
    """sum over the rows (rows, codewords) of their totals times the entropies of their shares, in nats."""
    numbers = table.to(torch.float64)
    totals = numbers.sum(1)
    return float((torch.xlogy(totals, totals) - torch.xlogy(numbers, numbers).sum(1)).sum())
