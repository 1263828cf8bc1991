"""Late layers of a tanh network first gain, then lose I(X;T): Shwartz-Ziv and Tishby (2017).

Data, networks and training as in ``szt_networks``. I(X;T) is read at 30 bins on [-1, 1]; a seed's loss is its peak
minus its last value over the checkpoints.

[1] Shwartz-Ziv, R. and Tishby, N. (2017). Opening the black box of deep neural networks via information.
    arXiv:1703.00810.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infoplane.replications.claim import Claim, Data, Part, Setting
from infoplane.replications.pictures import LAYER_COLOURS, VERMILION, course, legend, panels
from infoplane.replications.szt_networks import NAMES, curve, drop, rise, trained
from infoplane.replications.verdict import Check, median

RULE, OTHER = "fixed", "unit"


def parts(setting: Setting) -> Mapping[str, Part]:
    return trained(setting, "tanh")


def checks(data: Data) -> list[Check]:
    loss = [drop(curve(data["tanh"], RULE, layer)) for layer in range(1, 7)]
    gain = {name: rise(curve(data["tanh"], name, 5)) for name in (RULE, OTHER)}
    return [
        Check("median loss of I(X;T) after its peak in layer 5, bits", median, [loss[4]], above=1.5),
        Check("median loss in layer 6, the softmax, bits", median, [loss[5]], above=1.5),
        Check("median loss in layer 3, bits", median, [loss[2]], below=0.5),
        Check(f"median gain of layer 5 up to its peak, {NAMES[RULE]}, bits", median, [gain[RULE]], above=0.5),
        Check(
            f"median gain of layer 5 up to its peak, {NAMES[OTHER]}, bits",
            median,
            [gain[OTHER]],
            above=0.5,
            contrast=True,
        ),
    ]


def picture(data: Data) -> Any:
    tanh = data["tanh"]
    figure, (left, right) = panels(f"late layers gain, then lose: {NAMES[RULE]}", "fails: less gain with bins per unit")
    for layer, colour in enumerate(LAYER_COLOURS, start=1):
        course(left, tanh["epoch"], curve(tanh, RULE, layer), f"layer {layer}", colour)
    for name, style in ((RULE, "-"), (OTHER, "--")):
        course(right, tanh["epoch"], curve(tanh, name, 5), f"layer 5, {NAMES[name]}", VERMILION, style)
    left.set(ylabel="I(X;T) [bits]", ylim=(0, 12.5))
    right.set(ylabel="I(X;T) of layer 5 [bits]", ylim=(0, 12.5))
    legend(figure, (left, right), 4)
    return figure


CLAIM = Claim(
    name="compression",
    title="Late layers of a tanh network gain, then lose information about the input",
    statement="While a tanh network learns, its late layers first gain and then lose I(X;T).",
    method="4096 patterns of 12 bits, 12-10-7-5-4-3-2 tanh with a softmax, Adam 4e-4, batches of 256, 2500 epochs of "
    "85 % of the patterns; I(X;T) of all of them at 30 bins on [-1, 1], at log-spaced epochs.",
    contrast="The gain belongs to the rule: at 30 bins from minimum to maximum of each unit there is much less of it.",
    silent="That anything is forgotten: the information of the unbinned layers hardly moves (see the claim injective). "
    "Nothing about other activations (see activation), nor about generalisation.",
    sources=(
        "Shwartz-Ziv and Tishby (2017), Opening the black box of deep neural networks via information, "
        "arXiv:1703.00810",
    ),
    seeds=40,
    quick=0,
    parts=parts,
    checks=checks,
    picture=picture,
)
