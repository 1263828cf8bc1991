"""KSG on 10 000 samples of many dimensions: ours beside k-d trees throughout, alternated in one process, as a table.

python benchmarks/ksg.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import machine
from scipy.spatial import cKDTree
from scipy.special import digamma

from infoplane.estimators import mutual_information
from infoplane.estimators.distances.columns import scaled
from infoplane.estimators.distances.neighbours import Loose
from infoplane.estimators.ksg import continuous_terms

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


def row(dimensions: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(SAMPLES, dimensions))
    y = x + rng.normal(size=(SAMPLES, dimensions))
    scaled_x, scaled_y = scaled(torch.from_numpy(x)).values, scaled(torch.from_numpy(y)).values
    clouds = Loose(scaled_x), Loose(scaled_y)
    times: dict[str, list[float]] = {"trees": [], "core": [], "call": []}
    for _ in range(REPEATS):
        spent, usual = seconds_of(lambda: usual_ksg(scaled_x.numpy(), scaled_y.numpy(), NEIGHBOURS))
        times["trees"].append(spent)
        spent, value = seconds_of(lambda: float(continuous_terms(*clouds, NEIGHBOURS).mean()))
        times["core"].append(spent)
        spent, called = seconds_of(lambda: mutual_information(x, y, estimator="ksg", k=NEIGHBOURS, units="nats").value)
        times["call"].append(spent)
    trees, core, call = (statistics.median(spent) for spent in times.values())
    gap = max(abs(usual - value), abs(usual - called))
    ours = f"{core:.2f} ({trees / core:.0f}x) | {call:.2f} ({trees / call:.0f}x)"
    return f"| {dimensions} + {dimensions} | {trees:.2f} | {ours} | {gap:.0e} |"


def main() -> None:
    torch.set_num_threads(1)
    small = Loose(torch.randn(99, 20, dtype=torch.float64))
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
