"""The parts that all neural bounds share: splits, scores in blocks, repeatability, and what a bad sample is told."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import InputError
from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.counting.samples import input_variable
from infoplane.estimators.neural import critic as neural
from infoplane.estimators.neural.critic import Parts, Scored, Separable, heavy_tail, log_mean_exp_of_others

BOUNDS = ["infonce", "nwj", "smile", "mine", "club"]
QUICK = {"steps": 60, "hidden": 16}


def pair(n=400, d=5, rho=0.8, seed=0):
    """Two samples (n, d), jointly normal, of correlation rho unit by unit: I = -d/2 log(1 - rho^2) nats."""
    generator = torch.Generator().manual_seed(seed)
    t, noise = torch.randn(2, n, d, generator=generator)
    return t, rho * t + math.sqrt(1 - rho**2) * noise


@pytest.mark.parametrize("name", BOUNDS)
def test_a_seed_gives_the_same_value_twice_and_touches_no_other_random_number(name):
    t, y = pair()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    made = [estimator(name, seed=seed, **QUICK) for seed in (1, 1, 2)]
    first, again, other = (mutual_information(t, y, estimator=one) for one in made)
    assert first == again
    assert first.value != other.value
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", BOUNDS)
def test_the_value_is_the_formula_on_the_scores(name):
    made = estimator(name)
    scores = torch.randn(30, 30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    scored = Scored(scores.diagonal(), made.statistic(scores, torch.eye(30, dtype=torch.bool)))
    s = scores.numpy()
    own, others = np.diag(s), s[~np.eye(30, dtype=bool)].reshape(30, 29)
    expected = {
        "infonce": np.mean(own - np.log(np.exp(s).mean(1))),
        "nwj": own.mean() - np.exp(others - 1).mean(),
        "smile": own.mean() - np.log(np.exp(others.clip(-5, 5)).mean()),
        "mine": own.mean() - np.log(np.exp(others).mean()),
        "club": own.mean() - s.mean(),
    }[name]
    assert float(made.contributions(scored).mean()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", BOUNDS)
def test_scores_in_blocks_are_scores_in_one_piece(name, monkeypatch):
    t, y = pair()
    whole = mutual_information(t, y, estimator=name, **QUICK)
    monkeypatch.setattr(neural, "PAIRS_AT_ONCE", 1000)
    assert mutual_information(t, y, estimator=name, **QUICK).value == pytest.approx(whole.value, abs=1e-5)


@pytest.mark.parametrize("name", BOUNDS)
def test_independent_samples_have_next_to_nothing(name):
    values = []
    for seed in range(3):
        t, _ = pair(seed=seed)
        _, y = pair(seed=100 + seed)
        values.append(mutual_information(t, y, estimator=name, units="nats", **QUICK).value)
    assert abs(np.mean(values)) < 0.15


@pytest.mark.parametrize("name", BOUNDS)
def test_it_measures_inputs_as_it_measures_labels(name):
    t, y = pair()
    made = estimator(name, **QUICK)
    of_input = made.about_input(made.prepare(t), input_variable(y), "nats")
    of_label = mutual_information(t, y, estimator=name, units="nats", **QUICK)
    assert of_input.value == of_label.value
    assert of_input.details["h_x"] == pytest.approx(math.log(400))
    assert of_label.details["held_out"] == 200


@pytest.mark.parametrize("name", BOUNDS)
def test_the_scale_and_the_place_of_units_do_not_matter(name):
    t, y = pair()
    t, y = t.double(), y.double()
    expected = mutual_information(t, y, estimator=name, **QUICK).value
    assert mutual_information(100 * t - 7, y / 50 + 3, estimator=name, **QUICK).value == pytest.approx(
        expected, abs=0.02
    )


def test_it_runs_inside_inference_mode():
    t, y = pair()
    with torch.inference_mode():
        inside = mutual_information(t + 0, y + 0, estimator="infonce", **QUICK)
    assert inside == mutual_information(t, y, estimator="infonce", **QUICK)


def test_early_stopping_keeps_the_best_step():
    t, y = pair(n=100, d=20, rho=0.3)
    stopped = mutual_information(t, y, estimator="infonce", steps=1000)
    assert stopped.details["steps"] < 200
    assert stopped.details["on_training_part"] > stopped.value


def test_a_critic_that_learned_its_samples_by_heart_is_flagged():
    t, y = pair(n=200, d=20, rho=0.5)
    estimate = mutual_information(t, y, estimator="infonce", units="nats")
    assert "overfitted" in estimate.flags
    assert estimate.details["on_training_part"] > estimate.value + 0.5


def test_few_rows_that_carry_the_mean_are_a_heavy_tail():
    assert heavy_tail(torch.tensor([50.0] + [0.0] * 99))
    assert heavy_tail(torch.tensor([math.nan] * 100))
    assert not heavy_tail(torch.zeros(100))


def test_the_mean_over_others_leaves_the_own_pair_out():
    scores = torch.tensor([[100.0, 0.0, math.log(3)], [1.0, 100.0, 1.0]], dtype=torch.float64)
    own = torch.tensor([[True, False, False], [False, True, False]])
    assert log_mean_exp_of_others(scores, own).tolist() == pytest.approx([math.log(2), 1.0])


def test_the_critic_is_separable():
    """Second differences over rows and columns are a matrix of at most the embedding's rank."""
    generator = torch.Generator().manual_seed(0)
    critic = Separable(3, 2, 16, generator, torch.device("cpu"))
    with torch.no_grad():
        scores = critic(torch.randn(80, 3), torch.randn(80, 2)).double()
    centred = scores - scores.mean(0) - scores.mean(1, keepdim=True) + scores.mean()
    assert int(torch.linalg.matrix_rank(centred, rtol=1e-5)) <= 32


@pytest.mark.parametrize("name", BOUNDS)
def test_options_that_cannot_be(name):
    for option, value in (("hidden", 0), ("steps", -1), ("batch_size", 1), ("steps", 2.5)):
        with pytest.raises(InputError, match=f"{option}={value}: it must be a whole number"):
            estimator(name, **{option: value})
    with pytest.raises(InputError, match="learning_rate=-1: it must be a number above 0"):
        estimator(name, learning_rate=-1)
    with pytest.raises(InputError, match=f"19 samples: {name} trains on one half of them, give it at least 20"):
        mutual_information(*pair(n=19), estimator=name)


@pytest.mark.parametrize("name", BOUNDS)
def test_scikit_learn_can_clone_it(name):
    from sklearn.base import clone

    made = estimator(name, hidden=7)
    assert clone(made).get_params() == made.get_params()


@pytest.mark.parametrize("sizes", [[10] * 12, [1, 2, 3, 40, 5, 60, 7, 8, 9], [50, 30, 30]])
def test_no_group_is_in_two_parts(sizes):
    groups = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    parts = Parts.of(len(groups), groups, torch.Generator().manual_seed(0), torch.device("cpu"))
    inside = [set(groups[part].tolist()) for part in (parts.fit, parts.stop, parts.held)]
    assert sorted(torch.cat([parts.fit, parts.stop, parts.held]).tolist()) == list(range(len(groups)))
    assert sum(map(len, inside)) == len(sizes)


def test_two_groups_are_too_few():
    with pytest.raises(InputError, match="2 groups leave too few samples to train on"):
        mutual_information(*pair(n=40), estimator="infonce", groups=np.arange(40) // 20)


@pytest.mark.parametrize("name", ["infonce", "nwj", "mine"])
def test_chance_labels_of_whole_documents_are_not_known(name):
    """40 documents with one label each by chance: a critic that has seen tokens of all of them knows the labels."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 12)
    t = random.normal(size=(40, 16))[groups] + 0.3 * random.normal(size=(480, 16))
    y = random.permutation(np.arange(40) % 2)[groups]
    options = {"steps": 200, "hidden": 32, "learning_rate": 0.01}
    leaking, together = (mutual_information(t, y, estimator=name, groups=g, **options) for g in (None, groups))
    assert leaking.value > 0.4
    assert together.low < 0.05
    assert together.interval == "one-sided 97.5 %"
