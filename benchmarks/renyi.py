"""Matrix Renyi information of a layer and its label beside the usual way: three full matrices, three decompositions."""

from __future__ import annotations

import math
import statistics
import sys
import time

import torch
from machine import machine
from torch import Tensor

from infoplane.estimators.counting.samples import Variable, label_ids
from infoplane.estimators.renyi import Renyi

ALPHA, WIDTH = 1.01, 8.0


def usual(t: Tensor, y: Tensor) -> float:
    """I(T;Y) in bits."""
    kernel = torch.exp(-(torch.cdist(t, t) ** 2) / (2 * WIDTH**2))
    same = (y[:, None] == y[None]).to(t.dtype)
    entropies = []
    for matrix in (kernel, same, kernel * same):
        shares = torch.linalg.eigvalsh(matrix / matrix.trace()).clamp(min=0)
        entropies.append(math.log2(float((shares**ALPHA).sum())) / (1 - ALPHA))
    return entropies[0] + entropies[1] - entropies[2]


def ours(t: Tensor, y: Tensor, null: int) -> float:
    """The same, with the mean over ``null`` shuffles beside it."""
    made = Renyi(alpha=ALPHA, kernel_width=WIDTH, null=null)
    return made.about_label(made.prepare(t), Variable(label_ids(y))).value


def main() -> None:
    torch.set_num_threads(1)
    print(f"python benchmarks/renyi.py {' '.join(sys.argv[1:])}".rstrip() + f"\n\n{machine()}\n")
    print("| samples | usual [s] | infoplane [s] | times faster | infoplane with 3 shuffles [s] | difference [bits] |")
    print("|---|---|---|---|---|---|")
    for n, rounds in ((1000, 5), (5000, 1)):
        generator = torch.Generator().manual_seed(0)
        y = torch.arange(n) % 10
        t = torch.randn((n, 64), generator=generator, dtype=torch.float64)
        t += torch.randn((10, 64), generator=generator, dtype=torch.float64)[y]
        times, values = [], []
        for _ in range(rounds):
            for call in (lambda: usual(t, y), lambda: ours(t, y, 0), lambda: ours(t, y, 3)):  # noqa: B023
                before = time.process_time()
                values.append(call())
                times.append(time.process_time() - before)
        slow, fast, shuffled = (statistics.median(times[at::3]) for at in range(3))
        print(
            f"| {n} | {slow:.2f} | {fast:.2f} | {slow / fast:.1f} | {shuffled:.2f} | {abs(values[0] - values[1]):.0e} |"
        )


if __name__ == "__main__":
    main()
