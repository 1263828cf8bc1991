import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.trajectory.monitor import monitored, parse_monitor

NO_KIND = {"split": None, "label": None, "family": None, "estimator": None}


def row(**given_):
    usual = {"step": 7, "layer": "fc", "layer_index": 0, "copy": -1, "family": "exact", "estimator": "binned"}
    return usual | {"split": "all", "label": "y", "i_xt": 8.0, "i_ty": 0.5, "h_t": 9.0, "h_t_given_x": 1.0} | given_


def value_of(text, rows=None, *, beta=1.0, layer="last", **kinds):
    return monitored(text, rows or [row()], beta=beta, layer=layer, kinds=NO_KIND | kinds)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I(T;Y) - beta*I(X;T)", 0.5 - 2 * 8),
        ("I( X ; T ) / H(T)", 8 / 9),
        ("H(T) - H(T|X)", 8),
        ("-(i_xt + i_ty)/2 + 1e1", 10 - 8.5 / 2),
        ("I(Y;T)*I(T;X)", 4),
        ("+3", 3),
    ],
)
def test_expressions_mean_what_they_say(text, expected):
    assert value_of(text, beta=2.0) == pytest.approx(expected, abs=1e-15)


LEAVES = st.sampled_from(["I(X;T)", "I(T;Y)", "H(T)", "H(T|X)", "beta", "0.5", "3"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"-{t}"),
    ),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None)
@given(TREES.filter(lambda text: len(text) <= 200))
def test_agrees_with_pythons_own_reading(text):
    python = text.replace("I(X;T)", "8.0").replace("I(T;Y)", "0.5").replace("H(T|X)", "1.0").replace("H(T)", "9.0")
    assert value_of(text, beta=0.25) == eval(python, {"beta": 0.25})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I(T;Y) - gamma*I(X;T)", "unknown name 'gamma'"),
        ("__import__('os').getcwd()", "use I(X;T), I(T;Y)"),
        ("i_ty.real", "a Attribute"),
        ("i_ty if beta else i_xt", "a IfExp"),
        ("9**9", "a Pow"),
        ("i_xt[0]", "a Subscript"),
        ("True", "a Constant"),
        ("'text'", "a Constant"),
        ("[i_xt]", "a List"),
        ("i_xt; i_ty", "cannot be read"),
        ("I(X;Z)", "cannot be read"),
        ("", "cannot be read"),
        ("1\x00", "cannot be read"),
        ("1+" * 150 + "1", "301 characters"),
    ],
)
def test_everything_else_is_refused_with_what_to_type(text, words):
    with pytest.raises(InputError) as caught:
        parse_monitor(text)
    assert words in str(caught.value)
    assert "as in I(T;Y) - beta*I(X;T)" in str(caught.value)


def test_the_last_layer_is_the_one_with_the_highest_position():
    rows = [row(layer=name, layer_index=at, i_ty=float(at)) for name, at in (("b", 1), ("c", 2), ("a", 0))]
    assert value_of("i_ty", rows) == 2
    assert value_of("i_ty", rows, layer="b") == 1
    assert value_of("i_ty", rows, layer=0) == 0
    assert value_of("i_ty", rows, layer=-3) == 0
    for wrong, words in (("d", "unknown layer 'd'"), (3, "3 layers, from 0 to 2")):
        with pytest.raises(InputError, match=words):
            value_of("i_ty", rows, layer=wrong)


def test_exact_comes_before_per_copy_before_single_before_sampled():
    families = ["sampled", "single", "per-copy", "exact"]
    for best in range(4):
        rows = [row(family=name, i_ty=float(at)) for at, name in enumerate(families[: best + 1])]
        assert value_of("i_ty", rows) == best
    assert value_of("i_ty", rows, family="sampled") == 0
    with pytest.raises(InputError, match="did you mean 'sampled'"):
        value_of("i_ty", rows, family="sample")


def test_wanted_split_label_and_estimator_are_taken_else_the_first():
    rows = [row(split=s, label=y, estimator=e, i_ty=float(len(s + y + e))) for s, y, e in
            (("train", "y", "binned"), ("test", "y2", "binned"), ("test", "y2", "ksg"))]  # fmt: skip
    assert value_of("i_ty", rows) == len("trainybinned")
    assert value_of("i_ty", rows, split="test") == len("testy2binned")
    assert value_of("i_ty", rows, split="test", estimator="ksg") == len("testy2ksg")


def test_the_whole_family_comes_before_its_copies_and_copies_are_averaged():
    copies = [row(copy=at, i_ty=float(at)) for at in range(4)]
    assert value_of("i_ty", copies) == 1.5
    assert value_of("i_ty", [*copies, row(i_ty=9.0)]) == 9


def test_only_rows_of_the_newest_step_count():
    assert value_of("i_ty", [row(step=6, i_ty=1.0), row(step=7, i_ty=2.0)]) == 2


def test_a_function_gets_all_rows_of_the_newest_step():
    rows = [row(step=6), row(layer="a"), row(layer="b")]
    assert value_of(lambda newest: float(len(newest)), rows) == 2
    assert monitored(lambda newest: math.nan, rows, beta=1, layer="last", kinds=NO_KIND) == (None, "the monitor is nan")


def test_what_has_no_value_says_why():
    assert monitored("h_t", [row(h_t=None)], beta=1, layer="last", kinds=NO_KIND) == (None, "h_t was not computed")
    reason = monitored("i_ty/(beta-1)", [row()], beta=1, layer="last", kinds=NO_KIND)[1]
    assert reason == "i_ty/(beta-1) divides by zero"
    with pytest.raises(InputError, match="no rows"):
        monitored("i_ty", [], beta=1, layer="last", kinds=NO_KIND)
