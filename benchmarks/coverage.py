"""How often intervals of binned information hold the truth, by colour of the traffic light, as a table.

python benchmarks/coverage.py

Every model is a table p(t, y) with known information; samples are drawn from it, and T is its own symbol. Inputs are
all distinct, so that I(X;T) is H(T) in the population. Models and sizes were fixed before the first run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from machine import machine

from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.intervals import intervals
from infoplane.estimators.counting.samples import distinct_ids, label_ids

REPEATS = 400
SIZES = (200, 1000, 5000)
BOOTSTRAP_REPEATS, BOOTSTRAP_SIZE = 200, 1000  # at one size only, being slow

Table = np.ndarray  # p (symbols, classes)


def noisy(cells: int, classes: int, noise: float) -> Table:
    """Equally frequent symbols, Y = T mod classes but for a share of random labels."""
    p = np.full((cells, classes), noise / classes)
    p[np.arange(cells), np.arange(cells) % classes] += 1 - noise
    return p / cells


def zipf(cells: int, exponent: float, seed: int) -> Table:
    """Symbols of frequency rank^-exponent, labels by chances drawn for each symbol."""
    shares = np.arange(1, cells + 1) ** -exponent
    given = np.random.default_rng(seed).dirichlet([0.5] * 4, size=cells)
    return shares[:, None] / shares.sum() * given


def deterministic(cells: int, ratio: float) -> Table:
    """Frequencies that fall by ``ratio`` from symbol to symbol, and a label that is a function of the symbol."""
    shares = ratio ** np.arange(cells)
    return shares[:, None] / shares.sum() * np.eye(3)[np.arange(cells) * 7 % 5 % 3]


def nearly_independent(cells: int, classes: int, tilt: float) -> Table:
    wave = np.cos(np.outer(np.arange(cells), np.arange(classes)))
    return (1 + tilt * wave) / (1 + tilt * wave).sum()


def lumpy(cells: int, classes: int, seed: int) -> Table:
    """A table drawn from a Dirichlet distribution: a few heavy cells and many rare ones."""
    return np.random.default_rng(seed).dirichlet([0.3] * (cells * classes)).reshape(cells, classes)


def bell(cells: int) -> Table:
    """Bins of a normal variable, and the sign of it with noise."""
    places = np.linspace(-4, 4, cells)
    shares = np.exp(-(places**2) / 2)
    chance = 1 / (1 + np.exp(-3 * places))
    return (shares / shares.sum())[:, None] * np.stack([chance, 1 - chance], axis=1)


MODELS: dict[str, Callable[[], Table]] = {
    "4 symbols, 2 classes, 30 % noise": lambda: noisy(4, 2, 0.3),
    "32 symbols, 10 classes, 50 % noise": lambda: noisy(32, 10, 0.5),
    "256 symbols, 2 classes, 80 % noise": lambda: noisy(256, 2, 0.8),
    "Zipf 1.3, 200 symbols": lambda: zipf(200, 1.3, 1),
    "Zipf 1.3, 5000 symbols": lambda: zipf(5000, 1.3, 2),
    "Zipf 2, 1000 symbols": lambda: zipf(1000, 2.0, 3),
    "function of 8 symbols": lambda: deterministic(8, 0.7),
    "function of 64 symbols": lambda: deterministic(64, 0.95),
    "function of 500 symbols": lambda: deterministic(500, 0.99),
    "nearly independent, 12 x 3": lambda: nearly_independent(12, 3, 0.15),
    "nearly independent, 30 x 10": lambda: nearly_independent(30, 10, 0.15),
    "independent, 20 x 2": lambda: nearly_independent(20, 2, 0.0),
    "lumpy, 10 x 4": lambda: lumpy(10, 4, 4),
    "lumpy, 60 x 8": lambda: lumpy(60, 8, 5),
    "normal in 25 bins": lambda: bell(25),
    "normal in 400 bins": lambda: bell(400),
}


def entropy(p: Table) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def information(p: Table) -> float:
    return entropy(p.sum(1)) + entropy(p.sum(0)) - entropy(p)


def samples(p: Table, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Symbols and labels (n,) each."""
    cells = np.repeat(np.arange(p.size), rng.multinomial(n, p.ravel()))
    return cells // p.shape[1], cells % p.shape[1]


def covered(p: Table, n: int, seed: int) -> dict[str, np.ndarray]:
    """For every repeat: colour, whether an interval holds the truth (NaN without one), error of the estimate."""
    made = Binned("distinct", correction="jackknife", interval="jackknife")
    rng, x = np.random.default_rng(seed), distinct_ids(n)
    rows: dict[str, list[float | str]] = {"colour": [], "i_ty": [], "i_xt": [], "error": []}
    for _ in range(REPEATS):
        t, y = samples(p, n, rng)
        symbols = made.symbols(torch.from_numpy(t).double()[None, :, None])
        (reading,) = made.readings([symbols], x, label_ids(y), "single", units="nats")[0]
        rows["colour"].append(next(flag for flag in reading.flags if flag in ("green", "amber", "red")))
        rows["i_ty"].append(_holds(reading.i_ty_low, reading.i_ty_high, information(p)))
        rows["i_xt"].append(_holds(reading.i_xt_low, reading.i_xt_high, entropy(p.sum(1))))
        rows["error"].append(reading.i_ty - information(p))
    return {name: np.array(values) for name, values in rows.items()}


def bootstrapped(p: Table, n: int, seed: int) -> list[str]:
    """Coverage of I(T;Y), whatever the colour, by the reflected and the percentile interval."""
    rng, hits = np.random.default_rng(seed), []
    for _ in range(BOOTSTRAP_REPEATS):
        t, y = samples(p, n, rng)
        line = intervals(torch.from_numpy(t)[None, None], label_ids(y), "reflected")[0, 0].tolist()
        value, below, above, _ = line
        ends = (value - below, value + above), (value - above, value + below)
        hits.append([_holds(low, high, information(p)) for low, high in ends])
    return [f"{one:.3f}" for one in np.mean(hits, axis=0)]


def _holds(low: float | None, high: float | None, truth: float) -> float:
    """Up to rounding: intervals of functions of T can have no width."""
    return float("nan") if low is None or high is None else float(low - 1e-9 <= truth <= high + 1e-9)


def share(hits: np.ndarray) -> str:
    return "-" if np.isnan(hits).all() else f"{np.nanmean(hits):.3f}"


def main() -> None:
    torch.set_num_threads(1)
    print(
        f"`python benchmarks/coverage.py`: {REPEATS} repeats of each line ({BOOTSTRAP_REPEATS} for the "
        f"bootstraps), seeds fixed. {machine()}\n"
    )
    print("| model | n | green / amber / red | bias, nats | I(T;Y) | I(X;T) | reflected | percentile |")
    print("|---|---|---|---|---|---|---|---|")
    pooled: dict[str, list[tuple[float, float]]] = {"green": [], "amber": []}
    for number, (name, make) in enumerate(MODELS.items()):
        p = make()
        for n in SIZES:
            found = covered(p, n, 100 * number + n)
            shares = [float(np.mean(found["colour"] == colour)) for colour in ("green", "amber", "red")]
            for colour in pooled:
                chosen = found["colour"] == colour
                if chosen.sum() >= 50:
                    pooled[colour].append((found["i_ty"][chosen].mean(), found["i_xt"][chosen].mean()))
            others = bootstrapped(p, n, 100 * number + n) if n == BOOTSTRAP_SIZE else ["-", "-"]
            light = " / ".join(f"{100 * one:.0f}" for one in shares)
            columns = (name, n, light, f"{found['error'].mean():+.4f}", share(found["i_ty"]), share(found["i_xt"]))
            print("| " + " | ".join(map(str, (*columns, *others))) + " |", flush=True)
    print("\n| colour | lines with at least 50 such repeats | I(T;Y): least, mean | I(X;T): least, mean |")
    print("|---|---|---|---|")
    for colour, lines in pooled.items():
        least, mean = np.min(lines, axis=0), np.mean(lines, axis=0)
        print(f"| {colour} | {len(lines)} | {least[0]:.3f}, {mean[0]:.3f} | {least[1]:.3f}, {mean[1]:.3f} |")


if __name__ == "__main__":
    main()
