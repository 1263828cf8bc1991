"""What pictures are drawn from."""

import pytest

from infoplane import plotting
from infoplane.errors import InputError, UnknownNameError
from infoplane.plotting.sources import as_table, of_layers
from infoplane.trajectory.trajectory import Trajectory


def run(scale, **more):
    rows = [
        {
            "step": step,
            "layer": layer,
            "layer_index": at,
            "i_xt": scale * step,
            "i_ty": 0.1 * step,
            "units": "bits",
            **more,
        }
        for step in (1, 2, 3)
        for at, layer in enumerate(("conv1", "conv2", "out"))
    ]
    return Trajectory(rows, meta={"h_y": 1.0, "seed": scale})


def test_a_trajectory_its_table_and_its_rows_give_one_picture():
    trajectory = run(1.0)
    for source in (trajectory, trajectory.to_pandas(), list(trajectory)):
        table, facts = as_table(source)
        assert table["i_xt"].tolist() == trajectory.to_pandas()["i_xt"].tolist()
        assert facts == (trajectory.meta if source is trajectory else {})
        assert len(plotting.plane(source).axes) == 2


def test_named_runs_stand_beside_each_other():
    runs = {"plain": run(1.0), "dropout": run(2.0, split="test")}
    table, facts = as_table(runs)
    assert table["split"].unique().tolist() == ["plain", "dropout, test"]
    assert facts == {"h_y": 1.0}
    titles = [ax.get_title(loc="left") for ax in plotting.plane(runs).axes]
    assert titles[:2] == ["plain", "dropout, test"]
    assert len(plotting.plane(runs, splits="together", colorbar=False).axes) == 1
    assert len(plotting.curves(runs).axes) == 4


def test_some_layers():
    table = run(1.0).to_pandas()
    assert of_layers(table, "conv*")["layer"].unique().tolist() == ["conv1", "conv2"]
    assert of_layers(table, ["out"])["layer"].unique().tolist() == ["out"]
    assert of_layers(table, None) is table
    with pytest.raises(UnknownNameError, match="conv3"):
        plotting.plane(table, layers=["conv3"])


def test_what_cannot_be_drawn():
    with pytest.raises(InputError, match=r"a int cannot be drawn: give a trajectory"):
        plotting.plane(3)
    with pytest.raises(InputError, match="no run is named"):
        plotting.plane({})


def test_a_figure_has_the_size_that_is_asked_for():
    figure = plotting.plane(run(1.0), figsize=(3.4, 2.6), colorbar=False)
    assert figure.get_size_inches().tolist() == pytest.approx([3.4, 2.6])
    figure = plotting.plane({"a": run(1.0), "b": run(2.0)}, figsize=(7.0, 3.0))
    assert figure.get_size_inches().tolist() == pytest.approx([7.0, 3.0])
    with pytest.raises(InputError, match=r"leaves no room for 1 panel"):
        plotting.plane(run(1.0), figsize=(1.0, 1.0))
