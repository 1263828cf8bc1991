"""torch.compile: the layers of a compiled network are recorded as those of the network itself, which stays compiled."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

import infoplane as ip

BACKENDS = ["eager", "aot_eager", "inductor"]
X = torch.randn(16, 5, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


class Network(nn.Module):
    """A class of its own: torch compiles nothing of an nn.Sequential by its method `compile`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(OrderedDict(fc=nn.Linear(5, 4), drop=nn.Dropout(), act=nn.Tanh()))
        self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.body(x)))


def network() -> nn.Module:
    torch.manual_seed(1)
    return Network()


def wrapped(model: nn.Module, backend: str) -> nn.Module:
    return torch.compile(model, backend=backend, fullgraph=True)


def in_place(model: nn.Module, backend: str) -> nn.Module:
    model.compile(backend=backend, fullgraph=True)
    return model


@pytest.mark.parametrize("compiled", [wrapped, in_place])
@pytest.mark.parametrize("backend", BACKENDS)
def test_before_and_after_the_first_call(backend: str, compiled: Callable[[nn.Module, str], nn.Module]) -> None:
    assert backend != "inductor" or shutil.which("g++"), "the backend inductor needs a C++ compiler: install g++"
    model = compiled(network(), backend)
    expected = ip.record(network(), X)
    for _ in ("before the first call", "after it"):
        recorded = ip.record(model, X)
        assert list(recorded) == ["body.fc", "body.act", "norm", "head"]
        assert all(torch.equal(recorded[name], expected[name]) for name in expected)
        named = ip.record(model, X, ["_orig_mod.head", "body.*"])
        assert list(named) == ["body.fc", "body.drop", "body.act", "head"]
        with torch.no_grad():
            model.eval()
            model(X)
    with torch.no_grad(), torch.compiler.set_stance("fail_on_recompile"):
        torch.testing.assert_close(model(X), expected["head"])


@pytest.mark.parametrize("measured_first", [False, True])
def test_training_of_a_compiled_network_is_bitwise_the_same(measured_first: bool) -> None:
    y = torch.arange(16) % 2

    def trained(measure: bool) -> list[Tensor]:
        torch.compiler.reset()
        model = wrapped(network(), "aot_eager")
        plane = ip.InformationPlane(X, y)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if measure and measured_first:
            plane.measure(model, -1)
        torch.manual_seed(2)
        for step in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), y).backward()
            optimizer.step()
            if measure:
                plane.measure(model, step)
        return [*model.parameters(), *model.buffers()]

    assert all(torch.equal(one, other) for one, other in zip(trained(False), trained(True), strict=True))


def test_parts_of_a_network_and_single_functions_may_be_compiled() -> None:
    class Decorated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.act = nn.Linear(5, 4), nn.Tanh()

        @torch.compile(backend="eager")
        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.fc(x))

    part = Decorated()
    model = nn.Sequential(OrderedDict(part=part, rest=torch.compile(nn.Sequential(nn.Linear(4, 2)), backend="eager")))
    model(X)
    recorded = ip.record(model, X)
    assert list(recorded) == ["part.fc", "part.act", "rest.0"]
    assert torch.equal(recorded["part.act"], recorded["part.fc"].tanh())
    with torch.compiler.set_stance("fail_on_recompile"):
        torch.testing.assert_close(model(X).detach(), recorded["rest.0"])
    plane = ip.InformationPlane(X, torch.arange(16) % 2)
    assert [row["layer"] for row in plane.measure(model, 0)] == list(recorded)


def test_families_of_a_compiled_network_are_families_of_the_network() -> None:
    y = torch.arange(16) % 2
    rows = []
    for model in (network(), wrapped(network(), "eager"), in_place(network(), "eager")):
        family = ip.Family(model, 4, seed=1)
        family.compile("cross-entropy", learning_rate=0.1)
        family.step(X.expand(4, -1, -1), y.expand(4, -1))
        rows.append(ip.InformationPlane(X, y, seed=2).measure(family, 0))
        assert family.engine == "vmap"
    assert rows[0] == rows[1] == rows[2]
