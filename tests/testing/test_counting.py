"""Faults in counting are found."""

import pytest

from infoplane.testing import counting

from .test_testing import Signs, failed_checks, faults_for


@pytest.mark.parametrize(("faulty", "checks"), faults_for(counting))
def test_a_fault_is_found_by_its_own_check(faulty, checks):
    assert set(failed_checks(faulty)) == checks


def test_codes_that_depend_on_the_row_are_found_by_several_checks():
    failed = failed_checks(Signs("row numbers"))
    assert {"symbols", "order-of-samples", "samples-three-times", "layer-that-is-the-label"} & set(failed)
    assert failed["symbols"].expected == "one code for equal rows"
