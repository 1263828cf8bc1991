"""Answers become columns, and columns become rows."""

import numpy as np
import pandas
import pytest

from infoplane.columns import COLUMNS
from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.counting.samples import Variable
from infoplane.plane.measure import Answer
from infoplane.plane.question import Question
from infoplane.plane.rows import RowFrame, as_nulls, joined, rows_of, with_nulls


def reading(value, *flags):
    return Reading(value, value / 2, 10, flags, h_t=value)


@pytest.fixture
def answers():
    single = [[reading(1.0), reading(2.0)], [reading(3.0), reading(4.0)]]
    return [Answer("binned", "single", "y", single), Answer("binned", "exact", "y", [[reading(5.0)], [reading(6.0)]])]


def question(**about):
    return Question((), Variable(None), {}, "bits", **about)


def test_rows_go_by_layer_then_answer_then_copy(answers):
    frame = RowFrame.of(question(), ["fc1", "fc2"], answers)
    rows = rows_of(frame.filled([answers], [7], half=frozenset({"fc2"})))
    assert [(row["layer"], row["layer_index"], row["family"], row["copy"], row["i_xt"]) for row in rows] == [
        ("fc1", 0, "single", 0, 1.0),
        ("fc1", 0, "single", 1, 2.0),
        ("fc1", 0, "exact", -1, 5.0),
        ("fc2", 1, "single", 0, 3.0),
        ("fc2", 1, "single", 1, 4.0),
        ("fc2", 1, "exact", -1, 6.0),
    ]
    assert {(row["step"], row["split"], row["units"], row["n"]) for row in rows} == {(7, "all", "bits", 10)}
    assert [row["flags"] for row in rows] == 3 * [()] + 3 * [("half-precision",)]
    assert all(tuple(row) == COLUMNS for row in rows)


def test_several_steps_come_one_after_the_other(answers):
    frame = RowFrame.of(question(condition="y"), ["fc1", "fc2"], answers)
    together = rows_of(frame.filled([answers, answers], [7, 9]))
    assert together == [*rows_of(frame.filled([answers], [7])), *rows_of(frame.filled([answers], [9]))]


def test_what_all_samples_share_tells_nothing_about_itself(answers):
    frame = RowFrame.of(question(condition="y"), ["fc1", "fc2"], answers)
    columns = frame.filled([answers], [0])
    assert "i_ty" not in columns
    assert columns["i_xt"] == [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]


def test_a_network_as_null_fills_the_rows_of_its_kind(answers):
    columns = RowFrame.of(question(), ["fc1", "fc2"], answers).filled([answers], [0])
    nulls = as_nulls(columns)
    assert with_nulls(columns, nulls)["i_xt_null"] == list(columns["i_xt"])
    other = {**columns, "layer": ("fc3",) * 6}
    assert with_nulls(other, nulls)["i_ty_null"] == [None] * 6


def test_tables_are_joined_row_after_row():
    first, second = {"layer": ["fc1"], "i_xt": [1.0]}, {"layer": ["fc2", "fc3"]}
    assert joined([first, second]) == {"layer": ["fc1", "fc2", "fc3"], "i_xt": [1.0, None, None]}
    assert joined([]) == {}


def test_rows_are_dictionaries_with_every_column():
    rows = rows_of({"step": (0, 1), "i_xt": (0.5, 0.25)})
    assert rows == [dict.fromkeys(COLUMNS) | row for row in ({"step": 0, "i_xt": 0.5}, {"step": 1, "i_xt": 0.25})]
    assert rows_of({}) == []
    assert np.allclose(pandas.DataFrame(rows)["i_xt"], [0.5, 0.25])
