"""Rows with NaN or infinity are left out for any estimator: as if they had never been there."""

import dataclasses

import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators import KDE, estimator
from infoplane.estimators.finite_rows import FiniteRows
from infoplane.testing import check_estimator

OPTIONS = {name: {"steps": 5, "hidden": 8} for name in ("infonce", "nwj", "smile", "mine", "club")}
OTHERS = [name for name in ip.estimators() if name not in ("binned", "quantised")]
RANDOM = torch.Generator().manual_seed(0)
Y = torch.arange(80) % 2
T = torch.randn(80, 2, generator=RANDOM) + Y[:, None]
BAD = torch.tensor([3, 40, 41])
SPOILT = T.index_fill(0, BAD, torch.nan)
SPOILT[40, 1] = torch.inf
KEEP = torch.ones(80, dtype=torch.bool).index_fill(0, BAD, False)


class Diverging(nn.Module):
    """The layer puts out NaN for some samples."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        return self.layer(torch.where(KEEP[:, None], x, torch.nan))


@pytest.mark.parametrize("name", OTHERS)
def test_dropped_rows_were_never_there(name):
    options = OPTIONS.get(name, {}) | {"intervals": False}  # those of parts: below
    estimate = ip.mutual_information(SPOILT, Y, estimator=name, nonfinite="drop-row", **options)
    wanted = ip.mutual_information(T[KEEP], Y[KEEP], estimator=name, **options)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (wanted.value, wanted.low, wanted.high, 77)
    assert estimate.flags[0] == wanted.flags[0]
    assert sorted(estimate.flags) == sorted((*wanted.flags, "nonfinite"))
    assert estimate.details == wanted.details | {"dropped_rows": 3}
    with pytest.raises(NonFiniteError, match=r'3 of 80 rows contain NaN/Inf .* Set nonfinite="drop-row" to continue'):
        ip.mutual_information(SPOILT, Y, estimator=name, **options)


@pytest.mark.parametrize("name", ["gaussian", "gaussian-copula", "renyi"])
def test_an_interval_is_about_as_long_without_dropped_rows(name):
    """Parts are drawn from all rows, the dropped ones too: other parts, whose spread differs by chance."""
    estimate = ip.mutual_information(SPOILT, Y, estimator=name, nonfinite="drop-row")
    wanted = ip.mutual_information(T[KEEP], Y[KEEP], estimator=name)
    assert estimate.interval == wanted.interval == "population 95 %"
    assert 1 / 3 < (estimate.high - estimate.low) / (wanted.high - wanted.low) < 3


def test_finite_samples_are_estimated_as_without_it():
    plain = ip.mutual_information(T, Y, estimator="kde")
    assert ip.mutual_information(T, Y, estimator="kde", nonfinite="drop-row") == plain
    assert ip.mutual_information(T, Y, estimator="kde", nonfinite="error") == plain


def test_a_comparison_and_a_plane_take_it():
    comparison = ip.compare(SPOILT, Y, x=T, estimators=["kde", "gaussian", "binned"], nonfinite="drop-row")
    wanted = ip.compare(T[KEEP], Y[KEEP], x=T[KEEP], estimators=["kde", "gaussian", "binned"])
    for row, plain in zip(comparison.rows, wanted.rows, strict=True):
        assert (row.i_xt, row.i_ty, row.n) == (plain.i_xt, plain.i_ty, 77)
        assert "nonfinite" in row.flags
    estimators = [{"name": name, "nonfinite": "drop-row"} for name in ("kde", "soft", "binned")]
    plane = ip.InformationPlane(T, Y, layers="layer", estimators=estimators)
    rows = plane.measure(Diverging(), 0)
    for row, name in zip(rows, ("kde", "soft", "binned"), strict=True):
        assert row["n"] == 77
        assert "nonfinite" in row["flags"]
        assert row["i_ty"] == ip.mutual_information(T[KEEP], Y[KEEP], estimator=name).value


def test_shuffles_groups_and_convergence_go_with_it():
    asked = {"estimator": "gaussian", "shuffles": 3, "groups": torch.arange(80) % 20, "convergence": True}
    estimate = ip.mutual_information(SPOILT, Y, nonfinite="drop-row", **asked)
    assert estimate.details["p_value"] <= 0.5
    assert estimate.low < estimate.value < estimate.high
    assert estimate.details["convergence"][-1][1] == estimate.value


def test_one_class_left_holds_no_information():
    y = torch.zeros(80, dtype=torch.int64).index_fill(0, BAD, 1)
    estimate = ip.mutual_information(SPOILT, y, estimator="gaussian", nonfinite="drop-row")
    assert (estimate.value, estimate.n, estimate.flags) == (0.0, 77, ("amber", "nonfinite"))


def test_nothing_left_is_an_error():
    with pytest.raises(NonFiniteError, match="all 80 rows contain NaN/Inf: nothing is left to measure"):
        ip.mutual_information(T * torch.nan, Y, estimator="kde", nonfinite="drop-row")


def test_instances_take_it_and_other_policies_are_refused():
    dropping = estimator(KDE(noise_variance=0.1), nonfinite="drop-row")
    assert isinstance(dropping, FiniteRows)
    assert (dropping.name, dropping.measurement) == ("kde", KDE(noise_variance=0.1).measurement)
    assert dataclasses.asdict(ip.mutual_information(SPOILT, Y, estimator=dropping))["n"] == 77
    with pytest.raises(InputError, match="'own-cell' is for estimators that count symbols, and kde needs numbers"):
        estimator("kde", nonfinite="own-cell")
    with pytest.raises(InputError, match="nonfinite='drop' is not known"):
        estimator("kde", nonfinite="drop")


def test_it_keeps_the_contract_of_estimators():
    # its options are an instance, and a copy of that is another one
    check_estimator(estimator("gaussian", nonfinite="drop-row"), skip="options")
