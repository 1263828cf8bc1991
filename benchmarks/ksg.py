"""KSG on 10 000 samples of many dimensions: ours beside k-d trees throughout, alternated in one process, as a table.

python benchmarks/ksg.py
python benchmarks/ksg.py --grids   # what pairs on a grid show, beside the published algorithm for ties
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import machine
from scipy.spatial import cKDTree
from scipy.special import digamma

from infoplane.estimators import mutual_information
from infoplane.estimators.counting.samples import input_variable
from infoplane.estimators.distances.columns import scaled
from infoplane.estimators.distances.neighbours import Loose
from infoplane.estimators.ksg import KSG, Placed, continuous_terms
from infoplane.estimators.mixed_ksg import MixedKSG

SAMPLES = 10_000
NEIGHBOURS = 3
REPEATS = 3


def usual_ksg(x: np.ndarray, y: np.ndarray, k: int) -> float:
    """Kraskov's first algorithm by three k-d trees, in nats."""
    joint = np.hstack([x, y])
    distance = cKDTree(joint).query(joint, k=[k + 1], p=np.inf)[0][:, 0]
    radius = np.nextafter(distance, 0)
    counts = [cKDTree(z).query_ball_point(z, radius, p=np.inf, return_length=True) for z in (x, y)]
    return float(digamma(k) + digamma(len(x)) - np.mean(digamma(counts[0]) + digamma(counts[1])))


def seconds_of(call: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    value = call()
    return time.process_time() - start, value


def placed(points: torch.Tensor) -> Placed:
    return Placed(Loose(points), *points.shape, constant=0, device=points.device, repeats=False)


def row(dimensions: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(SAMPLES, dimensions))
    y = x + rng.normal(size=(SAMPLES, dimensions))
    scaled_x, scaled_y = scaled(torch.from_numpy(x)).values, scaled(torch.from_numpy(y)).values
    clouds = placed(scaled_x), placed(scaled_y)
    times: dict[str, list[float]] = {"trees": [], "core": [], "call": []}
    for _ in range(REPEATS):
        spent, usual = seconds_of(lambda: usual_ksg(scaled_x.numpy(), scaled_y.numpy(), NEIGHBOURS))
        times["trees"].append(spent)
        spent, value = seconds_of(lambda: float(continuous_terms(*clouds, NEIGHBOURS)[0].mean()))
        times["core"].append(spent)
        spent, called = seconds_of(lambda: mutual_information(x, y, estimator="ksg", k=NEIGHBOURS, units="nats").value)
        times["call"].append(spent)
    trees, core, call = (statistics.median(spent) for spent in times.values())
    gap = max(abs(usual - value), abs(usual - called))
    ours = f"{core:.2f} ({trees / core:.0f}x) | {call:.2f} ({trees / call:.0f}x)"
    return f"| {dimensions} + {dimensions} | {trees:.2f} | {ours} | {gap:.0e} |"


def published(x: np.ndarray, y: np.ndarray, k: int) -> float:
    """Gao 2017, algorithm 1, with psi(n), in nats: only equal samples tie."""
    x, y = ((each / each.std(ddof=1))[:, None] for each in (x, y))
    joint = np.hstack([x, y])
    distance = cKDTree(joint).query(joint, k=[k + 1], p=np.inf)[0][:, 0]
    radius = np.where(distance > 0, np.nextafter(distance, 0), 0.0)
    both, in_x, in_y = (cKDTree(z).query_ball_point(z, radius, p=np.inf, return_length=True) for z in (joint, x, y))
    near = np.where(distance > 0, k, both)
    return float(digamma(len(x)) + np.mean(digamma(near) - digamma(in_x) - digamma(in_y)))


def rounded_pair(rng: np.random.Generator, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=1000)
    return x.round(1), (correlation * x + (1 - correlation**2) ** 0.5 * rng.normal(size=1000)).round(1)


PAIRS: dict[str, tuple[float, Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]]] = {
    "32 levels, and normal": (0.0, lambda rng: (rng.integers(32, size=1000).astype(float), rng.normal(size=1000))),
    "normal, both rounded to .1": (0.0, lambda rng: rounded_pair(rng, 0.0)),
    "the same, correlation .7": (-0.5 * float(np.log(0.51)), lambda rng: rounded_pair(rng, 0.7)),
}


OURS = KSG(), MixedKSG()


def print_grids() -> None:
    print("| pair, n = 1000 | truth | `ksg` | `mixed-ksg` | as published, k = 3 |\n|---|---|---|---|---|")
    for name, (truth, draw) in PAIRS.items():
        values = []
        for seed in range(8):
            x, y = draw(np.random.default_rng(seed))
            ours = [
                made.about_input(made.prepare(torch.from_numpy(x)[:, None]), input_variable(y), "nats") for made in OURS
            ]
            values.append([*(estimate.value for estimate in ours), published(x, y, NEIGHBOURS)])
        print(
            f"| {name} | {truth:.3f} | {' | '.join(f'{value:.3f}' for value in np.mean(values, axis=0))} |", flush=True
        )


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1:] == ["--grids"]:
        print(f"`python benchmarks/ksg.py --grids`: means of 8 samples, nats. {machine()}\n")
        print_grids()
        return
    small = placed(torch.randn(99, 20, dtype=torch.float64))
    continuous_terms(small, small, 3)  # compile
    print(
        f"`python benchmarks/ksg.py`: {SAMPLES} samples, k = {NEIGHBOURS}, median CPU seconds of {REPEATS}, alternated."
    )
    print(f"{machine()}\n")
    print("| dimensions | three k-d trees | ours, the same work | ours, with scaling and doubt | difference, nats |")
    print("|---|---|---|---|---|")
    for seed, dimensions in enumerate((2, 5, 10, 20)):
        print(row(dimensions, seed), flush=True)


if __name__ == "__main__":
    main()
