import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from infoplane.errors import InputError
from infoplane.plotting import curves
from infoplane.trajectory.trajectory import Trajectory


def lines(ax):
    """The curves without the ceilings."""
    return [line for line in ax.lines if line.get_linestyle() == "-"]


def test_a_row_for_each_quantity_and_the_loss_a_column_for_each_family(make):
    trajectory = make(families=("exact", "sampled"))
    figure = curves(trajectory.to_pandas(), loss={0: 1.0, 29: 0.5}, facts=trajectory.meta, title="Curves")
    assert [ax.get_ylabel() for ax in figure.axes] == ["I(X;T) [bits]", "", "I(T;Y) [bits]", "", "loss", ""]
    for row, column in ((0, "i_xt"), (1, "i_ty")):
        for at, family in enumerate(("exact", "sampled")):
            for line, layer in zip(lines(figure.axes[2 * row + at]), ("fc1", "fc2", "fc3"), strict=True):
                rows = list(trajectory.select(layer=layer, family=family))
                assert line.get_xdata().tolist() == [r["step"] for r in rows]
                assert line.get_ydata().tolist() == [r[column] for r in rows]
    assert lines(figure.axes[5])[0].get_ydata().tolist() == [1.0, 0.5]
    assert {text.get_text() for text in figure.texts} == {"Curves", "measured with 50 bins on [-1, 1]"}


def test_each_quantity_has_its_own_ceilings(make):
    trajectory = make()
    figure = curves(trajectory.to_pandas(), facts=trajectory.meta)
    assert [[t.get_text() for t in ax.texts] for ax in figure.axes] == [
        ["log₂ N = 9.97"], ["H(Y) = 0.8", "I(X;Y) = 0.6"],
    ]  # fmt: skip


def bands(ax):
    return [
        (c.get_paths()[0].vertices[:, 1].min(), c.get_paths()[0].vertices[:, 1].max())
        for c in ax.collections if isinstance(c, PolyCollection) and c.get_paths()
    ]  # fmt: skip


def test_bands_are_intervals_or_else_quantiles_of_the_copies():
    row = {"layer": "a", "layer_index": 0, "copy": -1, "i_xt": 2.0, "i_ty": 0.5}
    copies = [row | {"step": s, "copy": c, "i_xt": 2.0 + c} for s in (0, 1) for c in (-1, 0, 1)]
    assert bands(curves(Trajectory(copies).to_pandas()).axes[0]) == [pytest.approx((2.1, 2.9))]
    sure = [one | {"i_xt_low": 1.5, "i_xt_high": 2.5} for one in copies]
    assert bands(curves(Trajectory(sure).to_pandas()).axes[0]) == [(1.5, 2.5)]
    assert bands(curves(Trajectory(copies[::3]).to_pandas()).axes[0]) == []


def test_log_spaced_steps_get_a_logarithmic_axis_with_step_zero_on_it(make):
    ax = curves(make(steps=[0, 1, 2, 4, 8, 16, 32, 64, 128]).to_pandas()).axes[0]
    assert ax.get_xscale() == "symlog"
    assert ax.get_xlim()[0] < 0
    assert curves(make().to_pandas()).axes[0].get_xscale() == "linear"


def test_points_in_doubt_are_hollow_and_named(make):
    figure = curves(make(flags=("red", "undersampled")).to_pandas(), quantities=["i_ty"])
    assert np.all(figure.axes[0].collections[-1].get_facecolor() == 1.0)
    assert figure.texts[-1].get_text().splitlines() == [
        "hollow: in doubt (undersampled)",
        "undersampled: There are too few samples for so many occupied cells",
    ]


def test_what_cannot_be_drawn_says_why(make):
    with pytest.raises(InputError, match="unknown quantity 'i_yt': did you mean"):
        curves(make().to_pandas(), quantities=["i_yt"])
    with pytest.raises(InputError, match="quantities is empty"):
        curves(make().to_pandas(), quantities=[])
    with pytest.raises(InputError, match="no row of the table has h_t, so there is nothing to draw"):
        curves(make().to_pandas(), quantities=["h_t"])
