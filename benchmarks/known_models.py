"""Pairs of a layer T and a label Y whose information is known, for benchmarks of intervals; nats.

Their numbers say on which side they stand: a rule is made on models of numbers 0 and 1 modulo 3, and tried once on the
others (``held_out``). Models and numbers were fixed before the first run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, gammaln
from scipy.stats import expon, norm, uniform
from scipy.stats import t as student

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Model:
    """A pair with its information, and for which estimators that is what they declare to measure.

    ``kind``: ``normal`` (jointly normal numbers, or normal classes of one covariance), ``copula`` (increasing maps of
    such numbers), ``numbers``, ``classes``, ``mixed`` (with equal samples), ``table`` (symbols). ``classes`` has the
    shares and distributions of one unit given each class, where the model is such.
    """

    name: str
    kind: str
    units: int
    nats: float
    draw: Draw
    classes: tuple[Sequence[float], Sequence[Any]] | None = None


def normal(units: int, rho: float) -> Model:
    """Units that are correlated with those of the label, one by one (Cover, Thomas 2006, equation 8.56)."""

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        t = random.normal(size=(n, units))
        return t, rho * t + math.sqrt(1 - rho**2) * random.normal(size=(n, units))

    return Model(f"normal, {units} + {units}, rho {rho:g}", "normal", units, -units / 2 * math.log(1 - rho**2), draw)


def mapped(name: str, rho: float, of_t: Callable[..., np.ndarray], of_y: Callable[..., np.ndarray]) -> Model:
    """A normal pair under increasing maps of each side, which leave the information as it is."""
    inner = normal(1, rho)

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        t, y = inner.draw(random, n)
        return of_t(t), of_y(y)

    return Model(f"normal, rho {rho:g}, {name}", "copula", 1, inner.nats, draw)


def with_uniform_noise(reach: float) -> Model:
    """Y = T + U(-e, e), T uniform on [0, 1]: I = e - log 2e for e <= 1/2, from h(Y) - h(noise)."""

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        t = random.random((n, 1))
        return t, t + random.uniform(-reach, reach, (n, 1))

    return Model(f"uniform noise of {reach:g}", "numbers", 1, reach - math.log(2 * reach), draw)


def heavy(freedom: float, rho: float) -> Model:
    """Two numbers of a bivariate Student distribution: log Gammas and digammas beside the normal part."""

    def part(x: float) -> float:
        return float(gammaln(x / 2) - x / 2 * digamma(x / 2))

    nats = -math.log(1 - rho**2) / 2 + part(freedom) + part(freedom + 2) - 2 * part(freedom + 1)

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        t, y = normal(1, rho).draw(random, n)
        scale = np.sqrt(freedom / random.chisquare(freedom, (n, 1)))
        return scale * t, scale * y

    return Model(f"Student {freedom:g}, rho {rho:g}", "numbers", 1, nats, draw)


def mixture_nats(shares: Sequence[float], each: Sequence[Any]) -> float:
    """I(T;Y) of one unit given classes, by the trapezoid rule."""
    ends = [one.ppf(q) for one in each for q in (1e-10, 1 - 1e-10)]
    grid = np.linspace(min(ends), max(ends), 200_001)
    given = np.array([one.pdf(grid) for one in each])
    mixed = np.asarray(shares) @ given
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(given > 0, given * np.log(given / mixed), 0.0)
    return float(np.asarray(shares) @ np.trapezoid(logs, grid, axis=1))


def classes(name: str, shares: Sequence[float], each: Sequence[Any], units: int = 1, kind: str = "classes") -> Model:
    """Classes of one unit; further units are noise that says nothing."""

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        y = random.choice(len(shares), size=n, p=shares)
        t = np.empty((n, units))
        for number, one in enumerate(each):
            t[y == number, 0] = one.rvs(size=int((y == number).sum()), random_state=random)
        t[:, 1:] = random.normal(size=(n, units - 1))
        return t, y

    return Model(name, kind, units, mixture_nats(shares, each), draw, (shares, each) if units == 1 else None)


def shifted(places: Sequence[float], shares: Sequence[float] | None = None, units: int = 1) -> Model:
    """Normal classes of variance 1."""
    shares = shares or [1 / len(places)] * len(places)
    name = f"{len(places)} normal classes" + (f" in {units} units" if units > 1 else "")
    spread = f", {places[-1] - places[0]:g} sd" + (f", shares {shares[0]:g}..." if len(set(shares)) > 1 else "")
    return classes(name + spread, shares, [norm(place) for place in places], units, "normal")


def rectified(places: Sequence[float]) -> Model:
    """max(0, T) of normal classes: an atom at 0, and the part above it."""
    share, below = 1 / len(places), np.array([norm.cdf(-place) for place in places])
    grid = np.linspace(0, max(places) + 9, 100_001)
    given = np.array([norm.pdf(grid, place) for place in places])
    above = np.trapezoid(given * np.log(given / given.mean(0)), grid, axis=1)
    nats = share * float((below * np.log(below / below.mean()) + above).sum())

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        y = random.integers(len(places), size=n)
        return np.maximum(random.normal(size=n) + np.array(places)[y], 0)[:, None], y

    return Model(f"rectified, {len(places)} classes at {places[0]:g}...", "mixed", 1, nats, draw)


def table(name: str, p: np.ndarray) -> Model:
    """Symbols (as one unit of whole numbers) and classes drawn from a table p (symbols, classes)."""

    def entropy(q: np.ndarray) -> float:
        return float(-(q[q > 0] * np.log(q[q > 0])).sum())

    def draw(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        cells = np.repeat(np.arange(p.size), random.multinomial(n, p.ravel()))
        random.shuffle(cells)
        return (cells // p.shape[1])[:, None].astype(float), cells % p.shape[1]

    return Model(name, "table", 1, entropy(p.sum(1)) + entropy(p.sum(0)) - entropy(p), draw)


def noisy_symbols(cells: int, count: int, noise: float) -> np.ndarray:
    """Equally frequent symbols, Y = T mod classes but for a share of random labels."""
    p = np.full((cells, count), noise / count)
    p[np.arange(cells), np.arange(cells) % count] += 1 - noise
    return p / cells


def zipf(cells: int, exponent: float, seed: int) -> np.ndarray:
    """Symbols of frequency rank^-exponent, labels by chances drawn for each symbol."""
    shares = np.arange(1, cells + 1) ** -exponent
    given = np.random.default_rng(seed).dirichlet([0.5] * 4, size=cells)
    return shares[:, None] / shares.sum() * given


def function(cells: int, ratio: float) -> np.ndarray:
    """Frequencies that fall by ``ratio`` from symbol to symbol, and a label that is a function of the symbol."""
    shares = ratio ** np.arange(cells)
    return shares[:, None] / shares.sum() * np.eye(3)[np.arange(cells) * 7 % 5 % 3]


def waves(cells: int, count: int, tilt: float) -> np.ndarray:
    wave = np.cos(np.outer(np.arange(cells), np.arange(count)))
    return (1 + tilt * wave) / (1 + tilt * wave).sum()


def lumpy(cells: int, count: int, seed: int) -> np.ndarray:
    """A table drawn from a Dirichlet distribution: a few heavy cells and many rare ones."""
    return np.random.default_rng(seed).dirichlet([0.3] * (cells * count)).reshape(cells, count)


def bell(cells: int) -> np.ndarray:
    """Bins of a normal variable, and the sign of it with noise."""
    places = np.linspace(-4, 4, cells)
    shares = np.exp(-(places**2) / 2)
    chance = 1 / (1 + np.exp(-3 * places))
    return (shares / shares.sum())[:, None] * np.stack([chance, 1 - chance], axis=1)


MODELS: tuple[Model, ...] = (
    normal(1, 0.0),
    normal(1, 0.3),
    normal(1, 0.5),
    normal(1, 0.7),
    normal(1, 0.95),
    normal(1, 0.85),
    normal(2, 0.5),
    normal(2, 0.9),
    normal(2, 0.7),
    normal(3, 0.5),
    normal(3, 0.8),
    normal(3, 0.3),
    mapped("exp of T", 0.7, np.exp, np.asarray),
    mapped("cubes", 0.5, lambda t: t**3, lambda y: y**3),
    mapped("exp of both", 0.8, np.exp, np.exp),
    with_uniform_noise(0.5),
    with_uniform_noise(0.1),
    with_uniform_noise(0.25),
    heavy(3, 0.0),
    heavy(5, 0.7),
    heavy(4, 0.5),
    shifted([0, 0]),
    shifted([0, 1]),
    shifted([0, 2]),
    shifted([0, 4]),
    shifted([0, 1.5, 3]),
    shifted([0, 3]),
    shifted(list(np.arange(10) * 1.5)),
    shifted([0, 2], [0.9, 0.1]),
    shifted([0, 1, 4, 5], [0.4, 0.3, 0.2, 0.1]),
    shifted([0, 2], units=3),
    shifted([0, 2], units=6),
    shifted([0, 1.5, 3], units=4),
    classes("normal classes of sd 1 and 3", [0.5, 0.5], [norm(0, 1), norm(0, 3)]),
    classes("exponential and normal", [0.5, 0.5], [expon(), norm(2)]),
    classes("Student 2 classes, 2 apart", [0.5, 0.5], [student(2), student(2, 2)]),
    classes("uniform classes that overlap by half", [0.5, 0.5], [uniform(0, 1), uniform(0.5, 1)]),
    rectified([0.0, 1.0]),
    rectified([-1.0, 0.5, 2.0]),
    table("4 symbols, 2 classes, 30 % noise", noisy_symbols(4, 2, 0.3)),
    table("32 symbols, 10 classes, 50 % noise", noisy_symbols(32, 10, 0.5)),
    table("256 symbols, 2 classes, 80 % noise", noisy_symbols(256, 2, 0.8)),
    table("Zipf 1.3, 200 symbols", zipf(200, 1.3, 1)),
    table("Zipf 1.3, 5000 symbols", zipf(5000, 1.3, 2)),
    table("Zipf 2, 1000 symbols", zipf(1000, 2.0, 3)),
    table("function of 8 symbols", function(8, 0.7)),
    table("function of 64 symbols", function(64, 0.95)),
    table("function of 500 symbols", function(500, 0.99)),
    table("nearly independent, 12 x 3", waves(12, 3, 0.15)),
    table("nearly independent, 30 x 10", waves(30, 10, 0.15)),
    table("independent, 20 x 2", waves(20, 2, 0.0)),
    table("lumpy, 10 x 4", lumpy(10, 4, 4)),
    table("lumpy, 60 x 8", lumpy(60, 8, 5)),
    table("normal in 25 bins", bell(25)),
    table("normal in 400 bins", bell(400)),
)


def held_out(number: int) -> bool:
    """Whether the model of that number is kept aside while a rule is made."""
    return number % 3 == 2
