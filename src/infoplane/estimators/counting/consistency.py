"""What no single estimate shows: a layer against its ceilings, its floor, and all layers of its chain. Flags only.

With y the labels, c any function of the last layer's output (its arg-max) and layers that follow one another,

    I(c;Y) <= I(T_k;Y) <= H(Y)      I(T_j;Y) <= I(T_k;Y) for j > k
    I(T_k;Y) <= I(X;T_k) <= H(X) <= log n      I(X;T_j) <= I(X;T_k) for j > k

hold for the true values. An estimate that breaks one is not impossible, since estimates have errors and each layer has
bins of its own, but it deserves doubt (Geiger 2021, arXiv:2003.09671).

Two layers that contradict each other do not say which of them is wrong; the whole chain does: flagged are the layers
without which the others are in order, so that one low layer among high ones does not put all after it in doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.counting.symbols import Symbols
from infoplane.flags import ABOVE_H_X, ABOVE_H_Y, ABOVE_I_XT, ABOVE_LOG_N, BELOW_FLOOR, DATA_PROCESSING, Flag, lit

_SLACK = 1e-9  # rounding, in any unit
_NOTICEABLE = 0.01  # bits by which two numbers may contradict each other before one is flagged


def decision_symbols(output: Tensor) -> Symbols:
    """The network's decision as a layer of its own: arg-max of the units, or the sign of a single one.

    ``output`` (members, samples, units).
    """
    if output.device.type == "cpu":  # numpy's arg-max is many times faster than torch's, and so are small comparisons
        numbers = output.detach().numpy()
        chosen = (numbers[..., 0] > 0).astype(np.int64) if numbers.shape[-1] == 1 else numbers.argmax(-1)
        return Symbols(torch.from_numpy(chosen), torch.from_numpy(np.zeros(chosen.shape, np.bool_)), 0, 0, 1)
    codes = (output[..., 0] > 0).to(torch.int64) if output.shape[-1] == 1 else output.argmax(-1)
    return Symbols(codes, torch.zeros_like(codes, dtype=torch.bool), 0, 0, 1)


@dataclass(frozen=True)
class Bounds:
    """What is known beside the layers, in the unit of their readings, of which one bit is ``bits``; None: not known.

    ``floor`` is what the decision knows about the label. ``chained``: whether the estimator's quantity is one that
    processing cannot raise, as mutual information is and what a probe can read, or noise leaves over, is not.
    """

    bits: float
    h_x: float | None = None
    h_y: float | None = None
    floor: float | None = None
    chained: bool = True


def flagged_layers(layers: Sequence[Reading], bounds: Bounds) -> list[Reading]:
    """The readings of successive layers with the flags that they deserve beside each other.

    ``above-log-n``, ``above-h-x``, ``above-h-y``: over a ceiling; ``above-i-xt``: more about the label than about the
    input; ``below-floor``: less about the label than the decision has; ``data-processing``: out of order in the chain.
    The last three leave .01 bits, or what the intervals leave open.
    """
    odd: set[int] = set()
    if bounds.chained:
        for name in ("i_xt", "i_ty"):
            odd |= _out_of_order([_value(reading, name) for reading in layers], bounds.bits)
    flagged = []
    for at, reading in enumerate(layers):
        flags = [*_beside_bounds(reading, bounds), *((DATA_PROCESSING,) if at in odd else ())]
        flagged.append(reading._replace(flags=lit((*reading.flags, *flags))) if flags else reading)
    return flagged


def _beside_bounds(reading: Reading, bounds: Bounds) -> list[Flag]:
    flags, about_x, about_y = [], _value(reading, "i_xt"), _value(reading, "i_ty")
    if about_x is not None and about_x[0] > math.log2(reading.n) * bounds.bits + _SLACK:
        flags.append(ABOVE_LOG_N)
    elif about_x is not None and bounds.h_x is not None and about_x[0] > bounds.h_x + _SLACK:
        flags.append(ABOVE_H_X)
    if bounds.h_y is not None and reading.i_ty > bounds.h_y + _SLACK:
        flags.append(ABOVE_H_Y)
    if bounds.chained and about_x is not None and about_y is not None and _exceeds(about_y, about_x, bounds.bits):
        flags.append(ABOVE_I_XT)
    if bounds.floor is not None and about_y is not None and _exceeds((bounds.floor, 0.0), about_y, bounds.bits):
        flags.append(BELOW_FLOOR)
    return flags


def _value(reading: Reading, name: str) -> tuple[float, float] | None:
    """A number and half the width of its interval, 0 where it has none."""
    value, low, high = (getattr(reading, name + end) for end in ("", "_low", "_high"))
    return None if value is None else (value, 0.0 if low is None or high is None else (high - low) / 2)


def _exceeds(more: tuple[float, float], less: tuple[float, float], bits: float) -> bool:
    """Whether a number is above another one by more than is to be expected; half widths add up as errors do."""
    return more[0] - less[0] > max(_NOTICEABLE * bits, math.hypot(more[1], less[1]))


def _out_of_order(chain: Sequence[tuple[float, float] | None], bits: float) -> set[int]:
    """The places that are not in all of the longest parts of a chain which never rise.

    ``before[k]`` and ``after[k]`` count the longest such part that ends, and begins, at k; k is in a longest part where
    the two add up to its length and one, and in all of them where no other such place has the same ``before``.
    """
    places = [at for at, value in enumerate(chain) if value is not None]
    values = [value for value in chain if value is not None]
    count = len(values)
    rises = [[_exceeds(values[k], values[j], bits) for k in range(count)] for j in range(count)]  # from j to k > j
    broken = {k for j in range(count) for k in range(j + 1, count) if rises[j][k]}
    if not broken:
        return set()
    broken |= {j for j in range(count) for k in range(j + 1, count) if rises[j][k]}
    before, after = [1] * count, [1] * count
    for k in range(count):
        before[k] += max((before[j] for j in range(k) if not rises[j][k]), default=0)
    for j in reversed(range(count)):
        after[j] += max((after[k] for k in range(j + 1, count) if not rises[j][k]), default=0)
    whole = max(before)
    longest = [k for k in range(count) if before[k] + after[k] == whole + 1]
    always = {k for k in longest if sum(before[k] == before[other] for other in longest) == 1}
    return {places[k] for k in broken - always}
