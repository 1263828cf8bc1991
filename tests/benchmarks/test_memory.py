"""The promise about memory, on fewer images: the peak of the process, and that it hardly grows with the images."""

import pytest

from ..conftest import TESTS, load

pytestmark = pytest.mark.slow


memory = load(TESTS.parent / "benchmarks" / "memory.py")


def test_peak_memory():
    few, more = (memory.in_a_process("ranges", samples) for samples in (128, 512))
    assert more["batch"] == few["batch"] == 64
    assert more["whole"] > 1.6e9  # what its activations would take
    assert more["peak"] < 0.9e9
    assert more["peak"] - few["peak"] < 0.15e9
