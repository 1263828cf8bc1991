"""The intervals of a plane: those of single estimates, and those of groups where there are groups."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.networks import Family, six_layer

TANH = nn.Sequential(nn.Tanh())
COUNTS = {"name": "binned", "bins": 4, "interval": "jackknife"}


@pytest.fixture(scope="module")
def texts():
    """Tokens (samples, 2) around a place of each of 30 texts, labels by chance for each text, and the texts."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 8)
    x = random.normal(size=(30, 2))[groups] + 0.3 * random.normal(size=(240, 2))
    return torch.tensor(x, dtype=torch.float32), (random.random(30) < 0.5).astype(int)[groups], groups


def measured(x, y, model=TANH, **options):
    return ip.InformationPlane(x, y, layers=["0"], **options).measure(model, 0)


def test_groups_reach_the_intervals_of_counts(texts):
    x, y, groups = texts
    (alone,), (grouped,) = (measured(x, y, estimators=COUNTS, groups=each) for each in (None, groups))
    assert grouped["i_ty"] == alone["i_ty"]
    assert grouped["i_ty_high"] - grouped["i_ty_low"] > 1.5 * (alone["i_ty_high"] - alone["i_ty_low"])
    single = ip.mutual_information(torch.tanh(x), y, bins=4, groups=groups)
    assert (grouped["i_ty_low"], grouped["i_ty_high"]) == pytest.approx((single.low, single.high), abs=1e-12)
    assert grouped["i_ty_interval"] == grouped["i_xt_interval"] == "population 95 %"


def test_every_number_has_an_interval_where_they_are_asked_for(texts):
    x, y, groups = texts
    names = ["binned", "ksg", "soft", "gaussian"]
    for each in (None, groups):
        rows = measured(x, y, estimators=names, family="single", intervals=True, groups=each)
        assert len(rows) == len(names)
        for name, row in zip(names, rows, strict=True):
            if "red" in row["flags"]:
                continue
            single = ip.mutual_information(torch.tanh(x), y, estimator=name, groups=each)
            assert row["i_ty_low"] == pytest.approx(single.low, abs=1e-9), name
            assert row["i_ty_interval"] == "population 95 %"
    without = measured(x, y, estimators="ksg", family="single")[0]
    assert (without["i_ty_low"], without["i_ty_interval"]) == (None, None)


def test_groups_reach_held_out_splits(texts):
    x, y, groups = texts
    (alone,), (grouped,) = (measured(x, y, estimators="usable", groups=each) for each in (None, groups))
    assert grouped["i_ty"] != alone["i_ty"]
    assert grouped["i_ty"] == ip.mutual_information(torch.tanh(x), y, estimator="usable", groups=groups).value


def test_tokens_of_one_sample_are_a_group(texts):
    x, y, groups = texts
    (tokens,) = measured(x.reshape(30, 8, 2), y.reshape(30, 8), estimators="usable", pool="token")
    (grouped,) = measured(x, y, estimators="usable", groups=groups)
    assert tokens["i_ty"] == pytest.approx(grouped["i_ty"], abs=1e-9)


@pytest.mark.parametrize("kind", ["exact", "per-copy", "single"])
def test_counts_of_families_have_intervals_of_groups(kind):
    data = ip.datasets.load("report-simple", samples=300)
    family, groups = Family(six_layer, 3, init="independent", seed=1), np.arange(300) // 30
    plane = ip.InformationPlane(data.x, data.y, estimators={**COUNTS, "bins": 2}, family=kind, groups=groups)
    rows = [row for row in plane.measure(family, 0) if "red" not in row["flags"]]
    assert all(row["i_ty_low"] <= row["i_ty_high"] for row in rows)
    assert any(row["i_ty_low"] < row["i_ty_high"] for row in rows)
