"""Curves by layer: of a network and of a family, at equal rate, saved, drawn."""

import json

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.companions.curves import Curves
from infoplane.errors import DataFileError, InputError, UnknownNameError


@pytest.fixture(scope="module")
def task():
    random = np.random.default_rng(0)
    y = random.integers(3, size=400)
    x = random.normal(size=(400, 6)).astype(np.float32)
    x[:, 0] += 2.0 * y
    return torch.from_numpy(x), y


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


@pytest.fixture(scope="module")
def curves(task):
    return ip.InformationPlane(*task).curves(network())


def test_the_curves_of_a_plane_are_those_of_the_recorded_layers(task, curves):
    x, y = task
    recorded = ip.record(network(), x)
    assert list(curves) == list(recorded) == ["0", "1", "2"]
    assert curves["1"] == ip.information_curve(recorded["1"], y)
    assert repr(curves) == "Curves(0, 1, 2)"
    table = curves.to_pandas()
    assert list(table["layer"].unique()) == ["0", "1", "2"]
    assert len(table) == 3 * 13


def test_measuring_curves_leaves_the_trajectory_as_it_is(task):
    plane = ip.InformationPlane(*task)
    plane.measure(network(), 0)
    before = len(plane.trajectory)
    plane.curves(network(), snr=[4])
    assert len(plane.trajectory) == before
    assert plane.measure(network(), 1)[0]["i_xt"] == plane.measure(network(), 2)[0]["i_xt"]


def test_the_profile_at_equal_rate(curves):
    profile = curves.at_rate(1.5)
    assert list(profile["layer"]) == ["0", "1", "2"]
    estimate = curves["2"].at_rate(1.5)
    assert profile["i_ty"][2] == estimate.value
    assert (profile["i_ty_low"][2], profile["light"][2]) == (estimate.low, estimate.flags[0])
    nowhere = curves.at_rate(50)
    assert nowhere["i_ty"].isna().all()
    assert nowhere["note"].str.contains("not 50").all()
    with pytest.raises(UnknownNameError, match="odd"):
        curves.at_rate(1, "odd")


def test_a_family_has_a_curve_a_copy_and_their_mean(task):
    x, y = task
    modules = [network(seed) for seed in range(3)]
    curves = ip.InformationPlane(x, y).curves(modules, snr=["0 dB", "6 dB"])
    each = curves.copies("1")
    assert len(each) == 3
    assert each[2] == ip.information_curve(ip.record(modules[2], x)["1"], y, snr=["0 dB", "6 dB"])
    assert curves["1"].i_xt(0).value == pytest.approx(np.mean([curve.i_xt(0).value for curve in each]))
    figure = curves.plot()
    assert len(figure.axes[0].get_legend().get_texts()) >= 3
    with pytest.raises(UnknownNameError, match="fc9"):
        curves.copies("fc9")


def test_only_one_split_and_its_subsample(task):
    x, y = task
    plane = ip.InformationPlane({"train": (x[:300], y[:300]), "test": (x[300:], y[300:])}, subsample=80)
    assert plane.curves(network(), snr=[1])["0"].n == 80
    assert plane.curves(network(), snr=[1], split="test")["0"].n == 80
    with pytest.raises(UnknownNameError, match="valid"):
        plane.curves(network(), split="valid")


def test_a_layer_that_does_not_vary_knows_nothing(task):
    x, y = task
    dead = torch.nn.Sequential(torch.nn.Linear(6, 3), torch.nn.Threshold(1e9, 0.0))
    curves = ip.InformationPlane(x, y).curves(dead, snr=[1, 4])
    assert curves["1"].i_xt(1).value == curves["1"].i_ty(1).high == 0
    assert np.isnan(curves.at_rate(0.1)["i_ty"][1])


def test_saved_and_loaded(curves, tmp_path):
    path = tmp_path / "curves.json"
    curves.save(path)
    again = Curves.load(path)
    assert {name: again.copies(name) for name in again} == {name: curves.copies(name) for name in curves}
    damaged = json.loads(path.read_text())
    damaged["layers"]["0"] = [{"format": "infoplane curve 1"}]
    for content in (damaged, {"format": "infoplane curves 1", "layers": {}}, {"format": "x"}, {**damaged, "layers": 3}):
        path.write_text(json.dumps(content))
        with pytest.raises(DataFileError, match="curve"):
            Curves.load(path)
    with pytest.raises(InputError, match="no curves"):
        Curves({})


def test_a_profile_as_a_picture(curves):
    ax = curves.plot(rate=1.0, title="At one bit").axes[0]
    assert ax.get_ylabel() == "I(T;Y) [bits] at I(X;T) = 1 bits"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "2"]
    with pytest.raises(InputError, match="no layer has 50 bits"):
        curves.plot(rate=50)


def test_in_a_notebook_it_is_a_picture(curves):
    shown = curves._repr_html_()
    assert shown.startswith('<img alt="Information curves of 0, 1, 2"')
    assert shown.endswith("<p>Curves(0, 1, 2)</p>")
    without = Curves({"<b>": ip.information_curve(np.random.default_rng(0).normal(size=(50, 2)), snr=[1])})
    assert without._repr_html_().startswith("<p>no picture: a curve has no labels")
    assert "&lt;b&gt;" in without._repr_html_()
