"""Faults of the estimate are found."""

import pytest

from infoplane.testing import estimates

from .test_testing import FirstSign, failed_checks, faults_for


@pytest.mark.parametrize(("faulty", "checks"), faults_for(estimates))
def test_a_fault_is_found_by_its_own_check(faulty, checks):
    assert set(failed_checks(faulty)) == checks


def test_what_was_expected_and_found_is_in_numbers():
    failure = failed_checks(FirstSign("n of one class"))["estimate"]
    assert failure.expected == "n = 160"
    assert int(failure.found) < 160
