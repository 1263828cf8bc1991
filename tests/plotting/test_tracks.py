import numpy as np
import pytest

from infoplane.errors import InputError
from infoplane.plotting.tracks import layer_names, panels, the_units
from infoplane.trajectory.trajectory import Trajectory, concat


def test_a_panel_for_every_way_of_measuring_in_the_order_of_the_rows(make):
    table = concat([make(families=("exact", "sampled")), make(split="test")]).to_pandas()
    assert [panel.title for panel in panels(table)] == [
        "all, exact: I(X;T) over all copies", "all, sampled: I(X,K;T)", "test, exact: I(X;T) over all copies",
    ]  # fmt: skip


def test_a_track_holds_one_layer_in_the_order_of_the_steps(make):
    shuffled = make(layers=("z", "a")).to_pandas().sample(frac=1, random_state=0)
    (panel,) = panels(shuffled)
    assert [(track.layer, track.number) for track in panel.whole] == [("z", 0), ("a", 1)]
    assert not panel.single
    assert panel.whole[1].steps.tolist() == list(range(30))
    rows = make(layers=("z", "a")).select(layer="a")
    assert panel.whole[1].numbers["i_xt"].tolist() == [row["i_xt"] for row in rows]


def test_copies_stand_beside_the_whole_or_are_averaged(make):
    table = make(copies=3).to_pandas()
    (panel,) = panels(table)
    assert (len(panel.whole), len(panel.single)) == (3, 9)
    (alone,) = panels(table[table["copy"] >= 0])
    assert (len(alone.whole), len(alone.single)) == (3, 9)
    assert alone.whole[0].numbers["i_xt"] == pytest.approx(panel.whole[0].numbers["i_xt"] + 0.1, abs=1e-12)
    (one,) = panels(table[table["copy"] == 2])
    assert (len(one.whole), len(one.single)) == (3, 0)
    assert one.whole[0].numbers["i_xt"] == pytest.approx(panel.whole[0].numbers["i_xt"] + 0.2, abs=1e-12)


@pytest.mark.parametrize(
    ("flags", "doubted", "reasons"),
    [
        (("red", "undersampled"), True, {"undersampled"}),
        (("saturated",), True, {"saturated"}),
        (("amber", "outside-bins"), False, set()),
        (("green",), False, set()),
        ((), False, set()),
    ],
)
def test_red_and_saturated_rows_are_in_doubt(make, flags, doubted, reasons):
    (panel,) = panels(make(flags=flags).to_pandas())
    assert np.all(panel.whole[0].doubted == doubted)
    assert panel.reasons == reasons


def test_the_mean_over_copies_is_in_doubt_where_one_copy_is():
    rows = [
        {"step": s, "layer": "a", "copy": c, "i_xt": 1.0, "i_ty": 1.0, "flags": "red" if s == c == 1 else ""}
        for s in (0, 1) for c in (0, 1)
    ]  # fmt: skip
    (panel,) = panels(Trajectory(rows).to_pandas())
    assert panel.whole[0].doubted.tolist() == [False, True]


def test_tables_that_cannot_be_drawn_say_why(make):
    table = make().to_pandas()
    with pytest.raises(InputError, match="lacks the columns step, layer"):
        panels(table.drop(columns=["step", "layer"]))
    with pytest.raises(InputError, match="no rows"):
        panels(table.iloc[:0])
    with pytest.raises(InputError, match="rows in bits and nats: draw one unit at a time"):
        the_units(concat([make(), make(units="nats")]).to_pandas())
    assert the_units(make(units=None).to_pandas()) == "bits"
    assert layer_names(table) == ["fc1", "fc2", "fc3"]
