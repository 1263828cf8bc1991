"""The networks of Shwartz-Ziv and Tishby (2017), trained once and read by several rules: what four claims share.

The task is all 4096 patterns of 12 bits; 85 % of them are trained on, and all of them are measured, so that the counts
are those of the whole input distribution. Networks are 12-10-7-5-4-3-2 with a softmax at the end; weights start normal
with standard deviation 1/sqrt(inputs), offsets at 0, or with ReLU at 0.1. A ReLU network with a layer that is 0 for
most inputs is drawn anew, as most of these never learn. Adam at 4e-4, cross-entropy, batches of 256 in a new order
every epoch. All seeds are trained as one family. Layers are numbered 1 to 6; the last is the softmax.

[1] Shwartz-Ziv, R. and Tishby, N. (2017). Opening the black box of deep neural networks via information.
    arXiv:1703.00810.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from infoplane.replications.claim import Part, Setting
from infoplane.replications.following import follow, log_spaced

SIZES = (12, 10, 7, 5, 4, 3, 2)
LAYERS = ["1", "3", "5", "7", "9", "10"]  # five activations, and the last layer's sums
SAMPLES, TRAINED, BATCH, RATE = 4096, 3482, 256, 4e-4
EPOCHS, QUICK_EPOCHS, POINTS = 2500, 1000, 36
LAST_HIDDEN, SOFTMAX = 4, 5  # layers 5 and 6, counted from 0

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


def trained(setting: Setting, *activations: str) -> Mapping[str, Part]:
    """The parts of a claim about these networks, one for each activation, by its name."""
    epochs = QUICK_EPOCHS if setting.quick else EPOCHS
    return {name: Part(train, {"activation": name, "seeds": setting.seeds, "epochs": epochs}) for name in activations}


def network(activation: str) -> nn.Sequential:
    """One network before training; its last layer puts out sums."""
    made = _drawn(activation)
    while activation == "relu" and not awake(made):
        made = _drawn(activation)
    return made


def _drawn(activation: str) -> nn.Sequential:
    made = mlp(SIZES, activation)
    for layer in made:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.constant_(layer.bias, 0.1 if activation == "relu" else 0.0)
    return made


@torch.no_grad()
def awake(network: nn.Sequential) -> bool:
    """Whether every ReLU layer has a unit above zero for at least half of the inputs."""
    t = torch.from_numpy(datasets.load("szt").x)
    for layer in network:
        t = layer(t)
        if isinstance(layer, nn.ReLU) and (t > 0).any(1).double().mean() < 0.5:
            return False
    return True


def split(seeds: int) -> Tensor:
    """Each seed's order of the samples (seeds, samples); the first ``TRAINED`` are trained on."""
    return torch.stack(
        [torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed)) for seed in range(seeds)]
    )


def train(folder: Path | None, *, activation: str, seeds: int, epochs: int) -> Mapping[str, Any]:
    """What ``measured`` gives at log-spaced epochs."""
    data = datasets.load("szt")
    x, y, rows = torch.from_numpy(data.x), torch.from_numpy(data.y), split(seeds)
    family = Family(partial(network, activation), seeds, init="independent")
    family.compile("cross-entropy", "adam", RATE)

    at = log_spaced(epochs, POINTS)

    def measure(epoch: int) -> Mapping[str, Any]:
        found = measured(family, x, y, rows, slow=epoch in (0, epochs), bounds=epoch in at[::-2])
        return {"epoch": epoch, **found}

    return follow(family, lambda: one_epoch(family, x, y, rows), measure, at, folder)


def one_epoch(family: Family, x: Tensor, y: Tensor, rows: Tensor) -> None:
    """Train every seed on its own patterns once, in a new order; ``rows`` as ``split`` gives them."""
    for batch in rows.gather(1, family.draw(TRAINED, TRAINED)).split(BATCH, dim=1):
        family.step(x[batch], y[batch])


def measured(family: Family, x: Tensor, y: Tensor, rows: Tensor, *, slow: bool, bounds: bool) -> Mapping[str, Any]:
    """Test accuracy (seeds,); I(X;T) under every rule and I(T;Y) under two (seeds, layers), in bits.

    ``bounds``: also the kernel bound of layer 5 (seeds,). ``slow``: what is lost by merged rows, counted another way,
    and dead units, (seeds, layers) both, and the exact informations of the last layer's sums (2, seeds).
    """
    layers = list(family.activations(x, LAYERS).values())  # (seeds, samples, units) each
    sums, layers[SOFTMAX] = layers[SOFTMAX], layers[SOFTMAX].softmax(2)
    found: dict[str, Any] = {"accuracy": (sums.argmax(2) == y).gather(1, rows[:, TRAINED:]).double().mean(1)}
    for name in RULES:
        both = [informations(t, y, name) for t in layers]
        found[f"i_xt {name}"] = torch.stack([i_xt for i_xt, _ in both], 1)
        if name in ("fixed", "exact"):
            found[f"i_ty {name}"] = torch.stack([i_ty for _, i_ty in both], 1)
    found["i_xt kde"] = [upper_bound(t) for t in layers[LAST_HIDDEN]] if bounds else None
    found["merged"] = [[merged(t) for t in each] for each in zip(*layers, strict=True)] if slow else None
    found["dead"] = [[int((t == 0).all(0).sum()) for t in each] for each in zip(*layers, strict=True)] if slow else None
    found["sums"] = torch.stack(informations(sums, y, "exact")) if slow else None
    return found


def informations(t: Tensor, y: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """I(X;T) and I(T;Y) in bits (seeds,) of a layer (seeds, samples, units); every seed has bins of its own."""
    cut, labels = rule(RULES[name]), number(y)
    codes = torch.cat([cut.symbols(one[None]).codes for one in t])
    counted = tabulate(codes, labels.ids, labels.count, torch.arange(len(y)), len(y))
    h_t, h_ty = (counted[:, SUMMARY.index(column)] for column in ("h_t", "h_ty"))
    return h_t / math.log(2), (h_t + labels.entropy() - h_ty) / math.log(2)


def upper_bound(t: Tensor) -> float:
    """The kernel bound on I(X; T + noise) in bits of one network's layer (samples, units), noise variance 1e-3."""
    kde = KDE(noise_variance=1e-3)
    return kde.with_input(kde.prepare(t), Variable(distinct_ids(len(t)))).value


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


def drop(values: np.ndarray) -> np.ndarray:
    """Peak minus last value over the checkpoints, (seeds,)."""
    return values.max(0) - values[-1]


def rise(values: np.ndarray) -> np.ndarray:
    """Peak minus first value over the checkpoints, (seeds,)."""
    return values.max(0) - values[0]
