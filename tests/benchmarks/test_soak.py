"""benchmarks/soak.py for half a minute: what a round takes, it gives back."""

import numpy as np
import pytest

from ..conftest import TESTS, load

soak = load(TESTS.parent / "benchmarks" / "soak.py")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rounds():
    samples = [used for _, _, used in soak.soak(30)]
    after = samples[int(len(samples) * soak.WARM_UP) :]
    half = len(after) // 2
    assert np.median(after[half:]) - np.median(after[:half]) < 5  # MB


def test_the_slope_is_that_of_a_straight_line():
    assert soak.slope([(0.0, number, 100 + 0.002 * number) for number in range(50)]) == pytest.approx(2)
