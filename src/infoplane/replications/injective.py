"""Nothing moves but by true merges: Amjad and Geiger (2018), Goldfeld et al. (2019).

The networks of ``szt_networks``, read without bins: every distinct row of a layer is a symbol. A layer that maps no
two inputs to one row has I(X;T) = H(X) = 12 bits and I(T;Y) = H(Y). What a layer loses is counted a second way, from
the groups of inputs that share a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoplane.replications.claim import GOLDFELD_2019, Claim, Data
from infoplane.replications.courses import drop
from infoplane.replications.pictures import layer_courses, legend, panels, scale_in_bits
from infoplane.replications.szt_networks import NAMES, SOFTMAX, curve, method, trained
from infoplane.replications.verdict import Check, largest, mean, median, smallest

H_X, H_Y = 12.0, 0.9991571  # bits, of the task
BINNED = ("fixed", "width", "layer", "unit")
ROUNDING = 1e-9


def checks(data: Data) -> list[Check]:
    tanh, relu = data["tanh"], data["relu"]
    excess = np.concatenate([least_excess(tanh), least_excess(relu)])
    lost = H_X - np.array(relu["i_xt exact"])  # (checkpoints, seeds, layers)
    counted = np.array([relu["merged"][at] for at in (0, -1)])
    return [
        Check("share of the untrained tanh networks with all 12 bits, and all of H(Y), in all six layers "
              "(the last before the softmax, which rounds)", mean, [whole(tanh)], above=0.999),
        Check("smallest exact minus binned I(X;T), all rules, layers, checkpoints, bits", smallest, [excess],
              above=-ROUNDING),
        Check("largest difference of the ReLU loss and the entropy of merged inputs, bits", largest,
              [abs(lost[[0, -1]] - counted).max((0, 2))], below=ROUNDING),
        Check("largest exact loss of the tanh layer 5 after its peak, bits", largest,
              [drop(curve(tanh, "exact", 5))], below=1),
        Check(f"median loss of the tanh layer 5, {NAMES['fixed']}", median, [drop(curve(tanh, "fixed", 5))],
              below=1, contrast=True),
    ]  # fmt: skip


def whole(part: Mapping[str, Any]) -> np.ndarray:
    """Whether no two inputs share a row in any layer before training, (seeds,)."""
    i_xt, i_ty = (np.array(part[f"{name} exact"])[0].T for name in ("i_xt", "i_ty"))  # (layers, seeds)
    i_xt[SOFTMAX], i_ty[SOFTMAX] = part["sums"][0]
    return (abs(i_xt - H_X) < 1e-6).all(0) & (abs(i_ty - H_Y) < 1e-6).all(0)


def least_excess(part: Mapping[str, Any]) -> np.ndarray:
    """Exact minus binned I(X;T), the smallest of all rules, layers and checkpoints: (seeds,)."""
    exact = np.array(part["i_xt exact"])
    return np.min([(exact - np.array(part[f"i_xt {rule}"])).min((0, 2)) for rule in BINNED], axis=0)


def picture(data: Data) -> Any:
    titles = ("tanh, exact: next to nothing moves", "ReLU, exact: dead units merge", "fails: tanh, 30 bins on [-1, 1]")
    figure, axes = panels(*titles)
    for panel, (name, rule) in zip(axes, (("tanh", "exact"), ("relu", "exact"), ("tanh", "fixed")), strict=True):
        layer_courses(panel, data[name]["epoch"], data[name][f"i_xt {rule}"])
        scale_in_bits(panel)
    dead = np.array(data["relu"]["dead"][-1]).mean(0)[:SOFTMAX]  # (layers,)
    counts = "  ".join(f"{layer}: {units:.1f}" for layer, units in enumerate(dead, start=1))
    axes[1].text(0.03, 0.04, f"dead units at the end, mean a seed, by layer\n{counts}", fontsize=8,
                 transform=axes[1].transAxes)  # fmt: skip
    legend(figure, axes, 6)
    return figure


CLAIM = Claim(
    name="injective",
    title="Without bins, nothing is lost but by true merges",
    statement="I(X;T) of a layer that maps no two inputs alike is H(X), whatever it learns, and falls only where "
    "inputs are truly merged.",
    method=method("with tanh or ReLU and a softmax", "4e-4, batches of 256, 2500 epochs (1000 in the quick version)")
    + "; every distinct row of float32 numbers is a symbol.",
    contrast="At 30 bins on [-1, 1] the same tanh layers seem to lose bits: the loss is the rule's.",
    silent="Float32 has limits: saturated tanh units and the softmax round, and round inputs together. A number of 12 "
    "bits says nothing about how easily the information can be used.",
    sources=(
        "Amjad and Geiger (2018), Learning representations for neural network-based classification using the "
        "information bottleneck principle, arXiv:1802.09766",
        GOLDFELD_2019,
    ),
    seeds=40,
    quick=5,
    parts=trained("tanh", "relu"),
    checks=checks,
    picture=picture,
)
