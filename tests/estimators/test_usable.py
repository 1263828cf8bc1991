"""Usable information: known cross-entropies, an independent solver, negative values kept, the network's own head."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.counting.samples import label_variable


def classes(n=600, d=4, apart=1.0, seed=0):
    """Normal rows (n, d) around class centres, and three classes (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, size=n)
    return rng.normal(size=(n, d)) + apart * np.eye(d)[y], y


def test_separable_classes_are_known_and_unrelated_ones_are_not():
    t, y = classes(apart=12)
    estimate = mutual_information(t, y, estimator="usable", penalty=1e-6)
    assert estimate.value == pytest.approx(math.log2(3), abs=0.02)
    assert estimate.details["h_y"] == pytest.approx(math.log2(3), abs=0.01)
    unrelated = mutual_information(t, np.random.default_rng(1).permutation(y), estimator="usable")
    assert -0.05 < unrelated.value < 0.05


def test_a_logistic_channel_gives_its_information():
    """Labels drawn with a logistic probability of t: the probe's family holds the truth, so I_V = I(T;Y)."""
    rng = np.random.default_rng(0)
    t = rng.normal(size=40_000)
    p = 1 / (1 + np.exp(-2 * t))
    y = rng.random(40_000) < p
    grid = np.linspace(-8, 8, 20_001)
    q = 1 / (1 + np.exp(-2 * grid))
    weight = np.exp(-(grid**2) / 2) / np.exp(-(grid**2) / 2).sum()
    truth = math.log(2) + (weight * (q * np.log(q) + (1 - q) * np.log1p(-q))).sum()
    estimate = mutual_information(t, y, estimator="usable", units="nats")
    assert estimate.value == pytest.approx(truth, abs=4 * estimate.details["standard_error"])
    assert estimate.low < estimate.value < estimate.high
    assert estimate.kind == "lower bound"


def test_scikit_learn_finds_the_same_probe():
    from sklearn.linear_model import LogisticRegression

    t, y = classes()
    made = estimator("usable", penalty=0.01)
    from infoplane.estimators.counting.samples import label_variable

    labels = label_variable(y).classes()
    fit, held = made._split(labels)
    known = t[fit.numpy()]
    rows = (t - known.mean(0)) / known.std(0)
    probe = LogisticRegression(C=1 / (0.01 * len(fit)), tol=1e-9, max_iter=5000).fit(rows[fit.numpy()], y[fit.numpy()])
    chances = probe.predict_proba(rows[held.numpy()])[np.arange(len(held)), y[held.numpy()]]
    estimate = mutual_information(t, y, estimator="usable", penalty=0.01, units="nats")
    assert estimate.details["cross_entropy"] == pytest.approx(-np.log(chances).mean(), abs=1e-5)


def test_the_split_is_by_class_and_by_seed():
    from infoplane.estimators.counting.samples import label_variable

    labels = label_variable(np.repeat([0, 1, 2], [100, 51, 1])).classes()
    made = estimator("usable", held_out=0.3)
    fit, held = made._split(labels)
    assert sorted(torch.cat([fit, held]).tolist()) == list(range(152))
    assert torch.bincount(labels.ids[held], minlength=3).tolist() == [30, 15, 0]
    assert torch.equal(held, made._split(labels)[1])
    assert not torch.equal(held, estimator("usable", held_out=0.3, seed=1)._split(labels)[1])


def test_a_negative_value_is_kept_and_flagged():
    rng = np.random.default_rng(0)
    t, y = rng.normal(size=(120, 200)), rng.integers(0, 2, size=120)
    estimate = mutual_information(t, y, estimator="usable", penalty=1e-5)
    assert estimate.value < -0.5
    assert "overfitted" in estimate.flags


def test_parity_is_no_use_to_a_linear_probe():
    """T determines Y, I(T;Y) = 1 bit, and a linear probe sees nothing of it."""
    bits = np.random.default_rng(0).integers(0, 2, size=(2000, 2))
    parity = bits.sum(1) % 2
    assert abs(mutual_information(bits, parity, estimator="usable").value) < 0.02
    helped = np.hstack([bits, bits[:, :1] * bits[:, 1:]])
    assert mutual_information(helped, parity, estimator="usable", penalty=1e-6).value > 0.98


def test_the_own_head_is_the_cross_entropy_of_the_logits():
    t, y = classes(d=3)
    estimate = mutual_information(t, y, estimator="usable", head="identity", units="nats")
    shares = np.bincount(y) / len(y)
    logs = t - np.log(np.exp(t).sum(1, keepdims=True))
    expected = -(shares * np.log(shares)).sum() + logs[np.arange(len(y)), y].mean()
    assert estimate.value == pytest.approx(expected, abs=1e-12)
    assert estimate.details["held_out"] == 600
    uniform = mutual_information(t, y, estimator="usable", head="identity", baseline="uniform", units="nats")
    assert uniform.value == pytest.approx(math.log(3) + logs[np.arange(len(y)), y].mean(), abs=1e-12)
    assert uniform.kind == "estimate"


def test_it_has_converged_on_wide_layers():
    t, y = classes(n=300, d=50)
    t[:, 10] *= 1e6
    t[:, 11] = t[:, 12]
    assert "not-converged" not in mutual_information(t, y, estimator="usable").flags


def test_it_leaves_the_random_state_and_is_repeatable():
    t, y = classes()
    before = torch.get_rng_state()
    first = mutual_information(t, y, estimator="usable")
    with torch.inference_mode():
        assert mutual_information(t, y, estimator="usable") == first
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be():
    t, y = classes()
    with pytest.raises(UnknownNameError, match=r"unknown head 'linaer': did you mean 'linear'\?"):
        estimator("usable", head="linaer")
    with pytest.raises(UnknownNameError, match="unknown baseline 'none'"):
        estimator("usable", baseline="none")
    for option, value in (("penalty", 0), ("held_out", 1)):
        with pytest.raises(InputError, match=f"{option} must .* got {value}"):
            estimator("usable", **{option: value})
    with pytest.raises(InputError, match="4 units for 3 classes: head='identity' needs one logit a class"):
        mutual_information(t, y, estimator="usable", head="identity")
    with pytest.raises(InputError, match="3 samples in 3 classes leave none to hold out"):
        mutual_information(t[:3], [0, 1, 2], estimator="usable")
    made = estimator("usable")
    with pytest.raises(InputError, match="usable information is about labels"):
        made.about_input(made.prepare(torch.from_numpy(t)), None)
    with pytest.raises(InputError, match="Y looks continuous"):
        mutual_information(t, t[:, 0], estimator="usable")


def test_more_units_than_samples_are_the_same_problem_in_fewer():
    """Repeated units are one unit of a larger weight: the penalty of k equal weights w / k is a k-th of that of w."""
    t, y = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
    t = t + y[:, None]
    few = mutual_information(t, y, estimator=estimator("usable", penalty=0.01))
    many = mutual_information(t.repeat(1, 8), y, estimator=estimator("usable", penalty=0.08))
    assert few.value == pytest.approx(many.value, abs=1e-5)


def documents(seed, count=40, tokens=12):
    """Tokens (samples, 16) around a place of each document, labels that are chance for each document, documents."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), tokens)
    t = random.normal(size=(count, 16))[groups] + 0.3 * random.normal(size=(len(groups), 16))
    return t, random.permutation(np.arange(count) % 2)[groups], groups


def test_a_group_is_never_on_both_sides_and_then_chance_labels_of_documents_are_not_known():
    t, y, groups = documents(0)
    leaking = mutual_information(t, y, estimator="usable")
    assert leaking.value > 0.15  # the probe has seen tokens of every document
    together = mutual_information(t, y, estimator="usable", groups=groups)
    assert together.high < leaking.low
    assert together.low < 0
    assert together.interval == "population 95 %"
    labels = label_variable(y).grouped(groups)
    held = estimator("usable")._held(torch.from_numpy(t), labels.classes(), labels.groups)
    inside = set(groups[held.samples.numpy()])
    assert not inside & set(np.delete(groups, held.samples.numpy()))
    assert 0.4 < len(held.samples) / len(y) < 0.6


def test_classes_that_one_group_has_alone_are_fitted_on_and_too_few_groups_are_an_error():
    t, y, groups = documents(1)
    y[groups == 3] = 2
    assert math.isfinite(mutual_information(t, y, estimator="usable", groups=groups).value)
    with pytest.raises(InputError, match="2 groups in 3 classes leave none to hold out"):
        mutual_information(t, y, estimator="usable", groups=(groups == 3).astype(int))
