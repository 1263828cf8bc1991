"""The picture of a comparison shows every number once, at its place."""

import pytest

from infoplane.comparison.table import Comparison, Row
from infoplane.errors import InputError
from infoplane.plotting import comparison, picture

ROWS = (
    Row("binned", "30 bins on [-1, 1]", i_xt=5.0, i_ty=0.5, kind="plug-in", i_xt_kind="plug-in", i_xt_flags=("red",)),
    Row("kde", "noise of $_x$", i_xt=7.0, i_xt_low=6.0, i_xt_high=7.0, i_ty=0.4, i_ty_low=-0.1, i_ty_high=1.2,
        kind="estimate", i_xt_kind="upper bound"),
    Row("soft", "a soft choice", i_ty=0.3, i_ty_null=0.1, i_ty_low=0.2, kind="lower bound"),
    Row("quantised", "8 bits", note="does not apply"),
)  # fmt: skip
FACTS = {"log2_n": 8.0, "h_y": 2.0}


def table(rows=ROWS):
    return Comparison(rows).to_pandas()


def points(ax):
    return [tuple(collection.get_offsets()[0]) for collection in ax.collections]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_value_is_a_point_on_its_line():
    left, right = comparison(table(), facts=FACTS).axes
    assert points(left) == [(5.0, 0), (7.0, 1)]
    assert points(right) == [(0.5, 0), (0.4, 1), (0.3, 2)]
    assert left.get_xlabel() == "I(X;T) [bits]"
    assert {"5.00", "7.00", "binned", "kde", "soft", "noise of $_x$"} <= set(texts(left))
    assert left.get_ylim() == right.get_ylim() == (2.5, -0.5)


def test_intervals_reach_from_end_to_end_and_open_ones_to_the_edge():
    left, right = comparison(table(), facts=FACTS).axes
    assert [list(line.get_xdata()) for line in left.lines if line.get_linewidth() > 3] == [[6.0, 7.0]]
    closed, opened = ([*line.get_xdata()] for line in right.lines if line.get_linewidth() > 3)
    assert closed == [-0.1, 1.2]
    assert opened == [0.2, pytest.approx(right.get_xlim()[1])]


def test_red_points_are_hollow_in_their_own_panel():
    left, right = comparison(table()).axes
    page = (1.0, 1.0, 1.0, 1.0)
    assert [tuple(c.get_facecolor()[0]) == page for c in left.collections] == [True, False]
    assert not any(tuple(c.get_facecolor()[0]) == page for c in right.collections)


def test_ceilings_are_lines_or_notes_at_the_edge():
    left, right = comparison(table(), facts=FACTS).axes
    assert 8.0 in [line.get_xdata()[0] for line in left.lines]
    assert "log₂ N = 8" in texts(left)
    assert "H(Y) = 2" in texts(right)
    _, far = comparison(table(), facts={"h_y": 10.0}).axes
    assert "H(Y) = 10 →" in texts(far)


def test_what_is_missing_is_said():
    figure = comparison(table(), title="One layer")
    assert [text.get_text() for text in figure.texts] == [
        "red: The sample or the estimator rather than the network sets this number",
        "without a number: quantised",
        "One layer",
    ]
    assert "not computed" in texts(comparison(table(ROWS[2:])).axes[0])
    with pytest.raises(InputError, match="no point to draw"):
        comparison(table(ROWS[3:]))


def test_the_legend_names_what_is_there():
    (legend,) = comparison(table()).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "plug-in", "lower bound", "upper bound", "estimate", "hollow: in doubt (red)", "shuffled labels",
    ]  # fmt: skip
    (legend,) = comparison(table(ROWS[1:2])).legends
    assert [text.get_text() for text in legend.get_texts()] == ["upper bound", "estimate"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_becomes_a_picture(theme):
    assert picture(comparison(table(), facts=FACTS, theme=theme), form="png").startswith(b"\x89PNG")
    svg = picture(comparison(table(), theme=theme), form="svg")
    assert b"noise of $_x$" in svg


def test_numbers_beside_points_stay_inside():
    left, _ = comparison(table(), facts=FACTS).axes
    left.figure.canvas.draw()
    frame = left.get_window_extent()
    numbers = [text for text in left.texts if text.get_text() in ("5.00", "7.00")]
    assert all(text.get_window_extent().x1 < frame.x1 for text in numbers)
