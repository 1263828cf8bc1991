"""Grokking shows in what can be used on held-out pairs, not on the training set: modular addition, Power et al. (2022).

A network with one hidden layer learns a + b mod 47 from half of all pairs. With weight decay it first memorises them
and much later generalises; without, it only memorises. Measured on the training half and on the held-out half: usable
information log2 47 - cross-entropy of the network's own output (Xu et al. 2020), soft I(T;Y) above its shuffled null,
and the plug-in I(T;Y) of six random projections of the hidden layer in eight bins each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.estimators import mutual_information
from infoplane.family import Family
from infoplane.networks import mlp
from infoplane.replications.claim import Claim, Data, one_part_each
from infoplane.replications.courses import follow, log_spaced
from infoplane.replications.pictures import BLACK, BLUE, GREEN, PURPLE, VERMILION, course, panels
from infoplane.replications.szt_networks import normal_start, orders
from infoplane.replications.verdict import Check, largest, smallest

P, HIDDEN = 47, 128
RATE, STEPS, POINTS = 3e-3, 6000, 40
PROJECTIONS, BINS = 6, 8
KINDS = {"decay": {"decay": 1.0}, "none": {"decay": 0.0}}


def network() -> nn.Sequential:
    """One hidden layer, with weights of standard deviation 1/sqrt(inputs)."""
    return normal_start(mlp([2 * P, HIDDEN, P], "relu"), 0.0)


def train(folder: Path | None, *, seeds: int, decay: float) -> Mapping[str, Any]:
    """Accuracies and informations in bits of every seed, (checkpoints, seeds), of the training and held-out pairs."""
    a, b = torch.cartesian_prod(torch.arange(P), torch.arange(P)).T
    x = torch.cat([nn.functional.one_hot(a, P), nn.functional.one_hot(b, P)], 1).float()
    y = (a + b) % P
    rows = orders(P * P, seeds)
    train, test = rows[:, : P * P // 2], rows[:, P * P // 2 :]
    family = Family(network, seeds, init="independent")
    family.compile("cross-entropy", lambda parameters: torch.optim.AdamW(parameters, lr=RATE, weight_decay=decay))
    x_train, y_train = x[train], y[train]

    def measure(number: int) -> dict[str, Any]:
        layers = family.activations(x, ["1", "2"])
        row: dict[str, Any] = {"step": number}
        for split, share in (("train", train), ("test", test)):
            seen = [measured(layers["1"][k, own], layers["2"][k, own], y[own]) for k, own in enumerate(share)]
            row.update({f"{name} {split}": [seed[name] for seed in seen] for name in seen[0]})
        return row

    return follow(family, lambda: family.step(x_train, y_train), measure, log_spaced(STEPS, POINTS), folder)


def measured(hidden: Tensor, output: Tensor, y: Tensor) -> dict[str, float]:
    """Of one network on one half of the pairs."""
    usable = mutual_information(output, y, estimator="usable", head="identity", baseline="uniform")
    soft = mutual_information(hidden, y, estimator="soft")
    shadow = hidden @ torch.randn(HIDDEN, PROJECTIONS, generator=torch.Generator().manual_seed(0))
    binned = mutual_information(shadow, y, bins={"rule": "unit", "bins": BINS})
    return {
        "accuracy": float((output.argmax(1) == y).double().mean()),
        "usable": usable.value,
        "soft": soft.value - soft.details["null"],
        "binned": binned.value,
    }


def checks(data: Data) -> list[Check]:
    learned, control = data["decay"], data["none"]
    change = np.array(learned["binned test"])[-1] - np.array(learned["binned test"])[0]
    return [
        Check("smallest gain of usable information on held-out pairs since memorisation, bits",
              smallest, [gain(learned, "test")], above=5),
        Check("largest usable information on held-out pairs without decay, bits",
              largest, [control["usable test"][-1]], below=0),
        Check("largest change of binned I(T;Y) on held-out pairs since the start, bits",
              largest, [np.abs(change)], below=1),
        Check("smallest gain of usable information on the training pairs since memorisation, bits",
              smallest, [gain(learned, "train")], above=5, contrast=True),
    ]  # fmt: skip


def gain(part: Mapping[str, Any], split: str) -> np.ndarray:
    """Usable information at the end less that at memorisation, (seeds,): the first training accuracy above 0.99."""
    usable, memorised = np.array(part[f"usable {split}"]), np.array(part["accuracy train"]) > 0.99
    return usable[-1] - usable[memorised.argmax(0), np.arange(usable.shape[1])]


def picture(data: Data) -> Any:
    figure, (left, middle, right) = panels(
        "accuracy", "held-out pairs: what can be used", "training pairs, and bins: blind to it (fails)"
    )
    learned, control = data["decay"], data["none"]
    course(left, learned["step"], learned["accuracy train"], "training pairs", VERMILION, "--")
    course(left, learned["step"], learned["accuracy test"], "held-out pairs", BLUE)
    course(left, control["step"], control["accuracy test"], "held-out, no decay", BLACK, ":")
    course(middle, learned["step"], learned["usable test"], "usable", BLUE)
    course(middle, control["step"], control["usable test"], "usable, no decay", BLACK, ":")
    course(middle, learned["step"], learned["soft test"], "soft, above its null", GREEN, "--")
    course(right, learned["step"], learned["usable train"], "usable, training pairs", VERMILION, "--")
    course(right, learned["step"], learned["binned test"], "binned, held-out pairs", PURPLE)
    left.set(ylabel="accuracy", ylim=(-0.05, 1.05))
    for panel in (middle, right):
        panel.axhline(np.log2(P), color="0.5", linewidth=0.8, linestyle="--", label="log2 47")
        panel.set(ylabel="I(T;Y) [bits]", ylim=(-7, 6.5))
    for panel in (left, middle, right):
        panel.set(xlabel="step (0 drawn at 0.5)")
        panel.legend(fontsize=8)
    return figure


CLAIM = Claim(
    name="grokking",
    title="Grokking shows in usable information on held-out pairs, and nowhere on the training pairs",
    statement="When a network that has memorised its training pairs generalises much later, usable information on "
    "held-out pairs tells, and information on the training pairs or in bins does not.",
    method="a + b mod 47 from half of the pairs, one hidden layer of 128 ReLU, AdamW 3e-3 with decay 1.0 on the whole "
    "half, 6000 steps; the control has no decay.",
    contrast="On the training pairs usable information is near its ceiling from memorisation on, and a plug-in "
    "estimate in bins is near it before training: sample bias.",
    silent="Nothing about when or why a network groks: usable information on held-out pairs is its held-out loss in "
    "other units. The binned estimate is of six random projections of the hidden layer.",
    sources=(
        "Power et al. (2022), Grokking: generalization beyond overfitting on small algorithmic datasets, "
        "arXiv:2201.02177",
        "Xu et al. (2020), A theory of usable information under computational constraints, arXiv:2002.10689",
    ),
    seeds=3,
    quick=1,
    parts=one_part_each(train, KINDS),
    checks=checks,
    picture=picture,
)
