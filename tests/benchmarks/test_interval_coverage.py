"""A small version of benchmarks/interval_coverage.py, whose own table stands in docs/coverage.md."""

import math
import sys

import numpy as np
import pytest

import infoplane as ip

from ..conftest import TESTS, load

sys.path.insert(0, str(TESTS.parent / "benchmarks"))
coverage = load(TESTS.parent / "benchmarks" / "interval_coverage.py")
MODELS = {model.name: at for at, model in enumerate(coverage.MODELS)}
ENTRIES = {entry.name: entry for entry in coverage.ENTRIES}


def test_there_are_enough_models_and_a_third_is_kept_aside():
    assert len(MODELS) == len(coverage.MODELS) >= 40
    assert sum(map(coverage.held_out, range(len(MODELS)))) >= len(MODELS) // 3


def test_the_truths_agree_with_each_other():
    """Closed forms, sums and integrals: 2 sd between two normal classes, and behind noise as much as between wider."""
    models = {model.name: model.nats for model in coverage.MODELS}
    assert models["normal, 1 + 1, rho 0"] == models["2 normal classes, 0 sd"] == pytest.approx(0, abs=1e-9)
    assert models["2 normal classes in 3 units, 2 sd"] == models["2 normal classes, 2 sd"]
    assert models["uniform classes that overlap by half"] == pytest.approx(math.log(2) / 2, abs=1e-4)
    one = coverage.MODELS[MODELS["2 normal classes, 4 sd"]]
    wider = coverage.behind_noise(lambda model: 3.0)(one, None)
    assert wider == pytest.approx(models["2 normal classes, 2 sd"], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("ksg", "normal, 1 + 1, rho 0.7"),
        ("mixed-ksg", "rectified, 2 classes at 0..."),
        ("gaussian", "normal, 2 + 2, rho 0.7"),
        ("gaussian-copula", "normal, rho 0.7, exp of T"),
        ("binned, jackknife", "lumpy, 10 x 4"),
    ],
)
def test_intervals_hold_the_truth(name, model):
    """Of 24 repeats 95 % are 23; 18 or fewer hold with probability 1e-3."""
    line = coverage.line(ENTRIES[name], MODELS[model], 300, 24)
    assert line is not None
    held = line.held[~np.isnan(line.held)]
    assert len(held) >= 12
    assert held.mean() > 18 / 24


def test_one_end_of_a_bound_is_tried():
    low = ip.Estimate(0.4, low=0.3, high=0.5, kind="lower bound", interval="population 95 %")
    assert coverage.holds(low, 0.9)
    assert not coverage.holds(low, 0.2)
