"""How much of a plane is green on real networks, at which level of the noise, with how many samples, and its cost.

    python benchmarks/levels.py [--samples 500 2000] [--networks mlp cnn resnet transformer szt] [--epochs 2]

Networks: a perceptron and a convolutional network as in ``rivals.py``, a small residual network and a transformer over
the rows of the pictures, on Fashion-MNIST (10 000 pictures to train on, others to measure); and 12-10-7-5-4-3-2 tanh on
all 4096 patterns of Shwartz-Ziv and Tishby. Every layer is measured before training and after every epoch. Costs are
CPU seconds of a measurement at all levels of the table, beside those of an epoch.
"""

from __future__ import annotations

import argparse
import os
import statistics

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from machine import machine
from rivals import cpu_seconds, network, pictures, train_an_epoch
from torch import Tensor, nn

import infoplane as ip

LEVELS = ["-3 dB", "0 dB", "3 dB", "6 dB", "9 dB"]
RATES = [0.5, 1]
NETWORKS = ("mlp", "cnn", "resnet", "transformer", "szt")


class Residual(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            *(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()),
            *(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)),
        )
        self.relu = nn.ReLU()

    def forward(self, t: Tensor) -> Tensor:
        return self.relu(t + self.inside(t))


class Rows(nn.Module):
    """The rows of a picture are the tokens of a transformer; its mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(28, 32)
        self.place = nn.Parameter(0.1 * torch.randn(28, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classify = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.encoder(self.embed(x[:, 0]) + self.place).mean(1))


def model_named(name: str) -> nn.Module:
    if name == "resnet":
        return nn.Sequential(
            *(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            *(Residual(8), nn.MaxPool2d(2), Residual(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
        )
    if name == "transformer":
        return Rows()
    return ip.networks.mlp((12, 10, 7, 5, 4, 3, 2), "tanh") if name == "szt" else network(name)


def data_for(name: str, samples: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs and labels to train on, and to measure."""
    if name != "szt":
        return *pictures("train", 10_000), *pictures("test", samples)
    data = ip.datasets.load("szt")
    order = torch.randperm(len(data.x), generator=torch.Generator().manual_seed(0))
    x, y = torch.from_numpy(data.x)[order].float(), torch.from_numpy(data.y)[order]
    return x, y, x[:samples], y[:samples]


def measured(name: str, samples: int, epochs: int) -> tuple[dict[str, float], float, float]:
    """The share of green rows by level, and CPU seconds of a measurement and of an epoch."""
    torch.manual_seed(0)
    model, (x, y, x_here, y_here) = model_named(name), data_for(name, samples)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    levels = [{"name": "channel", "snr": LEVELS}, {"name": "channel", "rate": RATES}]
    plane = ip.InformationPlane(x_here, y_here, estimators=levels)
    plane.measure(model, 0)
    training, measuring = [], []
    for epoch in range(1, epochs + 1):
        training.append(cpu_seconds(lambda: train_an_epoch(model, optimiser, x, y)))
        measuring.append(cpu_seconds(lambda epoch=epoch: plane.measure(model, epoch)))
    table = plane.trajectory.to_pandas()
    green = table["flags"].map(lambda flags: "green" in flags).groupby(table["estimator"]).mean()
    return green.to_dict(), statistics.median(measuring), statistics.median(training)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    names = [f"channel {level}" for level in LEVELS] + [f"channel {rate:g} bits" for rate in RATES]
    print(f"{machine()}\n")
    heads = [name.removeprefix("channel ") for name in names]
    print(f"| network | samples | {' | '.join(heads)} | a measurement, s | an epoch, s |")
    print(f"|---|---|{'---|' * len(heads)}---|---|")
    for name in options.networks:
        for samples in options.samples:
            green, measuring, training = measured(name, samples, options.epochs)
            shares = " | ".join(f"{green[level]:.2f}" for level in names)
            print(f"| {name} | {samples} | {shares} | {measuring:.2f} | {training:.2f} |", flush=True)


if __name__ == "__main__":
    main()
