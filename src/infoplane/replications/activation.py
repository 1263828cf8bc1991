"""Under bins of one width tanh compresses and ReLU does not, at about the same accuracy: Saxe et al. (2018).

Data, networks and training as in ``szt_networks``, once with tanh and once with ReLU. I(X;T) is read in bins of width
0.07, and as the kernel upper bound for Gaussian noise of variance 1e-3; a seed's loss is its peak minus its last value.

[1] Saxe, A. M. et al. (2018). On the information bottleneck theory of deep learning. ICLR.
[2] Kolchinsky, A. and Tracey, B. D. (2017). Estimating mixture entropy with pairwise distances. Entropy 19, 361.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoplane.replications.claim import Claim, Data, Part, Setting
from infoplane.replications.pictures import BLUE, VERMILION, course, legend, panels
from infoplane.replications.szt_networks import NAMES, bounds, curve, drop, trained
from infoplane.replications.verdict import Check, auc, median

RULE, OTHER = "width", "unit"
COLOURS = {"tanh": VERMILION, "relu": BLUE}


def parts(setting: Setting) -> Mapping[str, Part]:
    return trained(setting, "tanh", "relu")


def checks(data: Data) -> list[Check]:
    tanh, relu = (drop(curve(data[name], RULE, 5)) for name in COLOURS)
    smooth = [drop(bounds(data[name])[1]) for name in COLOURS]
    accuracy = [np.array(data[name]["accuracy"])[-1] for name in COLOURS]
    return [
        Check("share of pairs in which a tanh layer 5 loses more than a ReLU one", auc, [tanh, relu],
              above=0.9, paired=False),
        Check("median loss of I(X;T) after its peak in layer 5, tanh, bits", median, [tanh], above=1.5),
        Check("median loss of I(X;T) after its peak in layer 5, ReLU, bits", median, [relu], below=0.3),
        Check("median loss of the kernel bound, tanh, bits", median, [smooth[0]], above=1.1),
        Check("median loss of the kernel bound, ReLU, bits", median, [smooth[1]], below=0.3),
        Check("median loss of the ReLU network's softmax, bits", median, [drop(curve(data["relu"], RULE, 6))],
              above=0.95),
        Check(f"median loss of the ReLU layer 5, {NAMES[OTHER]}", median, [drop(curve(data["relu"], OTHER, 5))],
              below=0.3, contrast=True),
        Check("difference of the median test accuracies", gap, accuracy, below=0.02, paired=False, contrast=True),
    ]  # fmt: skip


def gap(first: np.ndarray, second: np.ndarray) -> Any:
    """How far the medians lie apart."""
    return abs(median(first) - median(second))


def picture(data: Data) -> Any:
    titles = (f"tanh loses, ReLU does not: {NAMES[RULE]}", f"fails: {NAMES[OTHER]}")
    figure, (left, right) = panels(*titles)
    for axes, rule in ((left, RULE), (right, OTHER)):
        for name, colour in COLOURS.items():
            course(axes, data[name]["epoch"], curve(data[name], rule, 5), f"{name}, layer 5", colour)
        axes.set(ylabel="I(X;T) [bits]", ylim=(0, 12.5))
    course(left, data["relu"]["epoch"], curve(data["relu"], RULE, 6), "relu, softmax", BLUE, ":")
    legend(figure, (left, right), 3)
    return figure


CLAIM = Claim(
    name="activation",
    title="At one bin width tanh compresses, and ReLU does not",
    statement="In bins of one width a tanh network compresses and a ReLU network of about the same accuracy does not.",
    method="4096 patterns of 12 bits, 12-10-7-5-4-3-2 with tanh or ReLU and a softmax, Adam 4e-4, batches of 256, 2500 "
    "epochs of 85 % of the patterns; I(X;T) of all of them in bins of width 0.07, and by the kernel upper bound.",
    contrast="With bins from minimum to maximum of each unit the ReLU layer loses information as well.",
    silent="ReLU networks compress in their softmax, under the same rule. ReLU networks that start with a layer "
    "which is 0 for most inputs are drawn anew, since most of these never learn. No rule here measures the network "
    "itself: that is the claim injective.",
    sources=(
        "Saxe et al. (2018), On the information bottleneck theory of deep learning, ICLR",
        "Kolchinsky and Tracey (2017), Estimating mixture entropy with pairwise distances, Entropy 19, 361",
    ),
    seeds=40,
    quick=0,
    parts=parts,
    checks=checks,
    picture=picture,
)
