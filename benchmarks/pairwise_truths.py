"""The estimators kde, renyi and soft on channels whose information is known: the tables of their pages."""

from __future__ import annotations

import math
import sys
from itertools import pairwise

import numpy as np
import torch
from scipy.integrate import quad

import infoplane as ip
from infoplane.estimators.counting.samples import Variable, distinct_ids, label_ids


def mixture_information(centres: np.ndarray, beta: float) -> float:
    """I(X;T+Z) in bits for equal weights on the centres and Gaussian noise, by quadrature."""

    def surprise(z: float) -> float:
        p = np.exp(-((z - centres) ** 2) / (2 * beta**2)).mean() / math.sqrt(2 * math.pi * beta**2)
        return -p * math.log2(p) if p > 0 else 0.0

    places = [centres.min() - 12 * beta, *np.sort(centres), centres.max() + 12 * beta]
    entropy = math.fsum(quad(surprise, a, b, limit=200)[0] for a, b in pairwise(places) if b > a)
    return entropy - 0.5 * math.log2(2 * math.pi * math.e * beta**2)


def kde() -> None:
    """A neuron tanh(x) over 64 inputs of a normal distribution, the label the sign of the input; bits."""
    x = np.random.default_rng(0).normal(size=64)
    t, y = np.tanh(x), (x > 0).astype(int)
    print("| noise variance | I(X;T+Z) | low | value = high | I(T+Z;Y) | low | value | high |")
    print("|---|---|---|---|---|---|---|---|")
    for variance in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        beta = math.sqrt(variance)
        truth = mixture_information(t, beta)
        label_truth = truth - sum((y == c).mean() * mixture_information(t[y == c], beta) for c in (0, 1))
        made = ip.estimators.estimator("kde", noise_variance=variance)
        prepared = made.prepare(torch.from_numpy(t[:, None]))
        i_xt = made.about_input(prepared, Variable(distinct_ids(64)))
        i_ty = made.about_label(prepared, Variable(label_ids(y)))
        cells = [truth, i_xt.low, i_xt.value, label_truth, i_ty.low, i_ty.value, i_ty.high]
        print(f"| {variance:g} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")


def renyi() -> None:
    """512 samples, 64 units, ten classes whose means are ``distance`` standard deviations from the origin; bits."""
    rng = np.random.default_rng(0)
    y = np.arange(512) % 10
    noise, means = rng.normal(size=(512, 64)), np.linalg.qr(rng.normal(size=(64, 10)))[0].T
    print("| distance of the means | width | value | null | S(Y) | flags |\n|---|---|---|---|---|---|")
    for distance in (0, 5, 20):
        for width in ("silverman", "median", 3.0):
            t = noise + distance * means[y]
            found = ip.mutual_information(t, y, estimator="renyi", kernel_width=width)
            null, own = found.details["null"], found.details["h_y"]
            flags = ", ".join(found.flags)
            print(f"| {distance} | {width} | {found.value:.2f} | {null:.2f} | {own:.2f} | {flags} |")


def soft() -> None:
    """24 576 samples of 64 units that know their label or do not, label frequencies as 1 / rank; bits."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(24_576, 64))
    print("| labels | H(Y) | samples know | value | null | flags |\n|---|---|---|---|---|---|")
    for classes in (10, 91, 1306, 4384):
        shares = 1 / np.arange(1, classes + 1)
        y = rng.choice(classes, size=len(noise), p=shares / shares.sum())
        means = rng.normal(size=(classes, 64))
        for what, strength in (("nothing", 0.0), ("their label", 3.0)):
            found = ip.mutual_information(noise + strength * means[y], y, estimator="soft")
            own, null, flags = found.details["h_y"], found.details["null"], ", ".join(found.flags)
            print(f"| {classes} | {own:.2f} | {what} | {found.value:.3f} | {null:.3f} | {flags} |")


def main() -> None:
    torch.set_num_threads(1)
    tables = {"kde": kde, "renyi": renyi, "soft": soft}
    for name in sys.argv[1:] or tables:
        print(f"python benchmarks/pairwise_truths.py {name}\n")
        tables[name]()
        print()


if __name__ == "__main__":
    main()
