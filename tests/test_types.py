"""What travels from stage to stage: an Estimate, what it is made of, and a Dataset."""

import math

import numpy as np
import pytest

from infoplane.errors import UnknownNameError
from infoplane.flags import SATURATED
from infoplane.types import Dataset, Estimate, Information, checksum


def test_an_estimate_reads_with_its_interval_and_its_doubt():
    assert str(Estimate(0.5, "nats", n=7)) == "0.5000 nats, estimate, n=7"
    both = Estimate(0.5, low=0.25, high=0.75, kind="bracket", n=7, flags=("saturated",))
    assert str(both) == "0.5000 bits [0.2500, 0.7500], bracket, n=7 (saturated)"
    assert both.flags[0] is SATURATED


def test_a_printed_interval_says_what_it_is_and_where_the_value_lies_outside():
    bounds = Estimate(0.5, low=0.25, high=0.75, kind="estimate", n=7, interval="analytic bounds")
    assert str(bounds) == "0.5000 bits [0.2500, 0.7500] analytic bounds, estimate, n=7"
    one_end = Estimate(0.5, high=0.75, kind="upper bound", n=7, interval="one-sided 97.5 %")
    assert str(one_end) == "0.5000 bits (-inf, 0.7500] one-sided 97.5 %, upper bound, n=7"
    outside = Estimate(0.0172, low=-0.023, high=0.0073, kind="plug-in", n=7, interval="population 95 %")
    assert str(outside) == "0.0172 bits outside of [-0.0230, 0.0073] population 95 %, plug-in, n=7"


def test_a_flag_that_is_not_registered_cannot_be_raised():
    with pytest.raises(UnknownNameError, match="did you mean 'saturated'"):
        Estimate(0.5, flags=("saturate",))


def test_information_becomes_an_estimate_in_either_unit():
    nats = Information(
        math.log(4), 9, "population", "plug-in", low=math.log(2), high=math.log(8),
        amounts={"h_y": math.log(16), "h_t": None, "several": [0.0, math.log(2)]}, facts={"cells": 3},
    )  # fmt: skip
    bits = nats.estimate("3 bins", "bits")
    assert (bits.value, bits.low, bits.high, bits.units, bits.n, bits.kind) == (2.0, 1.0, 3.0, "bits", 9, "plug-in")
    assert bits.details == {
        "measurement": "3 bins", "estimand": "population", "cells": 3, "h_y": 4.0, "h_t": None, "several": [0.0, 1.0],
    }  # fmt: skip
    same = nats.estimate("3 bins", "nats")
    assert (same.value, same.details["h_y"]) == (math.log(4), math.log(16))


def test_a_dataset_counts_and_knows_its_own_values():
    data = Dataset("mine", np.eye(3), np.array([0, 1, 1]))
    assert (data.n, data.classes) == (3, 2)
    assert data.checksum() == Dataset("other", np.eye(3), np.array([0, 1, 1])).checksum()
    assert data.checksum() != Dataset("mine", np.eye(3), np.array([0, 1, 0])).checksum()


def test_a_checksum_is_of_values_shape_and_type():
    values = np.arange(6, dtype=np.float64)
    different = [values.reshape(2, 3), values.astype(np.float32), values[::-1], values + 1e-15]
    assert len({checksum(array) for array in [values, *different]}) == 5
    assert checksum(values.reshape(2, 3)) == checksum(np.asfortranarray(values.reshape(2, 3)))
