"""The frame of every picture: axes, lines, words around them, and the file."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

from infoplane.errors import InputError, RunError
from infoplane.flags import FLAGS, LIGHTS, in_doubt
from infoplane.plotting import curves, multiples, plane, profile
from infoplane.plotting.frame import (
    Frame,
    Margins,
    Pen,
    grid_of_axes,
    legend,
    new_figure,
    picture,
    save,
    scale_steps,
    write_notes,
)
from infoplane.plotting.style import THEMES
from infoplane.trajectory.trajectory import concat

LIGHT = THEMES["light"]


def frame_of(trajectory, **facts):
    return Frame.of(trajectory.to_pandas(), facts=facts, theme="light", title=None)


def grid(count, **options):
    figure = new_figure(LIGHT)
    return figure, grid_of_axes(figure, count=count, size=(2.0, 1.0), margins=Margins(0.5, 0.3), **options)


def test_a_table_becomes_panels_layers_and_a_unit(make):
    frame = frame_of(concat([make(units="nats"), make(units="nats", split="test")]), measurement="30 bins")
    assert [panel.title for panel in frame.panels] == ["all, exact: I(X;T) over all copies",
                                                       "test, exact: I(X;T) over all copies"]  # fmt: skip
    assert (frame.layers, frame.label("i_ty")) == (["fc1", "fc2", "fc3"], "I(T;Y) [nats]")
    assert frame.measurements() == ["30 bins"]


def test_each_quantity_has_its_own_ceilings_along_the_axis_that_is_asked_for(make):
    frame = frame_of(make(), log2_n=10.0, h_y=1.0)
    assert [(bound.text, bound.axis) for bound in frame.bounds("i_xt")] == [("log₂ N = 10", "y")]
    assert [(bound.text, bound.axis) for bound in frame.bounds("i_ty", along="x")] == [("H(Y) = 1", "x")]
    assert frame.bounds("h_t") == []


def test_a_quantity_without_a_number_is_refused(make):
    frame = frame_of(make(i_ty=None))
    assert len(frame.finite("i_xt")) == 90
    with pytest.raises(InputError, match="no row of the table has i_ty, so there is nothing to draw"):
        frame.finite("i_ty")


def test_axes_have_their_size_whatever_stands_around_them():
    figure, axes = grid(5, per_row=3, gaps=(0.25, 0.4))
    width, height = figure.get_size_inches()
    for ax in axes:
        place = ax.get_position()
        assert (place.width * width, place.height * height) == pytest.approx((2.0, 1.0))
    assert axes[3].get_position().y1 * height == pytest.approx(axes[0].get_position().y0 * height - 0.4)
    labelled = [ax.xaxis.get_major_ticks()[0].label1.get_visible() for ax in axes]
    assert labelled == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("share", "x_shared", "y_shared"),
    [("both", [True] * 3, [True] * 3), ("rows", [True] * 3, [True, False, False]),
     ("lines", [False] * 3, [True, False, False])],
)  # fmt: skip
def test_axes_share_what_is_asked_for(share, x_shared, y_shared):
    _, axes = grid(4, per_row=2, share=share)
    axes[0].set(xlim=(3, 4), ylim=(5, 6))
    assert [ax.get_xlim() == (3, 4) for ax in axes[1:]] == x_shared
    assert [ax.get_ylim() == (5, 6) for ax in axes[1:]] == y_shared


def test_steps_that_double_get_a_logarithmic_axis_unless_another_is_asked_for():
    doubling = np.array([0.0, 1, 2, 4, 8, 16, 32, 64])
    for how, scale in (("auto", "symlog"), ("linear", "linear"), ("log", "symlog")):
        _, (ax,) = grid(1, per_row=1)
        scale_steps(ax, [doubling], how=how)
        assert ax.get_xscale() == scale
        assert ax.get_xlim()[0] < 0 < 64 < ax.get_xlim()[1]


def test_a_pen_draws_the_line_and_hollow_markers_where_there_is_doubt():
    _, (ax,) = grid(1, per_row=1)
    steps = np.arange(100.0)
    Pen(2, "#0072B2", LIGHT, most=5).draw(ax, steps, steps**2, doubted=steps > 50)
    assert ax.lines[0].get_xydata() == pytest.approx(np.stack([steps, steps**2], axis=1))
    (points,) = (c for c in ax.collections if isinstance(c, PathCollection))
    assert points.get_offsets()[:, 0].tolist() == [0, 25, 50, 74, 99]
    assert [tuple(face[:3]) == to_rgb(LIGHT.page) for face in points.get_facecolors()] == [False] * 3 + [True] * 2


def test_a_pen_draws_nothing_of_nothing():
    _, (ax,) = grid(1, per_row=1)
    pen = Pen(0, "#0072B2", LIGHT)
    pen.draw(ax, np.empty(0), np.empty(0), doubted=np.empty(0, dtype=bool))
    pen.draw_null(ax, np.arange(2.0), np.array([np.nan, np.nan]))
    pen.draw_band(ax, np.arange(2.0), None, alpha=0.2)
    assert not ax.lines
    assert not ax.collections


def test_texts_of_a_legend_come_out_as_typed():
    figure, _ = grid(1, per_row=1)
    names = ["_hidden", "$\\frac$", "<b>"]
    legend(figure, [(name, Pen(n, "#000000", LIGHT).handle()) for n, name in enumerate(names)], loc="upper left")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert b"$\\frac$" in picture(figure, form="svg")


@pytest.mark.parametrize("name", FLAGS)
def test_every_flag_in_doubt_has_its_words_below_each_picture(make, name):
    lights = set() if in_doubt([name]) else {"red"}
    table = make(layers=("fc1",), steps=range(2), flags=[*lights, name]).to_pandas()
    meaning = FLAGS["red" if name in LIGHTS else name].words.partition(": ")[0]
    for figure in (plane(table), curves(table), profile(table), multiples(table)):
        below = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
        assert meaning in below
        figure.draw_without_rendering()
        assert all(text.get_window_extent().y0 >= 0 for text in figure.texts)


def test_a_picture_without_doubt_says_nothing_of_it(make):
    notes = make(layers=("fc1",), steps=range(2), flags=["green", "negative"]).to_pandas()
    assert frame_of(make(flags=["green", "negative"])).reasons() == []
    assert not any("doubt" in text.get_text() for text in curves(notes).texts)


def test_notes_are_wrapped_inside_the_picture():
    figure, _ = grid(2, per_row=2)
    write_notes(figure, ["a note of many words " * 10, "another"])
    figure.draw_without_rendering()
    reach = figure.texts[0].get_window_extent()
    assert 0 < reach.x0 < reach.x1 < figure.bbox.width
    assert figure.texts[0].get_text().splitlines()[-1] == "another"


def test_pictures_are_reproducible_and_whole_or_not_at_all(tmp_path):
    figure = new_figure(THEMES["light"])
    figure.add_subplot().plot([0, 1], [0, 1])
    for form, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert picture(figure, form=form).startswith(magic)
        assert picture(figure, form=form) == picture(figure, form=form)
    save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == picture(figure) == figure._repr_png_()
    with pytest.raises(InputError, match="cannot be saved as 'jpg': use one of png, svg, pdf"):
        save(figure, tmp_path / "a.jpg")
    with pytest.raises(RunError, match="no such file or directory"):
        save(figure, tmp_path / "nowhere" / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_drawing_leaves_matplotlibs_settings_alone(make):
    import matplotlib

    before = dict(matplotlib.rcParams)
    picture(make().plot(theme="dark"), form="svg")
    assert dict(matplotlib.rcParams) == before
