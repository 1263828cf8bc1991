"""Options are checked at the door: what is taken, what is not, and what the message says."""

import numpy as np
import pytest
import torch

from infoplane.checks import as_whole, choice, real_number, truth_value, whole_number
from infoplane.errors import InputError, UnknownNameError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_of_any_library_become_an_int(value):
    number = whole_number("epochs", value, least=1, example=10)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True), 1.0, "1", None, 0, -4, 11, np.array([1, 2])])
def test_anything_else_is_named_with_what_to_type(value):
    with pytest.raises(InputError, match=r"epochs=.*whole number from 1 to 10, for example epochs=5"):
        whole_number("epochs", value, least=1, most=10, example=5)


def test_whole_numbers_may_be_as_large_as_they_like_without_a_most():
    assert whole_number("seed", 10**30, least=0, example=0) == 10**30
    assert as_whole(2.0) is None


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "0.5", True, None, 1.5, 10**400])
def test_a_real_number_is_finite_and_inside_its_bounds(value):
    with pytest.raises(InputError, match=r"max_share=.*above 0 and at most 1, for example max_share=0.1"):
        real_number("max_share", value, above=0, most=1, example=0.1)


def test_real_numbers_keep_their_value():
    assert real_number("beta", 0.25, least=0, example=0.1) == 0.25
    assert real_number("beta", np.float32(2), example=0.1) == 2.0
    with pytest.raises(InputError, match="of at least 0, for"):
        real_number("beta", -1, least=0, example=0.1)


def test_truth_values_and_choices():
    assert truth_value("download", False) is False
    with pytest.raises(InputError, match="download=1: it must be True or False"):
        truth_value("download", 1)
    assert choice("unit", "bits", ("bits", "nats")) == "bits"
    with pytest.raises(UnknownNameError, match="bits"):
        choice("unit", "bit", ("bits", "nats"))
