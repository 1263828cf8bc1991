"""The light: one rule for every estimator, and independent samples never shown as information without red."""

from __future__ import annotations

import numpy as np
import pytest

import infoplane as ip
from infoplane.estimators.light import is_mostly_null, judged
from infoplane.flags import GREEN, NEGATIVE, NOISELESS, TIES
from infoplane.types import Information

from ..conftest import TESTS, load

grid = load(TESTS.parent / "benchmarks" / "false_information.py")

#: A cell of each kind of layer and of label, small enough for every estimator.
CELLS = [
    grid.Cell("normal", "2 classes", 200, 64, 1),
    grid.Cell("normal", "100 classes, Zipf", 200, 1, 2),
    grid.Cell("heavy tails", "10 classes", 200, 10, 3),
    grid.Cell("ReLU", "continuous", 200, 1, 4),
    grid.Cell("8-bit grid", "continuous", 400, 1, 5),
    grid.Cell("8-bit grid", "10 classes, Zipf", 400, 2, 6),
    grid.Cell("embeddings", "counts", 50, 20, 7),
]
TRAINED = ("usable", "infonce", "nwj", "smile", "mine", "club")


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nothing_is_shown_as_information_without_red(cell):
    t, y = cell.draw()
    for name in ip.estimators.names():
        if name in TRAINED and cell is not CELLS[0]:
            continue  # seconds each
        try:
            estimate = ip.mutual_information(t, y, estimator=name)
        except ip.InfoplaneError:
            continue
        assert estimate.value <= grid.NOTICEABLE or ip.flags.in_doubt(estimate.flags), (name, str(estimate))


@pytest.mark.parametrize("name", ip.estimators.names())
def test_every_estimate_has_a_light_first(name):
    random = np.random.default_rng(0)
    y = np.arange(200) % 2
    t = (y + 0.3 * random.normal(size=200)).round(1) if name != "quantised" else y.astype(float)
    assert ip.mutual_information(t, y, estimator=name).flags[0] in ip.flags.LIGHTS


def information(value, flags=(), **amounts):
    return Information(value, 100, "population", flags=flags, amounts=amounts)


@pytest.mark.parametrize(
    ("found", "flags"),
    [
        (information(1.0), ("amber",)),
        (information(1.0, (GREEN,)), ("green",)),
        (information(1.0, (GREEN, NEGATIVE)), ("green", "negative")),
        (information(1.0, (GREEN, TIES)), ("amber", "ties")),
        (information(1.0, (TIES, NOISELESS)), ("red", "ties", "noiseless")),
        (information(1.0, null=0.4, chance=0.9), ("amber",)),
        (information(1.0, null=0.6), ("red", "null-exceeds-half")),
        (information(1.0, null=0.4, chance=1.1), ("red", "within-chance")),
        (information(0.01, null=0.01, chance=0.1), ("amber",)),
        (information(-0.2, null=None, chance=0.1), ("amber",)),
    ],
)
def test_the_light_of_a_number(found, flags):
    assert judged(found).flags == flags


@pytest.mark.parametrize("scale", [1e-300, 1e300])
@pytest.mark.parametrize("name", ["kde", "noisy", "renyi", "ksg", "gaussian"])
def test_a_scale_that_squares_do_not_hold_is_said_or_does_not_matter(name, scale):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 200)
    t = random.normal(size=(200, 2)) + 3 * y[:, None]
    if name == "renyi" or (name in ("kde", "noisy") and scale > 1):
        with pytest.raises(ip.InfoplaneError, match="divide the layer by its scale"):
            ip.mutual_information(scale * t, y, estimator=name)
        return
    estimate = ip.mutual_information(scale * t, y, estimator=name)
    if name in ("kde", "noisy"):
        assert "noise-exceeds-layer" in estimate.flags
    else:
        assert estimate.value == pytest.approx(ip.mutual_information(t, y, estimator=name).value, abs=1e-6)


def test_more_neighbours_than_samples_are_red():
    random = np.random.default_rng(0)
    t = random.normal(size=(120, 1))
    for name in ("ksg", "mixed-ksg"):
        for y in (random.normal(size=120), np.arange(120) % 2):
            assert "few-samples" in ip.mutual_information(t, y, estimator=name, k=500).flags


def test_a_small_number_is_not_doubted_for_a_small_null():
    assert is_mostly_null(0.2, 0.11)
    assert not is_mostly_null(0.2, 0.09)
    assert not is_mostly_null(0.02, 0.019)
    assert not is_mostly_null(-0.2, 0.5)
