"""Reading in pieces inside the hooks gives the rows of reading at once; what is kept is what was announced."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
import infoplane.plane.plan
from infoplane.errors import NonFiniteError, RecordingError
from infoplane.plane.gather import InPieces

SEVERAL = ["binned", {"name": "binned", "bins": "report"}, {"name": "binned", "bins": "quantile"}, "soft", "kde"]


def network():
    torch.manual_seed(0)
    act = nn.Tanh()
    return nn.Sequential(
        OrderedDict(fc=nn.Linear(12, 20), relu=nn.ReLU(inplace=True), mid=nn.Linear(20, 8), act=act,
                    low=nn.Linear(8, 8), again=act, out=nn.Linear(8, 3))
    )  # fmt: skip


@pytest.fixture
def data():
    x = torch.randn(320, 12, generator=torch.Generator().manual_seed(1))
    return x, torch.arange(320) % 3


@pytest.fixture
def in_pieces(monkeypatch):
    """Lets planes read in pieces even what is small."""
    monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 0)


def models():
    return {
        "module": network(),
        "list": [network(), network().apply(_other)],
        "modules": ip.Family(network(), 2, init="independent", engine="modules"),
        "vmap": ip.Family(network(), 2, init="independent", engine="vmap"),
        "batched": ip.Family(ip.networks.mlp([12, 9, 4, 3]), 2, init="independent", engine="batched"),
    }


def _other(module):
    if isinstance(module, nn.Linear):
        torch.manual_seed(9)
        module.reset_parameters()


@pytest.mark.parametrize("kind", ["module", "list", "modules", "vmap", "batched"])
@pytest.mark.filterwarnings("ignore:.*activations of .* layers will take")
def test_the_rows_are_those_of_reading_at_once(data, kind, monkeypatch):
    options = {"estimators": SEVERAL, "family": "per-copy", "shuffles": 1, "given": "y"}
    model = models()[kind]
    expected = ip.InformationPlane(*data, batch_size=64, **options).measure(model, 0)
    monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 0)
    plane = ip.InformationPlane(*data, batch_size=64, **options)
    assert plane.measure(model, 0) == expected
    assert plane.trajectory.meta["recording_batch"] == 64
    assert plane.measure(model, 1) == [{**row, "step": 1} for row in expected]


@pytest.mark.parametrize("kind", ["module", "batched"])
@pytest.mark.parametrize("family", ["exact", "sampled"])
def test_families_are_read_alike(data, kind, family, monkeypatch):
    model = models()[kind]
    expected = ip.InformationPlane(*data, batch_size=64, family=family).measure(model, 0)
    monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 0)
    assert ip.InformationPlane(*data, batch_size=64, family=family).measure(model, 0) == expected


@pytest.mark.usefixtures("in_pieces")
def test_the_golden_network_for_every_batch_size():
    data = ip.datasets.load("report-simple")
    model = ip.networks.six_layer()
    planes = [
        ip.InformationPlane(data.x, data.y, estimators={"name": "binned", "bins": "report"}, batch_size=size)
        for size in (1000, 999, 128, 7)
    ]
    rows = [plane.measure(model, 0) for plane in planes]
    assert all(each == rows[0] for each in rows)


@pytest.mark.usefixtures("in_pieces")
def test_what_follows_in_place_is_not_seen(data):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(12, 5), nn.ReLU(inplace=True))
    rows = ip.InformationPlane(*data, estimators={"name": "binned", "bins": "sign"}).measure(model, 0)
    assert rows[0]["i_xt"] == rows[1]["i_xt"] > 3  # the signs, which ReLU keeps
    rows = ip.InformationPlane(*data, estimators={"name": "binned", "bins": "distinct"}).measure(model, 0)
    assert rows[0]["i_xt"] > rows[1]["i_xt"]


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("estimator", [{"name": "binned", "bins": "report"}, "binned", "soft"])
def test_nan_is_counted_over_all_batches(data, estimator):
    x, y = data[0].clone(), data[1]
    x[[70, 130, 131], 3] = torch.nan
    plane = ip.InformationPlane(x, y, layers="fc", batch_size=64, estimators=estimator)
    with pytest.raises(NonFiniteError, match=r"layer 'fc', step 3: 3 of 320 rows contain NaN/Inf \(first row 70\)"):
        plane.measure(network(), 3)


class Changing(nn.Module):
    """Runs its activation once more where a sample says so."""

    def __init__(self):
        super().__init__()
        self.fc, self.act = nn.Linear(12, 4), nn.Tanh()

    def forward(self, x):
        h = self.act(self.fc(x))
        return self.act(h) if x[0, 0] > 5 else h


@pytest.mark.parametrize("read", ["whole", "pieces"])
def test_calls_that_vary_between_batches_are_left_out_unless_asked_for(data, read, monkeypatch):
    x, y = data[0].clone(), data[1]
    x[256, 0] = 9
    if read == "pieces":
        monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 0)
    torch.manual_seed(5)
    model = Changing()
    with pytest.raises(RecordingError, match=r"layers act, act#0, act#1 ran in some batches only: .*batch_size=320"):
        ip.InformationPlane(x, y, layers="act", batch_size=64).measure(model, 0)
    plane = ip.InformationPlane(x, y, layers=["a*", "(model)"], batch_size=64)
    with pytest.warns(UserWarning, match="layers act, act#0, act#1 ran in some batches only .* left out of every"):
        rows = plane.measure(model, 0)
    alone = ip.InformationPlane(x, y, layers="(model)", batch_size=64).measure(model, 0)
    assert list(rows) == list(alone)
    assert [row["layer"] for row in plane.measure(model, 1)] == ["(model)"]


def test_half_precision_is_flagged(data):
    rows = ip.InformationPlane(*data).measure(network().to(torch.bfloat16), 0)
    assert all("half-precision" in row["flags"] for row in rows)
    assert all(row["i_xt"] > 0 for row in rows)
    mixed = nn.Sequential(nn.Linear(12, 3), Halved())
    flags = [row["flags"] for row in ip.InformationPlane(*data, layers=["0", "1"]).measure(mixed, 0)]
    assert ["half-precision" in each for each in flags] == [False, True]


class Halved(nn.Module):
    def forward(self, x):
        return x.half()


@pytest.mark.usefixtures("in_pieces")
def test_half_precision_above_its_range_is_reported_not_a_crash(data):
    class Loud(nn.Module):
        def forward(self, x):
            return (1e5 * x).half()

    options = {"layers": "0", "batch_size": 100}
    with pytest.raises(NonFiniteError, match="layer '0', step 0: 320 of 320 rows"):
        ip.InformationPlane(*data, **options).measure(nn.Sequential(Loud()), 0)


@pytest.mark.filterwarnings("ignore:.*activations of .* layers will take")
@pytest.mark.parametrize("read", ["whole", "pieces"])
def test_a_subsample_is_the_same_samples_at_every_step_and_for_every_layer(data, read, monkeypatch):
    x, y = data
    if read == "pieces":
        monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 0)
    options = {"layers": ["fc", "out"], "estimators": ["binned", "kde"], "seed": 3}
    plane = ip.InformationPlane(x, y, subsample=100, batch_size=64, shuffles=2, given="y", **options)
    rows = plane.measure(network(), 0)
    keep = torch.randperm(320, generator=torch.Generator().manual_seed(3))[:100].sort().values
    t = ip.record(network(), x, ["fc", "out"], 64)
    for row in rows:
        counted = row["estimator"] == "binned"
        if row["label"] == "y":
            assert row["n"] == (320 if counted else 100)
        if row["label"] == "y" and not counted:
            alone = ip.mutual_information(t[row["layer"]][keep], y[keep], estimator="kde")
            assert row["i_ty"] == pytest.approx(alone.value, rel=1e-6)
            assert row["i_ty_null"] is not None
    assert {row["n"] for row in rows if row["label"] == "y=1"} == {107, int((y[keep] == 1).sum())}
    assert [{**row, "step": 0} for row in plane.measure(network(), 1)] == rows
    assert plane.trajectory.meta["subsample"] == {"samples": 100, "seed": 3}


def test_only_what_is_needed_is_kept():
    estimators = (ip.estimators.Binned("report"), ip.estimators.KDE())
    gatherer = InPieces(estimators, 100, torch.arange(0, 100, 10))
    for start in (0, 60):
        t = torch.arange(start, min(start + 60, 100)).float()[None, :, None].expand(1, -1, 4)
        gatherer.take(("layer", 0, ""), t, t)
    found = gatherer.gathered()
    assert found.kept["layer"][0, :, 0].tolist() == list(range(0, 100, 10))
    assert found.prepared[0][0].codes.shape == (1, 100)
    some = found.take(torch.arange(100) < 25)
    assert some.kept["layer"][0, :, 0].tolist() == [0, 10, 20]
    assert some.rows.tolist() == [0, 10, 20]
    assert some.decision.codes.shape == (1, 25)


def test_two_layers_of_one_name():
    model = nn.Sequential(OrderedDict([("conv", nn.Conv2d(1, 2, 2)), ("conv[0]", nn.Flatten())]))
    plane = ip.InformationPlane(torch.randn(9, 1, 3, 3), np.arange(9) % 2, layers=["conv", "conv?0]"], pool="channel")
    with pytest.raises(RecordingError, match=r"two layers would be called 'conv\[0\]'"):
        plane.measure(model, 0)


class Nothing(nn.Module):
    """Puts out no units."""

    def forward(self, x):
        return x[:, :0]


@pytest.mark.parametrize("samples", [30, 5000])  # in one batch, and in several
def test_a_layer_without_units_is_named_and_left_out_or_an_error_where_it_was_asked_for(samples):
    network, x = nn.Sequential(nn.Linear(4, 3), Nothing()), torch.randn(samples, 4)
    y = torch.arange(samples) % 2
    with pytest.warns(UserWarning, match=r"layer '1' puts out no units"):
        rows = ip.InformationPlane(x, y, layers=nn.Module).measure(network, 0)
    assert {row["layer"] for row in rows} == {"0"}
    with pytest.raises(RecordingError, match=r"layer '1' puts out no units"):
        ip.InformationPlane(x, y, layers=["1"]).measure(network, 0)
