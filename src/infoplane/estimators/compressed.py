"""Through compression: many units to a few numbers that keep most of them, then neighbours.

    I(X;T) >= I(g(X); f(T)),   equal where f and g lose nothing that the variables share (data processing)

Butakov, Tolmachev, Malanchuk, Neopryatnaya, Frolov, Andreev (2024), ICLR, arXiv:2305.08013, statement 2 and section 4.
``pca`` and ``autoencoder`` compress each variable by itself; ``cca`` looks at both: the canonical variates of their
normal scores (Hotelling 1936, Biometrika 28, 321), or of t and the classes (discriminants), those that Bartlett's test
(1941, Biometrika 32, 29) tells from chance, or all where it tells none. In nats inside. Bias: of the neighbours, in
fewer dimensions; downwards by what the compression loses (its share of the variance stands in the details); ``cca``
upwards by the choice of directions, about (units of both) / 2n a pair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.distances.canonical import Basis, Canonical, Standard, canonical, principal
from infoplane.estimators.distances.columns import Columns, normal_scores, varying
from infoplane.estimators.ksg import KSG
from infoplane.estimators.mixed_ksg import MixedKSG
from infoplane.estimators.neural.autoencoder import autoencode
from infoplane.flags import CONSTANT_UNITS, LOSSY
from infoplane.types import Information

METHODS = ("pca", "autoencoder", "cca")
INNER: dict[str, Callable[[], Estimator]] = {"ksg": KSG, "mixed-ksg": MixedKSG}
#: A larger share of lost variance is flagged.
MOST_LOST = 0.1
#: Chance at which Bartlett's test takes an empty pair of variates for a related one.
LEVEL = 1e-3
#: Codes are rounded to this share of the largest: ties stay ties, whatever the rounding of the projection.
_GRID = 2.0**-30


@dataclasses.dataclass(frozen=True)
class CompressedLayer:
    """The units of t that vary, and what the neighbours made of their codes; nothing yet for ``cca``, which needs the
    other variable.
    """

    columns: Columns
    codes: Any = None
    lost: float = 0.0


@final
class Compressed(Estimator):
    """Mutual information of compressed activations, for layers that are too wide for neighbours.

    For many units and little data: fewer dimensions come first, and what was lost is told.

    ``dimensions``: the most that are kept of each variable. ``method``: ``"pca"``, ``"autoencoder"`` (small, trained
    with ``seed``), or ``"cca"`` (the directions in which both are related). ``inner``: ``"ksg"`` or
    ``"mixed-ksg"``. A variable of no more columns than ``dimensions`` is left as it is by the first two.

    ``details["lost_variance"]`` is the share of t's variance that the codes cannot rebuild (``lost_variance_other`` of
    the other variable; not defined for ``"cca"``). Flags: those of the neighbours, and ``lossy`` above 10 %.

    >>> import infoplane as ip, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> t = rng.normal(size=(2000, 1)) @ rng.normal(size=(1, 30))
    >>> y = t[:, 0] > 0
    >>> round(ip.mutual_information(t, y, estimator="compressed", dimensions=1).value, 1)
    1.0
    """

    name: ClassVar[str] = "compressed"
    continuous: ClassVar[bool] = True

    def __init__(self, dimensions: int = 4, method: str = "pca", inner: str = "ksg", seed: int = 0) -> None:
        if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < 1:
            raise InputError(
                f"dimensions={dimensions!r} must be a whole number of at least 1: for example dimensions=4"
            )
        if method not in METHODS:
            raise UnknownNameError("method", method, METHODS)
        if inner not in INNER:
            raise UnknownNameError("estimator of compressed samples", inner, INNER)
        self.dimensions = dimensions
        self.method = method
        self.inner = inner
        self.seed = seed
        self._inner = INNER[inner]()

    @property
    def measurement(self) -> str:
        return f"{self.method} to at most {self.dimensions} dimensions, {self._inner.measurement}"

    def prepare(self, t: Tensor) -> CompressedLayer:
        columns = varying(t)
        if self.method == "cca":
            return CompressedLayer(columns)
        codes, lost = self._alone(columns)
        return CompressedLayer(columns, self._inner.prepare(codes), lost)

    def with_input(self, prepared: CompressedLayer, x: Variable) -> Information:
        return self._with(prepared, x, numbers=x.numbers is not None)

    def with_label(self, prepared: CompressedLayer, y: Variable) -> Information:
        return self._with(prepared, y, numbers=y.ids is None)

    def _with(self, prepared: CompressedLayer, y: Variable, *, numbers: bool) -> Information:
        """``numbers``: y as numbers, and not as classes."""
        if not prepared.columns.count:
            empty = torch.zeros(prepared.columns.n, 1, dtype=torch.float64, device=prepared.columns.values.device)
            y = Variable(None, y.values()) if numbers else y
            return self._inform(prepared, self._inner.prepare(empty), y, {})
        if prepared.codes is None:
            return self._together(prepared, y, numbers=numbers)
        facts: dict[str, object] = {"lost_variance": prepared.lost}
        if numbers:
            y, facts["lost_variance_other"] = self._codes_of(y, prepared.columns.values.device)
        return self._inform(prepared, prepared.codes, y, facts)

    def _alone(self, columns: Columns) -> tuple[Tensor, float]:
        """Codes of a variable by itself, and the share of its variance that they lack."""
        if columns.count <= self.dimensions:
            return columns.values, 0.0
        standard = Standard(columns)
        if self.method == "autoencoder":
            return autoencode(standard, self.dimensions, self.seed)
        codes, shares = principal(standard, self.dimensions)
        return settled(codes), 1.0 - float(shares.sum())

    def _codes_of(self, y: Variable, device: torch.device) -> tuple[Variable, float]:
        """The codes of the other variable, and the share of its variance that they lack."""

        def compress() -> tuple[Variable, float]:
            codes, lost = self._alone(varying(y.values().to(device)))
            return Variable(None, codes), lost

        return y.derived((self.name, self.dimensions, self.method, self.seed, device), compress)

    def _together(self, prepared: CompressedLayer, y: Variable, *, numbers: bool) -> Information:
        """Codes of t and of the other variable along the canonical variates that are no chance."""
        columns, device = prepared.columns, prepared.columns.values.device
        made = normal_scores if numbers else None

        def decomposed() -> tuple[Standard, Basis | None]:
            standard = Standard(varying(y.values().to(device)), made)
            return standard, standard.basis

        t = Standard(columns, made)
        other, _ = y.derived((self.name, self.method, numbers, device), decomposed)
        if not other.units.count:
            y = Variable(None, y.values()) if numbers else y
            return self._inform(prepared, self._inner.prepare(columns.values[:, :1]), y, {})
        found = canonical(t, other)
        related = related_pairs(found, t.n)
        kept = min(self.dimensions, related or len(found.correlations))
        facts = {"related_pairs": related, "correlations": found.correlations.tolist()}
        if numbers:
            y = Variable(None, settled(other.scores(found.other[:, :kept])))
        codes = self._inner.prepare(settled(t.scores(found.t[:, :kept])))
        return self._inform(prepared, codes, y, facts)

    def _inform(self, prepared: CompressedLayer, codes: Any, y: Variable, facts: dict[str, object]) -> Information:
        """``codes``: what the neighbours made of them."""
        inner = self._inner.with_label(codes, y)
        constant = prepared.columns.constant
        flags = [flag for flag in inner.flags if flag != CONSTANT_UNITS]
        if any(isinstance(lost, float) and lost > MOST_LOST for name, lost in facts.items() if "lost" in name):
            flags.append(LOSSY)
        if constant:
            flags.append(CONSTANT_UNITS)
        facts = {**inner.facts, **facts, "units": prepared.columns.count, "constant_units": constant}
        return dataclasses.replace(inner, flags=tuple(flags), facts=facts)


def settled(codes: Tensor) -> Tensor:
    """``codes`` rounded to 30 bits."""
    grid = _GRID * 2.0 ** float(codes.abs().max().log2().ceil())
    return (codes / grid).round() * grid


def related_pairs(found: Canonical, n: int) -> int:
    """How many canonical correlations chance does not explain: Bartlett's test of those that are left, one by one."""
    from scipy.stats import chi2

    log_residual = found.residual.log().tolist()
    factor = n - 1 - (found.rank_t + found.rank_other + 1) / 2
    for pair in range(len(log_residual)):
        freedom = (found.rank_t - pair) * (found.rank_other - pair)
        if factor <= 0 or chi2.sf(-factor * sum(log_residual[pair:]), freedom) > LEVEL:
            return pair
    return len(log_residual)
