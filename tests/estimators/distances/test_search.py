"""The tree, the compiled loops and the tensors agree exactly, with each other and with plain sorting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.estimators.distances import search
from infoplane.estimators.distances.search import count_equal, count_nearer, kth_distance

WAYS = {
    "tree": (search.tree_kth_distance, search.tree_count_nearer),
    "tensors": (search.tensor_kth_distance, search.tensor_count_nearer),
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
    monkeypatch.setattr(search, "_CHUNK_VALUES", 5000)
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
