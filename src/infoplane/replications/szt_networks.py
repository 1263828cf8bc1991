"""The networks of Shwartz-Ziv and Tishby (2017), trained once and read by several rules: what six claims share.

The task is all 4096 patterns of 12 bits; 85 % of them are trained on, and all of them are measured, so that the counts
are those of the whole input distribution. Networks are 12-10-7-5-4-3-2 with a softmax at the end; weights start normal
with standard deviation 1/sqrt(inputs), offsets at 0, or with ReLU at 0.1. A ReLU network with a layer that is 0 for
most inputs is drawn anew, as most of these never learn. Adam at 4e-4, cross-entropy, batches of 256 in a new order
every epoch. All seeds are trained as one family. Layers are numbered 1 to 6; the last is the softmax.

References:
    [1] Shwartz-Ziv, R. and Tishby, N. (2017). Opening the black box of deep neural networks via information.
        arXiv:1703.00810.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infoplane import datasets
from infoplane.estimators.counting.entropy import SUMMARY, tabulate
from infoplane.estimators.counting.rules import rule
from infoplane.estimators.counting.samples import Variable, distinct_ids, number
from infoplane.estimators.kde import KDE
from infoplane.family import Family
from infoplane.networks import mlp
from infoplane.replications.claim import Part, Parts, Setting
from infoplane.replications.courses import follow, log_spaced

SIZES = (12, 10, 7, 5, 4, 3, 2)
LAYERS = ["1", "3", "5", "7", "9", "10"]  # five activations, and the last layer's sums
SAMPLES, TRAINED, BATCH, RATE = 4096, 3482, 256, 4e-4
EPOCHS, QUICK_EPOCHS, POINTS = 2500, 1000, 36
SOFTMAX = 5  # layer 6, counted from 0

#: The published rules of cutting, and every distinct row as it is.
RULES: dict[str, Any] = {
    "fixed": {"rule": "fixed", "bins": 30, "low": -1.0, "high": 1.0},
    "width": {"rule": "width", "width": 0.07},
    "layer": {"rule": "layer", "bins": 30},
    "unit": {"rule": "unit", "bins": 30},
    "exact": "distinct",
}
NAMES = {
    "fixed": "30 bins on [-1, 1]",
    "width": "bins of width 0.07",
    "layer": "30 bins, minimum to maximum of the layer",
    "unit": "30 bins, minimum to maximum of each unit",
    "exact": "exact: every distinct row",
}

#: Number of the epoch, hidden layers (seeds, samples, units) each, sums of the last one, and labels -> a table.
Read = Callable[[int, list[Tensor], Tensor, Tensor], Mapping[str, Any]]


def method(layers: str, training: str) -> str:
    """The first half of how a claim about these patterns is computed, in words."""
    return f"4096 patterns of 12 bits, 12-10-7-5-4-3-2 {layers}, Adam {training} of 85 % of the patterns"


def trained(*activations: str) -> Parts:
    """The parts of a claim about these networks, one for each activation, by its name."""

    def parts(setting: Setting) -> Mapping[str, Part]:
        options = {"seeds": setting.seeds, "epochs": QUICK_EPOCHS if setting.quick else EPOCHS}
        return {name: Part(train, {"activation": name, **options}) for name in activations}

    return parts


def network(activation: str) -> nn.Sequential:
    """One network before training; its last layer puts out sums."""
    offset = 0.1 if activation == "relu" else 0.0
    candidate = normal_start(mlp(SIZES, activation), offset)
    while activation == "relu" and not awake(candidate):
        candidate = normal_start(mlp(SIZES, activation), offset)
    return candidate


def normal_start(network: nn.Sequential, offset: float) -> nn.Sequential:
    """The network, its weights drawn anew with standard deviation 1/sqrt(inputs), and all its offsets alike."""
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.constant_(layer.bias, offset)
    return network


@torch.no_grad()
def awake(network: nn.Sequential) -> bool:
    """Whether every ReLU layer has a unit above zero for at least half of the inputs."""
    t = torch.from_numpy(datasets.load("szt").x)
    for layer in network:
        t = layer(t)
        if isinstance(layer, nn.ReLU) and (t > 0).any(1).double().mean() < 0.5:
            return False
    return True


def orders(samples: int, seeds: int) -> Tensor:
    """Each seed's own order of the samples, (seeds, samples)."""
    return torch.stack(
        [torch.randperm(samples, generator=torch.Generator().manual_seed(seed)) for seed in range(seeds)]
    )


def split(seeds: int) -> Tensor:
    """Each seed's order of the patterns (seeds, samples); the first ``TRAINED`` are trained on."""
    return orders(SAMPLES, seeds)


def train_and_read(
    network: Callable[[], nn.Module], read: Read, at: Sequence[int], folder: Path | None, *, seeds: int, rate: float
) -> Mapping[str, Any]:
    """Train networks on these patterns; accuracy (seeds,) and what ``read`` gives of their layers, at some epochs."""
    data = datasets.load("szt")
    x, y, rows = torch.from_numpy(data.x), torch.from_numpy(data.y), split(seeds)
    family = Family(network, seeds, init="independent")
    family.compile("cross-entropy", "adam", rate)

    def one_epoch() -> None:
        """Every seed sees its own patterns once, in a new order."""
        for batch in rows.gather(1, family.draw(TRAINED, TRAINED)).split(BATCH, dim=1):
            family.step(x[batch], y[batch])

    def measure(epoch: int) -> Mapping[str, Any]:
        *hidden, sums = family.activations(x, LAYERS).values()
        return {"epoch": epoch, "accuracy": accuracy(sums, y, rows), **read(epoch, hidden, sums, y)}

    return follow(family, one_epoch, measure, at, folder)


def accuracy(sums: Tensor, y: Tensor, rows: Tensor) -> Tensor:
    """Share of each seed's left-out patterns that are classified rightly, (seeds,); ``sums`` (seeds, samples, 2)."""
    return (sums.argmax(2) == y).gather(1, rows[:, TRAINED:]).double().mean(1)


def train(folder: Path | None, *, activation: str, seeds: int, epochs: int) -> Mapping[str, Any]:
    """Accuracy and what ``informations_by_rule`` gives at log-spaced epochs."""
    at = log_spaced(epochs, POINTS)

    def read(epoch: int, hidden: list[Tensor], sums: Tensor, y: Tensor) -> Mapping[str, Any]:
        # two slow readings: the kernel bound at every second checkpoint (the last one too), the sorted rows at the ends
        return informations_by_rule(hidden, sums, y, slow=epoch in (0, epochs), bounds=epoch in at[::-2])

    return train_and_read(partial(network, activation), read, at, folder, seeds=seeds, rate=RATE)


def informations_by_rule(
    hidden: list[Tensor], sums: Tensor, y: Tensor, *, slow: bool, bounds: bool
) -> Mapping[str, Any]:
    """I(X;T) under every rule and I(T;Y) under two (seeds, layers), in bits, of layers (seeds, samples, units).

    ``bounds``: also the kernel bound of layer 5 (seeds,). ``slow``: what is lost by merged rows, counted another way,
    and dead units, (seeds, layers) both, and the exact informations of the last layer's sums (2, seeds).
    """
    layers = [*hidden, sums.softmax(2)]
    table: dict[str, Any] = {}
    for name in RULES:
        i_xt, i_ty = zip(*(informations(t, y, name) for t in layers), strict=True)
        table[f"i_xt {name}"] = torch.stack(i_xt, 1)
        if name in ("fixed", "exact"):
            table[f"i_ty {name}"] = torch.stack(i_ty, 1)
    table["i_xt kde"] = [upper_bound(t) for t in hidden[-1]] if bounds else None
    table["merged"] = [[merged(t) for t in own] for own in zip(*layers, strict=True)] if slow else None
    table["dead"] = [[int((t == 0).all(0).sum()) for t in own] for own in zip(*layers, strict=True)] if slow else None
    table["sums"] = torch.stack(informations(sums, y, "exact")) if slow else None
    return table


def informations(t: Tensor, y: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """I(X;T) and I(T;Y) in bits (seeds,) of a layer (seeds, samples, units); every seed has bins of its own."""
    cut, labels = rule(RULES[name]), number(y)
    # one network at a time: a rule that looks at the range of a layer must not look at that of all seeds
    codes = torch.cat([cut.symbols(own[None]).codes for own in t])  # (seeds, samples)
    counted = tabulate(codes, labels.ids, labels.count, torch.arange(len(y)), len(y))
    h_t, h_ty = (counted[:, SUMMARY.index(column)] for column in ("h_t", "h_ty"))
    return h_t / math.log(2), (h_t + labels.entropy() - h_ty) / math.log(2)


def upper_bound(t: Tensor) -> float:
    """The kernel bound on I(X; T + noise) in bits of one network's layer (samples, units), noise variance 1e-3."""
    kde = KDE(noise_variance=1e-3)
    return kde.about_input(kde.prepare(t), Variable(distinct_ids(len(t)))).value


def merged(t: Tensor) -> float:
    """H(X|T) in bits: groups of c equal rows of ``t`` (samples, units) hide log2 c bits of the input each."""
    counts = np.unique(t.numpy(), axis=0, return_counts=True)[1]
    return float((counts * np.log2(counts)).sum() / len(t))


def curve(part: Mapping[str, Any], rule_name: str, layer: int) -> np.ndarray:
    """I(X;T) of one layer (1 to 6) under one rule: (checkpoints, seeds)."""
    return np.array(part[f"i_xt {rule_name}"])[:, :, layer - 1]


def bounds(part: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The epochs at which the kernel bound of layer 5 was measured, and the bound (checkpoints, seeds)."""
    both = [(epoch, kde) for epoch, kde in zip(part["epoch"], part["i_xt kde"], strict=True) if kde is not None]
    return np.array([epoch for epoch, _ in both]), np.array([kde for _, kde in both])
