"""Through compression: many units to a few numbers that keep most of them, then neighbours.

    I(X;T) >= I(g(X); f(T)),   equal where f and g lose nothing that the variables share (data processing)

Butakov, Tolmachev, Malanchuk, Neopryatnaya, Frolov, Andreev (2024), ICLR, arXiv:2305.08013, statement 2 and section 4.
``pca`` and ``autoencoder`` compress each variable by itself; ``cca`` looks at both: the canonical variates of their
normal scores (Hotelling 1936, Biometrika 28, 321), or of t and the classes (discriminants), those that Bartlett's test
(1941, Biometrika 32, 29) tells from chance, or all where it tells none. Variates are chosen on one half of the samples
and judged on the other, both ways (cross-fitting: Chernozhukov et al. 2018, Econometrics Journal 21, C1, definition
3.2), since on the samples that chose them they are related by chance, about (units of both) / 2n a pair. In nats
inside. Bias: of the neighbours, in fewer dimensions; downwards by what the compression loses (its share of the variance
stands in the details), and by what half of the samples do not teach.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.distances.canonical import Canonical, Standard, canonical, principal
from infoplane.estimators.distances.columns import Columns, normal_scores, varying
from infoplane.estimators.ksg import KSG
from infoplane.estimators.mixed_ksg import MixedKSG
from infoplane.estimators.neural.autoencoder import autoencode
from infoplane.flags import CONSTANT_UNITS, LOSSY, merged
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


@dataclasses.dataclass(frozen=True)
class Known:
    """Some of the samples of a variable, ``whole``, that directions are learned from: those of its columns that vary
    there, ``varies`` (columns,), as ``standard``.
    """

    whole: Standard
    varies: Tensor
    standard: Standard

    @classmethod
    def of(cls, whole: Standard, rows: Tensor) -> Known:
        values = whole.columns.values[rows]
        varies = (values != values[:1]).any(0)
        return cls(whole, varies, Standard(Columns(values[:, varies])))

    def scores(self, directions: Tensor) -> Tensor:
        """All samples along ``directions`` (columns that vary, k) of the known ones, but for a shift: (samples, k)."""
        scale = self.whole.scale[self.varies] / self.standard.scale
        everywhere = directions.new_zeros(len(self.varies), directions.shape[1])
        everywhere[self.varies] = directions * scale[:, None]
        return self.whole.scores(everywhere)


@dataclasses.dataclass(frozen=True)
class Variates:
    """Canonical variates of some of the samples; ``pairs`` is None where a variable does not vary there."""

    t: Known
    other: Known
    pairs: Canonical | None

    @classmethod
    def of(cls, t: Standard, other: Standard, rows: Tensor) -> Variates:
        known = Known.of(t, rows), Known.of(other, rows)
        vary = all(each.standard.units.count for each in known)
        return cls(*known, canonical(known[0].standard, known[1].standard) if vary else None)

    def related(self, n: int) -> int:
        """How many pairs are no chance."""
        return 0 if self.pairs is None else related_pairs(self.pairs, n)


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

        t = Standard(columns, made)
        key = (self.name, self.method, numbers, device)
        other = y.derived(key, lambda: Standard(varying(y.values().to(device)), made))
        if not other.units.count:
            y = Variable(None, y.values()) if numbers else y
            return self._inform(prepared, self._inner.prepare(columns.values[:, :1]), y, {})
        a, b = halves(t.n, y.groups, self.seed, device)
        ways = [Variates.of(t, other, some) for some in (a, b)]
        # directions that only one half finds are chance; where one finds none, all are kept
        related = min(way.related(t.n // 2) for way in ways)
        judged = [self._judged(way, rows, y, related, numbers=numbers) for way, rows in zip(ways, (b, a), strict=True)]
        first, value = judged[0], sum(len(rows) * each.value for rows, each in zip((b, a), judged, strict=True)) / t.n
        amounts = {**first.amounts, "log_n": math.log(t.n)} | ({} if numbers else {"h_y": y.classes().entropy()})
        chances = [each.amounts.get("chance") for each in judged]
        if all(isinstance(chance, float) for chance in chances):  # of two halves that share no sample
            amounts["chance"] = math.hypot(*chances) / 2  # type: ignore[arg-type]
        flags = merged(*(each.flags for each in judged))
        whole = dataclasses.replace(first, value=value, n=t.n, flags=flags, amounts=amounts)
        correlations = ways[0].pairs.correlations.tolist() if ways[0].pairs else []
        return self._informed(prepared, whole, {"related_pairs": related, "correlations": correlations})

    def _judged(self, way: Variates, rows: Tensor, y: Variable, related: int, *, numbers: bool) -> Information:
        """The information of samples, ``rows``, along variates that others have chosen."""
        if way.pairs is None:
            return Information(0.0, len(rows), "population")
        kept = min(self.dimensions, related or len(way.pairs.correlations))
        codes = self._inner.prepare(settled(way.t.scores(way.pairs.t[:, :kept])[rows]))
        y = y.take(rows)
        if numbers:
            y = Variable(None, settled(way.other.scores(way.pairs.other[:, :kept])[rows]))
        return self._inner.with_label(codes, y)

    def _inform(self, prepared: CompressedLayer, codes: Any, y: Variable, facts: dict[str, object]) -> Information:
        """``codes``: what the neighbours made of them."""
        return self._informed(prepared, self._inner.with_label(codes, y), facts)

    def _informed(self, prepared: CompressedLayer, inner: Information, facts: dict[str, object]) -> Information:
        """With what is known of the layer itself."""
        constant = prepared.columns.constant
        flags = [flag for flag in inner.flags if flag != CONSTANT_UNITS]
        if any(isinstance(lost, float) and lost > MOST_LOST for name, lost in facts.items() if "lost" in name):
            flags.append(LOSSY)
        if constant:
            flags.append(CONSTANT_UNITS)
        facts = {**inner.facts, **facts, "units": prepared.columns.count, "constant_units": constant}
        return dataclasses.replace(inner, flags=tuple(flags), facts=facts)


def halves(n: int, groups: Tensor | None, seed: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The numbers of the samples in two random halves; with ``groups`` (samples,) none is in both."""
    groups = torch.arange(n) if groups is None else groups.cpu()
    places = torch.randperm(int(groups.max()) + 1, generator=torch.Generator().manual_seed(seed))[groups]
    order = places.argsort(stable=True)
    starts = (places[order].diff() > 0).nonzero()[:, 0] + 1  # where one group ends and the next begins
    if not len(starts):
        raise InputError("all samples are in one group: method='cca' judges directions on other groups than chose them")
    cut = int(starts[(starts - n / 2).abs().argmin()])
    return order[:cut].sort().values.to(device), order[cut:].sort().values.to(device)


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
