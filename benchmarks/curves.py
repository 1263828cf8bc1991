"""How often the brackets of information curves hold the truth, and how wide they are: channels with known information.

python benchmarks/curves.py [--channels 1000] [--seed 0]

A channel is a layer with known information behind Gaussian noise at one signal-to-noise ratio: normal clouds of 1 to
256 dimensions with falling spectra, one for each class (one class: a normal layer), whose truth is an integral over the
labels, taken from 20 000 points; or points on a grid and binary rows, whose sum over all points is exact but for the
same points. The bounds of the table's last two lines are widths of the bracket without sampling errors.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from machine import machine
from scipy.special import logsumexp

import infoplane as ip

DRAWN = 20_000  # points of an integral
BIT = np.log(2)
Centres = tuple[np.ndarray, np.ndarray, np.ndarray]  # (points, units), labels (points,), variances (units,)


def clouds(random: np.random.Generator) -> Centres:
    """A normal cloud for each class, all of one falling spectrum."""
    units = int(random.choice([1, 2, 4, 16, 64, 256]))
    classes = int(random.choice([1, 2, 3, 10]))
    variances = (1.0 + np.arange(units)) ** -random.choice([0.0, 0.5, 1.0, 2.0])
    centres = random.normal(size=(classes, units)) * np.sqrt(variances) * random.choice([0.0, 0.7, 1.4, 2.8])
    return centres, np.arange(classes), variances


def points(random: np.random.Generator) -> Centres:
    """Points on a grid in one or two dimensions, with labels that follow the place."""
    side, units = int(random.choice([3, 5, 8])), int(random.choice([1, 2]))
    axes = np.meshgrid(*[np.arange(side, dtype=float)] * units, indexing="ij")
    grid = np.stack([axis.ravel() for axis in axes], 1)
    return grid, (grid.sum(1) % 3).astype(int), np.zeros(units)


def binary(random: np.random.Generator) -> Centres:
    """All rows of up to seven bits; the label is one bit, or their parity."""
    bits = int(random.integers(2, 8))
    rows = (np.arange(2**bits)[:, None] >> np.arange(bits)) & 1
    return rows.astype(float), rows.sum(1) % 2 if random.random() < 0.5 else rows[:, 0], np.zeros(bits)


def truth(random: np.random.Generator, channel: Centres, noise: float) -> dict[str, tuple[float, float]]:
    """I(X;T) and I(T;Y) in nats, each with the error of its integral."""
    centres, labels, variances = channel
    total = variances + noise**2
    which = random.integers(len(centres), size=DRAWN)
    t = centres[which] + random.normal(size=(DRAWN, len(total))) * np.sqrt(total)
    log_p = np.stack([-(((t - centre) ** 2) / (2 * total)).sum(1) for centre in centres], 1)  # (drawn, points)
    everything = logsumexp(log_p, axis=1) - np.log(len(centres))
    about_point = log_p[np.arange(DRAWN), which] - everything
    of_label = np.stack([labels == label for label in range(labels.max() + 1)])  # (labels, points)
    own = of_label[labels[which]]
    about_label = logsumexp(np.where(own, log_p, -np.inf), axis=1) - np.log(own.sum(1)) - everything
    inside = 0.5 * np.log1p(variances / noise**2).sum()
    return {
        "I(X;T)": (inside + about_point.mean(), about_point.std() / np.sqrt(DRAWN)),
        "I(T;Y)": (about_label.mean(), about_label.std() / np.sqrt(DRAWN)),
    }


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows: dict[tuple[str, str], list[tuple[float, float, bool]]] = {}
    begin = time.perf_counter()
    for number in range(options.channels):
        random = np.random.default_rng([options.seed, number])
        kind = ("clouds", "clouds", "points", "binary")[number % 4]
        channel = {"clouds": clouds, "points": points, "binary": binary}[kind](random)
        centres, labels, variances = channel
        n, snr = int(random.choice([500, 1000, 2000])), float(2.0 ** random.uniform(-1, 8))
        which = random.integers(len(centres), size=n)
        t = centres[which] + random.normal(size=(n, len(variances))) * np.sqrt(variances)
        y = labels[which]
        # the curve takes the sample's own variance for the signal; the truth is that of the same noise
        noise = np.sqrt(((t - t.mean(0)) ** 2).sum(1).mean() / snr)
        truths = truth(random, channel, noise)
        curve = ip.information_curve(t, y if labels.max() else None, snr=snr, units="nats", seed=number)
        estimates = {"I(X;T)": curve.i_xt(0)} | ({"I(T;Y)": curve.i_ty(0)} if labels.max() else {})
        smallest = np.bincount(y).min() if labels.max() else n
        for what, estimate in estimates.items():
            value, error = truths[what]
            low, high = estimate.low, np.inf if estimate.high is None else estimate.high
            reach = np.log(n) - 7 * BIT if what == "I(X;T)" else np.log(max(smallest, 1)) - 5 * BIT
            upper = estimate.details["upper_bound"]
            width = (np.inf if upper is None else upper - estimate.details["lower_bound"]) / BIT
            holds = low - 3 * error <= value <= high + 3 * error
            rows.setdefault((what, kind), []).append((holds, width, truths["I(X;T)"][0] <= reach))
    print(
        f"`python benchmarks/curves.py --channels {options.channels} --seed {options.seed}`: {options.channels} "
        f"channels, {time.perf_counter() - begin:.0f} s. {machine()}\n"
    )
    print("| information | layer | channels | held | within reach | width there, bits: median | 95 % | largest |")
    print("|---|---|---|---|---|---|---|---|")
    for what in ("I(X;T)", "I(T;Y)"):
        every = {kind: table for (name, kind), table in rows.items() if name == what}
        for kind, table in {**every, "all": [row for several in every.values() for row in several]}.items():
            holds, width, reached = map(np.array, zip(*table, strict=True))
            near = width[reached.astype(bool)]
            stats = (
                [f"{stat:.3f}" for stat in (np.median(near), np.quantile(near, 0.95), near.max())] if len(near) else []
            )
            print(f"| {what} | {kind} | {len(table)} | {np.mean(holds):.3f} | {len(near)} | {' | '.join(stats)} |")
    print("\nWithin reach: I(X;T) at most log2 n - 7 bits; for I(T;Y), at most log2 of the smallest class - 5 bits.")


if __name__ == "__main__":
    main()
