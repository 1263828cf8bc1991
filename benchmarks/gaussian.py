"""The Gaussian estimators beside determinants of one whole covariance matrix, and their peak memory, as a table.

python benchmarks/gaussian.py                    # time, 5000 samples of 512 units and a label of 10 numbers
python benchmarks/gaussian.py --memory           # 60 000 samples of 1024 units in float32
python benchmarks/gaussian.py --classes          # what is left of the bias where the label has classes
"""

from __future__ import annotations

import argparse
import resource

import numpy as np
import torch
from machine import machine, median_seconds

from infoplane.estimators import mutual_information

REPEATS = 5


def usual_gaussian(t: np.ndarray, y: np.ndarray) -> float:
    """1/2 (log |S_t| + log |S_y| - log |S|), in nats."""
    whole = np.cov(np.hstack([t, y]).T)
    units = t.shape[1]
    parts = whole[:units, :units], whole[units:, units:], whole
    log_t, log_y, log_both = (np.linalg.slogdet(part)[1] for part in parts)
    return 0.5 * float(log_t + log_y - log_both)


def sample(n: int, units: int, numbers: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    t = torch.randn(n, units, generator=generator)
    return t, t[:, :numbers] + torch.randn(n, numbers, generator=generator)


def print_times() -> None:
    t, y = sample(5000, 512, 10)
    usual = median_seconds(lambda: usual_gaussian(t.numpy(), y.numpy()), repeats=REPEATS)
    print("| 5000 samples, 512 units, 10 numbers | CPU seconds | difference, nats |\n|---|---|---|")
    print(f"| determinants | {usual:.2f} | |")
    wide = t.double(), y.double()
    expected = usual_gaussian(*(part.numpy() for part in wide))
    for name in ("gaussian", "gaussian-copula"):
        spent = median_seconds(lambda name=name: mutual_information(t, y, estimator=name), repeats=REPEATS)  # type: ignore[misc]
        value = mutual_information(t, y, estimator=name, units="nats", correction="none").value
        print(f"| {name} | {spent:.2f} | {value - expected:+.0e} |")


def print_memory() -> None:
    t, y = sample(60_000, 1024, 10)
    labels = y.argmax(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    for name in ("gaussian", "gaussian-copula"):
        for label in (y, labels):
            mutual_information(t, label, estimator=name)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"60 000 x 1024, {name}: peak {peak:.2f} GB of the whole process ({before:.2f} GB with the data alone)")


def separated(random: np.random.Generator, classes: int, units: int, n: int, apart: float) -> tuple[np.ndarray, ...]:
    """Classes whose means lie at a distance of ``apart`` standard deviations from each other."""
    y = random.integers(classes, size=n)
    t = random.normal(size=(n, units))
    t[np.arange(n), y] += apart / 2**0.5
    return t, y


def truth(classes: int, apart: float) -> float:
    """log(classes) + E log p(y|t), in nats, from 400 000 samples of the units that count."""
    t, y = separated(np.random.default_rng(1), classes, classes, 400_000, apart)
    logs = t * apart / 2**0.5
    return float(np.log(classes) + (logs[np.arange(len(y)), y] - np.logaddexp.reduce(logs, axis=1)).mean())


def print_classes() -> None:
    print('| classes, units, n | D | truth | `"none"` | corrected |\n|---|---|---|---|---|')
    for classes, units, n in ((2, 64, 1000), (10, 64, 1000), (10, 20, 300)):
        for apart in (0.0, 1.0, 2.0, 4.0):
            values = []
            for seed in range(20):
                t, y = separated(np.random.default_rng(seed), classes, units, n, apart)
                options = {"estimator": "gaussian", "units": "nats"}
                values.append([mutual_information(t, y, correction=c, **options).value for c in ("none", "wishart")])
            left, corrected = np.mean(values, axis=0)
            exact = truth(classes, apart)
            print(f"| {classes}, {units}, {n} | {apart:g} | {exact:.3f} | {left:.3f} | {corrected:.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of the Gaussian estimators.")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--classes", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    option = next((f" --{name}" for name, asked in vars(chosen).items() if asked), "")
    print(f"`python benchmarks/gaussian.py{option}`; {machine()}\n")
    if chosen.memory:
        print_memory()
    elif chosen.classes:
        print_classes()
    else:
        print_times()


if __name__ == "__main__":
    main()
