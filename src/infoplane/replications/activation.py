"""Under bins of one width tanh compresses and ReLU does not, at about the same accuracy: Saxe et al. (2018).

The networks of ``szt_networks``, once with tanh and once with ReLU. I(X;T) is read in bins of width 0.07, and as the
kernel upper bound for Gaussian noise of variance 1e-3; a seed's loss is its peak minus its last value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from infoplane.replications.claim import SAXE_2018, Claim, Data
from infoplane.replications.courses import drop
from infoplane.replications.pictures import BLUE, VERMILION, course, legend, panels, scale_in_bits
from infoplane.replications.szt_networks import NAMES, bounds, curve, method, trained
from infoplane.replications.verdict import Check, auc, median

RULE, OTHER = "width", "unit"
COLOURS = {"tanh": VERMILION, "relu": BLUE}


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
        scale_in_bits(axes)
    course(left, data["relu"]["epoch"], curve(data["relu"], RULE, 6), "relu, softmax", BLUE, ":")
    legend(figure, (left, right), 3)
    return figure


CLAIM = Claim(
    name="activation",
    title="At one bin width tanh compresses, and ReLU does not",
    statement="In bins of one width a tanh network compresses and a ReLU network of about the same accuracy does not.",
    method=method("with tanh or ReLU and a softmax", "4e-4, batches of 256, 2500 epochs")
    + "; I(X;T) of all of them in bins of width 0.07, and by the kernel upper bound.",
    contrast="With bins from minimum to maximum of each unit the ReLU layer loses information as well.",
    silent="ReLU networks compress in their softmax, under the same rule. ReLU networks that start with a layer "
    "which is 0 for most inputs are drawn anew, since most of these never learn. No rule here measures the network "
    "itself: that is the claim injective.",
    sources=(
        SAXE_2018,
        "Kolchinsky and Tracey (2017), Estimating mixture entropy with pairwise distances, Entropy 19, 361",
    ),
    seeds=40,
    quick=0,
    parts=trained("tanh", "relu"),
    checks=checks,
    picture=picture,
)
