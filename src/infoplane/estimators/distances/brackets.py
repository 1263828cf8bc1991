"""Sums over pairs of a layer behind noise -> information between two bounds that hold for the population, with errors.

With k_ij = exp e_ij (``ladder``), S_i its sum over the m samples j outside of i's group, and S_i^y, m^y for those of
i's label,

    L   = - mean log (1 + S_i) / (1 + m)       <=  I(X;T)    <=  U   = - mean log S_i / m
    L_y = - mean log (1 + S_i^y) / (1 + m^y)   <=  I(X;T|Y)  <=  U_y = - mean log S_i^y / m^y
    H(Y) + mean log q_i                        <=  I(T;Y)    <=  min(U - L_y, H(Y))

in expectation. The first line is InfoNCE with the true density and the leave-one-out bound (Poole et al. 2019,
arXiv:1905.06922, sections 2.3 and 2.1, for a known p(t|x)). The lower bound of I(T;Y) is that of Barber and Agakov
(2003): q_i, the share of i's label among i's noisy neighbours, is a guess made of other samples than i; numerator and
denominator share their centres, so it is much closer than L - U_y. Since less noise only adds to what a layer tells,
the bound of a noisier level holds for every clearer one, too: where no neighbours are left, q_i is no guess at all.

Much of the variance of these means is that of the noise that was drawn, of which much is how long z_i is where the
layer varies. Its mean is known: it is subtracted as a control variate (Glasserman 2003, Monte Carlo methods in
financial engineering, section 4.1), with the share that makes each end's error least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from infoplane.estimators.distances.ladder import UNLIKELY, PairSums

_ONE_SIDED = 1.6448536269514722  # deviations that a normal variable exceeds in 5 %


@dataclass(frozen=True)
class Bracket:
    """``lower`` <= information <= ``upper`` in nats, in expectation; each with its standard error.

    ``upper`` is infinite where a sample has no other to be compared with.
    """

    lower: float
    upper: float
    lower_error: float
    upper_error: float

    @property
    def value(self) -> float:
        """The middle; the lower bound where there is no upper one."""
        return (self.lower + self.upper) / 2 if math.isfinite(self.upper) else self.lower

    @property
    def low(self) -> float:
        """The lower bound less its one-sided error of 95 %."""
        return self.lower - _ONE_SIDED * self.lower_error

    @property
    def high(self) -> float:
        """The upper bound and its one-sided error of 95 %."""
        return self.upper + _ONE_SIDED * self.upper_error


@dataclass(frozen=True)
class LevelBrackets:
    """The informations of one noise level: about the input, and by label set about the input given the label, and Y."""

    i_xt: Bracket
    i_xt_given_y: tuple[Bracket, ...]
    i_ty: tuple[Bracket, ...]


def brackets(sums: PairSums, labels: np.ndarray, groups: np.ndarray) -> list[LevelBrackets]:
    """Bounds and errors for every level, of which each has less noise than the one before.

    ``labels`` (label sets, samples) hold 0, 1, ... without gaps; ``groups`` (samples,) as of ``pair_sums``.
    """
    others = _others(groups)
    own_others = [_others(groups, label) for label in labels]
    surprises = [_surprise(label) for label in labels]
    result: list[LevelBrackets] = []
    calm = _Calm(sums.variate, groups)
    with np.errstate(divide="ignore"):  # log 0: no upper bound
        for level in range(len(sums.sums)):
            total = sums.sums[level, 0]
            below = -np.log((1 + total) / (1 + others)).mean(0)
            above = -np.log(total / others).mean(0)
            below_reach = below - sums.moved[level, 0] - (1 / (1 + total[0]))
            above_reach = above - sums.moved[level, 1]
            i_xt = calm.bracket((below, below_reach), (above, above_reach))
            given, told = [], []
            for k, (label, surprise) in enumerate(zip(labels, surprises, strict=True)):
                own, prior = sums.sums[level, 1 + k], np.exp(-surprise)
                own_below = -np.log((1 + own) / (1 + own_others[k])).mean(0)
                own_above = -np.log(own / own_others[k]).mean(0) if own_others[k].all() else np.full_like(below, np.inf)
                own_below_reach = own_below - sums.moved[level, 2 + 3 * k] - 1 / (1 + own[0])
                own_above_reach = own_above - sums.moved[level, 3 + 3 * k]
                given.append(calm.bracket((own_below, own_below_reach), (own_above, own_above_reach)))
                guess = np.log((1 - UNLIKELY) * own / np.maximum(total, 1e-30) + UNLIKELY * prior).mean(0)
                lower = surprise + guess, surprise + guess + sums.moved[level, 4 + 3 * k]
                upper = above - own_below, above_reach - own_below_reach
                most = surprise + (label.max() / 2) / len(label)  # H(Y) with the bias of Miller and Madow
                if upper[0].mean() > most.mean():
                    upper = most, most
                told.append(_kept(calm.bracket(lower, upper), result[-1].i_ty[k] if result else None))
            result.append(LevelBrackets(i_xt, tuple(given), tuple(told)))
    return result


def _kept(bracket: Bracket, noisier: Bracket | None) -> Bracket:
    """With the lower bound of the noisier level where that says more."""
    if noisier is None or noisier.low <= bracket.low:
        return bracket
    return replace(bracket, lower=noisier.lower, lower_error=noisier.lower_error)


def _others(groups: np.ndarray, label: np.ndarray | None = None) -> np.ndarray:
    """How many samples (of the same label) are outside of each sample's group (samples,)."""
    each = np.zeros(len(groups), np.int64) if label is None else label.astype(np.int64)
    alike = np.bincount(each)[each]
    pairs = each * (groups.max() + 1) + groups
    _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return alike - counts[inverse]


def _surprise(label: np.ndarray) -> np.ndarray:
    """-log of the share of each sample's label (samples,); its mean is H(Y)."""
    return math.log(len(label)) - np.log(np.bincount(label)[label])


@final
@dataclass(frozen=True)
class _Calm:
    """Means without what a control variate explains of them; its own mean is 0 (Glasserman 2003, section 4.1)."""

    variate: np.ndarray
    groups: np.ndarray

    def bracket(self, lower: tuple[np.ndarray, np.ndarray], upper: tuple[np.ndarray, np.ndarray]) -> Bracket:
        """Means of the terms, and errors from what every sample moves: (terms, reach) each (samples,)."""
        (below, below_error), (above, above_error) = self._mean(*lower), self._mean(*upper)
        return Bracket(below, above, below_error, above_error)

    def _mean(self, terms: np.ndarray, reach: np.ndarray) -> tuple[float, float]:
        square = float(self.variate @ self.variate)
        if not np.isfinite(reach).all():
            return float(terms.mean()), math.inf
        share = float((reach - reach.mean()) @ self.variate) / square if square else 0.0
        explained = share * self.variate
        return float((terms - explained).mean()), _error(reach - explained, self.groups)


def _error(reach: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of a mean whose samples move it by ``reach`` / n each; groups are drawn as wholes."""
    each = np.bincount(groups, weights=reach - reach.mean())
    count = len(np.unique(groups))
    return float(math.sqrt((each**2).sum() * count / max(count - 1, 1)) / len(reach))
