"""What every estimator shows where there is nothing: independent layers and labels, and whether a red light says so.

python benchmarks/false_information.py [--estimator NAME ...] [--seconds 30] [--shift N] [--cells]

A cell is a kind of layer, a kind of label, a number of samples and a number of units, all drawn independently of one
another, so that the true information is 0. The cells are a fixed design over the whole grid (every kind meets every
label, and sizes alternate); ``--shift`` takes other sizes and other draws for every cell. An estimator that is not
through its cells after ``--seconds`` stops there, and the table says how many it did. A cell fails where the value is
above .1 bit and no red light is beside it, in its flags or in what they do to the light.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import infoplane as ip
from infoplane.flags import in_doubt

SIZES = (50, 200, 1000, 2000, 5000)
UNITS = (1, 10, 64, 400, 768, 4096)
MOST_VALUES = 5_000_000  # of one layer: more takes minutes for the slowest estimators
NOTICEABLE = 0.1  # bits

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def embeddings(random: np.random.Generator, n: int, units: int) -> np.ndarray:
    """Like rows of a transformer: a falling spectrum, a common mean, and a few units of a large scale."""
    scales = 1 / np.sqrt(1 + np.arange(units))
    mixing = np.linalg.qr(random.normal(size=(min(units, 256), min(units, 256))))[0]
    latent = random.standard_t(5, size=(n, len(mixing))) * scales[: len(mixing)]
    rows = np.zeros((n, units))
    rows[:, : len(mixing)] = latent @ mixing
    rows += 0.05 * random.normal(size=(n, units)) + random.normal(size=units)
    rows[:, :: max(units // 4, 1)] *= 20
    return rows


LAYERS: dict[str, Draw] = {
    "normal": lambda random, n, units: random.normal(size=(n, units)),
    "heavy tails": lambda random, n, units: random.standard_t(2, size=(n, units)),
    "ReLU": lambda random, n, units: np.maximum(random.normal(size=(n, units)), 0),
    "8-bit grid": lambda random, n, units: np.round(32 * random.normal(size=(n, units))).clip(-128, 127) / 32,
    "embeddings": embeddings,
}

Labels = Callable[[np.random.Generator, int], np.ndarray]


def zipf(random: np.random.Generator, n: int, classes: int) -> np.ndarray:
    shares = 1 / np.arange(1, classes + 1)
    return random.choice(classes, size=n, p=shares / shares.sum())


LABELS: dict[str, Labels] = {
    "2 classes": lambda random, n: random.integers(2, size=n),
    "10 classes": lambda random, n: random.integers(10, size=n),
    "100 classes": lambda random, n: random.integers(100, size=n),
    "10 classes, Zipf": lambda random, n: zipf(random, n, 10),
    "100 classes, Zipf": lambda random, n: zipf(random, n, 100),
    "continuous": lambda random, n: random.normal(size=n),
    "counts": lambda random, n: random.poisson(200, size=n),
}


@dataclass(frozen=True)
class Cell:
    """One independent pair."""

    layer: str
    label: str
    n: int
    units: int
    seed: int

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(self.seed)
        return LAYERS[self.layer](random, self.n, self.units), LABELS[self.label](random, self.n)

    def __str__(self) -> str:
        return f"{self.layer}, {self.label}, n={self.n}, {self.units} units"


def cells(shift: int) -> list[Cell]:
    """Every kind of layer with every kind of label, twice, at sizes that go round."""
    sizes = list(itertools.product(SIZES, UNITS))
    order = np.random.default_rng(shift).permutation(len(sizes))
    chosen = []
    for number, (layer, label) in enumerate(list(itertools.product(LAYERS, LABELS)) * 2):
        n, units = sizes[order[number % len(sizes)]]
        chosen.append(Cell(layer, label, n, min(units, MOST_VALUES // n), 1000 * shift + number))
    return chosen


@dataclass
class Tally:
    """What came of one estimator's cells."""

    done: int = 0
    refused: int = 0
    above: int = 0
    silent: list[tuple[float, Cell, tuple[str, ...]]] | None = None
    seconds: list[float] | None = None


def tally(name: str, chosen: list[Cell], seconds: float, *, tell: bool) -> Tally:
    """Every cell that the estimator takes, until its time is over."""
    result, begin = Tally(silent=[], seconds=[]), time.perf_counter()
    for cell in chosen:
        if time.perf_counter() - begin > seconds:
            break
        t, y = cell.draw()
        before = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True):
                estimate = ip.mutual_information(t, y, estimator=name)
        except ip.InfoplaneError as error:
            result.refused += 1
            if tell:
                print(f"  {name} refuses {cell}: {str(error)[:90]}", flush=True)
            continue
        result.seconds.append(time.perf_counter() - before)
        result.done += 1
        above = estimate.value > NOTICEABLE
        result.above += above
        if above and not in_doubt(estimate.flags):
            result.silent.append((estimate.value, cell, estimate.flags))
        if tell:
            print(f"  {name}, {cell}: {estimate} in {result.seconds[-1]:.2f} s", flush=True)
    return result


def main() -> None:
    from machine import machine

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimator", nargs="*", default=ip.estimators.names())
    parser.add_argument("--seconds", type=float, default=30.0, help="for each estimator")
    parser.add_argument("--shift", type=int, default=0, help="other sizes and draws")
    parser.add_argument("--cells", action="store_true", help="print every value")
    options = parser.parse_args()
    chosen = cells(options.shift)
    print(
        f"`python benchmarks/false_information.py --shift {options.shift} --seconds {options.seconds:g}`: "
        f"{len(chosen)} independent pairs, I(T;Y) = 0. {machine()}\n"
    )
    print("| estimator | pairs | refused | above .1 bit | of these not red | largest that is not red | median s |")
    print("|---|---|---|---|---|---|---|")
    for name in options.estimator:
        result = tally(name, chosen, options.seconds, tell=options.cells)
        worst = max(result.silent, default=None, key=lambda entry: entry[0])
        where = "" if worst is None else f"{worst[0]:.3g} bits ({worst[1]}; {', '.join(worst[2]) or 'no flag'})"
        median = f"{statistics.median(result.seconds):.3f}" if result.seconds else ""
        print(
            f"| {name} | {result.done} of {len(chosen)} | {result.refused} | {result.above} | {len(result.silent)} | "
            f"{where} | {median} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
