"""Rows of whole numbers of any size -> one 64-bit code per row, by a hash of all their bits. Pure functions.

The numbers are scrambled first. In a plain sum of weights times numbers, as for bin numbers (``kernels``), two that
differ by 2^s times an odd number leave 63 - s random bits of a weight between them, and floats that differ in their
high bits alone have a large s.
"""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 1 << 17  # numbers taken at a time
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # splitmix64 (Steele, Lea, Flood 2014)


def word_codes(words: Tensor, weights: Tensor) -> Tensor:
    """Codes of rows of int64 numbers: sum(weight_j * scramble(word_j)) mod 2^64.

    ``words`` (samples, units) int64, ``weights`` (units,) int64 -> (samples,) int64.
    """
    units = max(words.shape[1], 1)
    chunks = words.split(max(_CHUNK // units, 1)) if len(words) else [words]
    return torch.cat([scramble(chunk).mul_(weights).sum(-1) for chunk in chunks])


def scramble(words: Tensor) -> Tensor:
    """A bijection of the int64 numbers whose low bits depend on all bits (splitmix64)."""
    z = words + signed(_MIX[0])
    z = (z ^ _shift(z, 30)) * signed(_MIX[1])
    z = (z ^ _shift(z, 27)) * signed(_MIX[2])
    return z ^ _shift(z, 31)


def _shift(words: Tensor, by: int) -> Tensor:
    """Shift to the right with zeros coming in."""
    return (words >> by) & ((1 << (64 - by)) - 1)


def signed(number: int) -> int:
    """A 64-bit pattern as the int64 with the same bits."""
    return number - (1 << 64) if number >= 1 << 63 else number
