"""Kept distances: bounds that questions make exact, and never above the distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infoplane.estimators.distances.matrix import Bounded, Every


def wide_sample(kind, n, columns, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, columns))
    return {
        "normal": points,
        "heavy tails": points**5,
        "sparse": points * (rng.random((n, columns)) < 0.05),
        "ties": np.round(points),
        "equal distances": np.sign(points),
        "equal rows": points[rng.integers(0, n, n) // 2],
        "all equal": np.ones((n, columns)),
        "far from 0": points + 1e6 * rng.normal(size=columns),
        "outliers": points * 10.0 ** rng.integers(0, 6, (n, 1)),
        "huge": 1e30 * points,
        "beyond the largest": 1.7e308 * np.sign(points),
        "smallest": 5e-324 * np.round(10 * points),
    }[kind]


@pytest.mark.parametrize("kind", [
    "normal", "heavy tails", "sparse", "ties", "equal distances", "equal rows", "all equal", "far from 0", "outliers",
    "huge", "beyond the largest", "smallest",
])  # fmt: skip
@pytest.mark.parametrize(("n", "columns"), [(2, 70), (90, 300), (200, 64), (150, 1001)])
@np.errstate(over="ignore")
def test_distances_found_as_far_as_asked_for_are_all_distances(kind, n, columns):
    """After every question: bounds, exact below the radius, not below it elsewhere; in any order of questions."""
    points = torch.from_numpy(wide_sample(kind, n, columns, seed=n))
    truth, bounded = Every.of(points).lower, Bounded.of(points, torch.ones_like(points[0]))
    ascending = truth.sort(1).values
    for place in (0, min(3, n - 1), 1, n // 2, n - 1, n // 3):
        radius = ascending[:, place].contiguous()
        bounded.settle(radius)
        wanted = torch.maximum(radius[:, None], radius)
        assert torch.equal(torch.minimum(bounded.lower, wanted), torch.minimum(truth, wanted))
        assert bool((bounded.lower <= truth).all())
        assert torch.equal(bounded.lower[bounded.known], truth[bounded.known])
        near = torch.randint(n, (n, 3), generator=torch.Generator().manual_seed(place))
        assert torch.equal(bounded.find(near), truth.gather(1, near))
        assert torch.equal(bounded.lower, bounded.lower.T)
    some = torch.arange(n - 1, -1, -2)
    assert torch.equal(bounded.take(some).lower, bounded.lower[some][:, some])


@pytest.mark.parametrize("columns", [1, 3, 4, 7, 70])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 600])
def test_all_distances_are_symmetric_and_those_of_plain_loops(n, columns):
    """Fewer and more points than a tile or a block, and columns that do not come in fours."""
    points = np.random.default_rng(n).normal(size=(n, columns))
    distances = Every.of(torch.from_numpy(points)).lower.numpy()
    assert np.array_equal(distances, abs(points[:, None] - points[None]).max(2))
