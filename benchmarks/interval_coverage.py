"""How often the intervals of every estimator hold the truth, by light, as a table.

python benchmarks/interval_coverage.py [--held-out | --all] [--estimator NAME ...] [--repeats 100] [--lines]

The models stand in ``known_models.py``, each with a number; those kept aside while a rule is made are measured with
``--held-out``. A line is an estimator on a model at one size, many times; it counts for a light where at least a fifth
of its repeats have that light. The truth is the information of what the estimator declares to measure: of the pair, of
its own cells, or behind its own noise; for a bound, which need not be near it, the one end is tried.
"""

from __future__ import annotations

import argparse
import functools
import math
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from known_models import MODELS, Model, held_out, mixture_nats
from machine import machine
from scipy.stats import norm

import infoplane as ip

NEEDED = 0.93
_SHARE = 0.2  # of the repeats of a line from which on a light counts
Truth = Callable[[Model, ip.Estimate], float | None]


def of_the_pair(model: Model, estimate: ip.Estimate) -> float | None:
    return model.nats


def of_own_cells(model: Model, estimate: ip.Estimate) -> float | None:
    """Of the cells between the estimate's own edges, from the distribution functions of the classes."""
    if model.classes is None:
        return None
    shares, each = model.classes
    edges = np.array([-np.inf, *estimate.details["edges"], np.inf])
    p = np.array([share * np.diff(one.cdf(edges)) for share, one in zip(shares, each, strict=True)])
    expected = np.outer(p.sum(1), p.sum(0))
    return float((p[p > 0] * np.log(p[p > 0] / expected[p > 0])).sum())


def behind_noise(variance: Callable[[Model], float]) -> Truth:
    """Of T + N(0, v), where the classes are normal."""

    @functools.cache
    def nats(model_name: str) -> float:
        model = next(one for one in MODELS if one.name == model_name)
        shares, each = model.classes  # type: ignore[misc]
        wider = [norm(one.mean(), math.sqrt(one.var() + variance(model))) for one in each]
        return mixture_nats(shares, wider)

    def truth(model: Model, estimate: ip.Estimate) -> float | None:
        return nats(model.name) if model.classes is not None and model.kind == "normal" else None

    return truth


def total_variance(model: Model) -> float:
    shares, each = model.classes  # type: ignore[misc]
    means = np.array([one.mean() for one in each])
    within = np.array([one.var() for one in each])
    shares = np.asarray(shares)
    return float(shares @ (within + means**2) - (shares @ means) ** 2)


def of_many_samples(spec: Any) -> Truth:
    """The estimate itself of 100 000 samples, for a channel of its own that no formula gives."""

    @functools.cache
    def nats(model_name: str) -> float:
        model = next(one for one in MODELS if one.name == model_name)
        t, y = model.draw(np.random.default_rng(99), 100_000)
        made = ip.estimators.estimator(spec)
        return ip.mutual_information(t, y, estimator=made, units="nats", intervals=False).value

    return lambda model, estimate: nats(model.name)


@dataclass(frozen=True)
class Entry:
    """An estimator, the kinds of models that it is for, and what its truth is there."""

    name: str
    spec: dict[str, Any]
    kinds: tuple[str, ...]
    truth: Truth = of_the_pair
    labels: str = "any"  # or "classes", "numbers"
    most_units: int = 6
    slow: bool = False


QUICK = {"steps": 300, "hidden": 32}
CONTINUOUS = ("normal", "copula", "numbers", "classes")
ENTRIES = (
    Entry("binned, equal rows", {"name": "binned", "bins": "distinct"}, ("table",)),
    Entry(
        "binned, jackknife",
        {"name": "binned", "bins": "distinct", "correction": "jackknife", "interval": "jackknife"},
        ("table",),
    ),
    Entry("binned, reflected", {"name": "binned", "bins": "distinct", "interval": "reflected"}, ("table",), slow=True),
    Entry(
        "binned, 8 bins of equal share",
        {"name": "binned", "bins": {"rule": "quantile", "bins": 8}},
        ("normal", "classes"),
        of_own_cells,
        "classes",
    ),
    Entry("kde", {"name": "kde", "noise_variance": 0.25}, ("normal",), behind_noise(lambda model: 0.25), "classes"),
    Entry(
        "noisy", {"name": "noisy", "noise": 0.5}, ("normal",), behind_noise(lambda model: 0.25), "classes", slow=True
    ),
    Entry(
        "channel",
        {"name": "channel", "snr": "6 dB"},
        ("normal",),
        behind_noise(lambda model: total_variance(model) / 10**0.6),
        "classes",
    ),
    Entry("soft", {"name": "soft"}, ("normal", "classes"), of_many_samples({"name": "soft"}), "classes"),
    Entry("ksg", {"name": "ksg"}, CONTINUOUS),
    Entry("mixed-ksg", {"name": "mixed-ksg"}, (*CONTINUOUS, "mixed")),
    Entry("compressed", {"name": "compressed"}, CONTINUOUS),
    Entry("gaussian", {"name": "gaussian"}, ("normal",)),
    Entry("gaussian-copula", {"name": "gaussian-copula"}, ("normal", "copula"), labels="numbers"),
    Entry("edge", {"name": "edge"}, CONTINUOUS, most_units=2),
    Entry("usable", {"name": "usable"}, ("normal", "classes"), labels="classes"),
    *(
        Entry(name, {"name": name, **QUICK}, ("normal", "classes"), slow=True)
        for name in ("infonce", "nwj", "smile", "mine", "club")
    ),
)


def holds(estimate: ip.Estimate, truth: float) -> bool:
    """Of a bound one end; up to rounding, since intervals of functions of T can have no width."""
    below = estimate.low is None or estimate.kind == "upper bound" or estimate.low <= truth + 1e-9
    above = estimate.high is None or estimate.kind == "lower bound" or truth <= estimate.high + 1e-9
    return below and above


@dataclass(frozen=True)
class Line:
    """One estimator on one model at one size: of every repeat the light, whether the interval holds, and the error."""

    name: str
    n: int
    lights: np.ndarray
    held: np.ndarray
    errors: np.ndarray
    seconds: float

    def coverage(self, light: str) -> float | None:
        chosen = (self.lights == light) & ~np.isnan(self.held)
        return float(self.held[chosen].mean()) if chosen.mean() >= _SHARE else None


def line(entry: Entry, number: int, n: int, repeats: int) -> Line | None:
    model, rows, seconds = MODELS[number], [], []
    made = ip.estimators.estimator(entry.spec)
    for repeat in range(repeats):
        t, y = model.draw(np.random.default_rng([number, n, repeat]), n)
        begin = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True):
                estimate = ip.mutual_information(t, y, estimator=made, units="nats")
        except ip.InfoplaneError:
            return None
        seconds.append(time.perf_counter() - begin)
        truth = entry.truth(model, estimate)
        if truth is None:
            return None
        light = next((flag for flag in estimate.flags if flag in ("green", "amber", "red")), "amber")
        rows.append((light, holds(estimate, truth) if estimate.interval else math.nan, estimate.value - truth))
    lights, held, errors = map(np.array, zip(*rows, strict=True))
    return Line(model.name, n, lights, held.astype(float), errors, statistics.median(seconds))


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimator", nargs="*", default=[entry.name for entry in ENTRIES], help="names of the table")
    parser.add_argument("--held-out", action="store_true", help="the models that were kept aside")
    parser.add_argument("--all", action="store_true", help="all models")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1000])
    parser.add_argument("--lines", action="store_true", help="print every line")
    options = parser.parse_args()
    chosen = [at for at in range(len(MODELS)) if options.all or held_out(at) == options.held_out]
    which = "all" if options.all else "held out" if options.held_out else "not held out"
    print(f"{len(chosen)} models ({which}), {options.repeats} repeats, n in {options.sizes}. {machine()}\n")
    print("| estimator | lines | % green / amber / red | green: least, mean | amber: least, mean | below .93 | s |")
    print("|---|---|---|---|---|---|---|")
    for entry in ENTRIES:
        if entry.name not in options.estimator:
            continue
        lines = []
        for at in chosen:
            model = MODELS[at]
            numbers = model.kind in ("copula", "numbers") or model.name.startswith("normal, ")
            wanted = {"any": True, "classes": not numbers, "numbers": numbers}[entry.labels]
            if model.kind not in entry.kinds or not wanted or model.units > entry.most_units:
                continue
            sizes = options.sizes[-1:] if entry.slow else options.sizes
            repeats = max(options.repeats // 4, 10) if entry.slow else options.repeats
            lines += [one for n in sizes if (one := line(entry, at, n, repeats)) is not None]
        print(_row(entry.name, lines), flush=True)
        for one in lines:
            low = [light for light in ("green", "amber") if (one.coverage(light) or 1.0) < NEEDED]
            if options.lines or low:
                shares = " / ".join(f"{100 * np.mean(one.lights == light):.0f}" for light in ("green", "amber", "red"))
                each = ", ".join(f"{light} {one.coverage(light)}" for light in ("green", "amber"))
                print(f"    {one.name}, n={one.n}: {shares}, {each}, mean error {one.errors.mean():+.4f}", flush=True)


def _row(name: str, lines: list[Line]) -> str:
    lights = np.concatenate([one.lights for one in lines]) if lines else np.array([])
    shares = " / ".join(f"{100 * np.mean(lights == light):.0f}" for light in ("green", "amber", "red"))
    cells, below = [], 0
    for light in ("green", "amber"):
        held = [one.coverage(light) for one in lines]
        kept = [each for each in held if each is not None]
        below += sum(each < NEEDED for each in kept)
        cells.append(f"{min(kept):.2f}, {np.mean(kept):.2f} ({len(kept)})" if kept else "-")
    seconds = statistics.median(one.seconds for one in lines) if lines else math.nan
    return f"| {name} | {len(lines)} | {shares} | {cells[0]} | {cells[1]} | {below} | {seconds:.3f} |"


if __name__ == "__main__":
    main()
