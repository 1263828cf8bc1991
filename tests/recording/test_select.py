from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.recording.record import record
from infoplane.recording.select import Selection, is_activation, layer_outputs, select, unwrap


def chosen(model: nn.Module, layers: object) -> list[str]:
    return list(select(model, layers).paths)


@pytest.fixture
def model() -> nn.Sequential:
    block = nn.Sequential(OrderedDict(fc=nn.Linear(3, 3), act=nn.Tanh(), drop=nn.Dropout()))
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), block=block, head=nn.Linear(3, 2)))


def test_by_default_activations_and_layers_with_parameters(model: nn.Sequential) -> None:
    assert chosen(model, None) == ["block.fc", "block.act", "head"]


def test_a_module_that_keeps_its_parameters_in_a_list_is_one_layer() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factors = nn.ParameterList([torch.ones(3)])

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factors[0]

    x = torch.arange(6.0).view(2, 3)
    model = nn.Sequential(OrderedDict(scale=Scale(), act=nn.Tanh()))
    assert list(record(model, x)) == ["scale", "act"]


def test_names_globs_modules_and_lists_of_them(model: nn.Sequential) -> None:
    assert chosen(model, "block.act") == ["block.act"]
    assert chosen(model, "block.*") == ["block.fc", "block.act", "block.drop"]
    assert chosen(model, model.head) == ["head"]
    assert set(chosen(model, ["head", model.block.fc, "*act"])) == {"head", "block.fc", "block.act"}
    assert chosen(model, "(model)") == ["(model)"]
    assert chosen(model, model) == ["(model)"]


def test_only_layers_asked_for_by_name_must_run(model: nn.Sequential) -> None:
    assert select(model, None).required == frozenset()
    assert select(model, "block.*").required == frozenset()
    assert select(model, "*.fc").required == frozenset()
    for layers in (["head", "block.*", model.block.act], [model.block.act, "head", "block.*"]):
        assert select(model, layers).required == {"head", "block.act"}


def test_wrong_layers_are_named(model: nn.Sequential) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown layer 'block.atc': did you mean 'block.act'"):
        select(model, "block.atc")
    with pytest.raises(UnknownNameError, match="unknown layer 'conv"):
        select(model, "conv*")
    with pytest.raises(InputError, match="Linear is no part of this model"):
        select(model, nn.Linear(3, 3))
    with pytest.raises(InputError, match="layers is empty"):
        select(model, [])
    with pytest.raises(InputError, match="layer 3 is a int"):
        select(model, [3])


def test_a_module_under_two_names_is_taken_once_unless_asked_for_by_the_second() -> None:
    act = nn.Tanh()
    model = nn.Sequential(nn.Linear(2, 2), act, nn.Linear(2, 2), act)
    assert chosen(model, None) == ["0", "1", "2"]
    assert chosen(model, "*") == ["(model)", "0", "1", "2"]
    assert chosen(model, "3") == ["3"]


def test_wrappers_are_not_seen_in_names() -> None:
    inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    assert unwrap(nn.DataParallel(torch.compile(inner))) is inner
    outer = nn.Sequential(OrderedDict(body=nn.DataParallel(inner), act=nn.Tanh()))
    assert chosen(outer, None) == ["body.0", "body.1", "act"]
    assert chosen(inner, ["module.0", "_orig_mod.1"]) == ["0", "1"]


def test_a_submodule_that_is_called_module_keeps_its_name() -> None:
    assert chosen(nn.Sequential(OrderedDict(module=nn.Linear(2, 2))), None) == ["module"]


def test_activations_are_known_by_class_or_by_name() -> None:
    class Swish(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x.sigmoid()

    assert is_activation(Swish())
    assert is_activation(nn.MultiheadAttention(4, 2))
    assert not is_activation(nn.Dropout())


def test_hooks_are_gone_afterwards_also_after_an_exception(model: nn.Sequential) -> None:
    def interrupted() -> None:
        model(torch.zeros(2, 3))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        layer_outputs(model, select(model, None), 2, interrupted)
    assert not any(module._forward_hooks for module in model.modules())
    pickle.dumps(copy.deepcopy(model))


def test_a_warning_is_given_once_a_selection() -> None:
    selection = Selection({})
    with pytest.warns(UserWarning, match="^once$"):
        selection.warn("once")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        selection.warn("once")


def test_parametrised_and_int8_modules_are_layers_and_what_makes_their_weights_is_none():
    spectral, weight = torch.nn.utils.parametrizations.spectral_norm, torch.nn.utils.parametrizations.weight_norm
    model = nn.Sequential(weight(nn.Linear(6, 4)), nn.Tanh(), spectral(nn.Linear(4, 2)))
    assert list(select(model, None).paths) == ["0", "1", "2"]
    with pytest.raises(UnknownNameError):
        select(model, "*.parametrizations.*")


def test_classes_select_by_type_and_other_things_are_refused():
    model = nn.Sequential(nn.Linear(6, 4), nn.LeakyReLU(), nn.Linear(4, 2))
    assert list(select(model, nn.Linear).paths) == ["0", "2"]
    assert list(select(model, (nn.LeakyReLU, "2")).paths) == ["1", "2"]
    with pytest.raises(InputError, match="no layer is a Conv2d: there are LeakyReLU, Linear, Sequential"):
        select(model, nn.Conv2d)
    for wrong in (0, True, re.compile("0")):
        with pytest.raises(InputError, match=r"layers=.* give names, globs"):
            select(model, wrong)
    with pytest.raises(InputError, match=r"must take \(name, module\), and not \(module\)"):
        select(model, lambda module: True)


class Functional(nn.Module):
    """Activations without a module, and a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.fc1(x))
        return self.fc3(input=hidden + torch.tanh(self.fc2(hidden)))


def test_what_goes_into_a_layer_is_a_layer_under_its_name() -> None:
    torch.manual_seed(0)
    model, x = Functional(), torch.randn(30, 6)
    recorded = ip.record(model, x, ["fc1", "fc2<in", "fc2", "fc3<in"], batch_size=8)
    assert list(recorded) == ["fc1", "fc2<in", "fc2", "fc3<in"]
    assert torch.equal(recorded["fc2<in"], torch.relu(recorded["fc1"]))
    assert torch.equal(recorded["fc3<in"], recorded["fc2<in"] + torch.tanh(recorded["fc2"]))
    assert list(ip.record(model, x, "fc[12]<in")) == ["fc1<in", "fc2<in"]
    rows = ip.InformationPlane(x, torch.arange(30) % 2, layers=["fc2<in", "(model)<in"]).measure(model, 0)
    assert [row["layer"] for row in rows] == ["(model)<in", "fc2<in"]
    assert all(not module._forward_pre_hooks for module in model.modules())
    with pytest.raises(UnknownNameError, match="unknown layer 'fc9'"):
        ip.record(model, x, "fc9<in")


def test_the_list_of_layers_names_what_comes_out_of_none() -> None:
    model, x = Functional(), torch.randn(30, 6)
    listed = ip.layers(model, x)
    assert listed.names == ["fc1", "fc2", "fc3"]
    assert listed.unseen == ("fc2<in", "fc3<in")
    assert "taken where layers= names it: fc2<in, fc3<in" in str(listed)
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    assert ip.layers(plain, torch.randn(5, 1, 6, 6)).unseen == ()
