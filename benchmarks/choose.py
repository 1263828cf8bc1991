"""Every estimator on channels whose information is known: the tables of docs/estimators/index.md.

python benchmarks/choose.py
python benchmarks/choose.py samples    how the error falls with the number of samples
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import math
import statistics
import sys
import time

import numpy as np
import torch
from machine import machine

import infoplane as ip
from infoplane.errors import InfoplaneError

SEEDS, SAMPLES, SIZES = 3, 1000, (100, 300, 1000, 3000)


def clouds(units: int, distance: float, seed: int, n: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, each a unit normal cloud, their centres ``distance`` apart along the diagonal."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    return random.normal(size=(n, units)) + (y[:, None] - 0.5) * distance / math.sqrt(units), y


def clouds_truth(distance: float) -> float:
    """I(T;Y) in bits by quadrature: only the direction between the centres matters."""
    t = np.linspace(-12, 12, 200_001)
    densities = [np.exp(-((t - side * distance / 2) ** 2) / 2) / math.sqrt(2 * math.pi) for side in (-1, 1)]
    posterior = densities[1] / (densities[0] + densities[1])
    surprise = -sum(p * np.log2(np.maximum(p, 1e-300)) for p in (posterior, 1 - posterior))
    return 1 - float(np.trapezoid((densities[0] + densities[1]) / 2 * surprise, t))


def normal_pair(dimensions: int, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Jointly normal, correlation ``rho`` dimension by dimension."""
    random = np.random.default_rng(seed)
    t, noise = random.normal(size=(2, SAMPLES, dimensions))
    return t, rho * t + math.sqrt(1 - rho**2) * noise


CHANNELS = {
    f"2 units, 2 classes ({clouds_truth(2):.2f})": lambda seed: clouds(2, 2.0, seed),
    f"20 units, 2 classes ({clouds_truth(2):.2f})": lambda seed: clouds(20, 2.0, seed),
    "64 units, independent (0)": lambda seed: clouds(64, 0.0, seed),
    f"normal pair, 2 + 2 ({-math.log2(1 - 0.64):.2f})": lambda seed: normal_pair(2, 0.8, seed),
}
OPTIONS = {"quantised": None, "binned": {"bins": 8}}


def cell(name: str, channel: str) -> tuple[str, float]:
    """The mean estimate in bits and the seconds of one, or why there is none."""
    values, seconds = [], []
    for seed in range(SEEDS):
        t, y = CHANNELS[channel](seed)
        options = OPTIONS.get(name, {})
        started = time.process_time()
        try:
            values.append(ip.mutual_information(t, y, estimator=name, **(options or {})).value)
        except InfoplaneError:
            return "not for it", 0.0
        seconds.append(time.process_time() - started)
    return f"{statistics.mean(values):.2f}", statistics.median(seconds)


def error(name: str, units: int, n: int) -> str:
    """The root mean squared error in bits of n samples of two clouds in ``units`` dimensions."""
    if name == "renyi" and n > 1000:
        return "too slow"
    off = [
        ip.mutual_information(*clouds(units, 2.0, seed, n), estimator=name, **(OPTIONS.get(name) or {})).value
        - clouds_truth(2.0)
        for seed in range(SEEDS)
    ]
    return f"{math.sqrt(statistics.mean(value**2 for value in off)):.2f}"


def samples_needed() -> None:
    """The table of errors."""
    print("python benchmarks/choose.py samples\n")
    print(f"root mean squared error in bits, {SEEDS} seeds; the truth is {clouds_truth(2.0):.2f}\n")
    print("| estimator |" + "".join(f" {units} units, n = {n} |" for units in (2, 20) for n in SIZES))
    print("|---|" + "---|" * 2 * len(SIZES))
    for name in ip.estimators():
        if OPTIONS.get(name, {}) is not None:
            errors = [error(name, units, n) for units in (2, 20) for n in SIZES]
            print(f"| `{name}` | {' | '.join(errors)} |", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    if "samples" in sys.argv[1:]:
        samples_needed()
        return
    print("python benchmarks/choose.py\n")
    print(f"{machine()}; {SAMPLES} samples, means of {SEEDS} seeds, bits; the truth in brackets\n")
    print(f"| estimator | {' | '.join(CHANNELS)} | CPU s (20 units) |")
    print(f"|---|{'---|' * (len(CHANNELS) + 1)}")
    for name in ip.estimators():
        if OPTIONS.get(name, {}) is None:
            continue  # quantised networks only
        cells = [cell(name, channel) for channel in CHANNELS]
        print(f"| `{name}` | {' | '.join(text for text, _ in cells)} | {cells[1][1]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
