"""On a device the sums are those of the loops for the processor; tried here in main memory."""

import numpy as np
import pytest
import torch

from infoplane.estimators.distances import device_ladder
from infoplane.estimators.distances.device_ladder import device_pair_sums
from infoplane.estimators.distances.ladder import pair_sums


@pytest.mark.parametrize("chunk", [2**26, 90 * 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_to_the_loops(monkeypatch, chunk, dtype):
    monkeypatch.setattr(device_ladder, "_CHUNK_VALUES", chunk)
    random = np.random.default_rng(3)
    t = torch.from_numpy(random.normal(size=(90, 7)) * np.linspace(0.1, 2, 7)).to(dtype)
    labels = np.stack([random.integers(3, size=90), random.integers(2, size=90)]).astype(np.int32)
    priors = np.stack([(np.bincount(label) / 90)[label] for label in labels])
    options = {"seed": 5, "groups": (np.arange(90) // 2).astype(np.int32)}
    sums, expected = (
        each(t - t.mean(0), labels, priors, (8.0, 4.0, 2.0, 1.0, 0.5), **options)
        for each in (device_pair_sums, pair_sums)
    )
    np.testing.assert_allclose(sums.sums, expected.sums, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(sums.variate, expected.variate, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(sums.moved, expected.moved, rtol=1e-3, atol=1e-5)
