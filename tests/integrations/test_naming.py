"""The names under which loggers get numbers: what differs between rows is in the name, and nothing else."""

import pytest

from infoplane.integrations.naming import plain, values

ROW = {"split": "all", "layer": "fc1", "estimator": "binned", "family": "single", "copy": -1, "label": "y"}


def test_rows_that_agree_are_named_by_their_layer():
    rows = [ROW | {"i_xt": 3, "i_ty": 0.5}, ROW | {"layer": "fc2", "i_xt": 2, "i_ty": 0.25}]
    assert values(rows) == {
        "info/I(X;T)/fc1": 3.0,
        "info/I(T;Y)/fc1": 0.5,
        "info/I(X;T)/fc2": 2.0,
        "info/I(T;Y)/fc2": 0.25,
    }


def test_what_differs_is_in_the_name_in_a_fixed_order():
    rows = [ROW | {"i_ty": 1}, ROW | {"i_ty": 2, "estimator": "soft", "split": "test"}]
    assert values(rows) == {"info/I(T;Y)/fc1/all/binned": 1.0, "info/I(T;Y)/fc1/test/soft": 2.0}


def test_what_was_not_computed_has_no_name():
    assert values([ROW | {"i_xt": None, "i_ty": 0.0}]) == {"info/I(T;Y)/fc1": 0.0}
    assert values([]) == {}


@pytest.mark.parametrize(("name", "expected"), [("info/I(X;T)/fc1", "info/I_X_T_/fc1"), ("a/größe.0-1", "a/gr__e.0-1")])
def test_plain_names_have_ascii_letters_only(name, expected):
    assert plain({name: 1.5}) == {expected: 1.5}
