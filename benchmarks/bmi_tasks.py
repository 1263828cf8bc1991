"""Forty continuous tasks with a known mutual information: the samplers, from their formulas.

The tasks are those of Czyz, Grabowski, Vogt, Beerenwinkel, Marx (2023), NeurIPS, arXiv:2306.11078: normal, Student and
uniform variables, and invertible maps of each side, which leave the information as it is. A ``Task`` draws
``sample(n, rng) -> x (n, dim_x), y (n, dim_y)`` and knows its information in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, psi

Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Task:
    """``covariance`` (dim_x + dim_y, same): of the variables before their maps, where these are normal or Student."""

    name: str
    dim_x: int
    dim_y: int
    nats: float
    sample: Draw
    covariance: np.ndarray | None = None


# ---------------------------------------------------------------- truths


def gaussian_nats(covariance: np.ndarray, dim_x: int) -> float:
    """1/2 log (|S_x| |S_y| / |S|)."""
    parts = covariance[:dim_x, :dim_x], covariance[dim_x:, dim_x:], covariance
    x, y, both = (np.linalg.slogdet(part)[1] for part in parts)
    return 0.5 * float(x + y - both)


def student_nats(dim_x: int, dim_y: int, freedom: int) -> float:
    """Of uncorrelated parts of one multivariate Student variable: h(x) + h(y) - h(x, y)."""

    def entropy(k: int) -> float:
        half = (freedom + k) / 2
        constant = gammaln(freedom / 2) - gammaln(half) + k / 2 * math.log(freedom * math.pi)
        return float(constant + half * (psi(half) - psi(freedom / 2)))

    return entropy(dim_x) + entropy(dim_y) - entropy(dim_x + dim_y)


def additive_nats(noise: float) -> float:
    """Of X uniform on (0, 1) and X plus uniform noise on (-noise, noise)."""
    return noise - math.log(2 * noise) if noise <= 0.5 else 1 / (4 * noise)


# ---------------------------------------------------------------- samplers


def normal(covariance: np.ndarray, dim_x: int) -> Draw:
    root = np.linalg.cholesky(covariance)

    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        both = rng.standard_normal((n, len(covariance))) @ root.T
        return both[:, :dim_x], both[:, dim_x:]

    return draw


def student(dim_x: int, dim_y: int, freedom: int) -> Draw:
    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        both = rng.standard_normal((n, dim_x + dim_y)) * np.sqrt(freedom / rng.chisquare(freedom, (n, 1)))
        return both[:, :dim_x], both[:, dim_x:]

    return draw


def additive(noise: float) -> Draw:
    def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x = rng.random((n, 1))
        return x, x + rng.uniform(-noise, noise, (n, 1))

    return draw


def mapped(draw: Draw, map_x: Map, map_y: Map) -> Draw:
    def mapped_draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x, y = draw(n, rng)
        return map_x(x), map_y(y)

    return mapped_draw


# ---------------------------------------------------------------- maps, each of them invertible


def half_cube(v: np.ndarray) -> np.ndarray:
    return v * np.sqrt(np.abs(v))


def wiggly_x(x: np.ndarray) -> np.ndarray:
    return x + 0.4 * np.sin(x) + 0.2 * np.sin(1.7 * x + 1) + 0.03 * np.sin(3.3 * x - 2.5)


def wiggly_y(y: np.ndarray) -> np.ndarray:
    return y - 0.4 * np.sin(0.4 * y) + 0.17 * np.sin(1.3 * y + 3.5) + 0.02 * np.sin(4.3 * y - 2.5)


def swiss_roll(x: np.ndarray) -> np.ndarray:
    """(n, 1) on (0, 1) -> (n, 2)."""
    turn = 1.5 * np.pi * (1 + 2 * x)
    return np.hstack([turn * np.cos(turn), turn * np.sin(turn)]) / 21


def spiral(first: int, speed: float) -> Map:
    """Turn the plane of axes ``first`` and the next one by ``speed`` times the squared length of the row."""

    def turn(v: np.ndarray) -> np.ndarray:
        angle = speed * np.sum(v**2, axis=1)
        result = v.copy()
        a, b = v[:, first], v[:, first + 1]
        result[:, first] = np.cos(angle) * a - np.sin(angle) * b
        result[:, first + 1] = np.sin(angle) * a + np.cos(angle) * b
        return result

    return turn


def mixture_quantile(share: float, low: float, high: float) -> Map:
    """Normal scores -> a variable distributed as share N(low, 1) + (1 - share) N(high, 1)."""

    def quantile(v: np.ndarray) -> np.ndarray:
        target = ndtr(v)
        left, right = np.full_like(v, low - 12), np.full_like(v, high + 12)
        for _ in range(60):
            middle = (left + right) / 2
            below = share * ndtr(middle - low) + (1 - share) * ndtr(middle - high) < target
            left, right = np.where(below, middle, left), np.where(below, right, middle)
        return (left + right) / 2

    return quantile


# ---------------------------------------------------------------- the forty


def dense_covariance(dim_x: int, dim_y: int) -> np.ndarray:
    """Unit variances, every correlation 1/2."""
    return 0.5 * np.eye(dim_x + dim_y) + 0.5


def sparse_covariance(dim_x: int, dim_y: int) -> np.ndarray:
    """Unit variances; x_i and y_i have correlation .8 for the first two i, all else is independent."""
    covariance = np.eye(dim_x + dim_y)
    for pair in range(2):
        covariance[pair, dim_x + pair] = covariance[dim_x + pair, pair] = 0.8
    return covariance


def tasks() -> dict[str, Task]:
    """All forty, by name."""
    every = [*_one_by_one(), *_multinormal(), *_student()]
    return {task.name: task for task in every}


def _normal_task(name: str, covariance: np.ndarray, dim_x: int, *maps: tuple[Map, Map]) -> Task:
    draw = normal(covariance, dim_x)
    for map_x, map_y in maps:
        draw = mapped(draw, map_x, map_y)
    dim_y = len(covariance) - dim_x
    return Task(name, dim_x, dim_y, gaussian_nats(covariance, dim_x), draw, covariance)


def _one_by_one() -> list[Task]:
    covariance = np.array([[1, 0.75], [0.75, 1]])
    bimodal = mixture_quantile(0.3, 0, 5), mixture_quantile(0.5, -1, 3)
    roll = _normal_task("", covariance, 1, (ndtr, ndtr), (swiss_roll, np.copy))
    return [
        _normal_task("1v1-normal-0.75", covariance, 1),
        _normal_task("normal_cdf-1v1-normal-0.75", covariance, 1, (ndtr, ndtr)),
        Task("1v1-additive-0.1", 1, 1, additive_nats(0.1), additive(0.1)),
        Task("1v1-additive-0.75", 1, 1, additive_nats(0.75), additive(0.75)),
        _normal_task("1v1-bimodal-0.75", covariance, 1, bimodal),
        _normal_task("wiggly-1v1-normal-0.75", covariance, 1, (wiggly_x, wiggly_y)),
        _normal_task("half_cube-1v1-normal-0.75", covariance, 1, (half_cube, half_cube)),
        Task("swissroll_x-normal_cdf-1v1-normal-0.75", 2, 1, roll.nats, roll.sample, covariance),
    ]


def _multinormal() -> list[Task]:
    made = [_normal_task(f"multinormal-dense-{d}-{d}-0.5", dense_covariance(d, d), d) for d in (2, 3, 5, 25, 50)]
    for d in (2, 3, 5, 25):
        covariance, name = sparse_covariance(d, d), f"multinormal-sparse-{d}-{d}-2-2.0"
        made.append(_normal_task(name, covariance, d))
        if d == 2:
            continue
        turns = spiral(0, 1 / d), spiral(1, 1 / d)
        made += [
            _normal_task(f"normal_cdf-{name}", covariance, d, (ndtr, ndtr)),
            _normal_task(f"half_cube-{name}", covariance, d, (half_cube, half_cube)),
            _normal_task(f"spiral-{name}", covariance, d, turns),
            _normal_task(f"spiral-normal_cdf-{name}", covariance, d, (ndtr, ndtr), turns),
        ]
    return made


def _student() -> list[Task]:
    made = []
    for d, freedom in ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)):
        name, nats, draw = f"student-identity-{d}-{d}-{freedom}", student_nats(d, d, freedom), student(d, d, freedom)
        made.append(Task(name, d, d, nats, draw))
        if (d, freedom) in ((1, 1), (2, 1), (3, 2), (5, 2)):
            made.append(Task(f"asinh-{name}", d, d, nats, mapped(draw, np.arcsinh, np.arcsinh)))
    return made
