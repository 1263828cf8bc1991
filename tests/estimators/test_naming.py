"""Estimators of one name are told apart by their measurement, in rows as in meta."""

import numpy as np
import pytest

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators import REGISTRY, estimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.rules import RULES, Fixed
from infoplane.estimators.naming import described


def test_a_name_that_is_alone_stays_as_it_is():
    assert list(described([Binned(15), estimator("kde")])) == ["binned", "kde"]
    assert list(described([estimator(name) for name in REGISTRY])) == list(REGISTRY)


def test_the_same_name_twice_holds_measurement_and_correction():
    found = described(
        [Binned(Fixed(15)), Binned(Fixed(30)), Binned(Fixed(30), correction="jackknife"), estimator("kde")]
    )
    assert list(found) == [
        "binned(15 bins on [-1, 1])", "binned(30 bins on [-1, 1])", "binned(30 bins on [-1, 1], jackknife)", "kde",
    ]  # fmt: skip
    assert found["binned(15 bins on [-1, 1])"] == {
        "name": "binned", "measurement": "15 bins on [-1, 1]", "correction": "none", "rule": "fixed", "bins": 15,
    }  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_named(rule):
    (facts,) = described([Binned(rule)]).values()
    assert facts["rule"] == rule
    wanted = {"report": 50, "width": None, "distinct": None, "sign": None}.get(rule, 30)
    assert facts["bins"] == wanted


def test_two_that_cannot_be_told_apart_are_refused():
    with pytest.raises(InputError, match=r"estimators has binned\(bins of width 0.07\) twice"):
        ip.InformationPlane(np.eye(3), [0, 1, 0], estimators=[Binned("width"), Binned("width")])


def test_the_rows_of_two_bin_rules_are_two_series(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 3))
    plane = ip.InformationPlane(x, x[:, 0] > 0, estimators=[Binned(Fixed(4)), Binned(Fixed(8))])
    plane.measure(ip.networks.mlp([3, 2], "tanh"), 0)
    assert list(dict.fromkeys(row["estimator"] for row in plane.trajectory)) == list(
        plane.trajectory.meta["estimators"]
    )
    plane.trajectory.save(tmp_path / "run")
    assert ip.Trajectory.load(tmp_path / "run").meta["estimators"] == plane.trajectory.meta["estimators"]
