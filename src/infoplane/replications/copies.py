"""What several copies of one network add: the report's experiment 2, its three readings side by side.

The report retrains J copies of one initialisation, sends every input through one copy drawn at random, and reports the
entropy of what comes out as I(X;T). With K the number of the copy that is I(X,K;T) ("sampled"). All copies for all
inputs give I(X;T) of the family ("exact"), and the mean of the single copies is I(X;T|K) ("per-copy"); always
I(X;T) <= I(X;T|K) <= I(X,K;T) <= I(X;T) + log2 J. The early rise of a layer's I(X;T) reads as a phase of fitting, and
in one initialisation layer 4 showed it in the sampled reading only. A seed is an initialisation with data of its own.
The page docs/report-re-examined.md says what the report did.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from infoplane import datasets
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import input_ids, label_ids
from infoplane.family import Family
from infoplane.networks import activation_names, six_layer
from infoplane.randomness import seeded
from infoplane.replications.claim import Claim, Data, one_part_each
from infoplane.replications.courses import follow, log_spaced, rise
from infoplane.replications.pictures import BLUE, GREEN, VERMILION, course, legend, panels
from infoplane.replications.verdict import Check, median, smallest

COPIES, BATCH, RATE, POINTS = 5, 101, 0.2, 30
READINGS = {"sampled": VERMILION, "per-copy": GREEN, "exact": BLUE}
STYLES = {"sampled": "-", "per-copy": "--", "exact": "-."}
LAYER, EARLY = 4, 100  # the layer in question, and the steps within which its rise is early


def train(folder: Path | None, *, task: str, steps: int, seeds: int) -> Mapping[str, Any]:
    """I(X;T) in bits under every reading at log-spaced steps, (checkpoints, seeds, layers)."""
    data = [datasets.load(task, seed=seed) for seed in range(seeds)]
    x = torch.stack([torch.from_numpy(own.x).float() for own in data])  # (seeds, samples, units)
    y = torch.stack([torch.from_numpy(2.0 * own.y - 1).float()[:, None] for own in data])  # -1 and +1
    family = Family.from_modules([copy.deepcopy(network(seed)) for seed in range(seeds) for _ in range(COPIES)])
    family.compile("mse", "sgd", RATE)
    owner = torch.arange(seeds).repeat_interleave(COPIES)[:, None]  # the seed of every copy

    def step() -> None:
        batch = family.draw(x.shape[1], BATCH)
        family.step(x[owner, batch], y[owner, batch])

    def measure(number: int) -> Mapping[str, Any]:
        read = [readings(family, seed, number, x[seed], y[seed]) for seed in range(seeds)]
        return {"step": number, **{name: [seed[name] for seed in read] for name in READINGS}}

    return follow(family, step, measure, log_spaced(steps, POINTS), folder)


def network(seed: int) -> nn.Module:
    with seeded(seed):
        return six_layer()


def readings(family: Family, seed: int, number: int, x: torch.Tensor, y: torch.Tensor) -> dict[str, list[float]]:
    """I(X;T) of every layer of one seed's copies in the three readings, at the report's 50 bins."""
    estimator, here = Binned("report"), slice(seed * COPIES, (seed + 1) * COPIES)
    layers = [t[here] for t in family.activations(x, activation_names(six_layer())).values()]
    symbols, inputs, labels = estimator.layers(layers), input_ids(x), label_ids(y)
    draws = torch.randint(COPIES, (len(x),), generator=torch.Generator().manual_seed(seed + 1000 * number))
    rows = {name: estimator.readings(symbols, inputs, labels, name, draws=draws) for name in READINGS}
    return {name: [float(row[0].i_xt or 0.0) for row in layer_rows] for name, layer_rows in rows.items()}


def checks(data: Data) -> list[Check]:
    part = data["family"]
    sampled, exact = (np.array(part[name]) for name in ("sampled", "exact"))  # (checkpoints, seeds, layers)
    added = sampled - exact
    at_end = added[-1, :, LAYER - 1]
    return [
        Check("smallest sampled minus exact I(X;T), all layers and steps, bits", smallest, [added.min((0, 2))],
              above=-0.01),
        Check(f"median of what sampling adds in layer {LAYER} at the end, of at most log2 {COPIES} = 2.32 bits", median,
              [at_end], above=0.3, below=np.log2(COPIES)),
        Check(f"median early rise of layer {LAYER}, sampled, bits", median, [early_rise(part, "sampled")], above=0.3),
        Check(f"median early rise of layer {LAYER}, exact, bits", median, [early_rise(part, "exact")], below=0.1),
        Check(f"median early rise of layer {LAYER}, per-copy, bits", median, [early_rise(part, "per-copy")], below=0.1),
    ]  # fmt: skip


def early_rise(part: Mapping[str, Any], reading: str) -> np.ndarray:
    """Largest value of the layer within the first steps minus its value before training, (seeds,)."""
    return rise(np.array(part[reading])[np.array(part["step"]) <= EARLY, :, LAYER - 1])


def picture(data: Data) -> Any:
    part = data["family"]
    shown = (
        (LAYER, ("sampled", "exact"), f"layer {LAYER}: sampled rises, exact does not"),
        (LAYER, ("sampled", "per-copy"), "fails: single copies rise as well"),
        (6, tuple(READINGS), "fails in layer 6: all readings rise"),
    )
    figure, axes = panels(*(title for _, _, title in shown))
    for panel, (layer, names, _) in zip(axes, shown, strict=True):
        for name in names:
            values = np.array(part[name])[:, :, layer - 1]
            course(panel, part["step"], values - values[0], name, READINGS[name], STYLES[name])
        panel.set(xlabel="step (0 drawn at 0.5)", ylabel=f"I(X;T) of layer {layer}, change from the start [bits]")
        panel.axvline(EARLY, color="0.6", linewidth=1, linestyle=":")
        panel.axhline(0, color="0.6", linewidth=1)
    legend(figure, axes, 3)
    return figure


CLAIM = Claim(
    name="copies",
    title="Several copies, experiment 2: the early rise is in the sampled reading only",
    statement="Sending every input through one random copy adds the copy's identity to I(X;T), up to log2 J bits, and "
    "the early rise of I(X;T) is in this sampled reading only.",
    method="The report's experiment 2: 1000 rows of 12 whole numbers, 12-10-7-5-4-3-1 tanh, 5 copies of each "
    "initialisation, mean squared error, SGD at 0.2, batches of 101, 1000 steps; the report's 50 bins.",
    contrast="The reading per copy: single networks rise as well. What lacks the rise is the exact reading, what the "
    "copies have in common; and in layer 6 even that rises.",
    silent="Values of another number of copies are not comparable. Bins stay bins: nothing here is the information of "
    "the unbinned layers.",
    sources=(
        "Opening the black box of deep neural networks with more information, student report, Skoltech: experiment 2",
    ),
    seeds=20,
    quick=10,
    parts=one_part_each(train, {"family": {"task": "report-simple", "steps": 1000}}),
    checks=checks,
    picture=picture,
)
