"""What is promised of every estimator, whatever it does inside: one row of ``cases.py`` is put through all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infoplane.estimators import REGISTRY, estimator
from infoplane.testing import CHECKS, ChecksFailed, check_estimator

from ..conftest import load


def test_every_estimator_has_a_row():
    cases = load(Path(__file__).parent / "cases.py").CASES
    assert {case.name for case in cases} == set(REGISTRY)


def test_every_check_is_passed(case):
    report = check_estimator(estimator(case.name, **case.options), skip=case.skip)
    assert report.skipped == tuple(sorted(case.skip))
    assert len(report.passed) >= 35


def test_a_check_is_left_out_only_where_it_fails(case):
    for name in case.skip:
        others = {check.name for check in CHECKS} - {name}
        with pytest.raises(ChecksFailed) as caught:
            check_estimator(estimator(case.name, **case.options), skip=others)
        assert set(caught.value.report.failed) == {name}


def test_options_come_back_from_a_table(case):
    made = estimator(case.name, **case.options)
    assert case.options.items() <= made.get_params().items()
    assert estimator({"name": case.name, **case.options}).get_params() == made.get_params()
    assert estimator(made) is made
