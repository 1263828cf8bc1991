"""Quantised networks, measured without error: Lorenzen, Igel and Nielsen (2022).

Data and training as in ``szt_networks``, for 1500 epochs and with activations that take 2^bits values each (fake
quantisation, straight-through gradients, see ``networks.quantised``); weights stay real, which the counts do not mind.
Every distinct row of a layer is counted, on all 4096 inputs: the numbers are exact. The last layer is trained on its
sums, and measured as a softmax on as many levels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.networks.quantised import quantise, to_levels
from infoplane.replications.claim import Claim, Data, one_part_each
from infoplane.replications.courses import drop, log_spaced
from infoplane.replications.pictures import layer_courses, legend, panels, scale_in_bits
from infoplane.replications.szt_networks import RATE, SOFTMAX, informations, method, network, train_and_read
from infoplane.replications.verdict import Check, mean

EPOCHS, POINTS = 1500, 30
KINDS = {
    "8-bit tanh": {"activation": "tanh", "bits": 8},
    "8-bit ReLU": {"activation": "relu", "bits": 8},
    "4-bit tanh": {"activation": "tanh", "bits": 4},
}


def train(folder: Path | None, *, activation: str, bits: int, seeds: int) -> Mapping[str, Any]:
    """Exact I(X;T) and I(T;Y) in bits of every seed at log-spaced epochs, (checkpoints, seeds, layers)."""

    def read(_epoch: int, hidden: list[Tensor], sums: Tensor, y: Tensor) -> Mapping[str, Any]:
        layers = [*hidden, to_levels(sums.softmax(2), 0.0, 1.0, 2**bits - 1)]
        i_xt, i_ty = zip(*(informations(t, y, "exact") for t in layers), strict=True)
        return {"i_xt": torch.stack(i_xt, 1), "i_ty": torch.stack(i_ty, 1)}

    build = partial(_network, activation, bits)
    return train_and_read(build, read, log_spaced(EPOCHS, POINTS), folder, seeds=seeds, rate=RATE)


def _network(activation: str, bits: int) -> nn.Sequential:
    plain = network(activation)
    quantised = quantise(plain, bits)
    layers = plain.named_children()
    return nn.Sequential(
        OrderedDict((name, layer if isinstance(layer, nn.Linear) else quantised[int(name)]) for name, layer in layers)
    )


def checks(data: Data) -> list[Check]:
    loss = {name: drop(part["i_xt"]) for name, part in data.items()}  # (seeds, layers)
    tanh = loss["8-bit tanh"]
    layer_5 = "share of the runs whose layer 5 loses more than 1 bit"
    judged = [
        Check(f"share of the runs whose output layer loses more than 0.5 bits, {name}", mean, [lost[:, SOFTMAX] > 0.5],
              above=0.89)
        for name, lost in loss.items()
    ]  # fmt: skip
    judged.append(Check(f"{layer_5}, 8-bit tanh", mean, [tanh[:, 4] > 1], above=0.79))
    judged.append(Check("mean loss of layers 1 to 3, 8-bit tanh, bits", mean, [tanh[:, :3].mean(1)], below=0.14))
    judged += [
        Check(f"share of the runs in which every layer that starts below 0.9 bits of I(T;Y) gains, {name}", mean,
              [gains(part)], above=0.89)
        for name, part in data.items()
    ]  # fmt: skip
    if "8-bit ReLU" in loss:
        relu = loss["8-bit ReLU"]
        judged.append(Check(f"{layer_5}, 8-bit ReLU", mean, [relu[:, 4] > 1], above=0.79, contrast=True))
    return judged


def gains(part: Mapping[str, Any]) -> np.ndarray:
    """Whether I(T;Y) ends higher in every layer where it starts below 0.9 bits, (seeds,)."""
    values = np.array(part["i_ty"])
    return ((values[-1] > values[0]) | (values[0] >= 0.9)).all(1)


def picture(data: Data) -> Any:
    titles = [name if name != "8-bit ReLU" else "8-bit ReLU: layer 5 need not lose (fails)" for name in data]
    figure, axes = panels(*titles)
    for panel, part in zip(axes, data.values(), strict=True):
        layer_courses(panel, part["epoch"], part["i_xt"])
        scale_in_bits(panel, "I(X;T), exact [bits]")
    legend(figure, axes, 6)
    return figure


CLAIM = Claim(
    name="quantised",
    title="In quantised networks, measured exactly, the output compresses; hidden layers depend on the activation",
    statement="Where all values are quantised and the information is exact, the output layer compresses in every run, "
    "and whether hidden layers do depends on the activation.",
    method=method("with activations on 2^8 or 2^4 levels", "4e-4, batches of 256, 1500 epochs")
    + "; every distinct row is counted.",
    contrast="With ReLU the last hidden layer loses a bit in some runs only, at the same number of levels.",
    silent="Quantised networks are other networks than those they stand for: I(X;T) is exact for these only. Weights "
    "are not quantised here; on as few levels they learn less. ReLU networks that start with a layer which is 0 for "
    "most inputs are drawn anew: where one of them was kept, it never learned, and its output lost nothing. Nothing "
    "about generalisation.",
    sources=(
        "Lorenzen, Igel and Nielsen (2022), Information bottleneck: exact analysis of (quantized) neural networks, "
        "ICLR, arXiv:2106.12912",
    ),
    seeds=10,
    quick=10,
    parts=one_part_each(train, KINDS, quick=1),
    checks=checks,
    picture=picture,
)
