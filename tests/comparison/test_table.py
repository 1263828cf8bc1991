"""The table of a comparison: what is in it, how it reads, and how far its rows differ."""

import json

import pytest

from infoplane.comparison.table import COLUMNS, Comparison, Row
from infoplane.estimators.binned import Binned
from infoplane.flags import GREEN, SATURATED


def binned(rule, i_ty, **about):
    return Row("binned", Binned(rule).measurement, i_xt=2 * i_ty, i_ty=i_ty, kind="plug-in", n=100, **about)


@pytest.fixture
def comparison():
    rows = (
        binned("fixed", 0.25, flags=(GREEN,), seconds=0.012, i_ty_low=0.1, i_ty_high=0.4),
        binned("width", 1.0, flags=(SATURATED,)),
        binned("distinct", 1.5),
        Row("infonce", "a critic", i_ty=0.125, i_ty_low=0.0625, kind="lower bound", n=100),
        Row("ksg", "5 neighbours", note="needs 6 units at most"),
    )
    return Comparison(rows, facts={"log2_n": 6.64, "h_y": 1.5})


def test_the_spread_is_that_of_the_rows_with_values(comparison):
    assert comparison.spread() == {
        "published bin rules": {"i_xt": 1.5, "i_ty": 0.75},
        "bin rules": {"i_xt": 2.5, "i_ty": 1.25},
        "plug-ins": {"i_xt": 2.5, "i_ty": 1.25},
    }
    assert Comparison(comparison.rows[3:]).spread()["plug-ins"] == {"i_xt": None, "i_ty": None}


def test_a_person_reads_intervals_notes_and_ceilings(comparison):
    text = str(comparison)
    assert "0.250 [0.100, 0.400]" in text
    assert "0.125 [0.062, inf]" in text
    assert "ksg: needs 6 units at most" in text
    assert "Ceilings: log2 N = 6.640 bits, H(Y) = 1.500 bits" in text
    heads, cells = comparison.table()
    assert "null" not in heads  # empty in every row
    assert {len(line) for line in cells} == {len(heads)}
    assert comparison.rows[-1].empty
    assert not comparison.rows[0].empty


def test_a_frame_has_every_column_and_json_has_a_form_for_all(comparison):
    table = comparison.to_pandas()
    assert tuple(table.columns) == COLUMNS
    assert list(table["flags"][:2]) == ["green", "saturated"]
    assert table["i_ty"].isna().tolist() == [False, False, False, False, True]
    record = json.loads(json.dumps(comparison.record()))
    assert record["rows"][1]["flags"] == ["saturated"]
    assert record["spread"] == comparison.spread()


def test_html_cannot_be_broken_out_of():
    shown = Comparison((Row("<script>", "a & b", i_ty=1.0, kind="estimate"),))._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "a &amp; b" in shown
