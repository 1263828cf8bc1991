"""Canonical correlations and Gaussian classes beside plain linear algebra."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma
from scipy.stats import multivariate_normal

from infoplane.estimators.counting.samples import label_ids
from infoplane.estimators.distances import canonical as module
from infoplane.estimators.distances.canonical import (
    Canonical,
    Standard,
    canonical,
    class_nats,
    gaussian_nats,
    least_of_all,
    least_of_pivots,
    principal,
)
from infoplane.estimators.distances.columns import normal_scores, varying


def sample(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 5
    x = t[:, :2] @ rng.normal(size=(2, 3)) + rng.normal(size=(n, 3))
    return t, x


def prepared(values, made=None):
    return Standard(varying(torch.from_numpy(values)), made)


def test_standard_columns_have_mean_nothing_and_variance_one():
    t, _ = sample(5000)  # more than a chunk
    rows = prepared(t).scores(torch.eye(4, dtype=torch.float64)).numpy()
    assert np.allclose(rows, (t - t.mean(0)) / t.std(0), atol=1e-12)


def test_correlations_are_those_of_the_covariances():
    t, x = sample()
    covariance = np.cov(np.hstack([t, x]).T)
    s_t, s_x, s_tx = covariance[:4, :4], covariance[4:, 4:], covariance[:4, 4:]
    squares = np.linalg.eigvals(np.linalg.solve(s_t, s_tx) @ np.linalg.solve(s_x, s_tx.T)).real
    found = canonical(prepared(t), prepared(x))
    assert np.allclose(found.correlations.numpy(), np.sqrt(np.sort(squares)[::-1][:3]), atol=1e-10)
    expected = 0.5 * (np.linalg.slogdet(s_t)[1] + np.linalg.slogdet(s_x)[1] - np.linalg.slogdet(covariance)[1])
    assert gaussian_nats(found, len(t), "none") == pytest.approx(expected, abs=1e-10)


def test_scores_have_the_correlations():
    t, x = sample()
    found = canonical(prepared(t), prepared(x))
    u, v = prepared(t).scores(found.t).numpy(), prepared(x).scores(found.other).numpy()
    assert np.allclose(u.T @ u / len(t), np.eye(3), atol=1e-10)
    assert np.allclose(v.T @ v / len(t), np.eye(3), atol=1e-10)
    assert np.allclose(u.T @ v / len(t), np.diag(found.correlations), atol=1e-10)


def test_columns_that_depend_on_others_are_left_out():
    t, x = sample()
    wide = np.hstack([t, t[:, :2] @ np.ones((2, 2)) - t[:, 2:]])
    found = canonical(prepared(wide), prepared(x))
    assert found.rank_t == 4
    assert found.rank_other == 3
    assert torch.allclose(found.correlations, canonical(prepared(t), prepared(x)).correlations, atol=1e-10)


def test_chunks_leave_no_trace(monkeypatch):
    t, x = sample()
    whole = canonical(prepared(t), prepared(x)).correlations
    monkeypatch.setattr(module, "_MOST_VALUES", 0)  # one triangle for both, and no basis of each
    assert torch.allclose(canonical(prepared(t), prepared(x)).correlations, whole, atol=1e-12)
    monkeypatch.setattr(module, "_CHUNK", 7)
    monkeypatch.setattr(module._chunks, "__defaults__", (7,))
    assert torch.allclose(canonical(prepared(t), prepared(x)).correlations, whole, atol=1e-12)


def test_the_correction_is_the_expected_excess_of_independent_columns():
    """E log|S| of a sample covariance of p unit normals: sum_i psi((n - i) / 2) + p log(2 / (n - 1))."""
    found = Canonical(torch.zeros(2, dtype=torch.float64), torch.empty(3, 2), torch.empty(2, 2), 3, 2)

    def expected_log_det(p, n):
        return sum(digamma((n - i) / 2) for i in range(1, p + 1)) + p * math.log(2 / (n - 1))

    excess = 0.5 * (expected_log_det(3, 20) + expected_log_det(2, 20) - expected_log_det(5, 20))
    assert gaussian_nats(found, 20, "wishart") == pytest.approx(-excess, abs=1e-12)
    assert excess == pytest.approx(3 * 2 / (2 * 20), rel=0.3)
    assert gaussian_nats(found, 6, "wishart") == 0  # too few samples for a correction


def test_principal_components_are_those_of_the_correlations():
    t, _ = sample()
    scores, shares = principal(prepared(t))
    values, vectors = np.linalg.eigh(np.corrcoef(t.T))
    assert np.allclose(shares.numpy(), values[::-1] / 4, atol=1e-12)
    expected = (t - t.mean(0)) / t.std(0) @ vectors[:, ::-1]
    assert np.allclose(np.abs(scores.numpy()), np.abs(expected), atol=1e-7)


@pytest.mark.parametrize(("columns", "spans"), [(58, False), (59, True), (60, True), (200, True)])
def test_columns_that_span_everything_need_no_decomposition(columns, spans):
    """60 samples, centred, have 59 dimensions."""
    rng = np.random.default_rng(columns)
    t, x = prepared(rng.normal(size=(60, columns))), prepared(rng.normal(size=(60, 5)))
    y = label_ids(rng.integers(0, 4, 60))
    assert t.spans_all == spans
    short, whole = canonical(t, x, directions=False), canonical(t, x)
    of_classes = [class_nats(t, y)]
    t.__dict__["spans_all"] = False  # the decomposition
    of_classes.append(class_nats(t, y))
    for one, other in ((short, whole), tuple(found for _, _, found in of_classes)):
        assert torch.allclose(one.correlations, other.correlations, atol=1e-12)
        assert (one.rank_t, one.rank_other) == (other.rank_t, other.rank_other)
    assert of_classes[0][0] == pytest.approx(of_classes[1][0], abs=1e-12)


def test_columns_that_repeat_each_other_do_not_span_everything():
    t = np.random.default_rng(0).normal(size=(60, 40))
    for made in (None, normal_scores):
        assert not prepared(np.hstack([t, t]), made).spans_all
    assert not prepared(np.hstack([t, t**3]), normal_scores).spans_all
    assert not prepared(t @ np.ones((40, 70)) + t[:, :1] * np.arange(70)).spans_all


@pytest.mark.parametrize("made", [None, normal_scores])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_part_of_the_columns_shows_that_they_span_everything(made, dtype):
    rng = np.random.default_rng(0)
    wide = torch.from_numpy(rng.normal(size=(80, 400))).to(dtype)
    wide[:, ::7] = wide[:, :1]  # repeated
    t = Standard(varying(wide), made)
    assert t.spans_all
    assert not {"columns", "_moments"} & set(t.__dict__)  # nothing of all columns
    assert t.basis.to.shape[1] == 79


@pytest.mark.parametrize("made", [None, normal_scores])
def test_repeated_samples_are_no_dimensions(made):
    t = np.random.default_rng(0).normal(size=(60, 200))
    t[40:] = t[:20]
    repeated = prepared(t, made)
    assert not repeated.spans_all
    assert repeated.basis.to.shape[1] == 39


def test_rounding_does_not_count_as_independence():
    """Linear in 20 numbers but for the rounding of float64: rank 20, as the singular values say."""
    rng = np.random.default_rng(0)
    t = prepared(rng.normal(size=(60, 20)) @ rng.normal(size=(20, 300)))
    assert not t.spans_all
    assert t.basis.to.shape[1] == 20


def graded(least, n=50, columns=60):
    """Rows whose singular values fall from 1 to ``least``."""
    rng = np.random.default_rng(0)
    q, r = (np.linalg.qr(rng.normal(size=(size, n)))[0] for size in (n, columns))
    return q @ np.diag(np.geomspace(1, least, n)) @ r.T


@pytest.mark.parametrize("scale", [1, 1e30])
@pytest.mark.parametrize("least", [0.5, 1e-3, 1e-9])
def test_singular_values_are_not_below_their_bound(least, scale):
    rows = scale * graded(least)
    true = np.linalg.svd(rows, compute_uv=False)[-1]
    assert 0.02 * true < least_of_all(rows.copy()) <= true
    assert least_of_pivots(rows.copy()) <= true
    assert least_of_pivots(rows) > 0.002 * true or least == 1e-9


@pytest.mark.parametrize("n", [1, 2, 40])
def test_the_bound_of_singular_rows_is_nothing(n):
    rows = np.random.default_rng(0).normal(size=(n, n + 3))
    rows[-1] = rows[0] if n > 1 else 0
    for bound in (least_of_all, least_of_pivots):
        assert bound(rows.copy()) < 1e-14
        assert bound(np.zeros((n, n))) == 0
        assert bound(np.eye(n)) > 0.1 / math.sqrt(n)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "columns"), [(300, 400), (700, 300)])
def test_few_principal_components_are_the_first_of_all(n, columns, dtype, monkeypatch):
    monkeypatch.setattr(module._chunks, "__defaults__", (70,))
    rng = np.random.default_rng(n)
    values = rng.normal(size=(n, 6)) @ rng.normal(size=(6, columns)) + rng.normal(size=(n, columns))
    t = Standard(varying(torch.from_numpy(values).to(dtype)))
    scores, shares = principal(t, 4)
    all_scores, all_shares = principal(t)
    assert torch.allclose(shares, all_shares[:4], atol=1e-12)
    signs = (scores * all_scores[:, :4]).sum(0).sign()
    assert torch.allclose(scores * signs, all_scores[:, :4], atol=1e-9)


def test_components_of_no_variance_come_from_all_of_them():
    rng = np.random.default_rng(0)
    flat = prepared(rng.normal(size=(300, 2)) @ rng.normal(size=(2, 300)))
    scores, shares = principal(flat, 4)
    assert shares[2:].numpy() == pytest.approx([0, 0], abs=1e-14)
    assert np.allclose((scores.T @ scores).numpy(), np.diag(shares.numpy()) * 300**2, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_classes_have_the_posterior_of_shared_gaussians(classes):
    t, _ = sample(seed=classes)
    y = np.random.default_rng(classes).integers(0, classes, len(t))
    t = t + y[:, None] * np.array([1.0, 0, -0.5, 0])
    means = np.array([t[y == c].mean(0) for c in range(classes)])
    within = sum((t[y == c] - means[c]).T @ (t[y == c] - means[c]) for c in range(classes)) / len(t)
    shares = np.bincount(y) / len(t)
    density = np.array([multivariate_normal(m, within).logpdf(t) for m in means]).T + np.log(shares)
    posterior = density[np.arange(len(t)), y] - np.logaddexp.reduce(density, axis=1)
    expected = -np.sum(shares * np.log(shares)) + posterior.mean()
    value, _, found = class_nats(prepared(t), label_ids(y))
    assert value == pytest.approx(expected, abs=1e-9)
    assert found.rank_t == 4
