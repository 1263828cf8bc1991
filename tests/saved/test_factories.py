import sys

import pytest
import torch
from torch import nn

from infoplane.errors import InputError
from infoplane.networks import six_layer, warm_up
from infoplane.saved.factories import list_layers, made_by, network_named

SOURCE = """
from torch import nn
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 3), nn.ReLU())
def make():
    import helper_of_mine_7
    return helper_of_mine_7.net()
def needs(width):
    return nn.Linear(width, 1)
def number():
    return 3
words = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(8, 1))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "model_of_mine_7.py").write_text(SOURCE)
    (tmp_path / "helper_of_mine_7.py").write_text("from torch import nn\ndef net():\n    return nn.Linear(4, 2)\n")
    (tmp_path / "broken_of_mine_7.py").write_text("import no_such_package_7\n")
    (tmp_path / "leaves_7.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.endswith("_7")]:
        del sys.modules[name]


def test_a_factory_of_the_current_folder(folder):
    before = list(sys.path)
    assert isinstance(network_named("model_of_mine_7:make"), nn.Linear)
    assert list_layers("model_of_mine_7:Net", "4").names == ["0", "1"]
    found = list_layers("model_of_mine_7:words", "4", samples=10)
    assert [(layer.name, layer.shape) for layer in found] == [("0", (4, 2)), ("2", (1,))]
    assert found.samples == 10
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model_of_mine_7.py:make", "leave .py and slashes out"),
        ("model_of_mine_7", "no MODULE:FACTORY"),
        ("../model:make", "leave .py and slashes out"),
        ("missing_of_mine_7:make", "no module 'missing_of_mine_7'"),
        ("model_of_mine_7:mke", "it has nn, Net, make"),
        ("model_of_mine_7:needs", "failed with TypeError.*width"),
        ("model_of_mine_7:number", "made a int"),
        ("model_of_mine_7:nn", "is a module: give a function"),
        ("broken_of_mine_7:make", "ModuleNotFoundError.*no_such_package_7"),
        ("leaves_7:make", "failed with SystemExit: 3"),
    ],
)
def test_what_cannot_be_made_says_why(folder, name, message):
    with pytest.raises(InputError, match=message):
        network_named(name)


@pytest.mark.parametrize(
    ("factory", "shape", "samples", "message"),
    [
        (None, None, 8, "which network"),
        ("infoplane.networks:six_layer", None, 8, "which shape"),
        ("infoplane.networks:six_layer", "12xx", 8, "'12xx': give the shape"),
        ("infoplane.networks:six_layer", "0", 8, "whole numbers"),
        ("infoplane.networks:six_layer", "12", 0, "--samples 0"),
        ("infoplane.networks:six_layer", "5", 8, r"given inputs of shape \(8, 5\).*mat1"),
    ],
)
def test_what_cannot_be_listed_says_what_to_type(factory, shape, samples, message):
    with pytest.raises(InputError, match=message):
        list_layers(factory, shape, samples=samples)


def test_a_factory_is_a_function_that_makes_a_network():
    assert isinstance(made_by(warm_up), nn.Module)
    with pytest.raises(InputError, match="factory is a Sequential"):
        made_by(six_layer())
    with pytest.raises(InputError, match="factory made a Tensor"):
        made_by(lambda: torch.zeros(1))
