"""Tables of neural, noisy, quantised, usable and EDGE estimates on channels whose information is known.

python benchmarks/known_channels.py neural|noisy|quantised|usable|edge
"""

from __future__ import annotations

import itertools
import math
import statistics
import sys
import time

import numpy as np
import torch
from machine import machine
from torch import Tensor

import infoplane as ip
from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.counting.samples import Variable, distinct_ids
from infoplane.networks import mlp
from infoplane.networks.quantised import quantise

SEEDS = 3


def normal_pair(n: int, d: int, rho: float, seed: int) -> tuple[Tensor, Tensor]:
    """Two samples (n, d), jointly normal, of correlation rho unit by unit: I = -d/2 log(1 - rho^2)."""
    t, noise = torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed))
    return t, rho * t + math.sqrt(1 - rho**2) * noise


def neural() -> None:
    print("| bound | d | rho | truth | mean | spread | standard error said | steps | CPU s |\n|" + "---|" * 9)
    for (d, rho), name in itertools.product(
        ((5, 0.5), (5, 0.8), (10, 0.5), (10, 0.8)), ("infonce", "nwj", "mine", "smile", "club")
    ):
        started = time.process_time()
        found = [
            mutual_information(*normal_pair(2000, d, rho, seed), estimator=estimator(name, seed=seed))
            for seed in range(SEEDS)
        ]
        seconds = (time.process_time() - started) / SEEDS
        values = [one.value for one in found]
        said = statistics.mean(one.details["standard_error"] for one in found)
        steps = statistics.mean(one.details["steps"] for one in found)
        print(
            f"| `{name}` | {d} | {rho} | {-d / 2 * math.log2(1 - rho**2):.2f} | {statistics.mean(values):.2f} "
            f"| {statistics.stdev(values):.2f} | {said:.2f} | {steps:.0f} | {seconds:.1f} |"
        )


def quadrature(centres: np.ndarray, noise: float) -> float:
    """I(X;T) in bits of T = one of the centres + N(0, noise^2)."""
    grid = np.linspace(centres.min() - 10 * noise, centres.max() + 10 * noise, 400_001)
    density = np.exp(-((grid[:, None] - centres) ** 2) / (2 * noise**2)).mean(1) / (noise * math.sqrt(2 * math.pi))
    entropy = -np.where(density > 0, density * np.log(np.maximum(density, 1e-300)), 0).sum() * (grid[1] - grid[0])
    return float(entropy - 0.5 * math.log(2 * math.pi * math.e * noise**2)) / math.log(2)


def noisy() -> None:
    print("| weight | noise | truth | value | low | high |\n|" + "---|" * 6)
    for weight, noise in itertools.product((0.25, 1.0, 4.0), (0.05, 0.2, 1.0)):
        t = torch.tanh(weight * torch.tensor([-3.0, -1, 1, 3], dtype=torch.float64))
        made = estimator("noisy", noise=noise)
        found = made.about_input(made.prepare(t[:, None]), Variable(distinct_ids(4)))
        truth = quadrature(t.numpy(), noise)
        print(f"| {weight} | {noise} | {truth:.4f} | {found.value:.4f} | {found.low:.4f} | {found.high:.4f} |")
    t = torch.tanh(torch.randn(4096, 10, generator=torch.Generator().manual_seed(0)))
    made = estimator("noisy", noise=0.3)
    started = time.process_time()
    made.about_input(made.prepare(t), Variable(distinct_ids(4096)))
    print(f"\n4096 x 10, 10 000 points: {time.process_time() - started:.1f} CPU s")


def quantised() -> None:
    print("| bits | layer | H(T) = I(X;T) | rows | `binned`, 30 bins |\n|" + "---|" * 5)
    x = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=12)))
    for bits in (2, 4, 8):
        torch.manual_seed(0)
        network = quantise(mlp([12, 10, 7, 5, 4, 3], "tanh", "tanh"), bits)
        for layer, t in ip.record(network, x, ["1", "5", "9"]).items():
            exact, binned = (
                made.about_input(made.prepare(t), Variable(distinct_ids(len(x))))
                for made in (estimator("quantised", bits=bits), estimator("binned"))
            )
            rows = len(torch.unique(t, dim=0))
            print(f"| {bits} | {layer} | {exact.value:.3f} | {rows} | {binned.value:.3f} |")


def usable() -> None:
    print("| slope | samples | I(T;Y) | value | low | high |\n|" + "---|" * 6)
    grid = np.linspace(-8, 8, 20_001)
    weight = np.exp(-(grid**2) / 2) / np.exp(-(grid**2) / 2).sum()
    for slope, n in itertools.product((0.5, 2.0, 8.0), (300, 3000)):
        rng = np.random.default_rng(0)
        t = np.hstack([rng.normal(size=(n, 1)), rng.normal(size=(n, 9))])  # nine units know nothing
        y = rng.random(n) < 1 / (1 + np.exp(-slope * t[:, 0]))
        log_p, log_not = -np.logaddexp(0, -slope * grid), -np.logaddexp(0, slope * grid)
        truth = 1 + (weight * (np.exp(log_p) * log_p + np.exp(log_not) * log_not)).sum() / math.log(2)
        found = mutual_information(t, y, estimator="usable")
        print(f"| {slope} | {n} | {truth:.3f} | {found.value:.3f} | {found.low:.3f} | {found.high:.3f} |")


def classes_and_normal(d: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, one unit apart by two standard deviations of it, and d - 1 units that know nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=n)
    t = rng.normal(size=(n, d))
    t[:, 0] += 2.0 * y - 1
    return t, y


def edge() -> None:
    truth = quadrature(np.array([-1.0, 1.0]), 1.0)
    print(f"Truth {truth:.3f} bits.\n\n| units | samples | counting | mean | resolution | alone |\n|" + "---|" * 6)
    for d, n in itertools.product((1, 2, 3, 5, 10), (1000, 10_000)):
        cells, alone = [], 0.0
        for weights in ("counting", "mean", "resolution"):
            found = [
                mutual_information(*classes_and_normal(d, n, seed), estimator=estimator("edge", weights=weights))
                for seed in range(SEEDS)
            ]
            cells.append(f"{statistics.mean(one.value for one in found):.3f}")
            alone = found[0].details["alone_in_widest"]
        print(f"| {d} | {n} | {' | '.join(cells)} | {alone:.0%} |")


TABLES = {"neural": neural, "noisy": noisy, "quantised": quantised, "usable": usable, "edge": edge}

if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"    python benchmarks/known_channels.py {' '.join(sys.argv[1:])}\n\n{machine()}\n")
    for table in sys.argv[1:]:
        TABLES[table]()
