"""Names, tables and options of estimators."""

from __future__ import annotations

import pytest

import infoplane.estimators
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import REGISTRY, estimator, names
from infoplane.estimators.binned import Binned


def test_names():
    assert names() == list(REGISTRY) == infoplane.estimators()
    assert all(REGISTRY[name].name == name for name in names())


def test_an_estimator_by_name_table_or_instance():
    assert estimator("binned").get_params() == Binned().get_params()
    assert estimator("binned", bins=7).measurement == "7 bins from minimum to maximum of the layer"
    assert estimator({"name": "binned", "bins": "width"}).measurement == "bins of width 0.07"
    assert estimator({"bins": 3}).get_params()["bins"] == 3
    assert estimator({"name": "binned", "bins": 3}, bins=4).get_params()["bins"] == 4
    made = Binned(5)
    assert estimator(made) is made


def test_a_table_is_not_changed():
    table = {"name": "binned", "bins": {"rule": "fixed", "bins": 3}}
    estimator(table)
    assert table == {"name": "binned", "bins": {"rule": "fixed", "bins": 3}}


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("bined", {}, "unknown estimator 'bined': did you mean 'binned'? known are "),
        ("zzzzzz", {}, "unknown estimator 'zzzzzz': known are "),
        ("binned", {"bin": 3}, "unknown option of the estimator 'binned' 'bin': did you mean 'bins'?"),
        ({"name": "binned", "corection": "none"}, {}, "did you mean 'correction'?"),
    ],
)
def test_unknown_names_and_options_come_with_the_nearest(spec, options, message):
    with pytest.raises(UnknownNameError) as error:
        estimator(spec, **options)
    assert message in str(error.value)


def test_options_beside_an_instance_are_refused():
    with pytest.raises(
        InputError, match=r"options \['bins'\] beside an instance, which has its own: pass them to its constructor"
    ):
        estimator(Binned(), bins=3)
