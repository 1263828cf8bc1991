"""A selected layer whose hook cannot fire is an error that says what to select or measure instead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import infoplane as ip
from infoplane.errors import RecordingError, UnknownNameError

X = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))


class Functional(nn.Module):
    """Has a ReLU as a module and uses the function; hands its input to `inner.forward`, past the hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.relu, self.inner = nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner.forward(F.relu(self.fc(x)))


@pytest.mark.parametrize("layer", ["block.relu", "block.inner"])
def test_functions_and_calls_past_the_hooks(layer: str) -> None:
    model = nn.Sequential(OrderedDict(block=Functional()))
    message = rf"layer '{layer}' was selected but never ran\. Its parent uses it functionally; select 'block'\."
    with pytest.raises(RecordingError, match=message):
        ip.record(model, X, layer)
    assert list(ip.record(model, X, "block")) == ["block"]
    assert list(ip.record(model, X)) == ["block.fc"]


@pytest.mark.parametrize("training", [False, True])
def test_the_output_projection_of_an_attention(training: bool) -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    model = nn.Sequential(OrderedDict(encoder=layer)).train(training)
    plane = ip.InformationPlane(torch.randn(8, 3, 4), torch.arange(8) % 2, layers="encoder.self_attn.out_proj")
    with pytest.raises(RecordingError) as caught:
        plane.measure(model, step=3)
    assert (
        "layer 'encoder.self_attn.out_proj' was selected but never ran. Its parent uses it functionally; "
        "select 'encoder.self_attn'."
    ) in str(caught.value)
    assert len(plane.trajectory) == 0
    with pytest.warns(UserWarning, match="'encoder.self_attn' put out a tuple"):
        assert list(ip.record(model, torch.randn(8, 3, 4), "encoder.self_attn")) == ["encoder.self_attn"]


@pytest.mark.parametrize("make", [torch.jit.script, lambda model: torch.jit.trace(model, X)], ids=["script", "trace"])
def test_programs_of_torch_jit(make: Callable[[nn.Module], nn.Module]) -> None:
    program = make(network())
    message = "layer '1' was selected but never ran.*calls no hooks: measure the module that it was made from"
    with pytest.raises(RecordingError, match=message):
        ip.record(program, X, "1")
    with pytest.raises(RecordingError, match=r"^torch\.jit made one program of it"):
        ip.record(program, X)
    outer = nn.Sequential(OrderedDict(program=program, head=nn.Linear(2, 2)))
    for layer in ("program", "program.1"):
        with pytest.raises(RecordingError, match=rf"'{layer}' was selected but never ran\. torch\.jit"):
            ip.record(outer, X, layer)
    assert list(ip.record(outer, X)) == ["head"]


def test_an_exported_network_has_lost_its_layers() -> None:
    exported = torch.export.export(network(), (X,))
    flat = exported.module()
    with pytest.raises(UnknownNameError, match=r"unknown layer '1': known are \(model\), 0, 2"):
        ip.record(flat, X, "1")
    with pytest.raises(RecordingError, match=r"layer '2' was selected but never ran.*; select '\(model\)'"):
        ip.record(flat, X, "2")
    with pytest.raises(RecordingError, match="none of the selected layers ran"):
        ip.record(flat, X)
    assert list(ip.record(flat, X, "(model)")) == ["(model)"]
    unflattened = torch.export.unflatten(exported)
    assert "2" in ip.record(unflattened, X)
