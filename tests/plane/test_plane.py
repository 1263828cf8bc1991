"""InformationPlane: rows against the estimators themselves, and a measurement that leaves no trace."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.columns import COLUMNS
from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.networks import Family, six_layer

LAYERS = ["1", "3", "5", "7", "9", "11"]


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=300)


def plane(data, **options):
    return ip.InformationPlane(
        data.x, data.y, layers=LAYERS, estimators={"name": "binned", "bins": "report"}, **options
    )


def test_rows_of_one_network_are_the_estimators_own_values(data):
    model = six_layer()
    rows = plane(data).measure(model, step=7)
    estimator = Binned("report")
    for index, (name, t) in enumerate(ip.record(model, data.x, LAYERS).items()):
        prepared = estimator.prepare(t)
        row = rows[index]
        assert row["i_xt"] == estimator.about_input(prepared, input_variable(data.x)).value
        assert row["i_ty"] == estimator.about_label(prepared, label_variable(data.y)).value
        assert (row["layer"], row["layer_index"], row["step"], row["copy"]) == (name, index, 7, 0)
        assert (row["family"], row["estimator"], row["label"], row["units"]) == ("single", "binned", "y", "bits")
        assert row["n"] == 300
    assert set(rows[0]) <= set(COLUMNS)


@pytest.mark.parametrize("kind", ["exact", "sampled", "per-copy"])
def test_a_family_a_list_of_modules_and_each_alone_agree(data, kind):
    family = Family(six_layer, 3, init="independent", seed=2)
    as_family = plane(data, family=kind, seed=5).measure(family, 0)
    as_list = plane(data, family=kind, seed=5).measure(family.modules(), 0)
    for one, other in zip(as_family, as_list, strict=True):
        assert one["i_xt"] == pytest.approx(other["i_xt"], abs=0.02)  # float32 batches differ in the last digit
        assert one["copy"] == -1
        assert one["family"] == kind
    alone = [plane(data).measure(network, 0) for network in family.modules()]
    each = plane(data, family="single").measure(family.modules(), 0)
    assert [row["copy"] for row in each[:3]] == [0, 1, 2]
    for layer in range(6):
        means = np.mean([rows[layer]["i_xt"] for rows in alone])
        assert means == pytest.approx(np.mean([row["i_xt"] for row in each[3 * layer : 3 * layer + 3]]), abs=1e-12)
        if kind == "per-copy":
            assert as_list[layer]["i_xt"] == pytest.approx(means, abs=1e-12)


def test_sampled_alone_equals_sampled_beside_exact(data):
    family = Family(six_layer, 4, init="independent", seed=1)
    alone = plane(data, family="sampled", seed=3).measure(family, 0)
    both = plane(data, family=("exact", "sampled"), seed=3).measure(family, 0)
    beside = [row for row in both if row["family"] == "sampled"]
    for one, other in zip(alone, beside, strict=True):
        assert one["i_xt"] == pytest.approx(other["i_xt"], abs=0.02)
        assert one["copy"] == other["copy"] == -1


def test_exact_lies_below_per_copy_and_sampled_counts_the_copy_too(data):
    family = Family(six_layer, 5, init="independent", seed=4)
    rows = plane(data, family=("exact", "per-copy", "sampled")).measure(family, 0)
    table = {(row["layer"], row["family"]): row for row in rows}
    for layer in LAYERS:
        exact, per_copy = table[layer, "exact"], table[layer, "per-copy"]
        assert exact["i_xt"] <= per_copy["i_xt"] + 1e-9
        assert exact["i_xt"] == pytest.approx(exact["h_t"] - exact["h_t_given_x"], abs=1e-9)
        assert 0 <= exact["h_t_given_x"] <= math.log2(5) + 1e-9
        assert table[layer, "sampled"]["h_t_given_x"] == 0


def test_several_estimators_and_label_sets_share_one_forward_pass(data):
    calls = []

    class Counted(nn.Sequential):
        def forward(self, x):
            calls.append(len(x))
            return super().forward(x)

    model = Counted(nn.Linear(12, 3), nn.Tanh())
    measured = ip.InformationPlane(
        data.x, {"y": data.y, "first": data.x[:, 0]}, layers="1", estimators=["binned", Binned("width")]
    )
    rows = measured.measure(model, 0)
    assert calls == [300]
    assert [(row["estimator"], row["label"]) for row in rows] == [
        (f"binned({how})", label)
        for how in ("30 bins from minimum to maximum of the layer", "bins of width 0.07")
        for label in ("y", "first")
    ]


def test_measuring_leaves_training_bitwise_unchanged():
    torch.manual_seed(0)
    x, y = torch.randn(64, 6), torch.randint(0, 2, (64,))

    def trained(measure):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
        optimizer = torch.optim.Adam(model.parameters())
        measured = ip.InformationPlane(x, y)
        for step in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            if measure:
                measured.measure(model, step)
        return [*model.parameters(), *model.buffers()], model.training

    (plain, mode), (watched, watched_mode) = trained(False), trained(True)
    assert all(torch.equal(one, other) for one, other in zip(plain, watched, strict=True))
    assert mode is watched_mode is True


def test_nan_names_layer_step_and_rows(data):
    model = six_layer()
    with torch.no_grad():
        model[2].bias.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match=r"layer '3', step 17: 300 of 300 rows contain NaN/Inf \(first row 0\)"):
        plane(data).measure(model, step=17)
    kept = ip.InformationPlane(data.x, data.y, layers="3", estimators={"name": "binned", "nonfinite": "own-cell"})
    (row,) = kept.measure(model, 17)
    assert row["i_xt"] == pytest.approx(0, abs=1e-12)
    assert "nonfinite" in row["flags"]


def test_meta_holds_the_facts_of_the_data(data):
    measured = plane(data, units="nats")
    meta = measured.trajectory.meta
    share = data.y.mean()
    assert meta["h_y"] == pytest.approx(-share * math.log(share) - (1 - share) * math.log(1 - share))
    assert "i_xy" not in meta  # every x once: the sample would say y for certain
    assert meta["log2_n"] == pytest.approx(math.log2(300))
    assert meta["units"] == "nats"


def test_bits_are_nats_over_log_2(data):
    model = six_layer()
    bits, nats = plane(data).measure(model, 0), plane(data, units="nats").measure(model, 0)
    for one, other in zip(bits, nats, strict=True):
        for column in ("i_xt", "i_ty", "h_t", "h_t_given_x"):
            assert one[column] == pytest.approx(other[column] / math.log(2), rel=1e-15, abs=1e-15)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"family": "exakt"}, UnknownNameError, "did you mean 'exact'"),
        ({"family": ()}, InputError, "family is empty"),
        ({"estimators": []}, InputError, "estimators is empty"),
        ({"estimators": "bined"}, UnknownNameError, "did you mean 'binned'"),
        ({"estimators": {"name": "binned", "bin": 3}}, UnknownNameError, "did you mean 'bins'"),
        ({"units": "bit"}, UnknownNameError, "did you mean 'bits'"),
    ],
)
def test_wrong_options_say_what_to_type(data, options, error, message):
    with pytest.raises(error, match=message):
        ip.InformationPlane(data.x, data.y, **options)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((5, 2)), np.zeros(4), "x has 5 samples, y has 4 samples"),
        (np.zeros((1, 2)), np.zeros(1), r"1 sample\(s\): information needs at least 2"),
        (np.zeros((5, 2)), np.zeros(5), "all samples have the same label"),
        (np.zeros((200, 2)), np.linspace(0, 1, 200), r"Y looks continuous \(200 distinct values\); pass y_bins="),
    ],
)
def test_data_that_does_not_fit(x, y, message):
    with pytest.raises(InputError, match=message):
        ip.InformationPlane(x, y)


def test_a_thing_that_is_no_network(data):
    with pytest.raises(InputError, match=r"measure a torch\.nn\.Module, an ip\.Family or a list of modules"):
        plane(data).measure("six-layer", 0)


def test_the_share_of_inputs_that_all_copies_tell_apart(data):
    family = Family(six_layer, 3, init="independent", seed=1)
    measured = plane(data, family=("exact", "sampled"))
    measured.measure(family, 0)
    estimator = Binned("report")
    for layer, t in family.activations(data.x, LAYERS).items():
        codes = estimator.symbols(t).codes
        expected = np.mean([len(set(column)) == 3 for column in codes.T.tolist()])
        assert measured.trajectory.meta["all_differ"][layer] == pytest.approx(expected, abs=0.01)
    lone = plane(data)
    lone.measure(six_layer(), 0)
    assert "all_differ" not in lone.trajectory.meta


def test_print_says_what_is_measured_and_where_it_stands():
    x, y = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    plane = ip.InformationPlane({"train": (x, y), "test": (x[:20], y[:20])}, units="bits")
    assert repr(plane).endswith("bits; nothing measured yet)")
    assert "40 samples 'train', 20 samples 'test'; binned: 30 bins" in str(plane)
    plane.measure(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), 7)
    assert str(plane).endswith("; 1 steps up to 7, 2 layers)")
