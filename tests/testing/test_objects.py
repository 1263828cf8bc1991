"""Faults of the object are found; the random numbers of others are not touched."""

import random

import numpy as np
import pytest
import torch

from infoplane.estimators.base import Estimator
from infoplane.testing import CHECKS, check_estimator, objects

from .test_testing import FirstSign, failed_checks, faults_for


@pytest.mark.parametrize(("faulty", "checks"), faults_for(objects))
def test_a_fault_is_found_by_its_own_check(faulty, checks):
    assert set(failed_checks(faulty)) == checks


def test_a_warning_is_found():
    with pytest.warns(UserWarning, match="look out"):
        assert set(failed_checks(FirstSign("warns"))) == {"warnings"}


def test_the_random_numbers_of_others_go_on_as_if_nothing_had_happened():
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    check_estimator(FirstSign("draws from torch"), skip=["random-state"])
    found = float(torch.rand(1)), np.random.rand(), random.random()
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    assert found == (float(torch.rand(1)), np.random.rand(), random.random())


def test_a_class_inside_a_function_is_not_sent_to_other_processes():
    class Inside(Estimator):
        name = "inside"
        measurement = "nothing"
        prepare = with_input = with_label = None

    only = {check.name for check in CHECKS} - {"another-process"}
    reason = check_estimator(Inside(), skip=only).not_applicable["another-process"]
    assert reason.endswith(".<locals>.Inside")
