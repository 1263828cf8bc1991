"""The rule decides: on one trained ReLU layer four published ways of cutting bins differ by bits, on tanh they agree.

The same activations of the networks of ``szt_networks`` are cut by four rules that are in use: 30 bins on [-1, 1],
bins of width 0.07, 30 bins over the range of the layer, and 30 over the range of each unit. That estimates need not
obey the data-processing inequality, which the truth obeys, is said in the review among the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoplane.replications.claim import SAXE_2018, Claim, Data
from infoplane.replications.courses import drop
from infoplane.replications.pictures import BLUE, GREEN, PURPLE, VERMILION, course, legend, panels, scale_in_bits
from infoplane.replications.szt_networks import NAMES, curve, method, trained
from infoplane.replications.verdict import Check, mean, median

COLOURS = {"fixed": VERMILION, "width": BLUE, "layer": GREEN, "unit": PURPLE}
STYLES = {"fixed": "-", "width": "--", "layer": "-.", "unit": ":"}
TOLERANCE = 0.01  # bits by which I(T;Y) may grow from a layer to the next one


def checks(data: Data) -> list[Check]:
    lost = {name: drop(curve(data["relu"], name, 5)) for name in ("unit", "width")}
    grown = "networks in which I(T;Y) grows from one layer to the next, 30 bins on [-1, 1]"
    losing = "ReLU networks whose layer 5 loses more than 0.5 bits"
    return [
        Check("median spread of the four rules on the trained ReLU layer 5, bits", median, [spread(data["relu"])],
              above=3),
        Check("median spread of the four rules on the trained tanh layer 5, bits", median, [spread(data["tanh"])],
              below=1),
        Check(f"share of the ReLU {grown}", mean, [grows(data["relu"])], above=0.4),
        Check(f"share of the tanh {grown}", mean, [grows(data["tanh"])], below=0.05),
        Check(f"share of the {losing}, {NAMES['unit']}", mean, [lost["unit"] > 0.5], above=0.45),
        Check(f"share of the {losing}, {NAMES['width']}", mean, [lost["width"] > 0.5], above=0.45, contrast=True),
    ]  # fmt: skip


def spread(part: Mapping[str, Any]) -> np.ndarray:
    """Largest minus smallest of the four values of layer 5 at the end, (seeds,)."""
    values = np.array([curve(part, rule, 5)[-1] for rule in COLOURS])  # (rules, seeds)
    return values.max(0) - values.min(0)


def grows(part: Mapping[str, Any]) -> np.ndarray:
    """Whether a layer has more information about the label than the one that it is computed from, (seeds,)."""
    last = np.array(part["i_ty fixed"])[-1]  # (seeds, layers)
    return (np.diff(last, axis=1) > TOLERANCE).any(1)


def picture(data: Data) -> Any:
    figure, axes = panels("ReLU: the rule decides", "fails on tanh: the rules agree at the end")
    for panel, name in zip(axes, ("relu", "tanh"), strict=True):
        for rule, colour in COLOURS.items():
            course(panel, data[name]["epoch"], curve(data[name], rule, 5), NAMES[rule], colour, STYLES[rule])
        scale_in_bits(panel, "I(X;T) of layer 5 [bits]")
    legend(figure, axes, 2)
    return figure


CLAIM = Claim(
    name="rules",
    title="On a ReLU layer the rule of cutting bins decides the number",
    statement="Four rules of cutting bins that are in use differ by bits on one trained ReLU layer, and agree on tanh.",
    method=method("with tanh or ReLU and a softmax", "4e-4, batches of 256, 2500 epochs (1000 in the quick version)")
    + "; the same activations cut by four rules.",
    contrast="On tanh layers the rules agree: bounded units fill the same range whichever way it is found.",
    silent="Which of the rules is right: none is, the layer's own information is in the claim injective. Saturation is "
    "not needed for a loss: with bins per unit ReLU layers lose as well.",
    sources=(
        "Shwartz-Ziv and Tishby (2017), arXiv:1703.00810, for 30 bins on [-1, 1]",
        f"{SAXE_2018}, for bins of width 0.07",
        "Geiger (2021), On information plane analyses of neural network classifiers: a review, arXiv:2003.09671",
    ),
    seeds=40,
    quick=5,
    parts=trained("tanh", "relu"),
    checks=checks,
    picture=picture,
)
