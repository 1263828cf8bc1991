"""Entropies of counts and information from neighbours as their definitions say, slow and readable, in nats."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma


def plug_in(counts):
    n = sum(counts)
    return -math.fsum(c / n * math.log(c / n) for c in counts if c > 0)


def miller_madow(counts):
    return plug_in(counts) + (sum(c > 0 for c in counts) - 1) / (2 * sum(counts))


def jackknife(counts):
    """n H - (n - 1) mean of H without one sample, sample by sample."""
    n = sum(counts)
    if n == 1:
        return plug_in(counts)
    cell_of_each_sample = [cell for cell, count in enumerate(counts) for _ in range(count)]
    refits = [plug_in([c - (i == cell) for i, c in enumerate(counts)]) for cell in cell_of_each_sample]
    return n * plug_in(counts) - (n - 1) * math.fsum(refits) / n


def grassberger(counts):
    def g(c):
        return digamma(c) + (-1) ** c / 2 * (digamma((c + 1) / 2) - digamma(c / 2))

    return math.log(sum(counts)) - math.fsum(c * g(c) for c in counts if c > 0) / sum(counts)


def chao_shen(counts):
    n, alone = sum(counts), counts.count(1)
    coverage = 1 - (n - 1 if alone == n else alone) / n
    shares = [coverage * c / n for c in counts if c > 0]
    return -math.fsum(p * math.log(p) / (1 - (1 - p) ** n) for p in shares)


def james_stein(counts):
    n, target = sum(counts), 1 / len(counts)
    shares = [c / n for c in counts]
    spread = math.fsum((target - p) ** 2 for p in shares)
    if n == 1 or len(set(counts)) == 1:
        weight = 1.0
    else:
        weight = min(1.0, math.fsum(p * (1 - p) for p in shares) / (n - 1) / spread)
    shrunk = [weight * target + (1 - weight) * p for p in shares]
    return -math.fsum(p * math.log(p) for p in shrunk if p > 0)


def corrected(counts, correction):
    """By the name of the correction."""
    return {
        "none": plug_in,
        "miller-madow": miller_madow,
        "jackknife": jackknife,
        "grassberger": grassberger,
        "chao-shen": chao_shen,
        "james-stein": james_stein,
    }[correction](list(counts))


def slow_neighbours(x, y, k, *, classes=False):
    """Equation 8 of Kraskov 2004 and, for ``classes``, equation 2 of Ross 2014, sample by sample.

    Where values repeat, and more samples lie at the distance of the k-th neighbour than the one that sets it, all of
    them count.
    """
    columns = x if classes else np.hstack([x, y])
    repeats = any(len(np.unique(column)) < len(x) for column in columns.T)
    terms = []
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        in_x = np.abs(x[others] - x[i]).max(1)
        in_y = np.where(y[others] == y[i], 0.0, np.inf) if classes else np.abs(y[others] - y[i]).max(1)
        together = np.maximum(in_x, in_y)
        near = min(k, np.isfinite(together).sum())
        reach = np.sort(together)[near - 1]
        both = [in_x] if classes else [in_x, in_y]
        nearer, within = ([(each < bound).sum() for each in both] for bound in (reach, reach * (1 + 1e-6) + 1e-300))
        if repeats and (sum(within) - sum(nearer) > 1 or reach == 0):
            near, nearer = (together <= reach * (1 + 1e-6)).sum() + (reach == 0), within
            if classes and reach > 0:
                nearer = [within[0] - 1]
        if classes:
            nearer.append(np.sum(in_y == 0))
        terms.append(digamma(near) + digamma(len(x)) - sum(digamma(count + 1) for count in nearer))
    return np.mean(terms)


def without_lone(t, y):
    """The samples that share their class with another one."""
    shared = np.array([np.sum(y == label) > 1 for label in y])
    return t[shared], y[shared]
