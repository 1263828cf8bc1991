"""What a measurement must not depend on, or must refuse: autocast, half precision, batches, threads, shared copies."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator

import numba
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators.binned import Binned
from infoplane.networks import six_layer

X = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] * X[:, 1] > 0).long()


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])


def test_an_autocast_region_around_a_measurement_changes_nothing() -> None:
    model = network()
    plain, family = ip.InformationPlane(X, Y).measure(model, 0), ip.Family(model, 4, engine="vmap")
    outside = family.activations(X)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(X).dtype == torch.bfloat16
        assert ip.InformationPlane(X, Y).measure(model, 0) == plain
        inside = family.activations(X)
        assert model(X).dtype == torch.bfloat16
    assert all(torch.equal(inside[name], outside[name]) for name in outside)


def test_autocast_inside_the_network_and_half_precision_are_measured_as_they_are() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = network()

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.body(x)

    for model in (Mixed(), network().bfloat16()):
        last = list(ip.record(model, X).values())[-1]
        assert last.dtype == torch.bfloat16
        row = ip.InformationPlane(X, Y, estimators={"name": "binned", "bins": 8}).measure(model, 0)[-1]
        expected = ip.mutual_information(last.float(), Y, estimator="binned", bins=8)
        assert row["i_ty"] == pytest.approx(expected.value, abs=1e-12)


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_codes_do_not_depend_on_the_batches_of_the_recording(size: int) -> None:
    data = ip.datasets.load("report-simple", samples=512)
    torch.manual_seed(3)
    model, estimator = six_layer(), Binned("report")
    whole, parts = ip.record(model, data.x), ip.record(model, data.x, batch_size=size)
    for name, t in whole.items():
        one, other = (estimator.symbols(values[None]).codes for values in (t, parts[name]))
        assert np.array_equal(np.asarray(one), np.asarray(other)), name
    planes = [
        ip.InformationPlane(data.x, data.y, estimators={"name": "binned", "bins": "report"}, batch_size=batch)
        for batch in (None, size)
    ]
    assert planes[0].measure(model, 0) == planes[1].measure(model, 0)


@pytest.mark.parametrize("count", [1, 2])
def test_rows_do_not_depend_on_threads(count: int, threads: None) -> None:
    rows = []
    for number in (1, count):
        torch.set_num_threads(number)
        numba.set_num_threads(min(number, numba.config.NUMBA_NUM_THREADS))
        rows.append(ip.InformationPlane(X, Y, estimators=["binned", "gaussian"]).measure(network(), 0))
    for one, other in zip(*rows, strict=True):
        if one["estimator"] == "binned":
            assert one == other
        else:
            assert one["i_xt"] == pytest.approx(other["i_xt"], rel=1e-6)


def test_copies_that_are_one_network_or_share_parameters_are_refused() -> None:
    model, plane = network(), ip.InformationPlane(X, Y)
    tied = copy.deepcopy(model)
    tied[2].weight = model[2].weight
    for copies in ([model] * 3, [copy.deepcopy(model), model, tied]):
        with pytest.raises(InputError, match=r"share their parameters: give different objects \(copy.deepcopy\)"):
            plane.measure(copies, 0)
        with pytest.raises(InputError, match="share their parameters"):
            ip.Family.from_modules(copies)
    assert len(plane.trajectory) == 0
    plane.measure([network(), network()], 0)


def test_a_training_that_changes_no_parameter_is_told_once() -> None:
    model, plane = network(), ip.InformationPlane(X, Y)
    optimizer = torch.optim.SGD(network().parameters(), lr=0.1)  # of another network

    def epoch(step: int) -> None:
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()
        plane.measure(model, step)

    epoch(0)
    epoch(1)
    with pytest.warns(UserWarning, match=r"no parameter changed between steps 1 and 2: .*optimizer\.step\(\)"):
        epoch(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        epoch(3)
