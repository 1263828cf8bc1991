"""Networks with Gaussian noise in their forward pass, and their information by sample propagation.

Every tanh layer of the networks of ``szt_networks`` puts out T = tanh(..) + N(0, noise^2), while it trains and while it
is measured: Adam at 2e-3, batches of 256, 800 epochs of 85 % of the 4096 patterns, 16 paths of noise for each pattern
in a measurement (Goldfeld et al. 2019, arXiv:1810.05728). ``penalty`` weighs the squared distance of W^T W from the
identity, for the weights of layers 2 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane import datasets
from infoplane.estimators import mutual_information
from infoplane.estimators.counting.samples import Variable, number
from infoplane.estimators.noisy import Noisy
from infoplane.family import Family
from infoplane.family.optimizers import load_optimizer_tensors, optimizer_tensors
from infoplane.replications.courses import follow, log_spaced
from infoplane.replications.szt_networks import TRAINED, accuracy, network, split

RATE, BATCH, EPOCHS, POINTS = 2e-3, 256, 800, 10
PATHS, MONTE_CARLO = 16, 512


@final
class NoisyNetworks:
    """All seeds as one batch of matrices; a state as that of a ``Family``, from which training goes on."""

    def __init__(self, seeds: int, noise: float, penalty: float) -> None:
        start = Family(partial(network, "tanh"), seeds, init="independent").weights().values()
        self._weights = [each.mT.contiguous().requires_grad_() for each in start if each.ndim == 3]
        self._offsets = [each[:, None].requires_grad_() for each in start if each.ndim == 2]
        self._optimizer = torch.optim.Adam([*self._weights, *self._offsets], lr=RATE)
        self._noise, self._penalty, self._random = noise, penalty, torch.Generator().manual_seed(0)

    def layers(self, inputs: Tensor) -> list[Tensor]:
        """Hidden layers before their noise, and the last one's sums; all (seeds, samples, units)."""
        t, clean = inputs, []
        for weight, offset in zip(self._weights, self._offsets, strict=True):
            sums = torch.baddbmm(offset, t, weight)
            clean.append(sums.tanh())
            t = clean[-1] + self._noise * torch.randn(sums.shape, generator=self._random)
        return [*clean[:-1], sums]

    def step(self, x: Tensor, y: Tensor, rows: Tensor) -> None:
        """One step of every seed on its own batch of ``rows`` (seeds, samples)."""
        batch = rows.gather(1, torch.randint(rows.shape[1], (len(rows), BATCH), generator=self._random))
        sums = self.layers(x[batch])[-1]
        loss = nn.functional.cross_entropy(sums.flatten(0, 1), y[batch].flatten(), reduction="sum") / BATCH
        for weight in self._weights[1:5]:  # of layers 2 to 5
            loss = loss + self._penalty * unlike_orthonormal(weight)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    def state_dict(self) -> dict[str, Tensor]:
        weights = {str(k): each.detach().clone() for k, each in enumerate([*self._weights, *self._offsets])}
        return {**weights, **optimizer_tensors([self._optimizer]), "random": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for k, each in enumerate([*self._weights, *self._offsets]):
                each.copy_(state[str(k)])
        load_optimizer_tensors([self._optimizer], {name: each for name, each in state.items() if "." in name})
        self._random.set_state(state["random"])


def train(folder: Path | None, *, seeds: int, noise: float, penalty: float) -> Mapping[str, Any]:
    """What ``measured`` gives of every seed at log-spaced epochs, (checkpoints, seeds)."""
    data = datasets.load("szt")
    x, y, rows = torch.from_numpy(data.x), torch.from_numpy(data.y), split(seeds)
    many = x.repeat_interleave(PATHS, 0).expand(seeds, -1, -1)
    networks = NoisyNetworks(seeds, noise, penalty)
    at = {round(epoch * TRAINED / BATCH): epoch for epoch in log_spaced(EPOCHS, POINTS)}

    def measure(number: int) -> Mapping[str, Any]:
        with torch.no_grad():
            layers = networks.layers(many)
        return {"epoch": at[number], **measured(layers, y, rows, noise, ends=number in (0, max(at)))}

    return follow(networks, lambda: networks.step(x, y, rows[:, :TRAINED]), measure, list(at), folder)


def unlike_orthonormal(weight: Tensor) -> Tensor:
    """Summed squared distance of W^T W from the identity, over seeds; ``weight`` (seeds, inputs, outputs)."""
    return (weight.mT @ weight - torch.eye(weight.shape[2])).square().sum()


def measured(layers: list[Tensor], y: Tensor, rows: Tensor, noise: float, *, ends: bool) -> dict[str, Any]:
    """Numbers of every seed, (seeds,), from layers before their noise, (seeds, samples * paths, units).

    ``rows`` is what ``split`` gave; ``ends``: with the information of layer 1.
    """
    *hidden, sums = (layer.unflatten(1, (len(y), -1)) for layer in layers)  # (seeds, samples, paths, units)
    t = hidden[-1][:, :, 0]
    return {
        "accuracy": accuracy(sums[:, :, 0], y, rows),
        "information": [information(each, noise) for each in hidden[-1]],
        "first layer": [information(each, noise) for each in hidden[0]] if ends else None,
        "clusters": [cluster_ratio(each, y) for each in t],
        # every sample is an input of its own
        "binned": [
            mutual_information(each, range(len(y)), bins={"rule": "width", "width": 10 * noise}).value for each in t
        ],
    }


def information(t: Tensor, noise: float) -> float:
    """I(X;T) in bits by sample propagation; ``t`` (samples, paths, units) before the noise."""
    noisy = Noisy(noise, MONTE_CARLO)
    inputs = torch.arange(len(t)).repeat_interleave(t.shape[1])
    return noisy.about_input(noisy.prepare(t.flatten(0, 1)), Variable(number(inputs))).value


def cluster_ratio(t: Tensor, y: Tensor) -> float:
    """Variance within the classes in units of that between their means; ``t`` (samples, units)."""
    means = torch.stack([t[y == label].mean(0) for label in y.unique()])[y]
    return float((t - means).square().sum() / (means - t.mean(0)).square().sum())
