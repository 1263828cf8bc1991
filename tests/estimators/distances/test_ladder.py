"""Sums over all pairs at many noise levels: equal to a slow readable twin, whatever the levels, labels and groups."""

import numpy as np
import pytest
import torch

from infoplane.estimators.distances.ladder import UNLIKELY, pair_sums


def twin(t, z, labels, priors, deviations, groups):
    """The definition, with everything of n x n in memory, in float64."""
    d = ((t[:, None] - t[None]) ** 2).sum(-1)
    c = (z * t).sum(1)[:, None] - z @ t.T
    apart = groups[:, None] != groups
    total, own, moved = [], [], []
    for s in deviations:
        w = np.stack([np.exp(-d / (2 * s * s) - sign * c / s) * apart for sign in (1, -1)])
        total.append(w.sum(2))
        same = labels[:, :, None] == labels[:, None, :]
        mine = (w[None] * same[:, None]).sum(3)  # (label sets, draws, samples)
        own.append(mine)
        q = (1 - UNLIKELY) * mine[:, 0] / w[0].sum(1) + UNLIKELY * priors
        of_own = (1 - UNLIKELY) / (w[0].sum(1) * q)
        of_all = -of_own * mine[:, 0] / w[0].sum(1)
        moved.append([
            (w[0] / (1 + w[0].sum(1))[:, None]).sum(0),
            (w[0] / w[0].sum(1)[:, None]).sum(0),
            *np.einsum("ij,kij,ki->kj", w[0], same, 1 / (1 + mine[:, 0])),
            *np.einsum("ij,kij,ki->kj", w[0], same, of_own) + np.einsum("ij,ki->kj", w[0], of_all),
        ])  # fmt: skip
    return np.array(total), np.array(own), moved


@pytest.fixture
def layer():
    random = np.random.default_rng(3)
    t = random.normal(size=(90, 7)) * np.linspace(0.1, 2, 7)
    labels = np.stack([random.integers(3, size=90), random.integers(2, size=90)]).astype(np.int32)
    priors = np.stack([(np.bincount(label) / 90)[label] for label in labels])
    return t - t.mean(0), labels, priors


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("deviations", [(8.0, 4.0, 2.0, 1.0, 0.5), (3.0, 1.0, 0.7), (1.0, 2**0.5, 2.0, 8**0.5, 4.0)])
def test_equal_to_the_definition(layer, deviations, grouped):
    t, labels, priors = layer
    groups = (np.arange(90) // (3 if grouped else 1)).astype(np.int32)
    z = torch.randn(t.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64).numpy()
    total, own, moved = twin(t, z, labels, priors, deviations, groups)
    sums = pair_sums(torch.from_numpy(t), labels, priors, deviations, seed=5, groups=groups)
    # products of pairs that lie further apart than some 8 deviations are left out: 1e-30 beside the sample's own 1
    np.testing.assert_allclose(sums.sums[:, 0], total, rtol=2e-4, atol=1e-12)
    np.testing.assert_allclose(sums.sums[:, 1:], own, rtol=2e-4, atol=1e-12)
    np.testing.assert_allclose(sums.variate, ((z @ t.T) ** 2).mean(1) - (t**2).sum(1).mean(), rtol=1e-3, atol=1e-4)
    for level, (lower, upper, *others) in enumerate(moved):
        np.testing.assert_allclose(sums.moved[level, 0], lower, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(sums.moved[level, 1], upper, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(sums.moved[level, 2::3], others[:2], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(sums.moved[level, 4::3], others[2:], rtol=1e-3, atol=1e-5)


def test_wide_layers_are_turned_into_as_many_dimensions_as_there_are_samples():
    """The distances, and so the distribution of the sums, are those of the wide layer; the noise is another draw."""
    random = np.random.default_rng(0)
    t = torch.from_numpy(random.normal(size=(60, 500)))
    t -= t.mean(0)
    labels, groups = np.zeros((0, 60), np.int32), np.arange(60, dtype=np.int32)
    many = [
        pair_sums(t, labels, np.zeros((0, 60)), [20.0], seed=seed, groups=groups).sums[:, 0].mean()
        for seed in range(40)
    ]
    expected = 59.0  # C / s is normal of variance D / s^2, so that each of the 59 products has the mean 1
    error = np.std(many) / np.sqrt(len(many))
    assert abs(np.mean(many) - expected) < 5 * error  # false alarms: 6e-7


def test_samples_of_one_group_say_nothing_of_one_another(layer):
    t, labels, priors = layer
    everything_in_one = np.zeros(90, np.int32)
    sums = pair_sums(torch.from_numpy(t), labels, priors, [1.0], seed=0, groups=everything_in_one)
    assert not sums.sums[:, 0].any()
    assert not sums.sums[:, 1:].any()
    assert not sums.moved[:, 1].any()
