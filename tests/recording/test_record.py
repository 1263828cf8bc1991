from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError, UnknownNameError
from infoplane.networks import conv, six_layer
from infoplane.recording.record import record


@pytest.fixture(autouse=True)
def _fixed_random_state() -> None:
    torch.manual_seed(0)


def noisy() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(8, 2))


class Twice(nn.Module):
    """Runs one activation twice, and another layer functionally."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(OrderedDict(fc=nn.Linear(3, 3), out_proj=Unused()))
        self.act = nn.Tanh()
        self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(F.linear(self.act(self.encoder(x)), self.unused.weight))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.fc.weight)


def test_values_are_those_of_the_layers_one_by_one() -> None:
    model, x = conv(), torch.randn(20, 14, 14)
    recorded = record(model, x)
    assert list(recorded) == ["1", "4", "5", "6", "7", "8"]
    out = x
    for name, module in model.named_children():
        out = module(out).detach()
        if name in recorded:
            assert torch.equal(recorded[name], out)


def test_recording_is_invisible_to_training() -> None:
    x, y = torch.randn(64, 6), torch.randn(64, 2)
    results = []
    for recorded in (False, True):
        torch.manual_seed(3)
        model = noisy()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            if recorded:
                record(model, x)
        results.append(model.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_nothing_is_left_behind_even_after_an_exception() -> None:
    model = noisy()
    model[1].eval()
    flags, state = [module.training for module in model.modules()], torch.get_rng_state()
    keys = set(vars(model))
    tensors = record(model, torch.ones(5, 6, requires_grad=True))
    with pytest.raises(RuntimeError):
        record(model, torch.zeros(5, 7))
    assert [module.training for module in model.modules()] == flags
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert set(vars(model)) == keys
    assert not any(tensor.requires_grad for tensor in tensors.values())


def test_operations_in_place_change_neither_records_nor_the_input() -> None:
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 4), nn.ReLU(inplace=True)), torch.randn(50, 4)
    before = x.clone()
    recorded = record(model, x)
    assert torch.equal(x, before)
    assert recorded["1"].min() < 0 <= recorded["2"].min()
    assert torch.equal(recorded["2"], recorded["1"].clamp_min(0))


def test_a_module_that_runs_twice_has_two_records_in_order_of_execution() -> None:
    model, x = Twice(), torch.randn(5, 3)
    recorded = record(model, x)
    assert list(recorded) == ["encoder.fc", "act#0", "act#1"]
    first = torch.tanh(model.encoder(x))
    assert torch.equal(recorded["act#0"], first)
    assert torch.equal(recorded["act#1"], torch.tanh(F.linear(first, model.unused.weight)))


def test_a_layer_that_never_ran_is_named_with_its_parent() -> None:
    message = (
        r"layer 'encoder.out_proj.fc' was selected but never ran. Its parent uses it functionally; "
        r"select 'encoder.out_proj'"
    )
    with pytest.raises(RecordingError, match=message):
        record(Twice(), torch.randn(5, 3), ["encoder.out_proj.fc", "act"])
    with pytest.raises(RecordingError, match=r"'unused' was selected but never ran.*select '\(model\)'"):
        record(Twice(), torch.randn(5, 3), "unused")
    attention = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    with pytest.raises(RecordingError, match=r"'self_attn.out_proj' was selected but never ran.*select 'self_attn'"):
        record(attention, torch.randn(5, 3, 4), "self_attn.out_proj")
    blocks = nn.Module()
    blocks.add_module("blocks", nn.ModuleList([nn.Linear(3, 3)]))
    blocks.forward = lambda x: x
    with pytest.raises(RecordingError, match=r"'blocks.0' was selected but never ran"):
        record(blocks, torch.randn(5, 3), "blocks.0")
    assert list(record(Twice(), torch.randn(5, 3), "*fc")) == ["encoder.fc"]
    with pytest.raises(RecordingError, match="none of the selected layers ran"):
        record(Twice(), torch.randn(5, 3), "*_proj.fc*")


def test_of_a_tuple_the_first_tensor_is_taken_with_one_warning() -> None:
    model = nn.Sequential(OrderedDict(lstm=nn.LSTM(3, 2, batch_first=True)))
    with pytest.warns(UserWarning, match=r"layer 'lstm' put out a tuple: its first tensor, \[0\], is recorded") as told:
        recorded = record(model, torch.randn(7, 5, 3), "lstm", batch_size=2)
    assert recorded["lstm"].shape == (7, 5, 2)
    assert len(told) == 1


def test_outputs_without_one_row_a_sample_are_left_out_or_refused() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.fc = nn.Embedding(4, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x + self.table(torch.arange(4)))

    model, x = Positions(), torch.randn(7, 4, 3)
    with pytest.warns(UserWarning, match=r"layer 'table' put out shape \(4, 3\) for 7 samples.*left out"):
        assert list(record(model, x)) == ["fc"]
    with pytest.raises(RecordingError, match=r"layer 'table' put out shape \(4, 3\)"):
        record(model, x, "table")


def test_a_mapping_without_a_tensor_is_refused() -> None:
    class Wordy(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return {"text": "none", "more": [None]}

    with pytest.raises(RecordingError, match=r"layer '\(model\)' put out a dict without a tensor"):
        record(Wordy(), torch.zeros(3, 2), "(model)")


@pytest.mark.parametrize("size", [1, 7, 20, 50])
def test_batch_sizes_agree_to_rounding(size: int) -> None:
    model, x = conv(), torch.randn(20, 14, 14)
    whole, parts = record(model, x), record(model, x, batch_size=size)
    assert list(whole) == list(parts)
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], atol=1e-6, rtol=0)


def test_layers_that_run_in_some_batches_only_are_named() -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.act = nn.Linear(1, 1), nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.fc(x)) if x.sum() > 0 else self.fc(x)

    x = torch.tensor([[1.0], [-1.0]])
    with pytest.raises(RecordingError, match="layer 'act' was selected but never ran"):
        record(Moody(), x, ["fc", "act"], batch_size=1)
    with pytest.warns(UserWarning, match=r"layers act ran in some batches only.*left out"):
        assert list(record(Moody(), x, batch_size=1)) == ["fc"]


def test_inputs_are_brought_to_the_type_of_the_model() -> None:
    model = six_layer().double()
    whole = np.random.default_rng(0).integers(-1, 4, (10, 12))
    assert record(model, whole, "11")["11"].dtype == torch.float64
    assert torch.equal(record(model, whole, "11")["11"], record(model, torch.tensor(whole).float(), "11")["11"])
    assert record(nn.Embedding(5, 2), torch.tensor([[1, 2], [3, 4]]))["(model)"].shape == (2, 2, 2)
    assert record(nn.Tanh(), whole)["(model)"].dtype == torch.float32


def test_compiled_and_wrapped_models_are_recorded_under_their_own_names() -> None:
    inner = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    x = torch.randn(4, 3)
    expected = record(inner, x)
    for model in (torch.compile(inner), nn.DataParallel(inner)):
        recorded = record(model, x, ["0", "1"])
        assert all(torch.equal(recorded[name], expected[name]) for name in expected)
    outer = nn.Sequential(OrderedDict(body=torch.compile(inner), head=nn.Linear(2, 1)))
    assert list(record(outer, x)) == ["body.0", "body.1", "head"]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InputError, match="batch_size=0: it must be a whole number of at least 1"):
        record(six_layer(), torch.zeros(3, 12), batch_size=0)
    with pytest.raises(UnknownNameError, match="unknown layer '12'"):
        record(six_layer(), torch.zeros(3, 12), "12")
    with pytest.raises(InputError, match="no samples"):
        record(six_layer(), torch.zeros(0, 12))


def test_no_batch_of_one_sample_that_a_squeeze_would_turn_into_another_shape() -> None:
    class Squeezing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv1d(1, 4, 3), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(nn.functional.adaptive_avg_pool1d(self.conv(x), 1).squeeze())

    x = torch.randn(9, 1, 5)
    for size in (3, 4, 8):
        recorded = record(Squeezing(), x, batch_size=size)
        assert {name: len(t) for name, t in recorded.items()} == {"conv": 9, "out": 9}


def test_a_forward_pass_that_takes_gradients_says_what_to_type() -> None:
    class Force(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line, self.inside = nn.Linear(3, 1), False

        def forward(self, x: Tensor) -> Tensor:
            with torch.set_grad_enabled(self.inside or torch.is_grad_enabled()):
                x = x.requires_grad_()
                return torch.autograd.grad(self.line(x).tanh().sum(), x)[0]

    model = Force()
    with pytest.raises(RecordingError, match=r"with torch\.enable_grad"):
        record(model, torch.randn(4, 3))
    model.inside = True
    assert record(model, torch.randn(4, 3), "(model)")["(model)"].shape == (4, 3)
