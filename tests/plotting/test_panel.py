"""Bands, splits in one panel, and the bottleneck curve."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection

from infoplane.errors import InputError
from infoplane.plotting import plane
from infoplane.plotting.panel import _hull
from infoplane.trajectory.trajectory import concat


def bands(ax):
    return [c for c in ax.collections if isinstance(c, PolyCollection)]


def key(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def scatters(ax):
    return [c for c in ax.collections if isinstance(c, PathCollection)]


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
