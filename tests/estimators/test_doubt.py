"""Nulls, groups and convergence: what a shuffle may change, and what it may not."""

import math

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators import as_activations
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import label_variable
from infoplane.estimators.doubt import (
    convergence_curve,
    group_members,
    has_converged,
    label_null,
    one_value_each,
    reordered,
    shuffled,
)
from infoplane.estimators.gaussian import Gaussian


def test_a_shuffle_moves_every_sample_once():
    order = shuffled(group_members(None, 50), np.random.default_rng(0))
    assert sorted(order) == list(range(50))
    assert list(order) != list(range(50))


def test_groups_move_as_wholes():
    groups = np.repeat(["a", "b", "c", "d"], [5, 5, 5, 5])
    order = shuffled(group_members(groups, 20), np.random.default_rng(1))
    blocks = order.reshape(4, 5)
    assert all(list(block) == list(range(block[0], block[0] + 5)) for block in blocks)
    assert sorted(blocks[:, 0]) == [0, 5, 10, 15]


def test_scattered_groups_keep_their_order_inside():
    groups = np.array([0, 1, 0, 1, 0, 1])
    seen = {tuple(shuffled(group_members(groups, 6), np.random.default_rng(seed))) for seed in range(20)}
    assert seen == {(0, 1, 2, 3, 4, 5), (1, 0, 3, 2, 5, 4)}


SIZES = {
    "equal": [20] * 20,
    "zipf": [max(1, 400 // rank) for rank in range(1, 41)],
    "geometric": [max(1, int(200 * 0.7**rank)) for rank in range(30)],
    "one long": [200] + [5] * 40,
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("inside", [False, True])
def test_the_p_value_is_valid_for_groups_of_any_sizes(sizes, inside):
    """p <= .05 under independence in 100 repeats: 5 +- 9 (4 standard errors; above 14 with probability 1e-4).

    ``inside``: a tenth of the labels differ from their group's, so that they are not one value a group.
    """
    estimator, small = Gaussian(), 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        lengths = random.permutation(sizes)
        groups = np.repeat(np.arange(len(lengths)), lengths)
        y = (random.random(len(lengths)) < 0.5).astype(int)[groups]
        if inside:
            y = y ^ (random.random(len(groups)) < 0.1)
        t = random.normal(size=len(lengths))[groups] + 0.3 * random.normal(size=len(groups))
        if len(set(y)) < 2:
            continue
        prepared, labels = estimator.prepare(as_activations(t)), label_variable(y)
        value = estimator.about_label(prepared, labels, "nats")
        small += label_null(estimator, prepared, labels.grouped(groups), value, shuffles=19, seed=seed).p_value <= 0.05
    assert small <= 14


def test_values_of_whole_groups_change_and_sizes_stay():
    groups = np.repeat(["a", "b", "c"], [2, 5, 1])
    y, members = label_variable(groups), group_members(groups, 8)
    assert one_value_each(y, members)
    assert not one_value_each(label_variable(np.arange(8) % 2), members)
    seen = set()
    for seed in range(30):
        order = torch.from_numpy(shuffled(members, np.random.default_rng(seed), whole=True))
        other = reordered(y, order).classes()
        assert [len(other.ids[group].unique()) for group in members] == [1, 1, 1]
        assert other.counts.tolist() == torch.bincount(other.ids).tolist()
        seen.add(tuple(other.counts.tolist()))
    assert len(seen) == 6  # every assignment of three labels to sizes 2, 5, 1


def test_blocks_of_labels_move_among_groups_of_one_size_and_turn_where_alone():
    members = group_members(np.repeat([0, 1, 2, 3], [3, 3, 4, 3]), 13)
    for seed in range(20):
        order = shuffled(members, np.random.default_rng(seed))
        assert sorted(order) == list(range(13))
        turned = order[6:10]
        assert sorted(turned) == [6, 7, 8, 9]
        assert set(np.diff(turned) % 4) == {1}
        assert {tuple(order[group]) for group in (members[0], members[1], members[3])} == {
            (0, 1, 2), (3, 4, 5), (10, 11, 12)
        }  # fmt: skip


def test_reordered_labels_keep_their_entropy():
    y = label_variable(np.array([0, 0, 1, 2, 2, 2]))
    other = reordered(y, torch.tensor([5, 4, 3, 2, 1, 0]))
    assert other.classes().ids.tolist() == [2, 2, 2, 1, 0, 0]
    assert other.classes().entropy() == y.classes().entropy()


def test_the_p_value_is_uniform_under_independence():
    """With B = 9 shuffles P(p <= .3) is .3: of 200 independent pairs 60 +- 26 (4 standard deviations, 6e-5)."""
    small = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        t, y = random.normal(size=(40, 1)), random.integers(0, 2, 40)
        small += ip.mutual_information(t, y, bins=4, shuffles=9, seed=seed).details["p_value"] <= 0.3
    assert 34 <= small <= 86


def test_the_null_of_a_perfect_code_is_small_and_its_p_value_the_smallest_there_is():
    y = np.arange(400) % 2
    estimate = ip.mutual_information(y[:, None] * 1.0, y, bins=2, shuffles=19)
    assert estimate.value == pytest.approx(1.0)
    assert estimate.details["p_value"] == 1 / 20
    assert estimate.details["null"] < 0.05
    assert "null-exceeds-half" not in estimate.flags


def test_a_null_above_half_of_the_value_is_flagged_and_never_subtracted():
    random = np.random.default_rng(0)
    t, y = random.normal(size=(200, 8)), random.integers(0, 2, 200)
    plain, with_null = (ip.mutual_information(t, y, bins=8, shuffles=shuffles) for shuffles in (0, 10))
    assert with_null.value == plain.value
    assert with_null.details["null"] > plain.value / 2
    assert "null-exceeds-half" in with_null.flags


def test_shuffling_single_samples_of_a_text_is_too_optimistic_and_groups_are_not():
    """Label and activation are constant inside 20 texts and independent of each other.

    With 19 shuffles p <= .05 has probability .05 under whole groups: of 60 texts 3 +- 7 (4 standard deviations, 6e-5).
    """
    alone = together = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        texts = np.repeat(np.arange(20), 25)
        t, y = random.normal(size=20)[texts][:, None], np.repeat([0, 1], 10)[random.permutation(20)][texts]
        alone += ip.mutual_information(t, y, bins=3, shuffles=19).details["p_value"] <= 0.05
        together += ip.mutual_information(t, y, bins=3, shuffles=19, groups=texts).details["p_value"] <= 0.05
    assert alone > 45
    assert together <= 10


def test_units_of_the_null():
    random = np.random.default_rng(5)
    t, y = random.normal(size=(100, 1)), random.integers(0, 3, 100)
    bits, nats = (ip.mutual_information(t, y, units=units, shuffles=5).details["null"] for units in ("bits", "nats"))
    assert bits == pytest.approx(nats / math.log(2))


def test_a_convergence_curve_ends_at_the_estimate():
    random = np.random.default_rng(0)
    t, y = random.normal(size=(800, 1)), random.integers(0, 2, 800)
    estimate = ip.mutual_information(t, y, bins=4, convergence=True)
    curve = estimate.details["convergence"]
    assert [n for n, _ in curve] == [100, 200, 400, 800]
    assert curve[-1][1] == estimate.value


def test_saturated_estimates_are_not_converged_and_settled_ones_are():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 2000)
    assert "not-converged" in ip.mutual_information(random.normal(size=(2000, 5)), y, bins=8, convergence=True).flags
    clear = (y + 0.01 * random.normal(size=2000))[:, None]
    assert "not-converged" not in ip.mutual_information(clear, y, bins=4, convergence=True).flags


def test_subsets_are_nested_and_follow_groups():
    made, y = Binned(4), label_variable(np.arange(80) % 2)
    t = as_activations(np.arange(80.0)[:, None])
    curve = convergence_curve(made, t, y.grouped(np.repeat(np.arange(16), 5)))
    assert [n for n, _ in curve] == [10, 20, 40, 80]


def test_converged_is_a_small_last_doubling():
    assert has_converged([(10, 0.5), (20, 0.51)])
    assert not has_converged([(10, 0.5), (20, 0.6)])
    assert not has_converged([(20, 0.6)])
    assert has_converged([(10, 0.001), (20, 0.015)])


@pytest.mark.parametrize("shuffles", [-1, 1.5, True])
def test_shuffles_is_a_whole_number(shuffles):
    made, y = Binned(4), label_variable(np.arange(80) % 2)
    prepared = made.prepare(as_activations(np.arange(80.0)[:, None]))
    with pytest.raises(InputError, match="it must be a whole number of at least 1"):
        label_null(made, prepared, y, 0.0, shuffles=shuffles)


def test_groups_of_another_length():
    with pytest.raises(InputError, match="groups has 3 entries and there are 4 samples"):
        ip.mutual_information(np.zeros((4, 1)), [0, 1, 0, 1], shuffles=1, groups=[1, 2, 3])


def test_the_seed_reaches_the_estimator_and_its_own_null_makes_way():
    random = np.random.default_rng(0)
    t, y = random.normal(size=(60, 4)), random.integers(0, 2, 60)
    values = {ip.mutual_information(t, y, estimator="soft", seed=seed).value for seed in (0, 1)}
    assert len(values) == 2
    assert ip.mutual_information(t, y, estimator="soft", seed=1).value in values
    assert len(ip.mutual_information(t, y, estimator="soft", shuffles=7).details["null_values"]) == 7
