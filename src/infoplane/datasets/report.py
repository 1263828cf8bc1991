"""The report's two synthetic tasks, twelve small integers and a noisy threshold, with their exact entropies."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from infoplane.checks import truth_value, whole_number
from infoplane.datasets.facts import entropy_bits
from infoplane.types import Dataset

_MOST_SAMPLES = 10**9  # 96 GB of inputs
_UNITS = 12
_VALUES = np.arange(-1, 4)  # what an input can be, each with probability 1/5
_SIMPLE_NOISE, _SIMPLE_THRESHOLD = 0.1, 0.7
_COMPLICATED_NOISE = 0.2


def load_report_simple(*, samples: int = 1000, seed: int = 0) -> Dataset:
    """The report's simple task: is the mean of twelve integers, with a little noise, above 0.7?

    x is int64 ``(samples, 12)``, uniform on -1..3; ``y = [mean(x) + N(0, 0.1) > 0.7]``. The facts are those of the
    task, found by summing over the exact distribution of the mean: H(Y) = 0.7949 bits and, because of the noise,
    I(X;Y) = 0.6036 bits. A plug-in value above that is memorised sample.

    Raises:
        InputError: fewer than 2 samples, or a seed that is no whole number from 0.

    Example:
        >>> data = load_report_simple(samples=100, seed=1)
        >>> data.x.shape, round(data.details["facts"]["i_xy_bits"], 4)
        ((100, 12), 0.6036)
    """
    seed = whole_number("seed", seed, least=0, example=0)
    count = whole_number("samples", samples, least=2, most=_MOST_SAMPLES, example=1000)
    draw = np.random.default_rng(seed)
    x = draw.integers(-1, 4, size=(count, _UNITS))
    noise = draw.normal(scale=_SIMPLE_NOISE, size=count)
    y = x.mean(axis=1) + noise > _SIMPLE_THRESHOLD
    total, probability = _sum_of([_VALUES] * _UNITS)
    facts = _threshold_facts(total / _UNITS, probability, noise=_SIMPLE_NOISE, threshold=_SIMPLE_THRESHOLD)
    details = {
        "seed": seed,
        "options": {"samples": count},
        "source": "generated: y = [mean(x) + N(0, 0.1) > 0.7], x uniform on -1..3",
        "facts": facts,
    }
    return Dataset("report-simple", x, y.astype(np.int64), details)


def load_report_complicated(*, samples: int = 1000, as_published: bool = False, seed: int = 0) -> Dataset:
    """The report's complicated task: is a sum of products, with a little noise, above its mean?

    x is int64 ``(samples, 12)``, uniform on -1..3. With s = x2 x3 + x4 x5 + x6 x7 + x8 x9 + x10 x11 - x0^2 row by
    row, ``y = [s + N(0, 0.2) > mean(s)]``. ``as_published=True`` adds the products up over all rows as well, as the
    report's code does. That sum is one constant, which the mean takes away again: y is then 1 where x0 is -1, 0 or 1
    and 0 where it is 2 or 3 (but for about one row in a million, whose noise is larger), whatever the other eleven
    inputs are.

    The facts hold for rows drawn from the task and labelled with the threshold ``facts["threshold"]``, the mean of s
    over the rows at hand.

    Raises:
        InputError: fewer than 2 samples, a seed that is no whole number from 0, or an ``as_published`` that is not
            True or False.

    Example:
        >>> data = load_report_complicated(as_published=True)
        >>> sorted(set(data.x[data.y == 1, 0].tolist()))
        [-1, 0, 1]
    """
    seed = whole_number("seed", seed, least=0, example=0)
    count = whole_number("samples", samples, least=2, most=_MOST_SAMPLES, example=1000)
    as_published = truth_value("as_published", as_published)
    draw = np.random.default_rng(seed)
    x = draw.integers(-1, 4, size=(count, _UNITS))
    noise = draw.normal(scale=_COMPLICATED_NOISE, size=count)
    products = x[:, 2::2] * x[:, 3::2]  # (samples, 5)
    square = x[:, 0] ** 2
    constant = int(products.sum()) if as_published else 0
    s = constant - square if as_published else products.sum(axis=1) - square
    threshold = float(s.mean())
    pair = np.multiply.outer(_VALUES, _VALUES).ravel()
    total, probability = _sum_of([-(_VALUES**2)] if as_published else [pair] * 5 + [-(_VALUES**2)])
    facts = _threshold_facts(total + constant, probability, noise=_COMPLICATED_NOISE, threshold=threshold)
    summed = "all rows and pairs" if as_published else "pairs"
    details = {
        "seed": seed,
        "options": {"samples": count, "as_published": as_published},
        "source": f"generated: y = [s + N(0, 0.2) > mean(s)], s = (products summed over {summed}) - x0^2",
        "facts": facts,
    }
    return Dataset("report-complicated", x, (s + noise > threshold).astype(np.int64), details)


def _sum_of(terms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Values and probabilities of a sum of independent whole numbers, each uniform on the entries of one term."""
    lowest = sum(int(term.min()) for term in terms)
    # the distribution of a sum is the convolution of those of its terms
    each = [np.bincount(term - term.min()) / len(term) for term in terms]
    probability = functools.reduce(np.convolve, each)
    return lowest + np.arange(len(probability)), probability


def _threshold_facts(values: np.ndarray, probability: np.ndarray, *, noise: float, threshold: float) -> dict[str, Any]:
    """Exact H(Y) and I(X;Y) of y = [v + N(0, noise) > threshold], where x determines v and nothing else matters."""
    # P(v + noise > threshold) is the upper tail of a normal distribution: erfc((threshold - v) / (s sqrt 2)) / 2
    above = np.array([math.erfc((threshold - v) / (noise * math.sqrt(2))) / 2 for v in values])
    given_x = np.stack([above, 1 - above])  # (classes, values)
    h_y = entropy_bits(given_x @ probability)
    h_y_given_x = sum(p * entropy_bits(column) for p, column in zip(probability, given_x.T, strict=True))
    return {
        "about": "the task: rows drawn and labelled anew with this threshold",
        "threshold": threshold,
        "h_x_bits": _UNITS * math.log2(len(_VALUES)),
        "h_y_bits": h_y,
        "i_xy_bits": float(h_y - h_y_given_x),
    }
