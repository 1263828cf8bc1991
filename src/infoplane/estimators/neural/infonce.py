"""InfoNCE: a lower bound from telling the pair that occurred from all others.

    I(T;V) >= E[ f(t_i, v_i) - log (1/K) sum_j exp f(t_i, v_j) ],   at most log K

van den Oord, Li, Vinyals (2018), arXiv:1807.03748, eq. 4 and 5; Poole et al. (2019), arXiv:1905.06922 (I_NCE). The sum
runs over all K samples of the held-out half, the pair itself among them. Nats inside. Bias: downwards, and heavily
where the information comes near log K; small variance.
"""

from __future__ import annotations

import math
from typing import ClassVar, final

from torch import Tensor

from infoplane.estimators.neural.critic import CriticBound, Scored
from infoplane.flags import LOG_N_CEILING, Flag
from infoplane.types import Kind

CEILING_SHARE = 0.9  # of log K, from which on the ceiling sets the value


@final
class InfoNCE(CriticBound):
    """Lower bound of mutual information by contrast with all other samples.

    For layers and labels of any dimension, also continuous labels, as long as the information is well below the
    logarithm of half the number of samples (flag ``log-n-ceiling``). ``steps`` is the most there will be; training
    stops early.

    Raises:
        InputError: an option is out of range, or there are fewer than 20 samples.

    Example:
        >>> import infoplane as ip, torch
        >>> y = torch.arange(400) % 2
        >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> 0.8 < ip.mutual_information(t, y, estimator="infonce", steps=200).value < 1.05
        True
    """

    name: ClassVar[str] = "infonce"
    bound: ClassVar[Kind] = "lower bound"
    title: ClassVar[str] = "InfoNCE"

    def loss(self, scores: Tensor, own: Tensor) -> Tensor:
        return (self.statistic(scores, own) - scores.diagonal()).mean()

    def statistic(self, scores: Tensor, own: Tensor) -> Tensor:
        return scores.logsumexp(1) - math.log(scores.shape[1])

    def contributions(self, scored: Scored) -> Tensor:
        return scored.own - scored.rows

    def doubts(self, value: float, scored: Scored) -> tuple[Flag, ...]:
        return (LOG_N_CEILING,) if value >= CEILING_SHARE * math.log(len(scored.own)) else ()
