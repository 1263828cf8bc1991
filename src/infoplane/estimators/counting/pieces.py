"""A layer that comes a batch at a time: what an estimator keeps of it, so that its activations need not be kept."""

from __future__ import annotations

import abc
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import RecordingError
from infoplane.estimators.counting.rules import Rule
from infoplane.estimators.counting.symbols import Cuts, Quantiser, Symbols, Varying


class Pieces(abc.ABC):
    """One layer, shown in pieces (members, samples, units) that follow one another.

    Where ``passes`` is 2, all pieces are shown to ``look`` first, and then once more to ``take``. What comes out does
    not depend on where the pieces begin and end.
    """

    passes: int = 1

    @abc.abstractmethod
    def look(self, t: Tensor) -> None:
        """The next rows, in the first of two passes."""

    @abc.abstractmethod
    def take(self, t: Tensor) -> None:
        """The next rows, in the last pass."""

    @abc.abstractmethod
    def prepared(self) -> Any:
        """Of all rows: Symbols for an estimator that counts symbols, else what ``prepare`` gives, for each member."""


class RowWise(abc.ABC):
    """An estimator that can read a layer in pieces; every other one needs it whole."""

    @abc.abstractmethod
    def pieces(self, samples: int) -> Pieces | None:
        """For one layer of so many samples; None where the options need the layer whole."""

    @property
    @abc.abstractmethod
    def row_bytes(self) -> int:
        """Bytes that are kept of a sample (of each member)."""


@final
class Rows:
    """Tensors (members, samples, ...) put after each other, in memory that is there from the first on.

    Small results that were allocated between large outputs would hold the memory of these together and keep it from
    being used again.
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self._tensor: Tensor | None = None
        self.filled = 0

    def add(self, t: Tensor) -> None:
        """The next ones, copied."""
        if self._tensor is None:
            self._tensor = _room(t, (t.shape[0], self.samples, *t.shape[2:]))
        stop = self.filled + t.shape[1]
        if stop > self.samples:
            raise RecordingError(f"a layer gave more rows than the {self.samples} samples that are measured")
        self._tensor[:, self.filled : stop] = t
        self.filled = stop

    def tensor(self) -> Tensor:
        """All that came."""
        if self._tensor is None or self.filled != self.samples:
            raise RecordingError(f"a layer gave {self.filled} rows in all, and {self.samples} samples are measured")
        return self._tensor


def _room(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Memory for a tensor like another one; NumPy asks the system for large pages, which are there sooner."""
    if like.device.type != "cpu":
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, like.numpy().dtype))


def extremes(t: Tensor) -> Tensor:
    """Smallest and largest value of every unit (2, units) over the rows of t (members, samples, units).

    Rows with NaN or infinity, which are reported elsewhere, are left out; without any other row, inf and -inf.
    """
    ends = torch.stack([t.amin((0, 1)), t.amax((0, 1))])
    if not bool(ends.isfinite().all()):
        bad = ~t.isfinite().all(-1, keepdim=True)
        ends = torch.stack([t.masked_fill(bad, torch.inf).amin((0, 1)), t.masked_fill(bad, -torch.inf).amax((0, 1))])
    return ends


def wider(one: Tensor | None, other: Tensor) -> Tensor:
    """The extremes of two pieces together."""
    if one is None:
        return other
    return torch.stack([torch.minimum(one[0], other[0]), torch.maximum(one[1], other[1])])


@final
class CodePieces(Pieces):
    """The codes of one layer that comes in pieces. The first of two passes finds the extremes of every unit."""

    def __init__(self, rule: Rule, samples: int) -> None:
        self._rule = rule
        self.passes = 2 if rule.sees == "extremes" else 1
        self.ends: Tensor | None = None  # (2, units), what the first pass saw
        self._quantiser: Quantiser | None = None
        self._codes, self._bad = Rows(samples), Rows(samples)
        self._outside: int | Tensor = 0
        self._varying = Varying()
        self._units = 0

    def look(self, t: Tensor) -> None:
        self.ends = wider(self.ends, extremes(t))

    def take(self, t: Tensor) -> None:
        if self._quantiser is None:
            self._quantiser, self._units = self._rule.fit(t if self.ends is None else self.ends), t.shape[2]
        codes, bad, outside = self._quantiser.codes(t)
        self._codes.add(codes)
        self._bad.add(bad)
        self._outside = self._outside + outside
        self._varying.take(t)

    def prepared(self) -> Symbols:
        cuts = self._quantiser.cuts if isinstance(self._quantiser, Cuts) else None
        constant = self._varying.constant
        return Symbols(self._codes.tensor(), self._bad.tensor(), self._outside, constant, self._units, cuts)
