"""What no single estimate shows: a layer against its ceilings, its floor, and the layers before it. Flags only.

With y the labels, c any function of the last layer's output (its arg-max) and layers that follow one another,

    I(c;Y) <= I(T_k;Y) <= H(Y)      I(T_k+1;Y) <= I(T_k;Y)      I(X;T) <= H(X) <= log n

hold for the true values. An estimate that breaks one is not impossible, since estimates have errors and each layer has
bins of its own, but it deserves doubt (Geiger 2021, arXiv:2003.09671).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.counting.symbols import Symbols
from infoplane.flags import ABOVE_H_Y, ABOVE_LOG_N, BELOW_FLOOR, DATA_PROCESSING

_SLACK = 1e-9  # rounding, in any unit
_NOTICEABLE = 0.01  # bits by which a later layer may know more before it is flagged


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


def flagged_layers(layers: Sequence[Reading], *, floor: float | None, h_y: float | None, bits: float) -> list[Reading]:
    """The readings of successive layers with the flags that they deserve beside each other.

    ``bits`` is the value of one bit in their unit.

    ``above-log-n`` and ``above-h-y``: over a ceiling; ``below-floor``: less about the label than the decision has;
    ``data-processing``: more about the label than the layer before.
    """
    before, flagged = math.inf, []
    for reading in layers:
        flags = []
        if reading.i_xt is not None and reading.i_xt > math.log2(reading.n) * bits + _SLACK:
            flags.append(ABOVE_LOG_N)
        if h_y is not None and reading.i_ty > h_y + _SLACK:
            flags.append(ABOVE_H_Y)
        if floor is not None and reading.i_ty < floor - _SLACK:
            flags.append(BELOW_FLOOR)
        if reading.i_ty > before + _NOTICEABLE * bits:
            flags.append(DATA_PROCESSING)
        before = reading.i_ty
        flagged.append(reading._replace(flags=(*reading.flags, *flags)) if flags else reading)
    return flagged
