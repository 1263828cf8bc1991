"""CLUB: an upper bound from a trained conditional distribution.

    I(T;V) <= E_p(t,v)[ log q(v|t) ] - E_p(t)p(v)[ log q(v|t) ]

Cheng et al. (2020), arXiv:2006.12013 (I_vCLUB). q is a normal distribution with a mean and a variance for each
dimension of V, given by a network; for classes it gives their probabilities. Nats inside. It is an upper bound, and
for labels that T nearly decides a very loose one (it can exceed H(Y), and is flagged then), as long as q
is close to p(v|t), in the sense of the paper's Kullback-Leibler condition, which samples cannot tell. Bias: upwards;
for jointly normal pairs of correlation r it comes to r^2 / (1 - r^2) where the truth is -log(1 - r^2) / 2.
"""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.estimators.neural.critic import NeuralBound, ReluNetwork, Scored, Scorer
from infoplane.flags import NEGATIVE, Flag
from infoplane.types import Kind

NARROWEST_LOG_VARIANCE = -8.0  # of a standardised dimension; narrower ones make single samples decide
WIDEST_LOG_VARIANCE = 4.0
MOST_CLASSES = 50  # different numbers up to which they are classes


@final
class Normal(Scorer):
    """log q(v|t) for independent normal dimensions."""

    def __init__(self, t: Tensor, v: Tensor, hidden: int, generator: torch.Generator) -> None:
        self._dimensions = v.shape[1]
        self._network = ReluNetwork((t.shape[1], hidden, 2 * v.shape[1]), generator, t.device)
        self.parameters = self._network.parameters

    def __call__(self, t: Tensor, v: Tensor) -> Tensor:
        mean, log_variance = self._network(t).split(self._dimensions, dim=1)
        log_variance = log_variance.clamp(NARROWEST_LOG_VARIANCE, WIDEST_LOG_VARIANCE)
        inverse = (-log_variance).exp()
        # sum_d (v_d - mean_d)^2 / variance_d of all pairs at once, as three products: (rows of t, rows of v)
        squares = inverse @ v.square().T - 2 * (inverse * mean) @ v.T + (inverse * mean.square()).sum(1, keepdim=True)
        return -0.5 * (squares + log_variance.sum(1, keepdim=True) + self._dimensions * math.log(2 * math.pi))


@final
class Categorical(Scorer):
    """log q(v|t) for the few different rows that v takes."""

    def __init__(self, t: Tensor, kinds: Tensor, hidden: int, generator: torch.Generator) -> None:
        self._kinds = kinds
        self._network = ReluNetwork((t.shape[1], hidden, len(kinds)), generator, t.device)
        self.parameters = self._network.parameters

    def __call__(self, t: Tensor, v: Tensor) -> Tensor:
        which = torch.cdist(v, self._kinds).argmin(1)
        return self._network(t).log_softmax(1)[:, which]


def are_classes(v: Tensor) -> bool:
    """Whether the rows (samples, dimensions) are standardised one-hot ones: every column has two values, and no row has
    the upper one twice. Normal distributions of them would be as narrow as classes are many.
    """
    upper = v == v.amax(0)
    return v.shape[1] > 1 and bool((upper | (v == v.amin(0))).all() and (upper.sum(1) <= 1).all())


@final
class CLUB(NeuralBound):
    """Upper bound of mutual information by a conditional distribution of the label (or input) given the layer.

    For a bracket together with ``infonce``. Classes, and numbers of at most 50 different values, get probabilities.
    Flag ``not-learned`` where the network predicts held-out samples no better than their shares do, or far worse than
    those it was trained on. ``steps`` is
    the most there will be; training stops early.

    Raises:
        InputError: an option is out of range, or there are fewer than 20 samples.

    Example:
        >>> import infoplane as ip, torch
        >>> y = torch.arange(400) % 2
        >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> ip.mutual_information(t, y, estimator="club", steps=200).value > 1
        True
    """

    name: ClassVar[str] = "club"
    bound: ClassVar[Kind] = "upper bound"
    title: ClassVar[str] = "CLUB"

    def scorer(self, t: Tensor, v: Tensor, generator: torch.Generator) -> Scorer:
        kinds = torch.unique(v, dim=0)
        if len(kinds) <= MOST_CLASSES or are_classes(v):
            return Categorical(t, kinds, self.hidden, generator)
        return Normal(t, v, self.hidden, generator)

    def loss(self, scores: Tensor, own: Tensor) -> Tensor:
        return -scores.diagonal().mean()

    def statistic(self, scores: Tensor, own: Tensor) -> Tensor:
        return scores.mean(1)

    def contributions(self, scored: Scored) -> Tensor:
        return scored.own - scored.rows

    def doubts(self, value: float, scored: Scored) -> tuple[Flag, ...]:
        return (NEGATIVE,) if value < 0 else ()
