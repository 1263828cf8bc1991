"""Activations -> one 64-bit code per sample: fixed bins, and the exact hashing of a row of bin numbers.

A quantiser has fixed cuts and turns any rows into codes, so that a layer can be read in pieces. Equal rows of bin
numbers have equal codes. Codes of different rows differ for certain where (bins)^units fits 63 bits, and otherwise
but for a chance of at most 2^-57 a pair (64 bins; see ``kernels``).
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.compiled import compiled
from infoplane.estimators.counting import kernels
from infoplane.estimators.counting.hashing import word_codes

_TOGETHER = 40_000  # values a layer up to which copying layers beside each other costs less than a call for each
_SEED = 20170302  # of the random odd weights: the same codes in every process


@dataclass(frozen=True)
class Symbols:
    """The codes of one layer.

    ``codes`` (members, samples) int64; ``bad`` (members, samples), rows with NaN or infinity; ``outside``, the number
    of values outside the bins, and ``constant``, the number of units that never change: numbers, or () int64 tensors
    on a GPU; ``units`` counts the layer's units; ``cuts`` (1 or units, cuts), where the bins have them.
    """

    codes: Tensor
    bad: Tensor
    outside: int | Tensor
    constant: int | Tensor
    units: int
    cuts: Tensor | None = None

    @property
    def has_bad_rows(self) -> bool:
        """Whether any row holds NaN or infinity."""
        bad = self.bad  # numpy looks at a few thousand in a tenth of the time that torch takes for the call
        return bool(bad.numpy().any()) if bad.device.type == "cpu" else bool(bad.any())

    def take(self, keep: Tensor) -> Symbols:
        """Some of the samples: those where ``keep`` (samples,) is set, or that it numbers; facts stay the layer's."""
        return replace(self, codes=self.codes[:, keep], bad=self.bad[:, keep])


class Quantiser(abc.ABC):
    """Fixed bins: the same value has the same bin number whenever it comes."""

    @abc.abstractmethod
    def codes(self, t: Tensor) -> tuple[Tensor, Tensor, int | Tensor]:
        """Codes of rows ``t`` (..., samples, units): (..., samples); which rows are not finite; values outside."""


@dataclass(frozen=True)
class Cuts(Quantiser):
    """Bins between ascending cuts, the same for all units, ``(1, cuts)``, or a row of them for each, ``(units, cuts)``.

    A value belongs to the bin above a cut that it equals (right-open bins). ``even`` and ``ends`` as in ``kernels``.
    """

    cuts: Tensor
    even: bool
    ends: kernels.Ends = "keep"

    def codes(self, t: Tensor) -> tuple[Tensor, Tensor, int | Tensor]:
        weights = row_weights(t.shape[-1], self.cuts.shape[1] + 1, t.device)
        codes, bad, outside = kernels.cut_codes(t, self.cuts, weights, even=self.even, ends=self.ends)
        return codes, bad, 0 if self.ends == "keep" else outside

    def narrow_layers(self, ts: Sequence[Tensor]) -> list[Symbols] | None:
        """Symbols of several layers (members, samples, units) at once, or None where that would not be faster."""
        first = ts[0]
        if first.device.type != "cpu" or sum(t.numel() for t in ts) > _TOGETHER * len(ts):
            return None
        if any(t.shape[:2] != first.shape[:2] or t.dtype != first.dtype for t in ts) or first.numel() == 0:
            return None
        weights = [row_weights(t.shape[2], self.cuts.shape[1] + 1, t.device) for t in ts]
        codes, bad, facts = kernels.narrow_codes(ts, self.cuts, weights, ends=self.ends)
        return [
            Symbols(codes[at], bad[at], 0 if self.ends == "keep" else outside, constant, t.shape[2], self.cuts)
            for at, (t, (outside, constant)) in enumerate(zip(ts, facts, strict=True))
        ]


@functools.lru_cache(maxsize=512)
def row_weights(units: int, symbols: int | None, device: torch.device) -> Tensor:
    """Weights (units,) int64 of a row's bin numbers: positions where they fit 63 bits, random odd numbers otherwise."""
    if symbols is not None and units * math.log2(max(symbols, 2)) < 63:
        weights = np.array([symbols**j for j in range(units)], dtype=np.int64)
    else:
        # odd numbers have an inverse mod 2^64, so that rows that differ in one unit never meet
        random = np.random.default_rng(_SEED).integers(0, 2**64, size=units, dtype=np.uint64)
        weights = (random | np.uint64(1)).view(np.int64)
    return torch.from_numpy(weights).to(device)


def bad_rows(t: Tensor) -> Tensor:
    """Which rows of ``t`` (..., units) hold NaN or infinity: bool, (...)."""
    if t.device.type == "cpu":
        bad = ~t.sum(-1).isfinite()  # far cheaper than a look at every number; a sum may also overflow
        if not bool(bad.any()):
            return bad
    return ~t.isfinite().all(-1)


def constant_units(t: Tensor) -> int | Tensor:
    """How many units have one value in all rows; ``t`` (members, samples, units)."""
    if t.device.type != "cpu":
        return tensor_constant_units(t)
    varies = np.zeros(t.shape[2], np.bool_)
    if 0 in t.shape[:2]:
        return len(varies)
    _note_varying(t.numpy(), t[0, 0].numpy(), varies)
    return len(varies) - int(varies.sum())


def tensor_constant_units(t: Tensor) -> Tensor:
    """``constant_units`` in tensor operations, () int64."""
    return (t == t[:1, :1]).all(0).all(0).sum()


@final
class Varying:
    """Which units of a layer vary, over pieces of it (members, samples, units)."""

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._varies: Tensor | None = None  # (units,) bool

    def take(self, t: Tensor) -> None:
        """The next rows."""
        if self._first is None or self._varies is None:
            self._first = t[0, 0].clone()
            self._varies = torch.zeros(t.shape[2], dtype=torch.bool, device=t.device)
        if t.device.type == "cpu":
            _note_varying(t.numpy(), self._first.numpy(), self._varies.numpy())
        else:
            self._varies |= (t != self._first).any(0).any(0)

    @property
    def constant(self) -> int:
        """How many units do not vary."""
        return 0 if self._varies is None else int((~self._varies).sum())


@compiled(nogil=True)
def _note_varying(t, first, varies):  # type: ignore[no-untyped-def]
    """Set ``varies`` (units,) where a row of t (members, samples, units) differs from ``first`` (units,)."""
    members, samples, units = t.shape
    for m in range(members):
        for i in range(samples):
            for j in range(units):
                varies[j] |= t[m, i, j] != first[j]
            # a look every 16 samples: units that vary mostly show it in the first few, and the rest is not read
            if (i & 15 == 15 or i == samples - 1) and varies.sum() == units:
                return


@dataclass(frozen=True)
class Words(Quantiser):
    """The bits of floor(t / width), or of t where ``width`` is None: symbols without an upper end; -0.0 equals 0.0."""

    width: float | None

    def codes(self, t: Tensor) -> tuple[Tensor, Tensor, int | Tensor]:
        if self.width is None:
            numbers = t
        else:
            # a true division in t's own type: a number of Python would be multiplied by its inverse on some devices
            numbers = (t / torch.full((1,), self.width, dtype=t.dtype, device=t.device)).floor()
        words = (numbers + 0.0).view(torch.int32 if t.dtype == torch.float32 else torch.int64).to(torch.int64)
        weights = row_weights(t.shape[-1], None, t.device)
        codes = word_codes(words.flatten(0, -2), weights).view(t.shape[:-1])
        return codes, bad_rows(t), 0
