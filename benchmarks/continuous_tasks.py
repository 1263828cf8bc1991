"""Forty continuous tasks: bias and root mean squared error of the estimators that take a continuous label, as tables.

    python benchmarks/continuous_tasks.py                    # about eight minutes on one thread
    python benchmarks/continuous_tasks.py --seeds 2 --sizes 1000

Beside ours stand earlier scores of independent programs on the same tasks (``data/continuous_reference.csv``: scores
of other samples of the same size), and every score goes to ``data/continuous_scores.csv``.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from bmi_tasks import Task, tasks

import infoplane as ip

DATA = Path(__file__).parent / "data"
OURS: dict[str, dict[str, object]] = {
    "ksg": {},
    "mixed-ksg": {},
    "gaussian": {},
    "gaussian-copula": {},
    "compressed": {"method": "cca", "dimensions": 5},
}
NEAR = 0.1  # nats
Errors = dict[tuple[str, int, str], tuple[float, float]]  # (task, n, estimator) -> bias, root mean squared error


def errors_of(task: Task, n: int, seeds: Iterable[int], seconds: dict[tuple[int, str], list[float]]) -> Errors:
    """Of every estimator on one task, in nats."""
    values: dict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        x, y = task.sample(n, np.random.default_rng([seed, n]))
        for name, options in OURS.items():
            start = time.perf_counter()
            estimate = ip.mutual_information(x, y, estimator=name, units="nats", **options)
            seconds[n, name].append(time.perf_counter() - start)
            values[name].append(estimate.value - task.nats)
    return {
        (task.name, n, name): (statistics.fmean(gaps), math.sqrt(statistics.fmean([gap**2 for gap in gaps])))
        for name, gaps in values.items()
    }


def reference() -> Errors:
    """Earlier scores of independent programs."""
    with (DATA / "continuous_reference.csv").open() as file:
        return {
            (row["task"], int(row["n"]), row["estimator"]): (float(row["bias"]), float(row["rmse"]))
            for row in csv.DictReader(file)
        }


def summary(errors: Errors, n: int, name: str) -> str:
    """Mean absolute bias, tasks within .1 nats, mean root mean squared error."""
    found = [error for (_, size, estimator), error in errors.items() if (size, estimator) == (n, name)]
    if not found:
        return "- | - | -"
    biases = [abs(bias) for bias, _ in found]
    near = sum(bias <= NEAR for bias in biases)
    return f"{statistics.fmean(biases):.3f} | {near} | {statistics.fmean(rmse for _, rmse in found):.3f}"


def print_summaries(
    ours: Errors, others: Errors, sizes: list[int], seconds: dict[tuple[int, str], list[float]]
) -> None:
    print(
        "| n | estimator | mean abs. bias | tasks within .1 | mean RMSE | earlier: bias | within .1 | RMSE | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for n in sizes:
        for name in OURS:
            cost = statistics.median(seconds[n, name])
            print(f"| {n} | {name} | {summary(ours, n, name)} | {summary(others, n, name)} | {cost:.3f} |")


def print_tasks(ours: Errors, n: int) -> None:
    print(f"\n| task, n = {n} | truth | " + " | ".join(OURS) + " |")
    print("|---|---|" + "---|" * len(OURS))
    for name, task in tasks().items():
        cells = [f"{bias:+.3f} ({rmse:.3f})" for bias, rmse in (ours[name, n, estimator] for estimator in OURS)]
        print(f"| {name} | {task.nats:.3f} | " + " | ".join(cells) + " |")


def write(ours: Errors, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["task", "n", "estimator", "bias", "rmse"])
        for (task, n, name), (bias, rmse) in ours.items():
            writer.writerow([task, n, name, f"{bias:.5f}", f"{rmse:.5f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Bias and error of the estimators on forty continuous tasks.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 10000])
    parser.add_argument("--out", type=Path, default=DATA / "continuous_scores.csv")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    ip.mutual_information(
        np.random.default_rng(0).normal(size=(99, 9)), np.linspace(0, 1, 99), estimator="ksg"
    )  # compile
    seconds: dict[tuple[int, str], list[float]] = defaultdict(list)
    ours: Errors = {}
    for task in tasks().values():
        for n in chosen.sizes:
            ours |= errors_of(task, n, range(chosen.seeds), seconds)
    sizes = " ".join(map(str, chosen.sizes))
    print(f"`python benchmarks/continuous_tasks.py --seeds {chosen.seeds} --sizes {sizes}` (nats)\n")
    print_summaries(ours, reference(), chosen.sizes, seconds)
    print_tasks(ours, chosen.sizes[-1])
    write(ours, chosen.out)


if __name__ == "__main__":
    main()
