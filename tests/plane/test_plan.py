"""Batches from shapes, the limit before anything is allocated, and the one announcement."""

import math
import warnings

import pytest
import torch
from torch import nn

import infoplane as ip
import infoplane.plane.plan
from infoplane.errors import InputError
from infoplane.plane.passes import Pass
from infoplane.plane.plan import BATCH_BYTES, ReadingPlan, plan, shown_bytes
from infoplane.recording.inputs import Inputs


class Wide(nn.Module):
    """Makes 2 x 64 x 64 numbers of every image; counts the samples of every forward pass."""

    def __init__(self):
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Linear(2, 3)
        self.seen = []
        self.note = self.seen.append  # of this very list: what a pass writes into attributes is put back

    def forward(self, x):
        self.note(len(x))
        return self.head(self.act(self.conv(x)).mean((2, 3)))


@pytest.fixture
def images():
    return torch.randn(600, 1, 64, 64, generator=torch.Generator().manual_seed(0)), torch.arange(600) % 3


def planned(model, x, limit=2e9, batch=None, **chosen):
    copies = model.copies if isinstance(model, ip.Family) else 1
    return plan(Pass(model, Inputs(x), **chosen), limit=limit, copies=copies, batch=batch)


def test_a_batch_is_as_large_as_its_layers_allow():
    one = 2 * 64 * 64 * 4  # bytes of a sample in the largest layer
    found = planned(Wide(), torch.zeros(5000, 1, 64, 64))
    assert found.batch == 2 ** math.floor(math.log2(BATCH_BYTES / one))
    assert found.layers == {"conv": one, "act": one, "head": 12}
    assert (
        planned(Wide(), torch.zeros(5000, 1, 64, 64), layers="head").batch == found.batch
    )  # what is not selected counts
    assert planned(Wide(), torch.zeros(5000, 1, 64, 64), batch=100).batch == 100
    family = ip.Family(Wide, 4)
    assert planned(family, family.inputs(torch.zeros(5000, 1, 64, 64))).batch == found.batch // 16


def test_small_networks_are_not_looked_at():
    model = Wide()
    assert planned(model, torch.zeros(100, 1, 64, 64)[:, :, :8, :8]).batch == 4096
    assert model.seen == []


def test_the_batch_is_fixed_and_stored(images):
    model = Wide()
    plane = ip.InformationPlane(*images, layers="head")
    assert plane.trajectory.meta["recording_batch"] == 4096
    for step in range(2):
        plane.measure(model, step)
    batch = plane.trajectory.meta["recording_batch"]
    assert model.seen == [2, 2, *2 * [batch, 600 - batch]]  # two looks at the shapes, once
    assert batch == planned(model, images[0]).batch < 600


def test_what_would_take_too_much_is_refused_layer_by_layer_before_it_is_allocated(images):
    model, images = Wide(), [one[:60] for one in images]
    plane = ip.InformationPlane(*images, estimators=["binned", "kde"], max_activation_bytes=1e6)
    message = (
        r"kde: keeping what is needed of 3 layers and 60 samples takes 3\.9\d MB, more than "
        r"max_activation_bytes=1e\+06 \(conv 1\.97 MB, act 1\.97 MB, head 1\.26 kB\): "
        r"select fewer layers.*pool='mean'.*subsample=2000"
    )
    with pytest.raises(InputError, match=message):
        plane.measure(model, 0)
    assert max(model.seen) == 2  # nothing but the shapes of two samples was looked at
    assert len(plane.trajectory) == 0
    for way in ({"layers": "head"}, {"subsample": 10}, {"pool": "mean"}, {"max_activation_bytes": 1e7}):
        options = {"estimators": "kde", "max_activation_bytes": 1e6, **way}
        assert ip.InformationPlane(*images, **options).measure(model, 0)


def test_a_subsample_does_not_help_bins_that_sort(images):
    estimators = {"name": "binned", "bins": "quantile"}
    plane = ip.InformationPlane(*images, estimators=estimators, max_activation_bytes=1e7, subsample=100)
    with pytest.raises(InputError, match=r"binned: keeping what .* take bins that need no sorting") as error:
        plane.measure(Wide(), 0)
    assert "subsample" not in str(error.value)


def test_codes_need_no_activations(images):
    plane = ip.InformationPlane(*images, max_activation_bytes=1e5)
    whole = ip.InformationPlane(*images, batch_size=plane._way(Wide(), 1, plane._splits[0], plane.estimators).batch)
    model = Wide()
    assert plane.measure(model, 0) == whole.measure(model, 0)


def test_much_is_announced_once(images, monkeypatch):
    monkeypatch.setattr(infoplane.plane.plan, "KEPT_BYTES", 1e6)
    images = [one[:400] for one in images]
    plane = ip.InformationPlane(*images, estimators="kde", subsample=50)
    with pytest.warns(UserWarning, match=r"kde: activations of 3 layers will take 3\.28 MB of memory at every measure"):
        plane.measure(Wide(), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plane.measure(Wide(), 1)
        ip.InformationPlane(*images, estimators="binned").measure(Wide(), 0)


def test_whether_to_keep_all():
    once, twice, sorts = (ip.estimators.Binned(bins) for bins in ("report", 30, "quantile"))
    small = ReadingPlan(100, 1, {"fc": 400})
    assert small.is_whole(100, [once], 2e9)
    assert not small.is_whole(101, [once], 2e9)
    assert small.is_whole(101, [once, twice], 2e9)
    assert small.is_whole(101, [sorts], 2e9)
    assert not small.is_whole(101, [twice], 1e4)
    assert not ReadingPlan(100, 1, {"fc": 2**28}).is_whole(2, [twice], 2e9)


def test_wrong_options(images):
    with pytest.raises(InputError, match="subsample=1: it must be a whole number of at least 2"):
        ip.InformationPlane(*images, subsample=1)
    with pytest.raises(InputError, match="batch_size=0: it must be"):
        ip.InformationPlane(*images, batch_size=0)


def test_bytes_in_words():
    assert [shown_bytes(size) for size in (12, 1500, 2e6, 3.25e9)] == ["12 B", "1.5 kB", "2 MB", "3.25 GB"]
