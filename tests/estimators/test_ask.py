"""Mutual information at the public edge: what it takes, what it refuses, and units."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations, check_units, mutual_information
from infoplane.estimators.binned import Binned


def test_unknown_units():
    with pytest.raises(UnknownNameError, match=r"unknown unit 'bit': did you mean 'bits'\? known are bits, nats"):
        check_units("bit")


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (3.0, "t is a single number: it needs one row per sample"),
        (np.zeros((3, 0)), r"t has shape \(3, 0\): it needs at least one sample and one unit"),
        ([], r"t has shape \(0,\)"),
        (["a", "b"], "t holds <U1, not numbers: encode it first"),
        (np.array([1 + 2j]), "t holds torch.complex128: take real and imaginary parts as units"),
    ],
)
def test_activations_that_are_refused(t, message):
    with pytest.raises(InputError, match=message):
        as_activations(t)


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (torch.zeros(4, 2, dtype=torch.bfloat16), torch.float32),
        (torch.zeros(4, 2, dtype=torch.float16), torch.float32),
        (np.zeros((4, 2), dtype=np.float16), torch.float32),
        (np.zeros((4, 2), dtype=np.float32), torch.float32),
        (np.zeros((4, 2)), torch.float64),
        (np.zeros((4, 2), dtype=np.int8), torch.float64),
        (np.zeros((4, 2), dtype=bool), torch.float64),
        ([[0, 1]] * 4, torch.float64),
    ],
)
def test_activations_become_float32_or_float64(given, dtype):
    tensor = as_activations(given)
    assert tensor.dtype == dtype
    assert tensor.shape == (4, 2)


def test_activations_become_samples_by_units():
    assert as_activations(torch.zeros(5)).shape == (5, 1)
    assert as_activations(torch.zeros(5, 2, 3, 4)).shape == (5, 24)
    assert not as_activations(torch.zeros(5, requires_grad=True)).requires_grad


def test_too_large_for_half_precision_is_infinite_and_an_error():
    t = torch.tensor([7e4, 1.0, 2.0, 3.0]).to(torch.float16)
    with pytest.raises(InputError, match=r"1 of 4 rows contain NaN/Inf \(first row 0\)"):
        mutual_information(t, [0, 1, 0, 1])


def test_mutual_information_of_what_is_known():
    t, y = [[0.0], [0.1], [0.9], [1.0]], ["a", "a", "b", "b"]
    assert mutual_information(t, y, bins=2).value == 1.0
    assert mutual_information(t, y, bins=2, units="nats").value == pytest.approx(math.log(2), abs=1e-15)
    assert mutual_information(t, y, estimator=Binned(1)).value == 0.0
    assert mutual_information(t, [[1, 0], [1, 0], [0, 1], [0, 1]], bins=2).value == 1.0
    assert mutual_information(np.arange(100.0), np.arange(100) / 7, bins="distinct", y_bins=4).value == pytest.approx(2)


@pytest.mark.parametrize(
    ("t", "y", "message"),
    [
        ([1, 2, 3], [0, 1], "t has 3 samples, y has 2 samples: they must describe the same samples, row by row"),
        ([1], [0], r"1 sample\(s\): information needs at least 2"),
        ([1, 2], [0, 0], r"all samples have the same label in 'y': I\(T;Y\) needs at least two classes"),
        (np.arange(60), np.sqrt(np.arange(60)), r"Y looks continuous \(60 distinct values\); pass y_bins="),
    ],
)
def test_bad_samples(t, y, message):
    with pytest.raises(InputError, match=message):
        mutual_information(t, y)
