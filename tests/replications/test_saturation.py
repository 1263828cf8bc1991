"""The closed form against enumeration and known values, and the claim itself, which takes seconds."""

import itertools

import numpy as np
import pytest

from infoplane import replications
from infoplane.replications.saturation import expected_entropy


def plug_in(symbols):
    shares = np.unique(symbols, return_counts=True)[1] / len(symbols)
    return -(shares * np.log2(shares)).sum()


@pytest.mark.parametrize(("bits", "samples"), [(1, 2), (1, 5), (2, 4), (3, 3)])
def test_the_expectation_is_the_mean_over_all_samples(bits, samples):
    every = [plug_in(drawn) for drawn in itertools.product(range(2**bits), repeat=samples)]
    assert expected_entropy(bits, samples) == pytest.approx(np.mean(every), abs=1e-12)


@pytest.mark.parametrize(
    ("samples", "bits", "known"),
    [
        (1000, 8, 7.804), (1000, 10, 9.155), (1000, 12, 9.734),
        (4096, 8, 7.955), (4096, 10, 9.808), (4096, 12, 11.173), (4096, 14, 11.762),
        (60000, 10, 9.988), (60000, 14, 13.789), (60000, 16, 15.104),
    ],
)  # fmt: skip
def test_known_values(samples, bits, known):
    assert expected_entropy(bits, samples) == pytest.approx(known, abs=1e-3)


def test_the_claim_holds_and_its_contrast_does_not():
    outcome = replications.run("saturation", seeds=3, workers=1)
    assert outcome.verdict == "holds"
    assert [one.verdict for one in outcome.checks if one.contrast] == ["does not hold"]
    assert all("[bits]" in axis.get_ylabel() for axis in outcome.plot().axes)
