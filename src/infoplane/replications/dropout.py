"""With Gaussian dropout the information of a layer is finite, and can be computed: Adilova et al. (2023).

Each unit is multiplied by noise of its own, Z = f(x) (1 + s e) with e ~ N(0, 1), so that Z given x is a normal
distribution of standard deviation s |f(x)|. Then I(X;Z) = mean of log p(z|x) - log p(z), where p(z) is the mixture over
all inputs; its components differ in width. Estimated from draws of Z, and by quadrature where a layer has one unit or
independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.integrate import trapezoid
from torch import Tensor

from infoplane.replications.claim import Claim, Data, one_part_each
from infoplane.replications.pictures import BLUE, VERMILION, panels
from infoplane.replications.verdict import Check, largest

NOISES = (0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.002)
SPREAD, SATURATED = np.tanh(np.linspace(0.2, 1.6, 8)), np.tanh(np.linspace(0.8, 2.2, 8))  # of a unit, one an input
DRAWS = 20_000  # of Z


def by_mixture(layer: Tensor, noise: float, draws: int, generator: torch.Generator) -> float:
    """I(X;Z) in bits, from draws of Z; ``layer`` (inputs, units) float64, before the dropout."""
    rows = torch.randint(len(layer), (draws,), generator=generator)
    widths = noise * layer.abs()
    z = layer[rows] + widths[rows] * torch.randn(draws, layer.shape[1], generator=generator, dtype=torch.float64)
    exponents = ((z[:, None] - layer) / widths).square().sum(2) / -2 - widths.log().sum(1)  # (draws, inputs)
    ratios = exponents.gather(1, rows[:, None])[:, 0] - exponents.logsumexp(1) + math.log(len(layer))
    return float(ratios.mean()) / math.log(2)


def by_quadrature(values: np.ndarray, noise: float) -> float:
    """I(X;Z) in bits of one unit with positive values, one an input: h(Z) - h(Z|X)."""
    widths = noise * values
    z = np.unique(np.concatenate([v + w * np.linspace(-10, 10, 2001) for v, w in zip(values, widths, strict=True)]))
    densities = np.exp(-(((z[:, None] - values) / widths) ** 2) / 2) / widths  # (points, inputs)
    p = densities.mean(1) / math.sqrt(2 * math.pi)
    entropy = -trapezoid(p * np.log(np.maximum(p, np.finfo(float).tiny)), z)
    return float(entropy - np.log(widths).mean() - math.log(2 * math.pi * math.e) / 2) / math.log(2)


def compare(folder: Path | None, *, seeds: int) -> Mapping[str, Any]:
    """For each noise, in bits: the quadratures, and of one unit and of two what the mixture gave, (noises, seeds)."""
    one = torch.from_numpy(SPREAD)[:, None]
    two = torch.cartesian_prod(one[:, 0], one[:, 0])  # all pairs of values: independent units
    generator = torch.Generator().manual_seed(0)
    return {
        "spread": [by_quadrature(SPREAD, noise) for noise in NOISES],
        "saturated": [by_quadrature(SATURATED, noise) for noise in NOISES],
        "one": [[by_mixture(one, noise, DRAWS, generator) for _ in range(seeds)] for noise in NOISES],
        "two": [[by_mixture(two, noise, DRAWS, generator) for _ in range(seeds)] for noise in NOISES],
    }


def checks(data: Data) -> list[Check]:
    bits = {name: np.array(values) for name, values in data["compared"].items()}
    exact = bits["spread"][:, None]
    lost = dict(zip(NOISES, bits["spread"] - bits["saturated"], strict=True))
    return [
        Check("largest distance of one unit's mixture from quadrature, bits",
              largest, [np.abs(bits["one"] - exact).max(0)], below=0.03),
        Check("largest distance of two independent units' mixture from the sum of both quadratures, bits",
              largest, [np.abs(bits["two"] - 2 * exact).max(0)], below=0.04),
        Check("what a unit loses by saturating, noise 0.25, bits", largest, [lost[0.25]], above=0.5),
        Check("what a unit loses by saturating, noise 0.002, bits", largest, [lost[0.002]], above=0.5, contrast=True),
    ]  # fmt: skip


def picture(data: Data) -> Any:
    bits = {name: np.array(values) for name, values in data["compared"].items()}
    figure, (left, right) = panels("spread values: line quadrature, marks mixture", "without noise it fails: log2 n")
    for units, name, colour, marker in ((1, "one", BLUE, "o"), (2, "two", VERMILION, "s")):
        left.plot(NOISES, units * bits["spread"], color=colour, label=f"{name} unit{'s'[: units - 1]}")
        left.plot(NOISES, bits[name], marker, color=colour, mfc="none")
    for name, colour, style in (("spread", BLUE, "o-"), ("saturated", VERMILION, "s--")):
        right.plot(NOISES, bits[name], style, ms=4, color=colour, label=f"{name} values of one unit")
    for axis, inputs in ((left, len(SPREAD) ** 2), (right, len(SPREAD))):
        axis.axhline(math.log2(inputs), color="0.5", linestyle=":", label=f"log2 of the {inputs} inputs")
        axis.set(xscale="log", xlabel="s, noise of the dropout", ylabel="I(X;Z) [bits]")
        axis.legend(fontsize=8)
    return figure


CLAIM = Claim(
    name="dropout",
    title="Gaussian dropout makes the information finite",
    statement="With Gaussian dropout the information of a layer is finite, falls as its values cluster, and can be "
    "computed from the normal distribution around each value.",
    method="Eight inputs for one unit and 64 for two, Z = f (1 + s e): the mixture over all inputs with standard "
    "deviations s |f|, from 20 000 draws, against quadrature.",
    contrast="As the noise goes to 0 the information goes to the logarithm of the inputs, whatever the layer does.",
    silent="Nothing about binary dropout, whose information stays infinite for continuous inputs, and nothing about "
    "units that are exactly 0, which the dropout leaves there.",
    sources=("Adilova, Geiger and Fischer (2023), Information plane analysis for dropout neural networks, ICLR, "
             "arXiv:2303.00596",),
    seeds=10,
    quick=3,
    parts=one_part_each(compare, {"compared": {}}),
    checks=checks,
    picture=picture,
)  # fmt: skip
