"""A panel a layer, a line an estimator; and the phases on them."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection

import infoplane as ip
from infoplane.errors import InputError
from infoplane.plotting import multiples, phases, picture
from infoplane.trajectory.trajectory import concat

STRANGE = ("$\\frac$", "_hidden", "<script>alert(1)</script>", "x ☺ β")


@pytest.fixture
def two(make):
    return concat([make(estimator="binned(8 bins)"), make(estimator="kde", i_xt=2.0)])


def test_a_panel_for_every_layer_with_a_line_for_every_estimator(two):
    axes = multiples(two.to_pandas(), facts={"estimators": {"kde": {"measurement": "noise"}}}).axes
    assert [ax.get_title("left") for ax in axes] == ["fc1", "fc2", "fc3"]
    for ax, layer in zip(axes, ("fc1", "fc2", "fc3"), strict=True):
        binned, kde = ax.lines
        assert binned.get_ydata().tolist() == [
            row["i_xt"] for row in two.select(layer=layer, estimator="binned(8 bins)")
        ]
        assert set(kde.get_ydata()) == {2.0}
    assert len({ax.get_ylim() for ax in axes}) == len({ax.get_xlim() for ax in axes}) == 1
    legend = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert [text.split(",")[0] for text in legend] == ["binned(8 bins)", "kde"]
    assert legend[1].replace("\n", " ").endswith("all copies: noise")


def test_the_other_quantity_and_none(two):
    assert multiples(two.to_pandas(), quantity="i_ty").axes[0].get_ylabel() == "I(T;Y) [bits]"
    with pytest.raises(InputError, match="unknown quantity 'loss'"):
        multiples(two.to_pandas(), quantity="loss")
    with pytest.raises(InputError, match="no row of the table has i_ty"):
        multiples(two.to_pandas().assign(i_ty=np.nan), quantity="i_ty")


def test_lines_differ_without_colours(two):
    marks = [c.get_paths()[0].vertices.tobytes() for c in multiples(two.to_pandas()).axes[0].collections
             if isinstance(c, PathCollection)]  # fmt: skip
    assert len(set(marks)) == len(marks) == 2


def test_phases_are_marked_where_they_are():
    curve = [1.0, 4.0, 2.5]
    trajectory = ip.Trajectory(
        {"step": s, "layer": "fc", "estimator": "binned", "i_xt": i, "units": "bits"} for s, i in enumerate(curve)
    )
    for step, ratio in ((1, 2.0), (2, 0.5)):
        trajectory.scalars.add(step, "gradient_ratio", ratio, layer="fc")
    (ax,) = ip.phases(trajectory).plot().axes
    star = next(c for c in ax.collections if isinstance(c, PathCollection) and c.get_sizes()[0] == 110)
    assert star.get_offsets().tolist() == [[1.0, 4.0]]
    dotted = next(line for line in ax.lines if line.get_linestyle() == ":")
    assert dotted.get_xdata() == [2, 2]
    (arrow,) = ax.texts
    assert (arrow.xy, arrow.get_position()) == ((2, 2.5), (2, 4.0))
    assert ax.get_title("left").splitlines()[0] == "fc: +3.00, −1.50 bits"


def test_names_come_out_as_typed(make):
    trajectory = make(layers=STRANGE)
    for figure in (
        multiples(trajectory.to_pandas()),
        phases(trajectory.to_pandas(), ip.phases(trajectory).to_pandas()),
    ):
        assert [ax.get_title("left").partition(": +")[0] for ax in figure.axes] == list(STRANGE)
        assert "<script>" not in picture(figure, form="svg").decode()


def test_many_layers_and_both_themes_are_drawn(make):
    trajectory = make(layers=[f"block.{i}" for i in range(13)], copies=3)
    for theme in ("light", "dark"):
        assert len(picture(multiples(trajectory.to_pandas(), theme=theme, title="Many"), dpi=40)) > 0
