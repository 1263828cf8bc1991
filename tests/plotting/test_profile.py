import numpy as np
import pytest

from infoplane.errors import InputError
from infoplane.plotting import picture, profile
from infoplane.trajectory.trajectory import Trajectory


def lines(ax, style="-"):
    return [line for line in ax.lines if line.get_linestyle() == style and len(line.get_xdata()) > 2]


def test_a_line_for_each_way_of_measuring_through_the_layers_of_one_step(make):
    trajectory = make(families=("exact", "sampled"))
    figure = profile(trajectory.to_pandas(), step=7, facts=trajectory.meta, title="Depth")
    assert [ax.get_ylabel() for ax in figure.axes] == ["I(X;T) [bits]", "I(T;Y) [bits]"]
    for ax, column in zip(figure.axes, ("i_xt", "i_ty"), strict=True):
        for line, family in zip(lines(ax), ("exact", "sampled"), strict=True):
            assert line.get_xdata().tolist() == [0, 1, 2]
            assert line.get_ydata().tolist() == [row[column] for row in trajectory.select(step=7, family=family)]
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["fc1", "fc2", "fc3"]
    assert [text.get_text() for text in figure.texts] == ["measured with 50 bins on [-1, 1]", "Depth"]
    assert figure.axes[0].get_title(loc="left") == "step 7"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["exact: I(X;T) over all copies", "sampled: I(X,K;T)"]
    assert [[t.get_text() for t in ax.texts] for ax in figure.axes] == [
        ["log₂ N = 9.97"], ["H(Y) = 0.8", "I(X;Y) = 0.6"],
    ]  # fmt: skip


def test_the_last_step_if_none_is_named(make):
    table = make(steps=(0, 5, 3)).to_pandas()
    assert profile(table).axes[0].get_title(loc="left").startswith("step 5")


def segments(ax):
    (bars,) = [c for c in ax.collections if type(c).__name__ == "LineCollection"]
    return sorted((s[0, 1], s[1, 1]) for s in bars.get_segments())


def test_bars_are_intervals_or_else_quantiles_of_the_copies():
    row = {"step": 0, "copy": -1, "i_xt": 2.0, "i_ty": 0.5}
    layers = [row | {"layer": name, "layer_index": at} for at, name in enumerate("ab")]
    copies = [one | {"copy": c, "i_xt": 2.0 + c} for one in layers for c in (-1, 0, 1)]
    assert segments(profile(Trajectory(copies).to_pandas()).axes[0]) == [pytest.approx((2.1, 2.9))] * 2
    sure = [one | {"i_xt_low": 1.5, "i_xt_high": 2.5} for one in copies]
    assert segments(profile(Trajectory(sure).to_pandas()).axes[0]) == [(1.5, 2.5)] * 2
    assert segments(profile(Trajectory(layers).to_pandas()).axes[0]) == []


def test_doubt_and_nulls_are_drawn_and_named(make):
    figure = profile(make(flags=("red", "undersampled"), i_ty_null=0.1).to_pandas())
    assert np.all(figure.axes[0].collections[-1].get_facecolor() == 1.0)
    assert [line.get_ydata().tolist() for line in lines(figure.axes[1], ":")] == [[0.1] * 3]
    assert figure.texts[-1].get_text().splitlines() == [
        "hollow: in doubt (undersampled);  dotted: null",
        "undersampled: There are too few samples for so many occupied cells",
    ]


def test_a_quantity_that_was_not_computed(make):
    figure = profile(make(i_xt=None).to_pandas())
    assert [text.get_text() for text in figure.axes[0].texts] == ["not computed"]


def test_names_come_out_as_typed_and_pictures_are_the_same_twice(make):
    table = make(layers=("$x_1$", "a_very_long.name.of.a.layer", "__")).to_pandas()
    figure = profile(table, theme="dark")
    assert figure.axes[1].get_xticklabels()[0].get_text() == "$x_1$"
    assert picture(figure) == picture(profile(table, theme="dark"))


def test_what_cannot_be_drawn_says_why(make):
    with pytest.raises(InputError, match="step 8 was not measured: the nearest one is 9, give step=9"):
        profile(make(steps=(0, 9)).to_pandas(), step=8)
    with pytest.raises(InputError, match="no rows with a step"):
        profile(Trajectory().to_pandas())
    with pytest.raises(InputError, match="no row of step 0 has i_xt or i_ty"):
        profile(make(steps=(0,), i_xt=None, i_ty=None).to_pandas())
    with pytest.raises(InputError, match="bits and nats"):
        profile(Trajectory([*make(steps=(0,)), *make(steps=(0,), units="nats")]).to_pandas())
