"""The same samples under many estimators: every row is what the estimator says alone, and what fails says why."""

import math
from typing import ClassVar, final

import numpy as np
import pandas as pd
import pytest
import torch

import infoplane as ip
from infoplane.comparison.compare import compare
from infoplane.comparison.table import COLUMNS, Comparison, Row
from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.estimators import estimator
from infoplane.estimators.base import Estimator
from infoplane.types import Information

RNG = np.random.default_rng(0)
Y = np.arange(600) % 3
T = np.tanh(RNG.normal(size=(600, 2)) + Y[:, None] - 1)
X = RNG.normal(size=(600, 4))
QUICK = ["kde", "gaussian", "gaussian-copula", "ksg", "mixed-ksg", "renyi", "soft", "usable", "edge"]


@pytest.fixture(scope="module")
def standard():
    return ip.compare(T, Y, x=X)


def test_the_bin_rules_and_the_quick_estimators(standard):
    assert [row.estimator for row in standard.rows] == ["binned"] * 7 + QUICK
    assert [row.measurement for row in standard.rows[:7]] == [
        "30 bins on [-1, 1]",
        "bins of width 0.07",
        "30 bins from minimum to maximum of the layer",
        "30 bins from minimum to maximum of each unit",
        "50 report bins on [-1, 1]",
        "30 quantile bins of each unit",
        "every distinct row",
    ]
    assert all(row.seconds > 0 and row.n == 600 and row.units == "bits" and not row.note for row in standard.rows)
    assert standard.facts == {
        "log2_n": math.log2(600),
        "h_y": pytest.approx(math.log2(3)),
        "label": "3 classes, guessed from numbers: continuous='y' to override",
    }


def test_each_row_is_what_the_estimator_says_alone(standard):
    for row, spec in zip(standard.rows[6:], [{"name": "binned", "bins": "distinct"}, *QUICK], strict=True):
        alone = ip.mutual_information(T, Y, estimator=estimator(spec))
        assert (row.i_ty, row.i_ty_low, row.i_ty_high) == (alone.value, alone.low, alone.high)
        assert (row.kind, row.n, row.measurement) == (alone.kind, alone.n, alone.details["measurement"])
        assert row.i_ty_flags == alone.flags
        assert row.i_ty_null == alone.details.get("null")


def test_the_input_is_seen_by_all_that_define_it_and_otherwise_by_those_that_count(standard):
    by_name = {row.estimator: row for row in standard.rows}
    assert [name for name, row in by_name.items() if row.i_xt is None] == ["usable"]
    assert by_name["binned"].i_xt == pytest.approx(math.log2(600))  # the last bin rule: all rows differ
    assert (by_name["kde"].i_xt_kind, by_name["kde"].kind) == ("upper bound", "estimate")
    alone = ip.compare(T, Y, estimators=["binned", "kde"])
    assert alone.rows[0].i_xt == pytest.approx(ip.compare(T, Y, x=np.arange(600), estimators="binned").rows[0].i_xt)
    assert alone.rows[1].i_xt is None


def test_equal_inputs_are_pooled():
    x, t = np.arange(8) // 2, np.arange(8.0) % 2
    (row,) = ip.compare(t, x > 1, x=x, estimators={"name": "binned", "bins": "distinct"}).rows
    assert (row.i_xt, row.i_ty) == pytest.approx((0.0, 0.0))


def test_what_does_not_apply_is_a_row_with_the_reason():
    both = ip.compare(T, Y, estimators=["quantised", "binned"])
    assert both.rows[0].i_ty is None
    assert "evenly spaced levels" in both.rows[0].note
    assert both.rows[1].i_ty is not None
    continuous = ip.compare(T, X[:, 0], estimators=["binned", "gaussian"])
    assert "no I(T;Y): Y looks continuous" in continuous.rows[0].note
    assert continuous.rows[0].i_xt is not None
    assert continuous.rows[1].note == ""
    assert "h_y" not in continuous.facts
    assert ip.compare(T, X[:, 0], estimators="binned", y_bins=4).facts["h_y"] == pytest.approx(2.0)


def test_what_would_be_slow_or_meaningless_is_left_out_with_the_reason_unless_asked_for():
    wide = ip.compare(RNG.normal(size=(2001, 7)), np.arange(2001) % 2)
    notes = {row.estimator: row.note for row in wide.rows if row.note}
    assert set(notes) == {"ksg", "mixed-ksg", "renyi"}
    assert "7 units" in notes["ksg"]
    assert "2001 samples" in notes["renyi"]
    assert ip.compare(RNG.normal(size=(300, 7)), np.arange(300) % 2, estimators="ksg").rows[0].note == ""


def test_all_are_asked_for_with_one_word():
    every = ip.compare(T[:60], Y[:60], estimators="all")
    assert {row.estimator for row in every.rows} == set(ip.estimators())


@final
class Refuses(Estimator):
    """Gives I(T;Y) and refuses I(X;T)."""

    name: ClassVar[str] = "refuses"
    measurement = "nothing"

    def prepare(self, t):
        return len(t)

    def with_input(self, prepared, x):
        raise InputError("not this one")

    def with_label(self, prepared, y):
        return Information(math.log(2), prepared, "population")


def test_half_an_answer_is_kept():
    (row,) = ip.compare(T, Y, x=X, estimators=Refuses()).rows
    assert (row.i_xt, row.i_ty, row.note) == (None, 1.0, "no I(X;T): not this one")


def test_the_worst_light_stands_first_and_alone():
    x = np.arange(600) // 100
    row = ip.compare(T, Y, x=x, estimators={"name": "binned", "bins": "distinct"}).rows[0]
    lights = [flag for flag in row.flags if flag in ("red", "amber", "green")]
    assert row.flags[0] == "red"
    assert lights == ["red"]


def test_spreads_by_hand():
    def row(value, measurement, kind="plug-in", name="binned"):
        return Row(name, measurement, i_xt=value, i_ty=None, kind=kind)

    rows = (
        row(1.0, "30 bins on [-1, 1]"),
        row(4.0, "bins of width 0.07"),
        row(6.0, "every distinct row"),
        row(9.0, "8 bits", name="quantised"),
        row(99.0, "30 bins on [-1, 1]", kind="estimate"),
    )
    assert Comparison(rows).spread() == {
        "published bin rules": {"i_xt": 3.0, "i_ty": None},
        "bin rules": {"i_xt": 5.0, "i_ty": None},
        "plug-ins": {"i_xt": 8.0, "i_ty": None},
    }


def test_units_and_kinds_of_arrays():
    bits = ip.compare(T, Y, x=X, estimators=["binned", "kde"])
    nats = ip.compare(torch.from_numpy(T), pd.Series(Y).map({0: "a", 1: "b", 2: "c"}), x=X, units="nats",
                      estimators=["binned", "kde"])  # fmt: skip
    for one, other in zip(bits.rows, nats.rows, strict=True):
        assert (other.i_xt, other.i_ty) == pytest.approx((one.i_xt * math.log(2), one.i_ty * math.log(2)))
    assert nats.facts["h_y"] == pytest.approx(math.log(3))
    assert nats.facts["log2_n"] == bits.facts["log2_n"]
    assert "[nats]" in str(nats)


def test_shuffles_give_a_null_and_a_p_value():
    (row,) = ip.compare(T, Y, estimators="gaussian", shuffles=19, seed=3).rows
    alone = ip.mutual_information(T, Y, estimator="gaussian", shuffles=19, seed=3)
    assert (row.i_ty_null, row.p_value) == (alone.details["null"], alone.details["p_value"])
    assert row.p_value == 0.05


def test_as_table_as_text_and_as_html(standard):
    table = standard.to_pandas()
    assert tuple(table.columns) == COLUMNS
    assert table["i_ty"].tolist() == [row.i_ty for row in standard.rows]
    assert table["flags"][0] == ";".join(standard.rows[0].flags)
    assert math.isnan(table["p_value"][0])
    text = str(standard)
    assert all(row.measurement in text for row in standard.rows)
    assert "log2 N = 9.229 bits, H(Y) = 1.585 bits" in text
    assert "Spread of the published bin rules" in text
    hostile = Comparison((Row("<img onerror=x>", "</script>", i_ty=1.0, note="<b>"),))
    assert "<img" not in hostile._repr_html_()
    assert "&lt;b&gt;" in hostile._repr_html_()
    assert standard.plot().axes


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((T, Y[:5]), {}, InputError, "t has 600 samples, y has 5"),
        ((T, Y), {"x": X[:5]}, InputError, "x has 5 samples"),
        ((T, np.zeros(600)), {}, InputError, "at least two classes"),
        ((T, Y), {"units": "bit"}, UnknownNameError, "did you mean 'bits'"),
        ((T, Y), {"estimators": ["bined"]}, UnknownNameError, "did you mean 'binned'"),
        ((T, Y), {"estimators": []}, InputError, "estimators is empty"),
        ((T, Y), {"estimators": "quantised"}, InputError, "evenly spaced levels"),
        ((np.full((600, 2), np.nan), Y), {}, NonFiniteError, "600 of 600 rows"),
        ((T, Y), {"shuffles": -1}, InputError, "shuffles=-1: it must be a whole number"),
    ],
)
def test_mistakes(arguments, options, error, message):
    with pytest.raises(error, match=message):
        compare(*arguments, **options)


def test_after_so_many_seconds_no_further_estimator_begins():
    asked = ["usable", "binned", {"name": "binned", "bins": 8}]
    inside = ip.compare(T, Y, estimators=asked, seconds=1e-9)
    assert [row.estimator for row in inside.rows] == ["usable", "binned", "binned"]
    assert [row.empty for row in inside.rows] == [True, False, True]  # what takes longest comes last
    assert inside.rows[0].note == "left out after 1e-09 s: ask for it by name, or for more seconds"
    (whole,) = ip.compare(T, Y, estimators=["binned"], seconds=60).rows
    assert whole.i_ty == inside.rows[1].i_ty
    with pytest.raises(InputError, match="seconds=0: it must be a number above 0"):
        ip.compare(T, Y, seconds=0)
