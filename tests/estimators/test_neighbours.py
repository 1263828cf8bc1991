"""Neighbours: the tree, the compiled loops and the tensors agree exactly, with each other and with plain sorting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.estimators import neighbours
from infoplane.estimators.neighbours import Cloud, count_equal, count_nearer, kth_distance

WAYS = {
    "tree": (neighbours.tree_kth_distance, neighbours.tree_count_nearer),
    "tensors": (neighbours.tensor_kth_distance, neighbours.tensor_count_nearer),
    "chosen": (kth_distance, count_nearer),
}


def plain_distances(points):
    """(samples, samples), infinite for a point and itself."""
    distance = np.abs(points[:, None] - points[None]).max(2)
    np.fill_diagonal(distance, np.inf)
    return distance


def sample(n, columns, seed, ties):
    points = np.random.default_rng(seed).normal(size=(n, columns))
    return np.round(points, 1) if ties else points


@settings(max_examples=60)
@given(
    n=st.one_of(st.integers(2, 9), st.integers(2, 150)),
    columns=st.integers(1, 12),
    k=st.integers(1, 8),
    seed=st.integers(0, 2**20),
    ties=st.booleans(),
)
def test_all_ways_agree_exactly_with_sorting(n, columns, k, seed, ties):
    points = sample(n, columns, seed, ties)
    k = min(k, n - 1)
    distance = plain_distances(points)
    kth = np.sort(distance, axis=1)[:, k - 1]
    tensor = torch.from_numpy(points)
    for nearest, nearer in WAYS.values():
        assert np.array_equal(nearest(tensor, k).numpy(), kth)
        for radius in (kth, 2 * kth, np.zeros(n)):
            expected = (distance < radius[:, None]).sum(1)
            assert np.array_equal(nearer(tensor, torch.from_numpy(radius)).numpy(), expected)
    assert np.array_equal(count_equal(tensor).numpy(), (distance == 0).sum(1))


@pytest.mark.parametrize("columns", [1, 3, 4, 7, 8, 20])
def test_blocks_and_chunks_have_no_seams(columns, monkeypatch):
    """More points than a block of the loops, and chunks of a few rows."""
    monkeypatch.setattr(neighbours, "_CHUNK_VALUES", 5000)
    points = torch.from_numpy(sample(1500, columns, columns, ties=False))
    kth = {way: nearest(points, 4) for way, (nearest, _) in WAYS.items()}
    counts = {way: nearer(points, 1.5 * kth["tree"]) for way, (_, nearer) in WAYS.items()}
    for way in WAYS:
        assert torch.equal(kth[way], kth["tree"])
        assert torch.equal(counts[way], counts["tree"])


def test_so_many_neighbours_there_are_not():
    points = torch.zeros(5, 2, dtype=torch.float64)
    for k in (0, 5):
        with pytest.raises(InputError, match=f"k={k} neighbours among 5 points: k must lie between 1 and 4"):
            kth_distance(points, k)


def test_tensors_elsewhere_have_the_same_neighbours(device):
    points = torch.from_numpy(sample(300, 9, 0, ties=True))
    there = points.to(device)
    assert torch.equal(kth_distance(there, 3).cpu(), kth_distance(points, 3))
    radius = kth_distance(points, 3)
    assert torch.equal(count_nearer(there, radius.to(device)).cpu(), count_nearer(points, radius))


@settings(max_examples=40)
@given(
    n=st.integers(2, 120), columns=st.tuples(st.integers(1, 9), st.integers(1, 9)), k=st.integers(1, 5),
    seed=st.integers(0, 2**20), ties=st.booleans(),
)  # fmt: skip
def test_held_distances_change_nothing(n, columns, k, seed, ties):
    parts = [torch.from_numpy(sample(n, width, seed + at, ties)) for at, width in enumerate(columns)]
    some = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[: max(2, n // 2)]
    held, plain = [Cloud.of(part) for part in parts], [Cloud(part) for part in parts]
    assert [cloud.held is not None for cloud in held] == [width > 3 for width in columns]
    for a, b in zip((*held, Cloud.joint(*held)), (*plain, Cloud.joint(*plain)), strict=True):
        for one, other in ((a, b), (a.take(some), b.take(some))):
            neighbours_of = min(k, len(one.points) - 1)
            radius = other.kth(neighbours_of)
            assert torch.equal(one.kth(neighbours_of), radius)
            assert torch.equal(one.nearer(radius), other.nearer(radius))
            assert torch.equal(one.equal, other.equal)


@settings(max_examples=40)
@given(
    n=st.integers(2, 150), columns=st.tuples(st.integers(1, 9), st.integers(1, 9)), k=st.integers(1, 5),
    seed=st.integers(0, 2**20), ties=st.booleans(),
)  # fmt: skip
def test_what_is_around_in_two_clouds_is_what_sorting_finds(n, columns, k, seed, ties):
    parts = [sample(n, width, seed + at, ties) for at, width in enumerate(columns)]
    apart = [plain_distances(part) for part in parts]
    kth = np.sort(np.maximum(*apart), axis=1)[:, min(k, n - 1) - 1]
    for few in (0, 3, 9):  # held, or not
        clouds = [Cloud.of(torch.from_numpy(part), few=few) for part in parts]
        distance, *nearer = clouds[0].around(clouds[1], min(k, n - 1))
        assert np.array_equal(distance.numpy(), kth)
        for counted, distances in zip(nearer, apart, strict=True):
            assert np.array_equal(counted.numpy(), (distances < kth[:, None]).sum(1))
    with pytest.raises(InputError, match=f"k={n} neighbours among {n} points"):
        clouds[0].around(clouds[1], n)


@settings(max_examples=40)
@given(
    n=st.integers(2, 120), columns=st.integers(1, 9), groups=st.integers(1, 12), k=st.integers(1, 5),
    seed=st.integers(0, 2**20), ties=st.booleans(),
)  # fmt: skip
def test_the_nearest_within_a_group_are_what_sorting_finds(n, columns, groups, k, seed, ties):
    points = sample(n, columns, seed, ties)
    _, ids, counts = np.unique(
        np.random.default_rng(seed).integers(0, groups, n), return_inverse=True, return_counts=True
    )
    within = np.where(ids[:, None] == ids, plain_distances(points), np.inf)
    place = np.minimum(k, counts[ids] - 1) - 1
    kth = np.where(place < 0, 0.0, np.sort(within, axis=1)[np.arange(n), place])
    for few in (0, 9):  # held, or not
        cloud = Cloud.of(torch.from_numpy(points), few=few)
        assert np.array_equal(cloud.within(torch.from_numpy(ids), torch.from_numpy(counts), k).numpy(), kth)


def test_more_points_than_can_be_held_are_looked_at_every_time(monkeypatch):
    points = torch.from_numpy(sample(40, 9, 0, ties=False))
    assert Cloud.of(points).held is not None
    monkeypatch.setattr(neighbours, "MOST_HELD", 39)
    assert Cloud.of(points).held is None
    with pytest.raises(InputError, match="k must lie between"):
        Cloud.of(points[:5]).kth(5)
