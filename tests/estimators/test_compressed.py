"""Through compression: what is kept, what is lost, and that the rest is the neighbours' business."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.compressed import Compressed, halves, related_pairs, settled
from infoplane.estimators.counting.samples import input_variable
from infoplane.estimators.distances.canonical import Standard, canonical
from infoplane.estimators.distances.columns import varying


def nats(t, y, **options):
    return mutual_information(t, y, estimator="compressed", units="nats", **options)


def input_nats(t, x, **options):
    made = Compressed(**options)
    return made.about_input(made.prepare(as_activations(t)), input_variable(x), "nats")


def wide_pair(n=3000, units=25, seed=0):
    """Two pairs with correlation .8 among ``units`` a side, turned: -log(1 - .64) nats."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, units))
    y[:, :2] = 0.8 * x[:, :2] + 0.6 * y[:, :2]
    turns = [np.linalg.qr(rng.normal(size=(units, units)))[0] for _ in range(2)]
    return x @ turns[0], y @ turns[1], -math.log(1 - 0.64)


def test_canonical_variates_keep_what_neighbours_cannot_find():
    x, y, truth = wide_pair()
    estimate = nats(x, y, method="cca")
    assert estimate.details["related_pairs"] == 2
    assert estimate.value == pytest.approx(truth, abs=0.1)
    assert mutual_information(x, y, estimator="ksg", units="nats").value < 0.3 * truth
    assert input_nats(x, y, method="cca").value == estimate.value
    assert "high-dimension" not in estimate.flags


def test_canonical_variates_of_classes_are_discriminants():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 2000)
    t = rng.normal(size=(2000, 30))
    t[:, :2] += 8 * np.eye(3)[y][:, :2]
    estimate = nats(t, y, method="cca")
    assert estimate.details["related_pairs"] == 2
    assert estimate.value == pytest.approx(math.log(3), abs=0.02)


@pytest.mark.parametrize("classes", [None, 10])
def test_variates_that_chance_has_chosen_are_related_to_nothing(classes):
    """64 units, n = 1000, independent: .04 is three standard errors of the mean of 3 samples."""
    values = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        t = rng.normal(size=(1000, 64))
        y = rng.normal(size=(1000, 64)) if classes is None else rng.integers(0, classes, 1000)
        values.append(nats(t, y, method="cca").value)
    assert abs(np.mean(values)) < 0.06


def test_a_group_is_in_one_half():
    groups = torch.tensor([0] * 5 + [1] * 4 + [2] * 3 + [3] * 8)
    a, b = halves(20, groups, 0, torch.device("cpu"))
    assert sorted([*a.tolist(), *b.tolist()]) == list(range(20))
    assert set(groups[a].tolist()).isdisjoint(groups[b].tolist())
    with pytest.raises(InputError, match="all samples are in one group"):
        halves(20, torch.zeros(20, dtype=torch.int64), 0, torch.device("cpu"))


def test_where_nothing_is_related_all_directions_are_kept():
    """Student variables without correlation, 1 degree of freedom: .43194562200144 nats in 2 + 2 dimensions."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=(5000, 4)) / np.sqrt(rng.chisquare(1, size=(5000, 1)))
    estimate = nats(both[:, :2], both[:, 2:], method="cca")
    assert estimate.details["related_pairs"] == 0
    assert estimate.value == pytest.approx(0.43194562200144, abs=0.06)


def test_chance_is_seldom_taken_for_a_relation():
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        t, x = (Standard(varying(torch.from_numpy(rng.normal(size=(200, 6))))) for _ in range(2))
        found.append(related_pairs(canonical(t, x), 200))
    assert np.count_nonzero(found) <= 2  # 1 in 1000 is the level


def test_principal_components_and_what_they_lose():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(1000, 2)) @ rng.normal(size=(2, 12)) + 0.1 * rng.normal(size=(1000, 12))
    y = (t[:, 0] > 0).astype(int)
    values = np.linalg.eigvalsh(np.corrcoef(t.T))[::-1]
    for dimensions in (1, 2):
        estimate = nats(t, y, dimensions=dimensions)
        assert estimate.details["lost_variance"] == pytest.approx(1 - values[:dimensions].sum() / 12, abs=1e-10)
        assert ("lossy" in estimate.flags) == (estimate.details["lost_variance"] > 0.1)
    turned = (t - t.mean(0)) / t.std(0) @ np.linalg.eigh(np.corrcoef(t.T))[1][:, :-3:-1]
    plain = mutual_information(turned, y, estimator="ksg", units="nats")
    assert nats(t, y, dimensions=2).value == pytest.approx(plain.value, abs=1e-2)


@pytest.mark.parametrize("inner", ["ksg", "mixed-ksg"])
def test_narrow_layers_are_left_to_the_neighbours(inner):
    rng = np.random.default_rng(0)
    t = rng.normal(size=(400, 3))
    for y in (t[:, 0] + rng.normal(size=400), rng.integers(0, 3, 400)):
        plain = mutual_information(t, y, estimator=inner, units="nats")
        assert nats(t, y, inner=inner).value == plain.value
        assert nats(t, y, inner=inner).details["lost_variance"] == 0


def test_both_sides_are_compressed():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(1000, 1))
    x = hidden @ rng.normal(size=(1, 15)) + 0.01 * rng.normal(size=(1000, 15))
    t = (hidden + rng.normal(size=(1000, 1))) @ rng.normal(size=(1, 20)) + 0.01 * rng.normal(size=(1000, 20))
    estimate = input_nats(t, x, dimensions=1)
    assert estimate.value == pytest.approx(0.5 * math.log(2), abs=0.1)
    assert estimate.details["lost_variance"] < 0.01
    assert estimate.details["lost_variance_other"] < 0.02
    assert (estimate.details["columns"], estimate.details["columns_other"], estimate.details["units"]) == (1, 1, 20)


def test_an_autoencoder_keeps_a_curve_and_repeats_itself():
    rng = np.random.default_rng(0)
    s = rng.uniform(-1, 1, size=1500)
    t = np.stack([s, s**2], 1) @ rng.normal(size=(2, 6))
    y = (s > 0) + 2 * (np.abs(s) > 0.5)
    state = torch.get_rng_state()
    estimate = nats(t, y, dimensions=1, method="autoencoder")
    assert torch.equal(torch.get_rng_state(), state)
    assert estimate == nats(t, y, dimensions=1, method="autoencoder")
    assert estimate.details["lost_variance"] < 0.05
    assert estimate.value == pytest.approx(2 * math.log(2), abs=0.15)


def test_codes_are_rounded_so_that_ties_stay_ties():
    codes = torch.tensor([[0.3, 1.0], [0.3 + 1e-14, -2.0]], dtype=torch.float64)
    rounded = settled(codes)
    assert rounded[0, 0] == rounded[1, 0]
    assert torch.allclose(rounded, codes, atol=2.0**-29)


def test_options():
    options = {"dimensions": 2, "method": "cca", "inner": "mixed-ksg", "seed": 3}
    made = clone(Compressed(**options))
    assert made.get_params() == options
    assert made.measurement == "cca to at most 2 dimensions, 5 nearest neighbours or all equal samples, max-norm"
    with pytest.raises(InputError, match="dimensions=0 must be a whole number of at least 1"):
        Compressed(dimensions=0)
    with pytest.raises(UnknownNameError, match="unknown method 'pcas': did you mean 'pca'"):
        Compressed(method="pcas")
    with pytest.raises(UnknownNameError, match="unknown estimator of compressed samples 'binned'"):
        Compressed(inner="binned")
