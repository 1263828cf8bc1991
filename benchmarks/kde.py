"""KDE bounds beside the usual way: two bounds, for the layer and class by class, each from a full distance matrix."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import torch
from machine import machine
from torch import Tensor

from infoplane.estimators.counting.samples import Variable, distinct_ids, label_ids
from infoplane.estimators.kde import KDE
from infoplane.types import Estimate


def usual_entropy(t: Tensor, variance: float, spread: float) -> float:
    """-mean log mean exp(-d^2 / (spread v)) in nats, from the full matrix of squared distances."""
    squares = (t**2).sum(1, keepdim=True)
    distances = squares + squares.T - 2 * t @ t.T
    terms = torch.logsumexp(-distances / (spread * variance), 1)
    return float(torch.log(torch.tensor(float(len(t)))) - terms.mean())


def usual(t: Tensor, y: Tensor, variance: float) -> list[tuple[float, float]]:
    """(I(X;T), I(T;Y)) in nats from the upper and from the lower bound."""
    found = []
    for spread in (2, 8):
        whole = usual_entropy(t, variance, spread)
        within = sum(float((y == c).float().mean()) * usual_entropy(t[y == c], variance, spread) for c in y.unique())
        found.append((whole, whole - within))
    return found


def ours(t: Tensor, y: Tensor, variance: float) -> tuple[Estimate, Estimate]:
    """I(X;T) and I(T;Y), each with both bounds."""
    made = KDE(noise_variance=variance)
    prepared = made.prepare(t)
    i_xt = made.about_input(prepared, Variable(distinct_ids(len(t))), "nats")
    return i_xt, made.about_label(prepared, Variable(label_ids(y)), "nats")


def layer(n: int, units: int, classes: int) -> tuple[Tensor, Tensor]:
    """A tanh layer over eight inputs in clusters, one a class; float32."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    centres = torch.randn((classes, 8), generator=generator)
    x = centres[y] + 0.5 * torch.randn((n, 8), generator=generator)
    return torch.tanh(x @ torch.randn((8, units), generator=generator) / 3), y


def alternate(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median CPU seconds of each call, taking turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for at, call in enumerate(calls):
            before = time.process_time()
            call()
            times[at].append(time.process_time() - before)
    return [statistics.median(taken) for taken in times]


def memory(n: int, units: int) -> None:
    """Peak memory of the whole process for one layer, without the usual way."""
    t, y = layer(n, units, 10)
    before = time.process_time()
    ours(t, y, 1.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"| {n} x {units} | {time.process_time() - before:.0f} | {peak:.2f} |")


def main() -> None:
    torch.set_num_threads(1)
    print(f"python benchmarks/kde.py {' '.join(sys.argv[1:])}".rstrip() + f"\n\n{machine()}\n")
    if sys.argv[1:] == ["memory"]:
        print("| layer | time [s] | peak memory of the process [GiB] |\n|---|---|---|")
        memory(60_000, 1024)
        return
    print(
        "| layer | noise variance | usual, four passes [s] | infoplane [s] | times faster | I(X;T) usual | infoplane "
        "| log N |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n, units, variance in ((10_000, 1024, 1.0), (10_000, 1024, 1e-3), (10_000, 64, 0.1)):
        t, y = layer(n, units, 10)
        slow, fast = alternate([lambda: usual(t, y, variance), lambda: ours(t, y, variance)], rounds=3)  # noqa: B023
        values = usual(t, y, variance)[0][0], ours(t, y, variance)[0].value
        ceiling = float(torch.tensor(float(n)).log())
        print(
            f"| {n} x {units} | {variance:g} | {slow:.2f} | {fast:.2f} | {slow / fast:.1f} "
            f"| {values[0]:.5f} | {values[1]:.5f} | {ceiling:.5f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
