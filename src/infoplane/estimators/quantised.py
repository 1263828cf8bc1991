"""Quantised networks, measured exactly: every distinct row of a layer is a symbol, and symbols are counted.

    I(X;T) = H(T) - H(T|X),   I(T;Y) = H(T) + H(Y) - H(T,Y),   H = -sum p log p with p = count / n

A layer whose activations are quantised to b bits takes finitely many values, so that nothing has to be binned: the
numbers are those of the network itself. Exact for the recorded inputs, without bias where they are all there are; as
an estimate for a population biased as the plug-in estimator is. Nats inside.

Lorenzen, Igel, Nielsen (2022), Information Bottleneck: exact analysis of (quantized) neural networks, ICLR 2022,
arXiv:2106.12912, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.base import SymbolEstimator, check_nonfinite
from infoplane.estimators.counting.rules import Distinct
from infoplane.estimators.counting.symbols import Symbols
from infoplane.types import Kind

FEWEST_BITS, MOST_BITS = 2, 8
TOLERANCE = 0.05  # of a step; half-precision values lie that far from their level


@final
class Quantised(SymbolEstimator):
    """Mutual information of a quantised layer, by counting its distinct rows.

    For quantised activations, and tasks whose inputs are all recorded: nothing is estimated, information is
    counted.

    ``bits``: every unit must take at most 2^bits values, evenly spaced; anything else is an ``InputError``. Networks
    made by ``infoplane.networks.quantised.quantise`` do so in their activation layers. ``nonfinite`` as in ``binned``.

    >>> import infoplane as ip, numpy as np
    >>> t = np.repeat([[-1.0, 0.0], [1.0, 0.0], [1.0, 1 / 3]], [50, 25, 25], axis=0)
    >>> round(ip.mutual_information(t, np.arange(100) // 50, estimator="quantised", bits=2).value, 6)
    1.0
    """

    name: ClassVar[str] = "quantised"
    kind: ClassVar[Kind] = "exact"

    def __init__(self, bits: int = 8, nonfinite: str = "error") -> None:
        if isinstance(bits, bool) or bits not in range(FEWEST_BITS, MOST_BITS + 1):
            raise InputError(
                f"bits must be a whole number from {FEWEST_BITS} to {MOST_BITS}, got {bits!r}: e.g. bits=8"
            )
        self.bits = bits
        self.nonfinite = check_nonfinite(nonfinite)
        self.correction = "none"

    @property
    def measurement(self) -> str:
        return f"values quantised to {self.bits} bits, counted as they are"

    def layers(self, ts: Sequence[Tensor]) -> list[Symbols]:
        for t in ts:
            self._check(t)
        return Distinct().layers(ts)

    def _check(self, t: Tensor) -> None:
        """An error where a unit of ``t`` (members, samples, units) is not quantised."""
        most = 2**self.bits
        for member, rows in enumerate(t):
            for unit, column in enumerate(rows[rows.isfinite().all(-1)].T):
                levels = torch.unique(column)
                if not _on_even_grid(levels, most):
                    where = f"unit {unit}" if len(t) == 1 else f"unit {unit} of copy {member}"
                    raise InputError(
                        f"{where} takes {len(levels)} values that are not among {most} evenly spaced levels: record "
                        "the activations of a network made by infoplane.networks.quantised.quantise(network, "
                        f"bits={self.bits}), raise bits=, or use estimator='binned'"
                    )


def _on_even_grid(levels: Tensor, most: int) -> bool:
    """Whether ascending levels fit ``most`` levels of one spacing, some of which need not occur.

    The range is then a whole number below ``most`` of steps, and all of these numbers are tried.
    """
    if len(levels) <= 2:
        return True
    if len(levels) > most:
        return False
    exact = levels.to(torch.float64)
    steps = torch.arange(len(levels) - 1, most, device=levels.device)
    places = (exact - exact[0]) / (exact[-1] - exact[0]) * steps[:, None]  # (steps, levels)
    return bool(((places - places.round()).abs() <= TOLERANCE).all(1).any())
