"""A linear network overfits without compressing: Saxe et al. (2018), section on deep linear networks.

Inputs are Gaussian, the teacher is linear, and a student of two linear layers is trained by full-batch gradient
descent on as many examples as there are inputs. With Z ~ N(0, s^2) added to the hidden layer T = W x, the information
is known exactly: I(X; T + Z) = 1/2 log2 det(1 + W W^T / s^2) bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infoplane.replications.claim import SAXE_2018, Claim, Data, one_part_each
from infoplane.replications.courses import drop
from infoplane.replications.pictures import BLACK, BLUE, ORANGE, VERMILION, panels
from infoplane.replications.verdict import Check, largest, mean, median

INPUTS, HIDDEN, EXAMPLES, TESTED = 100, 100, 100, 1000
RATE, EPOCHS, POINTS = 0.05, 3000, 50
TEACHER_NOISE, NOISE, DECAY = 0.2, 1.0, 0.01


def train(folder: Path | None, *, seeds: int, decay: float) -> Mapping[str, Any]:
    """Information and errors of every seed at log-spaced epochs; all seeds are one batch of matrices.

    ``decay``: half of this times the sum of all squared weights is added to the loss.
    """
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(seeds, *shape, generator=random, dtype=torch.float64)

    teacher = normal(INPUTS, 1) / INPUTS**0.5
    x, x_test = normal(EXAMPLES, INPUTS), normal(TESTED, INPUTS)
    y = x @ teacher + TEACHER_NOISE**0.5 * normal(EXAMPLES, 1)
    y_test = x_test @ teacher + TEACHER_NOISE**0.5 * normal(TESTED, 1)
    first, second = 0.1 * normal(INPUTS, HIDDEN) / INPUTS**0.5, 0.1 * normal(HIDDEN, 1) / HIDDEN**0.5
    epochs = sorted({0, *np.unique(np.geomspace(1, EPOCHS, POINTS).astype(int)).tolist()})
    course: dict[str, list[Any]] = {"information": [], "train": [], "test": []}
    for epoch in range(EPOCHS + 1):
        error = x @ first @ second - y  # (seeds, samples, 1)
        if epoch in epochs:
            # W W^T and W^T W have the same eigenvalues
            gram = torch.eye(HIDDEN, dtype=torch.float64) + first.mT @ first / NOISE**2
            course["information"].append((torch.logdet(gram) / (2 * np.log(2))).tolist())
            course["train"].append((error**2).mean((1, 2)).tolist())
            course["test"].append(((x_test @ first @ second - y_test) ** 2).mean((1, 2)).tolist())
        slope = x.mT @ error / EXAMPLES  # (seeds, inputs, 1)
        kept = 1 - RATE * decay
        first, second = kept * first - RATE * slope @ second.mT, kept * second - RATE * first.mT @ slope
    return {"epochs": epochs, **course}


def checks(data: Data) -> list[Check]:
    information = {name: np.array(part["information"]) for name, part in data.items()}  # (epochs, seeds) each
    lost = {name: drop(values) for name, values in information.items()}
    test = np.array(data["students"]["test"])
    rise = (test[-1] - test.min(0)) / test.min(0)
    return [
        Check("largest loss of information after its peak, bits", largest, [lost["students"]], below=0.01),
        Check("share of the seeds whose test error rises by more than 5 %", mean, [rise > 0.05], above=0.89),
        Check(f"median loss of information with weight decay {DECAY}, bits", median, [lost["decayed"]], below=0.01,
              contrast=True),
    ]  # fmt: skip


def picture(data: Data) -> Any:
    course = {name: np.array(values) for name, values in data["students"].items()}
    figure, (left, right, decayed) = panels(
        "information only grows", "while the test error rises", f"weight decay {DECAY}: it falls (fails)"
    )
    epochs = np.maximum(course["epochs"], 0.5)
    for panel, information, colour in (
        (left, course["information"], BLUE),
        (decayed, data["decayed"]["information"], ORANGE),
    ):
        panel.plot(epochs, information, color=colour, alpha=0.4)
        panel.set(ylabel="I(X; T + Z) [bits, exact, noise 1]")
    for name, colour in (("test", VERMILION), ("train", BLACK)):
        right.plot(epochs, course[name], color=colour, alpha=0.3)
        right.plot(epochs, np.median(course[name], axis=1), color=colour, label=f"{name} error, median")
    right.set(ylabel="mean squared error")
    right.legend(fontsize=8)
    for panel in (left, right, decayed):
        panel.set(xscale="log", xlabel="epoch (0 drawn at 0.5)")
    return figure


CLAIM = Claim(
    name="linear",
    title="A linear network overfits without compressing",
    statement="A deep linear network never loses information about its input, and overfits all the same.",
    method="100 inputs, 100 examples, a noisy linear teacher, two linear layers, full-batch gradient descent.",
    contrast="No rule of measuring changes a closed form, but another training does: with weight decay the network "
    "forgets the directions of the input that the labels do not need.",
    silent="Nothing about networks with nonlinearities.",
    sources=(SAXE_2018,),
    seeds=20,
    quick=5,
    parts=one_part_each(train, {"students": {"decay": 0.0}, "decayed": {"decay": DECAY}}),
    checks=checks,
    picture=picture,
)
