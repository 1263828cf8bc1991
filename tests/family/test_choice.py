from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.batched import BatchedEngine
from infoplane.family.choice import choose_engine, make_engine
from infoplane.family.modules import ModulesEngine
from infoplane.family.vmap import VmapEngine
from infoplane.networks import six_layer
from infoplane.randomness import Streams

Make = Callable[[], nn.Sequential]


def test_the_fastest_engine_that_fits(pictures: Make) -> None:
    assert choose_engine(six_layer(), 1, "auto", None)[0] == "batched"
    assert choose_engine(six_layer(), 50, "auto", None)[0] == "batched"
    assert choose_engine(pictures(), 3, "auto", None)[0] == "modules"
    name, reason = choose_engine(pictures(), 4, "auto", None)
    assert name == "vmap"
    assert "layer '0' is a Conv2d" in reason


def test_hooks_and_optimizers_forbid_stacking(pictures: Make) -> None:
    network = pictures()
    network[0].register_forward_hook(lambda *_: None)
    assert choose_engine(network, 9, "auto", None) == (
        "modules", "One module after another, because the network has hooks of its own."
    )  # fmt: skip
    assert choose_engine(six_layer(), 9, "auto", "it mixes copies") == (
        "modules", "One module after another, because it mixes copies."
    )  # fmt: skip


def test_an_engine_asked_for_is_taken_or_refused(pictures: Make) -> None:
    for name in ("modules", "vmap", "batched"):
        assert choose_engine(six_layer(), 2, name, None)[0] == name
    with pytest.raises(InputError, match="'batched' needs a plain multilayer perceptron, and layer '0' is a Conv2d"):
        choose_engine(pictures(), 2, "batched", None)
    for name in ("vmap", "batched"):
        with pytest.raises(InputError, match=f"engine '{name}' cannot train with this optimizer: it mixes copies"):
            choose_engine(six_layer(), 2, name, "it mixes copies")
    with pytest.raises(UnknownNameError, match="unknown engine 'vamp': did you mean 'vmap'"):
        choose_engine(six_layer(), 2, "vamp", None)


def test_engines_by_name() -> None:
    device = torch.device("cpu")
    for name, kind in (("modules", ModulesEngine), ("vmap", VmapEngine), ("batched", BatchedEngine)):
        assert type(make_engine(name, [six_layer()], Streams(0, 1, device), device)) is kind
