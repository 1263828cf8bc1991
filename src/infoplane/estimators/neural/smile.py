"""SMILE: the Donsker-Varadhan value with clipped scores in the second mean.

    I(T;V) ~ E_p(t,v)[ f ] - log E_p(t)p(v)[ exp clip(f, -tau, tau) ]

Song, Ermon (2020), arXiv:1910.06222 (I_SMILE); the critic is trained by the Jensen-Shannon objective as there. Nats
inside. Bias: clipping bounds the variance by about exp(2 tau) / n and makes the value neither a lower nor an upper
bound: it may exceed the truth. tau -> infinity gives the Donsker-Varadhan bound.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.neural.critic import CriticBound, Scored, log_mean_exp_of_others
from infoplane.estimators.neural.mine import donsker_varadhan
from infoplane.flags import CLIPPED, Flag
from infoplane.types import Kind

MOST_CLIPPED = 0.5  # share of the own pairs whose score lies beyond tau


@final
class SMILE(CriticBound):
    """Estimate of mutual information by density ratios that are clipped at exp(+-``tau``).

    For more information than the other neural estimators can follow, at the price of being no bound. ``steps`` is the
    most there will be; training stops early.

    Raises:
        InputError: an option is out of range, or there are fewer than 20 samples.

    Example:
        >>> import infoplane as ip, torch
        >>> y = torch.arange(400) % 2
        >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> 0.8 < ip.mutual_information(t, y, estimator="smile", steps=200).value < 1.3
        True
    """

    name: ClassVar[str] = "smile"
    bound: ClassVar[Kind] = "estimate"
    title: ClassVar[str] = "SMILE"

    def __init__(
        self,
        tau: float = 5.0,
        hidden: int = 64,
        steps: int = 1000,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        super().__init__(hidden, steps, batch_size, learning_rate, seed)
        if not tau > 0:  # infinity is allowed: nothing is clipped then
            raise InputError(f"tau={tau!r}: it must be a number above 0, for example tau=5")
        self.tau = tau

    def loss(self, scores: Tensor, own: Tensor) -> Tensor:
        softplus = torch.nn.functional.softplus
        return softplus(-scores.diagonal()).mean() + softplus(scores[~own]).mean()

    def statistic(self, scores: Tensor, own: Tensor) -> Tensor:
        return log_mean_exp_of_others(scores.clamp(-self.tau, self.tau), own)

    def contributions(self, scored: Scored) -> Tensor:
        return donsker_varadhan(scored)

    def doubts(self, value: float, scored: Scored) -> tuple[Flag, ...]:
        clipped = float((scored.own > self.tau).to(torch.float64).mean())
        return (CLIPPED,) if clipped > MOST_CLIPPED else ()
