"""MINE: the Donsker-Varadhan bound with a trained critic.

    I(T;V) >= E_p(t,v)[ f ] - log E_p(t)p(v)[ exp f ]

Belghazi et al. (2018), arXiv:1801.04062, sections 2 and 3; Donsker, Varadhan (1983). Nats inside. The published value
is the one of the training batches, which grows with overfitting; this one is of the half that was not trained on. Bias:
downwards by the critic; upwards, by Jensen's inequality, where a few pairs carry the second mean (flag ``diverging``).
"""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from infoplane.estimators.neural.critic import DualBound, Scored, log_mean_exp
from infoplane.types import Kind


@final
class MINE(DualBound):
    """Donsker-Varadhan lower bound of mutual information.

    For small information, labels and layers of any dimension, also continuous labels. ``steps`` is the most there will
    be; training stops early.

    Raises:
        InputError: an option is out of range, or there are fewer than 20 samples.

    Example:
        >>> import infoplane as ip, torch
        >>> y = torch.arange(400) % 2
        >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> 0.8 < ip.mutual_information(t, y, estimator="mine", steps=200).value < 1.1
        True
    """

    name: ClassVar[str] = "mine"
    bound: ClassVar[Kind] = "lower bound"
    title: ClassVar[str] = "Donsker-Varadhan bound (MINE)"

    def second_mean(self, rows: Tensor) -> Tensor:
        return log_mean_exp(rows)

    def contributions(self, scored: Scored) -> Tensor:
        return donsker_varadhan(scored)


def donsker_varadhan(scored: Scored) -> Tensor:
    """Contributions to E[f] - log E[exp f], (samples,), for ``rows`` that are logs of means of exp f.

    The last term has mean 0. It is the first-order influence of each row on the logarithm of the second mean, and is
    there for the spread alone: the standard error would otherwise know nothing of that mean's.
    """
    log_mean = log_mean_exp(scored.rows)
    return scored.own - log_mean - ((scored.rows - log_mean).exp() - 1)
