"""What four claims share: against closed forms, and against the public estimators one network at a time."""

import math

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.replications import szt_networks as szt

TASK = ip.datasets.load("szt")
PATTERNS = np.arange(4096)  # the inputs, by number
H_Y = TASK.details["facts"]["h_y_bits"]


@pytest.fixture(scope="module")
def networks():
    """Three networks a kind, trained for two epochs."""
    return {name: szt.train(None, activation=name, seeds=3, epochs=2) for name in ("tanh", "relu")}


def test_merged_rows_hide_the_logarithm_of_their_number():
    rows = torch.tensor([[0.0, 1.0]] * 4 + [[2.0, 1.0]] * 2 + [[3.0, 1.0], [4.0, 1.0]])
    assert szt.merged(rows) == (4 * 2 + 2 * 1) / 8
    assert szt.merged(torch.eye(16)) == 0
    assert szt.merged(torch.zeros(16, 3)) == 4


@pytest.mark.parametrize("name", szt.RULES)
def test_informations_are_those_of_the_estimators_one_network_at_a_time(name):
    t = (
        torch.randn(3, 4096, 3, generator=torch.Generator().manual_seed(0))
        * torch.tensor([0.3, 1.0, 4.0])[:, None, None]
    )
    i_xt, i_ty = szt.informations(t, torch.from_numpy(TASK.y), name)
    for one, x_value, y_value in zip(t, i_xt, i_ty, strict=True):
        options = {"estimator": "binned", "bins": szt.RULES[name]}
        assert float(x_value) == pytest.approx(ip.mutual_information(one, PATTERNS, **options).value, abs=1e-9)
        assert float(y_value) == pytest.approx(ip.mutual_information(one, TASK.y, **options).value, abs=1e-9)


def test_untrained_tanh_layers_lose_nothing(networks):
    tanh = networks["tanh"]
    np.testing.assert_allclose(np.array(tanh["i_xt exact"][0])[:, :5], 12, atol=1e-9)
    np.testing.assert_allclose(np.array(tanh["i_ty exact"][0])[:, :5], H_Y, atol=1e-9)
    np.testing.assert_allclose(tanh["sums"][0][0], 12, atol=1e-9)
    assert (12 - np.array(tanh["i_xt exact"][0])[:, 5] < 0.01).all()  # the softmax rounds


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_what_a_layer_loses_is_what_it_merges(networks, activation):
    part = networks[activation]
    for at in (0, -1):
        np.testing.assert_allclose(12 - np.array(part["i_xt exact"][at]), part["merged"][at], atol=1e-9)
    for name in szt.RULES:
        assert (np.array(part["i_xt exact"]) >= np.array(part[f"i_xt {name}"]) - 1e-9).all()


def test_the_kernel_bound_is_that_of_the_estimator(networks):
    epochs, values = szt.bounds(networks["tanh"])
    assert epochs[-1] == 2
    assert values.shape == (len(epochs), 3)
    family = szt.Family(lambda: szt.network("tanh"), 3, init="independent")
    t = family.activations(TASK.x, ["9"])["9"][1]
    known = ip.mutual_information(t, PATTERNS, estimator="kde", noise_variance=1e-3).value
    assert szt.upper_bound(t) == pytest.approx(known, abs=1e-9)


def test_networks_learn_on_their_own_share_of_the_patterns():
    rows = szt.split(4)
    assert [sorted(row.tolist()) for row in rows] == [list(range(4096))] * 4
    assert len({tuple(row[: szt.TRAINED].tolist()) for row in rows}) == 4
    assert round(szt.TRAINED / szt.SAMPLES, 3) == 0.85


def test_weights_start_as_they_are_said_to():
    torch.manual_seed(0)
    networks = [szt.network("tanh").requires_grad_(False) for _ in range(300)]
    layers = [layer for one in networks for layer in one if isinstance(layer, torch.nn.Linear)]
    for size in szt.SIZES[:-1]:
        found = torch.cat([layer.weight.flatten() for layer in layers if layer.in_features == size])
        assert float(found.std()) == pytest.approx(1 / math.sqrt(size), rel=0.05)
    assert all((layer.bias == 0).all() for layer in layers)


def test_relu_networks_start_awake():
    torch.manual_seed(0)
    networks = [szt.network("relu").requires_grad_(False) for _ in range(20)]
    assert all((layer.bias == 0.1).all() for one in networks for layer in one if isinstance(layer, torch.nn.Linear))
    assert all(szt.awake(one) for one in networks)
    last_hidden = networks[0][8]
    last_hidden.weight.fill_(-1.0)  # what comes in is not below zero
    last_hidden.bias.fill_(-1.0)
    assert not szt.awake(networks[0])
