import base64
import re

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure

from infoplane.errors import InputError
from infoplane.plotting import inline_picture, picture, plane
from infoplane.plotting.plane import _hull
from infoplane.trajectory.trajectory import Trajectory, concat

STRANGE = ("$\\frac$", "_hidden", "<script>alert(1)</script>", "a_b$", "x ☺ β", "\x1b[31mred")
TYPED = [*STRANGE[:5], "[31mred"]


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def paths(ax):
    """The coordinates of all segments of the paths, (segments, 2 ends, 2)."""
    return np.array([segment for c in ax.collections if isinstance(c, LineCollection) for segment in c.get_segments()])


def test_the_paths_go_through_the_values(make):
    trajectory = make()
    ax = plane(trajectory.to_pandas()).axes[0]
    wanted = [[[row["i_xt"], row["i_ty"]] for row in trajectory.select(layer=layer)] for layer in ("fc1", "fc2", "fc3")]
    expected = np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in np.array(wanted)])
    assert paths(ax) == pytest.approx(expected)


def test_families_stand_side_by_side_on_the_same_scales(make):
    figure = plane(make(families=("exact", "sampled")).to_pandas(), title="Two")
    left, right, colour_bar = figure.axes
    assert (left.get_xlim(), left.get_ylim()) == (right.get_xlim(), right.get_ylim())
    assert (left.get_title("left"), right.get_title("left")) == (
        "exact: I(X;T) over all copies", "sampled: I(X,K;T)",
    )  # fmt: skip
    assert colour_bar.get_ylabel() == "step"
    assert [text.get_text() for text in figure.texts] == ["Two"]


def test_axes_name_unit_and_measurement_model(make):
    ax = make(units="nats").plot().axes[0]
    assert ax.get_xlabel() == "I(X;T) [nats, 50 bins on [-1, 1]]"
    assert ax.get_ylabel() == "I(T;Y) [nats, 50 bins on [-1, 1]]"
    assert plane(make().to_pandas()).axes[0].get_xlabel() == "I(X;T) [bits]"


def test_ceilings_of_the_facts_are_drawn_and_can_be_left_out(make):
    drawn = {"log₂ N = 9.97", "H(Y) = 0.8", "I(X;Y) = 0.6"}
    assert drawn <= set(texts(make().plot()))
    assert drawn & set(texts(make().plot(ceilings=["h_y"]))) == {"H(Y) = 0.8"}
    assert drawn.isdisjoint(texts(make().plot(ceilings=False)))


@pytest.mark.parametrize("color", ["step", "layer"])
def test_names_come_out_as_typed_in_labels_legend_and_svg(make, color):
    figure = make(layers=STRANGE).plot(color=color)
    assert set(TYPED) <= set(texts(figure))
    if color == "layer":
        legend = [text.get_text() for text in figure.legends[-1].get_texts()]
        assert legend == TYPED
    svg = picture(figure, form="svg").decode()
    assert "<script>alert" not in svg
    for name in ("$\\frac$", "_hidden", "&lt;script&gt;alert(1)&lt;/script&gt;", "a_b$", "x ☺ β", "[31mred"):
        assert len(re.findall(f">{re.escape(name)}</", svg)) == (2 if color == "layer" else 1)


def scatters(ax):
    return [c for c in ax.collections if isinstance(c, PathCollection)]


def test_points_in_doubt_are_hollow_and_the_key_says_why(make):
    sound, doubted = make(steps=range(5)), make(steps=range(5, 9), flags=("red", "saturated"))
    figure = plane(concat([sound, doubted]).to_pandas())
    filled, hollow = scatters(figure.axes[0])[:2]
    assert (len(filled.get_offsets()), len(hollow.get_offsets())) == (15, 12)
    assert np.all(hollow.get_facecolor() == 1.0)  # the page
    key = [text.get_text() for text in figure.legends[0].get_texts()]
    assert key == ["first step", "last step", "in doubt: saturated"]
    assert len(plane(sound.to_pandas()).legends[0].get_texts()) == 2


def test_every_layer_ends_in_a_marker_of_its_own(make):
    shapes = [c.get_paths()[0].vertices.tobytes() for c in scatters(make().plot().axes[0]) if c.get_sizes()[0] == 72]
    assert len(shapes) == len(set(shapes)) == 3


def test_kind_chooses_lines_or_points(make):
    table = make().to_pandas()
    assert len(paths(plane(table, kind="points").axes[0])) == 0
    sizes = [len(c.get_offsets()) for c in scatters(plane(table, kind="lines").axes[0])]
    assert max(sizes) == 1


def test_copies_are_thin_paths_beside_the_whole(make):
    ax = make(copies=4).plot(repeats="paths").axes[0]
    thin, thick = (c for c in ax.collections if isinstance(c, LineCollection))
    assert (len(thin.get_segments()), len(thick.get_segments())) == (4 * 3 * 29, 3 * 29)
    assert thin.get_linewidth()[0] < thick.get_linewidth()[0]


def test_log_spaced_steps_get_a_logarithmic_colour_bar(make):
    assert make(steps=[0, 1, 2, 4, 8, 16, 32, 64, 128]).plot().axes[-1].get_yscale() == "log"
    assert make().plot().axes[-1].get_yscale() == "linear"
    assert len(make(steps=[3]).plot().axes) == 1  # nothing to scale


def test_it_draws_on_given_axes_or_a_given_figure(make):
    figure = Figure()
    ax = figure.add_subplot()
    assert plane(make().to_pandas(), ax=ax, color="layer") is ax
    assert ax.get_xlabel() == "I(X;T) [bits]"
    assert plane(make(families=("exact", "sampled")).to_pandas(), ax=figure) is figure
    assert ax not in figure.axes
    with pytest.raises(InputError, match=r"2 panels \(exact.*; sampled.*\), one ax holds one"):
        plane(make(families=("exact", "sampled")).to_pandas(), ax=figure.axes[0])


def test_a_hole_in_the_series_is_left_out_and_nothing_at_all_is_an_error(make):
    holed = concat([make(steps=[0]), make(steps=[1], i_ty=None), make(steps=[2])])
    assert len(paths(plane(holed.to_pandas()).axes[0])) == 3
    with pytest.raises(InputError, match="no row of the table has both i_xt and i_ty"):
        plane(make(i_ty=None).to_pandas())


@pytest.mark.parametrize(("option", "value"), [("color", "loss"), ("kind", "bars"), ("theme", "sepia")])
def test_unknown_options_are_refused(make, option, value):
    with pytest.raises(InputError, match=f"unknown {option} '{value}'"):
        make().plot(**{option: value})


def test_a_long_training_of_three_families_stays_small(make):
    table = make(steps=range(1001), layers="abcdef", families=("exact", "sampled", "per-copy")).to_pandas()
    svg = picture(plane(table), form="svg")
    assert len(svg) < 2_000_000
    assert b"<image" in svg


def test_many_layers_and_many_panels_are_drawn(make):
    figure = make(layers=[f"block.{i}" for i in range(30)], families=("exact", "sampled", "per-copy", "x")).plot()
    assert len(figure.axes) == 5
    assert sum(name.startswith("block.") for name in texts(figure)) == 4 * 14
    assert len(picture(make(layers=[f"block.{i}" for i in range(30)]).plot(color="layer"))) > 0


def bands(ax):
    return [c for c in ax.collections if isinstance(c, PolyCollection)]


def key(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_runs_of_several_seeds_are_a_median_in_a_band(make):
    runs = concat([make(layers=("fc",), i_ty=0.1 * n) for n in range(5)]).to_pandas()
    runs["i_xt"] += np.repeat(np.arange(5.0), 30)
    figure = plane(runs)
    ends = np.concatenate([path.vertices for path in bands(figure.axes[0])[0].get_paths()])
    middle = make(layers=("fc",)).to_pandas()["i_xt"] + 2
    assert ends[:, 1].min() == pytest.approx(0.04)  # the 10 % quantile of 0, .1, .2, .3, .4
    assert ends[:, 1].max() == pytest.approx(0.36)
    assert (ends[:, 0].min(), ends[:, 0].max()) == pytest.approx((middle.min() - 1.6, middle.max() + 1.6))
    assert key(figure)[-1] == "median, band: 10 % to 90 % of 5 runs"
    points = scatters(figure.axes[0])[0].get_offsets()
    assert np.asarray(points) == pytest.approx(np.stack([middle, np.full(30, 0.2)], axis=1))


def test_copies_are_a_band_or_paths(make):
    table = make(copies=5).to_pandas()
    alone = table[table["copy"] >= 0]
    assert key(plane(alone))[-1] == "median, band: 10 % to 90 % of 5 copies"
    assert key(plane(table))[-1] == "band: 10 % to 90 % of 5 copies"
    assert not bands(plane(alone, repeats="paths").axes[0])


def test_a_hull_holds_all_points_and_has_no_others():
    random = np.random.default_rng(0)
    for points in (
        random.normal(size=(8, 2)),
        np.repeat([[1.0, 2.0]], 8, axis=0),
        np.array([[0.0, 0], [1, 1], [2, 2]]),
    ):
        corners = _hull(points)
        assert {tuple(corner) for corner in corners} <= {tuple(point) for point in points}
        around = np.roll(corners, -1, axis=0) - corners
        for point in points:
            to = point - corners
            assert (around[:, 0] * to[:, 1] - around[:, 1] * to[:, 0] >= -1e-12).all()


def test_splits_share_a_panel_with_points_of_their_own(make):
    table = concat([make(split="train"), make(split="test", i_ty=0.2)]).to_pandas()
    assert len(plane(table).axes) == 3
    figure = plane(table, splits="together")
    assert len(figure.axes) == 2
    small = [c for c in scatters(figure.axes[0]) if len(c.get_offsets()) > 1]
    shapes = {c.get_paths()[0].vertices.tobytes() for c in small}
    assert len(shapes) == len(small) == 2
    assert key(figure)[-2:] == ["split train", "split test"]
    assert sum(text.get_text() == "fc1" for text in figure.axes[0].texts) == 1


def test_the_bottleneck_curve_is_drawn_inside_the_limits_of_the_points(make):
    curve = np.array([[0.0, 0.0], [0.8, 0.8], [100.0, 0.8]])
    plain, figure = make().plot(), make().plot(ib_curve=curve)
    drawn = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 3)
    assert drawn.get_xydata().tolist() == curve.tolist()
    assert figure.axes[0].get_xlim() == plain.axes[0].get_xlim()
    assert "bottleneck curve" in key(figure)
    with pytest.raises(InputError, match=r"ib_curve has shape \(3,\)"):
        make().plot(ib_curve=[1, 2, 3])


def test_estimators_side_by_side_have_their_own_measurement_on_the_axis(make):
    table = concat([make(estimator="binned(8 bins)"), make(estimator="binned(9 bins)"), make(estimator="kde")])
    figure = plane(table.to_pandas(), facts={"estimators": {"kde": {"measurement": "noise"}}})
    assert [ax.get_xlabel() for ax in figure.axes[:3]] == [f"I(X;T) [bits, {m}]" for m in ("8 bins", "9 bins", "noise")]
    assert figure.axes[0].get_ylabel() == "I(T;Y) [bits]"
    assert [ax.get_title("left").split(",")[0] for ax in figure.axes[:3]] == ["binned", "binned", "kde"]
    assert len({ax.get_xlim() for ax in figure.axes[:3]}) == 1


def test_the_key_fits_into_the_picture(make):
    table = concat([make(split="train", flags=("red", "undersampled", "saturated")), make(split="test")]).to_pandas()
    table = concat_copies(table)
    figure = plane(table, splits="together", ib_curve=[[0, 0], [1, 1]])
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.get_window_extent().x1


def concat_copies(table):
    import pandas

    return pandas.concat([table.assign(copy=copy) for copy in range(3)], ignore_index=True)


def test_the_picture_is_a_png_inside_the_page(make):
    found = re.fullmatch(r'<img alt="Information plane" width="\d+" src="data:image/png;base64,([\w+/=]+)">',
                         inline_picture(make(layers=("<script>",)).to_pandas()))  # fmt: skip
    assert base64.b64decode(found[1]).startswith(b"\x89PNG")


def test_where_there_is_none_it_says_why(make):
    assert inline_picture(Trajectory().to_pandas()).startswith("<p>no picture: the table has no rows")
    assert "both i_xt and i_ty" in inline_picture(make(i_ty=None).to_pandas())
    assert "&lt;b&gt;" in inline_picture(concat([make(), make(units="<b>")]).to_pandas())


def test_a_doubtful_number_far_beyond_its_ceiling_leaves_room_for_the_others():
    rows = [
        {"step": step, "layer": layer, "layer_index": at, "i_xt": value, "i_ty": 0.1 * value, "flags": flags}
        for step in (0, 1)
        for at, (layer, value, flags) in enumerate((("a", 2.0 + step, ()), ("b", 15_606.0, ("red", "few-samples"))))
    ]
    facts = {"log2_n": 10.0, "h_y": 1.0}
    (ax, _) = plane(rows, facts=facts).axes
    assert ax.get_xlim()[1] < 4
    assert "2 in doubt beyond the axes, up to 1.56e+04, 1.56e+03" in [text.get_text() for text in ax.texts]
    sure = [{**row, "flags": ()} for row in rows]
    assert plane(sure, facts=facts).axes[0].get_xlim()[1] > 15_606  # what nobody doubts is shown


def test_a_legend_of_many_layers_fits_the_figure():
    rows = [{"step": 0, "layer": f"l{k}", "i_xt": k / 10, "i_ty": k / 20, "units": "bits"} for k in range(120)]
    figure = plane(Trajectory(rows), color="layer")
    figure.canvas.draw()
    (box,) = (legend.get_window_extent() for legend in figure.legends if len(legend.get_texts()) == 120)
    assert box.x1 <= figure.bbox.x1
    assert box.y0 >= 0
