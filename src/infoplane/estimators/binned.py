"""The binned (plug-in) estimator: activations cut into bins, rows of bin numbers counted.

    I(X;T) = H(T) - H(T|X),   I(T;Y) = H(T) + H(Y) - H(T,Y),   H = -sum p log p with p = count / n

For a deterministic network with distinct inputs H(T|X) = 0 and I(X;T) = H(T) <= log n: a property of the bins and of
the sample, so that the bin rule belongs beside every number. Bias: H(T) is underestimated by about (cells - 1) / 2n
nats, I(T;Y) overestimated by about (cells_T - 1)(cells_Y - 1) / 2n.

Shwartz-Ziv, Tishby (2017), arXiv:1703.00810, section 3; Paninski (2003), Neural Computation 15, 1191, for the bias.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar, final

from torch import Tensor

from infoplane.errors import UnknownNameError
from infoplane.estimators.base import SymbolEstimator, check_nonfinite
from infoplane.estimators.counting.entropy import CORRECTIONS
from infoplane.estimators.counting.intervals import INTERVALS
from infoplane.estimators.counting.pieces import CodePieces, RowWise
from infoplane.estimators.counting.rules import RuleLike, rule
from infoplane.estimators.counting.symbols import Symbols


@final
class Binned(SymbolEstimator, RowWise):
    """Mutual information by counting binned activations.

    For narrow or saturating layers with many samples a cell; the rule is part of the number, so look at several.

    ``bins``: a rule of ``infoplane.estimators.counting.rules``, its name (``"report" "fixed" "layer" "unit"
    "quantile" "entropy" "kmeans" "width" "distinct" "sign"``), a whole number (bins from minimum to maximum of the
    layer), a table ``{"rule": "fixed", "bins": 30, "low": -1, "high": 1}``, or an array of edges (the report's rule).
    ``correction``: ``"none"`` (plug-in), ``"miller-madow"``, ``"jackknife"``, ``"grassberger"``, ``"chao-shen"`` or
    ``"james-stein"``, applied to every entropy. ``nonfinite``: what becomes of rows with NaN or infinity: ``"error"``,
    ``"drop-row"``, ``"own-cell"`` (all such rows are one symbol), or ``"keep"`` (whatever the rule makes of
    them, as the report did).
    ``interval``: ``"jackknife"``, ``"reflected"`` or ``"percentile"`` (bootstrap) also for the rows of a trajectory
    (of ``single`` and ``per-copy``); with ``"none"`` only single estimates have one, the jackknife's.

    >>> import infoplane as ip, numpy as np
    >>> t = np.repeat([[-0.9], [0.1], [0.2], [0.9]], 50, axis=0)
    >>> y = np.repeat([0, 0, 1, 1], 50)
    >>> round(ip.mutual_information(t, y, estimator="binned", bins=3).value, 6)
    0.5
    """

    name: ClassVar[str] = "binned"

    def __init__(
        self, bins: RuleLike = 30, correction: str = "none", nonfinite: str = "error", interval: str = "none"
    ) -> None:
        self.bins = bins
        self.nonfinite = check_nonfinite(nonfinite)
        if correction not in CORRECTIONS:
            raise UnknownNameError("correction", correction, CORRECTIONS)
        self.correction = correction
        if interval not in INTERVALS:
            raise UnknownNameError("interval", interval, INTERVALS)
        if interval == "percentile":
            warnings.warn(
                "the percentile bootstrap of the plug-in adds its bias a second time, so that its 95 % intervals often "
                "miss the truth in most cases: use interval='jackknife' or 'reflected'",
                stacklevel=2,
            )
        self.interval = interval
        self._rule = rule(bins)
        self._measurement = self._rule.description

    @property
    def measurement(self) -> str:
        return self._measurement

    def layers(self, ts: Sequence[Tensor]) -> list[Symbols]:
        return self._rule.layers(ts)

    def pieces(self, samples: int) -> CodePieces | None:
        return None if self._rule.sees == "rows" else CodePieces(self._rule, samples)

    @property
    def row_bytes(self) -> int:
        return 9  # a code, and whether the row is finite
