"""Binary layers, counted without error, compress late, and no better for it: Nothnagel and Geiger (2026).

The networks of ``szt_networks`` are trained with the sign in place of tanh (backward, the tanh, which unlike a box on
[-1, 1] leaves no unit without a gradient), and their layers are counted on all 4096 inputs: every value is exact. The
claim: late compression is common, and unrelated to how well a network generalises.

[1] Nothnagel, M. and Geiger, B. C. (2026). Information plane analysis of binary neural networks. arXiv:2605.03636.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane import datasets
from infoplane.family import Family
from infoplane.replications.claim import Claim, Data, Part, Setting
from infoplane.replications.following import follow, log_spaced
from infoplane.replications.pictures import LAYER_COLOURS, VERMILION, course, panels
from infoplane.replications.szt_networks import LAYERS, TRAINED, informations, network, one_epoch, split
from infoplane.replications.verdict import Check, correlation, mean, median

RATE, EPOCHS, POINTS = 2e-3, 800, 30


@final
class Sign(nn.Module):
    """-1 or 1, and 1 at zero; backward, the derivative of tanh."""

    def forward(self, values: Tensor) -> Tensor:
        smooth = values.tanh()
        return torch.where(values.detach() < 0, -1.0, 1.0) + (smooth - smooth.detach())


def train(folder: Path | None, *, seeds: int) -> Mapping[str, Any]:
    """Exact I(X;T) in bits (checkpoints, seeds, layers), and accuracy on the inputs that were left out."""
    data = datasets.load("szt")
    x, y, rows = torch.from_numpy(data.x), torch.from_numpy(data.y), split(seeds)
    family = Family(_network, seeds, init="independent")
    family.compile("cross-entropy", "adam", RATE)

    def measure(epoch: int) -> Mapping[str, Any]:
        *hidden, sums = family.activations(x, LAYERS).values()
        return {
            "epoch": epoch,
            "accuracy": (sums.argmax(2) == y).gather(1, rows[:, TRAINED:]).double().mean(1),
            "i_xt": torch.stack([informations(t, y, "exact")[0] for t in hidden], 1),
        }

    return follow(family, lambda: one_epoch(family, x, y, rows), measure, log_spaced(EPOCHS, POINTS), folder)


def _network() -> nn.Sequential:
    return nn.Sequential(*(Sign() if isinstance(layer, nn.Tanh) else layer for layer in network("tanh")))


def parts(setting: Setting) -> Mapping[str, Part]:
    return {"networks": Part(train, {"seeds": setting.seeds})}


def checks(data: Data) -> list[Check]:
    information, accuracy = (np.array(data["networks"][name]) for name in ("i_xt", "accuracy"))
    lost = losses(information)
    within = correlation(information[:, :, 1].T, accuracy.T)  # over the checkpoints of each seed
    return [
        Check("share of the seeds in which layers 2 to 5 all lose more than 0.25 bits",
              mean, [(lost[:, 1:] > 0.25).all(1)], above=0.89),
        Check("correlation of layer 2's loss with test accuracy, over seeds",
              correlation, [lost[:, 1], accuracy[-1]], contains=0),
        Check("correlation of layer 2's I(X;T) with test accuracy, over the checkpoints of a seed, median",
              median, [within], contains=0, contrast=True),
    ]  # fmt: skip


def losses(information: np.ndarray) -> np.ndarray:
    """Peak minus last value of I(X;T), (seeds, layers)."""
    return information.max(0) - information[-1]


def picture(data: Data) -> Any:
    found = {name: np.array(values) for name, values in data["networks"].items()}
    information, accuracy = found["i_xt"], found["accuracy"]
    figure, (left, middle, right) = panels(
        "exact I(X;T), all 4096 inputs", "over seeds, at the end", "over checkpoints of five seeds: related (fails)"
    )
    for layer, colour in zip(range(information.shape[2]), LAYER_COLOURS, strict=False):
        course(left, found["epoch"], information[:, :, layer], f"layer {layer + 1}", colour)
    left.set(ylabel="I(X;T), exact [bits]", ylim=(0, 8))
    left.legend(fontsize=8, ncols=3)
    middle.plot(losses(information)[:, 1], accuracy[-1], "o", color=VERMILION)
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
    method="4096 patterns of 12 bits, 12-10-7-5-4-3-2 with sign activations and straight-through gradients, Adam "
    "2e-3, 800 epochs of 85 % of the patterns; layers counted on all of them.",
    contrast="Over the checkpoints of one training, instead of over trainings, information and accuracy are closely "
    "related: both follow time.",
    silent="Nothing about binary weights, which stay real here. That 20 networks of one size and task show no relation "
    "is no proof that there is none elsewhere. Training matters: five ways were tried, and this is the one in which "
    "all 20 networks learn and compress. Gradients cut off outside [-1, 1], at rates of 4e-4 and 1e-3, left two "
    "networks with a layer's bits, the tanh's gradient at 1e-3 one, and uncut gradients at 4e-4 let layers collapse.",
    sources=(
        "Nothnagel and Geiger (2026), Information plane analysis of binary neural networks, arXiv:2605.03636",
        "Bengio, Leonard and Courville (2013), arXiv:1308.3432, for the straight-through gradient",
    ),
    seeds=20,
    quick=0,
    parts=parts,
    checks=checks,
    picture=picture,
)
