"""Families: no hook of the user sees values of all copies at once, and both ways of running them give the same rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

import infoplane as ip
from infoplane.errors import InputError

X = torch.randn(30, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 3


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 3)
    ).double()


def trained(family: ip.Family, steps: int = 2) -> ip.Family:
    family.compile("cross-entropy", learning_rate=0.1)
    for _ in range(steps):
        family.step(X.expand(4, *X.shape), Y.expand(4, -1))
    return family


def test_a_hook_of_the_user_inside_vmap_is_what_must_not_happen() -> None:
    kept = []
    model = network()
    model[4].register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    weights = {name: torch.stack([tensor, tensor]) for name, tensor in model.eval().named_parameters()}
    vmap(lambda w: functional_call(model, w, (X,)))(weights)
    with pytest.raises(RuntimeError, match="escaped from inside a function being vmapped"):
        kept[0] + 1


def test_hooks_of_the_user_see_plain_tensors_of_one_copy() -> None:
    seen: list[tuple[int, ...]] = []

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append(tuple(output.detach().numpy().shape))
        torch.unique(output)
        output.sum().item()

    model = network()
    model[4].register_forward_hook(hook)
    family = trained(ip.Family(model, 4), steps=1)
    assert family.engine == "modules"
    assert "hooks of its own" in family.engine_reason
    ip.InformationPlane(X, Y).measure(family, 1)
    assert set(seen) == {(30, 3)}
    with pytest.raises(InputError, match="engine 'vmap' would give the network's own hooks values of all copies"):
        ip.Family(model, 4, engine="vmap")


@pytest.mark.parametrize("use", [lambda family: family.activations(X), trained])
def test_a_hook_of_the_user_that_breaks_is_shown_as_it_is(use: Callable[[ip.Family], object]) -> None:
    def hook(_module: nn.Module, _inputs: object, _output: Tensor) -> None:
        raise LookupError("the hook of the fifth layer found nothing")

    model = network()
    model[4].register_forward_hook(hook)
    with pytest.raises(LookupError, match="the fifth layer"):
        use(ip.Family(model, 4))
    with pytest.raises(LookupError, match="the fifth layer"):
        ip.record(model, X)


def test_both_ways_of_running_the_copies_give_the_same_rows() -> None:
    rows = []
    for engine in ("vmap", "modules"):
        family = trained(ip.Family(network(), 4, init="independent", seed=2, engine=engine))
        assert family.engine == engine
        kinds = ("exact", "sampled", "per-copy", "single")
        plane = ip.InformationPlane(X, Y, family=kinds, estimators={"name": "binned", "bins": 5}, seed=3)
        rows.append(plane.measure(family, 2))
    assert rows[0] == rows[1]
    assert {row["layer"] for row in rows[0]} == {"0", "1", "2", "4"}


def test_outputs_of_vectorised_copies_can_be_used_outside() -> None:
    family = ip.Family(network(), 4, engine="vmap")
    for tensor in family.activations(X).values():
        assert tensor.numpy().shape[:2] == (4, 30)
        assert torch.unique(tensor + 1).numel() > 1
