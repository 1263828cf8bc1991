"""EDGE: an ensemble of counts on randomly shifted grids, one count a bandwidth.

    I(e) = sum_ij (N_ij / N) log( N N_ij / (N_i M_j) ),    I = sum_e w(e) I(e),    sum_e w(e) = 1

N_i, M_j and N_ij count the samples in the cells of T, of Y and of both. Units are brought to standard deviation 1 and
cut to a grid of width e = width * t * N^(-1/2d), where d is the number of dimensions that are cut and t runs over
``grids`` values from 1 to 3. Cells are exact 64-bit codes: no collisions but with a chance of 2^-57, and no cap on the
value. Time O(grids x N x d).

Noshad, Zeng, Hero (2019), Scalable mutual information estimation using dependence graphs, ICASSP, arXiv:1801.09125: the
estimator of the dependence graph, and the weights w_0 of the theorem on the ensemble. Bias of one grid: sum_i C_i e^i
from its width, for densities with derivatives, and about C / (N e^d), upwards, from counting few samples a cell. The
published weights, ``weights="resolution"``, remove the first and multiply the second; ``"counting"`` removes the
second, which is much the larger one at usual sample sizes; ``"mean"`` removes neither. Nats inside.
"""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.estimators.samples import Ids, Variable, number
from infoplane.estimators.symbols import constant_units, row_weights
from infoplane.types import NATS_PER, Estimate, Units

WEIGHTS = ("counting", "resolution", "mean")
NARROWEST, WIDEST = 1.0, 3.0  # multipliers t
MOST_ORDERS = 3  # powers of the width whose bias is removed: more of them cost more variance than they remove bias
UNDERSAMPLED_SHARE = 0.05  # samples alone in their cell of the widest grid
_AT_ONCE = 1 << 15  # values that are cut at a time: they stay in the cache


@final
class EDGE(Estimator):
    """Mutual information by counting on an ensemble of hashed grids, in linear time.

    For layers of up to some five units and many samples; a wider layer has too few samples a cell (flag
    ``undersampled``). ``weights``: ``"counting"``, ``"resolution"`` (as published) or ``"mean"``; ``width`` the
    narrowest cell, ``grids`` how many there are. Takes a continuous label, which is cut as the layer is.

    >>> import infoplane as ip, torch
    >>> t = torch.linspace(0, 1, 4000)[:, None]
    >>> round(ip.mutual_information(t, (t[:, 0] > 0.5).long(), estimator="edge").value, 1)
    1.0
    """

    name: ClassVar[str] = "edge"
    continuous: ClassVar[bool] = True

    def __init__(self, weights: str = "counting", width: float = 1.0, grids: int = 10, seed: int = 0) -> None:
        if weights not in WEIGHTS:
            raise UnknownNameError("weights", weights, WEIGHTS)
        if not 0 < width < math.inf:
            raise InputError(f"width must be a positive number of standard deviations, got {width!r}: e.g. width=1")
        fewest = MOST_ORDERS + 2
        if isinstance(grids, bool) or not isinstance(grids, int) or grids < fewest:
            raise InputError(f"grids must be a whole number of at least {fewest}, got {grids!r}: for example grids=10")
        self.weights = weights
        self.width = width
        self.grids = grids
        self.seed = seed

    @property
    def measurement(self) -> str:
        return f"{self.grids} hashed grids of {self.width:g} to {self.width * WIDEST:g} N^(-1/2d) standard deviations"

    def prepare(self, t: Tensor) -> Tensor:
        return t

    def with_input(self, prepared: Tensor, x: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, x, units, numbers=x.numbers is not None)

    def with_label(self, prepared: Tensor, y: Variable, units: Units = "bits") -> Estimate:
        return self._estimate(prepared, y, units, numbers=y.ids is None)

    def _estimate(self, t: Tensor, variable: Variable, units: Units, *, numbers: bool) -> Estimate:
        """``numbers``: the variable is cut as the layer is."""
        n, scale = len(t), NATS_PER[units]
        constant = int(constant_units(t[None]))
        standard = _standardised(t)
        other = None
        if numbers:
            other = variable.derived((self.name, t.device), lambda: _standardised(variable.values().to(t.device)))
        dimensions = standard.shape[1] + (0 if other is None else other.shape[1])
        multipliers = np.linspace(NARROWEST, WIDEST, self.grids)
        generator = torch.Generator().manual_seed(self.seed)
        values, lone = [], 0.0
        for multiplier in multipliers:
            width = self.width * multiplier * n ** (-1 / (2 * max(dimensions, 1)))
            cells = _cells(standard, width, generator)
            classes = variable.classes() if other is None else _cells(other, width, generator)
            joint = number(cells.ids * classes.count + classes.ids)
            values.append(cells.entropy() + classes.entropy() - joint.entropy())
            lone = float((joint.counts == 1).sum()) / n
        ensemble = ensemble_weights(multipliers, dimensions, self.weights)
        value = float(ensemble @ np.array(values))
        flags: tuple[str, ...] = ("constant-units",) if constant else ()
        flags += ("undersampled",) if lone > UNDERSAMPLED_SHARE else ()
        ceiling = math.log(n) if numbers else variable.classes().entropy()
        flags += ("above-ceiling",) if value > ceiling + 1e-9 else ()
        details = {
            "measurement": self.measurement,
            "estimand": "population",
            "weights": ensemble.tolist(),
            "of_each_grid": [one / scale for one in values],
            "alone_in_widest": lone,
            "log_n": math.log(n) / scale,
            "constant_units": constant,
        }
        if not numbers:
            details["h_y"] = ceiling / scale
        return Estimate(value / scale, units, kind="estimate", n=n, flags=flags, details=details)


def ensemble_weights(multipliers: np.ndarray, dimensions: int, weights: str) -> np.ndarray:
    """The smallest weights (grids,) of sum 1 that remove a bias.

    ``"resolution"``: sum w t^i = 0 for i = 1..dimensions, at most 3; ``"counting"``: sum w t^-dimensions = 0.
    """
    powers = {
        "resolution": list(range(1, min(dimensions, MOST_ORDERS) + 1)),
        "counting": [-dimensions] if dimensions else [],
        "mean": [],
    }[weights]
    conditions = np.array([multipliers ** float(power) for power in (0, *powers)])
    wanted = np.zeros(len(conditions))
    wanted[0] = 1.0
    return np.linalg.pinv(conditions) @ wanted


def _standardised(values: Tensor) -> Tensor:
    """float64, mean 0 and standard deviation 1; without the columns that are constant."""
    exact = values.to(torch.float64)
    spread = exact.std(0, correction=0)
    varies = (exact != exact[:1]).any(0) & (spread > 0)
    return ((exact - exact.mean(0)) / spread)[:, varies]


def _cells(values: Tensor, width: float, generator: torch.Generator) -> Ids:
    """Which samples (samples, units) share a cell of a grid that is shifted at random."""
    shift = torch.rand(values.shape[1], generator=generator, dtype=torch.float64).to(values.device)
    weights = row_weights(values.shape[1], None, values.device)
    pieces = values.split(max(1, _AT_ONCE // max(1, values.shape[1])))
    return number(
        torch.cat([(rows / width).add_(shift).floor_().to(torch.int64).mul_(weights).sum(1) for rows in pieces])
    )
