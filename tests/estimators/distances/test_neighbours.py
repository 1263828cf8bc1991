"""Clouds answer alike, whether they keep all distances, some of them, or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.estimators.distances import neighbours
from infoplane.estimators.distances.matrix import Bounded, Every
from infoplane.estimators.distances.neighbours import Cloud, Held, Loose, smallest

from .test_matrix import wide_sample
from .test_search import plain_distances, sample

CLOUDS = {
    "loose": Loose,
    "every": lambda points: Held((Every.of(points),)),
    "bounded": lambda points: Held((Bounded.of(points, torch.ones_like(points[0])),)),
}


@settings(max_examples=40)
@given(
    n=st.integers(2, 120), columns=st.tuples(st.integers(1, 9), st.integers(1, 9)), k=st.integers(1, 5),
    seed=st.integers(0, 2**20), ties=st.booleans(),
)  # fmt: skip
def test_held_distances_change_nothing(n, columns, k, seed, ties):
    parts = [torch.from_numpy(sample(n, width, seed + at, ties)) for at, width in enumerate(columns)]
    some = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[: max(2, n // 2)]
    assert [isinstance(Cloud.of(part), Held) for part in parts] == [width > 3 for width in columns]
    plain = [Loose(part) for part in parts]
    for ways in (("every", "every"), ("bounded", "every"), ("bounded", "bounded"), ("loose", "bounded")):
        held = [CLOUDS[way](part) for way, part in zip(ways, parts, strict=True)]
        for a, b in zip((*held, Cloud.joint(*held)), (*plain, Cloud.joint(*plain)), strict=True):
            for one, other in ((a, b), (a.take(some), b.take(some))):
                neighbours_of = min(k, len(other.points) - 1)
                radius = other.kth(neighbours_of)
                assert torch.equal(one.kth(neighbours_of), radius)
                assert torch.equal(one.nearer(radius), other.nearer(radius))
                assert torch.equal(one.nearer(2 * radius), other.nearer(2 * radius))
                assert torch.equal(one.equal, other.equal)
                groups = torch.arange(len(radius)) % 3
                within = (cloud.within(groups, groups.bincount(), k) for cloud in (one, other))
                assert torch.equal(*within)


@settings(max_examples=40)
@given(
    n=st.integers(2, 150), columns=st.tuples(st.integers(1, 9), st.integers(1, 9)), k=st.integers(1, 5),
    seed=st.integers(0, 2**20), ties=st.booleans(),
)  # fmt: skip
def test_what_is_around_in_two_clouds_is_what_sorting_finds(n, columns, k, seed, ties):
    parts = [sample(n, width, seed + at, ties) for at, width in enumerate(columns)]
    apart = [plain_distances(part) for part in parts]
    kth = np.sort(np.maximum(*apart), axis=1)[:, min(k, n - 1) - 1]
    for first in CLOUDS.values():
        for second in CLOUDS.values():
            clouds = [way(torch.from_numpy(part)) for way, part in zip((first, second), parts, strict=True)]
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
    for way in CLOUDS.values():
        cloud = way(torch.from_numpy(points))
        assert np.array_equal(cloud.within(torch.from_numpy(ids), torch.from_numpy(counts), k).numpy(), kth)


@pytest.mark.parametrize("kind", ["heavy tails", "sparse", "ties", "equal rows", "outliers"])
def test_wide_clouds_answer_as_all_distances_do(kind):
    points, other = (torch.from_numpy(wide_sample(kind, 240, width, seed=1)) for width in (700, 5))
    groups = torch.arange(240) % 7
    for k in (1, 3, 120, 239):
        answers = []
        for way in ("every", "bounded"):
            cloud, half = CLOUDS[way](points), torch.arange(0, 240, 2)
            around = cloud.around(Loose(other), k)
            fewer = cloud.take(half).around(Loose(other[half]), min(k, 119))
            within = cloud.within(groups, groups.bincount(), k)
            answers.append((*around, *fewer, within, cloud.nearer(within), cloud.equal, cloud.kth(k)))
        for one, another in zip(*answers, strict=True):
            assert torch.equal(one, another)


def test_few_distances_are_looked_at():
    """Of points that each lie far out in columns of their own; and many columns are what decides."""
    points = torch.from_numpy(wide_sample("heavy tails", 400, 513, seed=0))
    cloud = Cloud.of(points)
    cloud.kth(3)
    assert isinstance(cloud.parts[0], Bounded)
    assert float(cloud.parts[0].known.double().mean()) < 0.2
    assert isinstance(Cloud.of(points[:, :512]).parts[0], Every)
    assert isinstance(Cloud.whole(points).parts[0], Every)


@settings(max_examples=60)
@given(n=st.integers(1, 80), many=st.integers(1, 20), decimals=st.integers(0, 9), seed=st.integers(0, 2**20))
def test_the_smallest_values_are_found(n, many, decimals, seed):
    values = np.round(np.random.default_rng(seed).normal(size=n), decimals)
    values[n // 2] = np.inf
    places = np.empty(min(n, many), np.int64)
    smallest(values, places, np.empty(2 * many))
    assert np.array_equal(values[places], np.sort(values)[: len(places)])
    assert len(set(places)) == len(places)


def test_more_points_than_can_be_held_are_looked_at_every_time(monkeypatch):
    points = torch.from_numpy(sample(40, 9, 0, ties=False))
    assert isinstance(Cloud.of(points), Held)
    monkeypatch.setattr(neighbours, "MOST_HELD", 39)
    assert isinstance(Cloud.of(points), Loose)
    assert isinstance(Cloud.whole(points), Loose)
    with pytest.raises(InputError, match="k must lie between"):
        Cloud.of(points[:5]).kth(5)
