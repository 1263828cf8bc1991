"""NWJ: the lower bound of Nguyen, Wainwright and Jordan.

    I(T;V) >= E_p(t,v)[ f ] - E_p(t)p(v)[ exp(f - 1) ]

Nguyen, Wainwright, Jordan (2010), IEEE Trans. Inf. Theory 56, 5847, section II; Poole et al. (2019), arXiv:1905.06922
(I_NWJ). Nats inside. Bias: downwards, none but by the critic; the variance grows like exp(I), so that values above some
5 nats are worthless (flag ``diverging`` where a few pairs carry the second mean).
"""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from infoplane.estimators.neural.critic import DualBound, Scored
from infoplane.types import Kind


@final
class NWJ(DualBound):
    """Lower bound of mutual information that has no ceiling, but a variance that grows with the value.

    For small information, labels and layers of any dimension, also continuous labels. ``steps`` is the most there will
    be; training stops early.

    Raises:
        InputError: an option is out of range, or there are fewer than 20 samples.

    Example:
        >>> import infoplane as ip, torch
        >>> y = torch.arange(400) % 2
        >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> 0.7 < ip.mutual_information(t, y, estimator="nwj", steps=200).value < 1.1
        True
    """

    name: ClassVar[str] = "nwj"
    bound: ClassVar[Kind] = "lower bound"
    title: ClassVar[str] = "NWJ bound"

    def second_mean(self, rows: Tensor) -> Tensor:
        return (rows - 1).exp().mean()

    def contributions(self, scored: Scored) -> Tensor:
        return scored.own - (scored.rows - 1).exp()
