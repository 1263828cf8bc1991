"""Faults in what is taken are found; rows that are not finite may be treated in several ways."""

import pytest

from infoplane.estimators import Binned
from infoplane.testing import check_estimator, inputs

from .test_testing import failed_checks, faults_for


@pytest.mark.parametrize(("faulty", "checks"), faults_for(inputs))
def test_a_fault_is_found_by_its_own_check(faulty, checks):
    assert set(failed_checks(faulty)) == checks


@pytest.mark.parametrize("policy", ["drop-row", "own-cell", "keep"])
def test_rows_that_are_not_finite_are_treated_as_an_option_says(policy):
    assert "not-finite" in check_estimator(Binned(nonfinite=policy)).passed
