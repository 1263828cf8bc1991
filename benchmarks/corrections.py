"""Bias and root mean square error of the corrections on a channel with known information, as a table.

python benchmarks/corrections.py
"""

from __future__ import annotations

import numpy as np
import torch
from machine import machine

from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.entropy import CORRECTIONS
from infoplane.estimators.counting.samples import distinct_ids, label_ids

REPEATS = 200
SETTINGS = ((60, 300), (60, 1000), (1000, 1000), (1000, 5000))  # symbols, samples


def channel(symbols: int) -> np.ndarray:
    """p(t, y): frequencies rank^-0.7, two labels with log odds between -2 and 2."""
    shares = np.arange(1, symbols + 1) ** -0.7
    chance = 1 / (1 + np.exp(-2 * np.cos(np.arange(symbols))))
    return (shares / shares.sum())[:, None] * np.stack([chance, 1 - chance], axis=1)


def entropy(p: np.ndarray) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def errors(p: np.ndarray, n: int, correction: str) -> np.ndarray:
    """(REPEATS, 2) nats: of I(X;T) with distinct inputs, H(T) in the population, and of I(T;Y)."""
    truth = entropy(p.sum(1)), entropy(p.sum(1)) + entropy(p.sum(0)) - entropy(p)
    made, rng, rows = Binned("distinct", correction=correction), np.random.default_rng(n), []
    for _ in range(REPEATS):
        cells = np.repeat(np.arange(p.size), rng.multinomial(n, p.ravel()))
        symbols = made.symbols(torch.from_numpy(cells // 2).double()[None, :, None])
        (reading,) = made.readings([symbols], distinct_ids(n), label_ids(cells % 2), "single", units="nats")[0]
        rows.append((reading.h_t - truth[0], reading.i_ty - truth[1]))
    return np.array(rows)


def main() -> None:
    torch.set_num_threads(1)
    print(f"`python benchmarks/corrections.py`: {REPEATS} repeats, nats, bias (root mean square error). {machine()}\n")
    print("| what | symbols, samples | " + " | ".join(CORRECTIONS) + " |")
    print("|---|---|" + "---|" * len(CORRECTIONS))
    for symbols, n in SETTINGS:
        found = [errors(channel(symbols), n, correction) for correction in CORRECTIONS]
        for at, what in enumerate(("H(T)", "I(T;Y)")):
            cells = [f"{one[:, at].mean():+.3f} ({np.sqrt((one[:, at] ** 2).mean()):.3f})" for one in found]
            print(f"| {what} | {symbols}, {n} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
