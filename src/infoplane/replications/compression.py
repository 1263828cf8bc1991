"""Late layers of a tanh network first gain, then lose I(X;T): Shwartz-Ziv and Tishby (2017).

The networks of ``szt_networks``. I(X;T) is read at 30 bins on [-1, 1]; a seed's loss is its peak minus its last value
over the checkpoints.
"""

from __future__ import annotations

from typing import Any

from infoplane.replications.claim import Claim, Data
from infoplane.replications.courses import drop, rise
from infoplane.replications.pictures import VERMILION, course, layer_courses, legend, panels, scale_in_bits
from infoplane.replications.szt_networks import NAMES, curve, method, trained
from infoplane.replications.verdict import Check, median

RULE, OTHER = "fixed", "unit"


def checks(data: Data) -> list[Check]:
    loss = drop(data["tanh"][f"i_xt {RULE}"]).T  # (layers, seeds)
    gain = {name: rise(curve(data["tanh"], name, 5)) for name in (RULE, OTHER)}
    return [
        Check("median loss of I(X;T) after its peak in layer 5, bits", median, [loss[4]], above=1.5),
        Check("median loss in layer 6, the softmax, bits", median, [loss[5]], above=1.5),
        Check("median loss in layer 3, bits", median, [loss[2]], below=0.5),
        Check(f"median gain of layer 5 up to its peak, {NAMES[RULE]}, bits", median, [gain[RULE]], above=0.5),
        Check(f"median gain of layer 5 up to its peak, {NAMES[OTHER]}, bits", median, [gain[OTHER]], above=0.5,
              contrast=True),
    ]  # fmt: skip


def picture(data: Data) -> Any:
    tanh = data["tanh"]
    figure, (left, right) = panels(f"late layers gain, then lose: {NAMES[RULE]}", "fails: less gain with bins per unit")
    layer_courses(left, tanh["epoch"], tanh[f"i_xt {RULE}"])
    for name, style in ((RULE, "-"), (OTHER, "--")):
        course(right, tanh["epoch"], curve(tanh, name, 5), f"layer 5, {NAMES[name]}", VERMILION, style)
    scale_in_bits(left)
    scale_in_bits(right, "I(X;T) of layer 5 [bits]")
    legend(figure, (left, right), 4)
    return figure


CLAIM = Claim(
    name="compression",
    title="Late layers of a tanh network gain, then lose information about the input",
    statement="While a tanh network learns, its late layers first gain and then lose I(X;T).",
    method=method("tanh with a softmax", "4e-4, batches of 256, 2500 epochs")
    + "; I(X;T) of all of them at 30 bins on [-1, 1], at log-spaced epochs.",
    contrast="The gain belongs to the rule: at 30 bins from minimum to maximum of each unit there is much less of it.",
    silent="That anything is forgotten: the information of the unbinned layers hardly moves (see the claim injective). "
    "Nothing about other activations (see activation), nor about generalisation.",
    sources=(
        "Shwartz-Ziv and Tishby (2017), Opening the black box of deep neural networks via information, "
        "arXiv:1703.00810",
    ),
    seeds=40,
    quick=0,
    parts=trained("tanh"),
    checks=checks,
    picture=picture,
)
