"""Losses, accuracies and gradients below the curves."""

import numpy as np
import pytest

from infoplane.plotting import curves
from infoplane.trajectory.scalars import Scalars


def scalars(layers=("fc1", "fc2", "fc3"), steps=(1, 10, 100), copies=(-1,)):
    table = Scalars()
    for step in steps:
        for copy in copies:
            for split, loss in (("train", 1 / step), ("test", 2 / step)):
                table.add(step, "loss", loss + max(copy, 0), split=split, copy=copy)
            for number, layer in enumerate(layers):
                mean, deviation = 1 / step / (number + 1), 0.1
                for name, value in (("mean", mean), ("deviation", deviation), ("ratio", mean / deviation)):
                    table.add(step, f"gradient_{name}", value, layer=layer, copy=copy)
    return table.to_pandas()


def test_a_row_for_what_there_is(make):
    figure = curves(make().to_pandas(), scalars=scalars())
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "I(X;T) [bits]", "I(T;Y) [bits]", "loss", "gradient norm", "mean / deviation",
    ]  # fmt: skip
    assert [ax.get_yscale() for ax in figure.axes] == ["linear", "linear", "linear", "log", "log"]
    train, test = figure.axes[2].lines
    assert (train.get_linestyle(), test.get_linestyle()) == ("-", "--")
    assert test.get_ydata().tolist() == [2.0, 0.2, 0.02]
    assert [text.get_text().strip() for text in figure.axes[2].get_legend().get_texts()] == ["train", "test"]
    assert len(figure.axes[3].lines) == 6
    means = [line.get_ydata().tolist() for line in figure.axes[3].lines if line.get_linestyle() == "-"]
    assert means == [pytest.approx([1 / n, 0.1 / n, 0.01 / n]) for n in (1, 2, 3)]
    only_loss = scalars()[lambda table: table["name"] == "loss"]
    assert len(curves(make().to_pandas(), scalars=only_loss).axes) == 3
    assert len(curves(make().to_pandas(), scalars=only_loss.iloc[:0]).axes) == 2


def test_layers_have_the_colours_and_markers_of_the_curves_above(make):
    figure = curves(make().to_pandas(), scalars=scalars())
    above, below = (
        figure.axes[0].lines,
        [line for line in figure.axes[4].lines if line.get_marker() not in ("None", "")],
    )
    drawn = [line for line in above if line.get_linestyle() == "-"]
    assert [line.get_color() for line in drawn] == [line.get_color() for line in below]
    assert len({line.get_marker() for line in below}) == 3


def test_other_layers_get_a_legend_of_their_own(make):
    figure = curves(make().to_pandas(), scalars=scalars(layers=("0", "$2$")))
    assert [text.get_text() for text in figure.axes[4].get_legend().get_texts()] == ["0", "$2$"]


def test_copies_are_a_median_in_a_band(make):
    ax = curves(make().to_pandas(), scalars=scalars(copies=(0, 1, 2))).axes[2]
    assert ax.lines[0].get_ydata() == pytest.approx([1 + 1, 0.1 + 1, 0.01 + 1])
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((0.01 + 0.2, 1 + 1.8))


def test_the_axis_of_the_steps_can_be_chosen(make):
    table = make().to_pandas()
    assert curves(table, steps="log").axes[0].get_xscale() == "symlog"
    assert curves(table, scalars=scalars(), steps="linear").axes[-1].get_xscale() == "linear"


def test_what_is_no_number_is_left_out(make):
    table = scalars()
    table.loc[table["name"] == "gradient_ratio", "value"] = np.inf
    assert len(curves(make().to_pandas(), scalars=table).axes) == 4
