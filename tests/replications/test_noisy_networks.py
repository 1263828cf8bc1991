"""Noise in the forward pass: information of clouds whose answer is known, states that go on, and the two measures."""

import numpy as np
import pytest
import torch

from infoplane import datasets
from infoplane.networks import Family
from infoplane.replications import noisy_networks
from infoplane.replications.noisy_networks import NoisyNetworks, cluster_ratio, information, unlike_orthonormal
from infoplane.replications.szt_networks import network

NOISE = 0.01


def test_inputs_at_four_places_have_two_bits():
    places = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(10, 1)
    t = places[:, None] + 0.005 * torch.randn(40, 200, 2, generator=torch.Generator().manual_seed(0))
    assert information(t, NOISE) == pytest.approx(2, abs=0.05)
    assert information(200 * torch.arange(40.0)[:, None, None].expand(40, 16, 1) * NOISE, NOISE) == pytest.approx(
        np.log2(40)
    )
    assert information(torch.zeros(40, 16, 2), NOISE) == pytest.approx(0, abs=1e-9)


def test_cluster_ratio_by_hand():
    t = torch.tensor([[0.0], [2.0], [10.0], [14.0]])
    y = torch.tensor([0, 0, 1, 1])
    assert cluster_ratio(t, y) == pytest.approx((1 + 1 + 4 + 4) / (4 * 5.5**2))


def test_orthonormal_weights_cost_nothing():
    weight = torch.linalg.qr(torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(0)))[0]
    assert float(unlike_orthonormal(weight)) == pytest.approx(0, abs=1e-10)
    assert float(unlike_orthonormal(2 * weight)) == pytest.approx(3 * 5 * 9, rel=1e-5)


def test_without_noise_they_are_the_plain_networks():
    x = torch.from_numpy(datasets.load("szt").x[:100])
    networks = NoisyNetworks(2, 0.0, 0.0)
    layers = networks.layers(x.expand(2, -1, -1))
    family = Family(lambda: network("tanh"), 2, init="independent")
    for t, known in zip(layers, family.activations(x, ["1", "3", "5", "7", "9", "10"]).values(), strict=True):
        torch.testing.assert_close(t, known)


def test_the_penalty_makes_weights_orthonormal_and_a_state_goes_on():
    data = datasets.load("szt")
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    rows = torch.arange(4096).expand(2, -1)
    plain, penalised, again = (NoisyNetworks(2, NOISE, penalty) for penalty in (0.0, 1.0, 1.0))
    for _ in range(150):
        plain.step(x, y, rows)
        penalised.step(x, y, rows)
    with torch.no_grad():
        distance = [sum(map(unlike_orthonormal, each._weights[1:5])) for each in (plain, penalised)]
    assert distance[1] < 0.2 * distance[0]
    again.load_state_dict(penalised.state_dict())
    for each in (penalised, again):
        for _ in range(3):
            each.step(x, y, rows)
    state = again.state_dict()
    assert all(torch.equal(values, state[name]) for name, values in penalised.state_dict().items())


def test_what_is_measured(monkeypatch):
    for name, value in (("PATHS", 2), ("MONTE_CARLO", 16), ("EPOCHS", 1), ("POINTS", 2)):
        monkeypatch.setattr(noisy_networks, name, value)
    found = noisy_networks.train(None, seeds=1, noise=NOISE, penalty=0.0)
    assert found["epoch"] == [0, 1]
    assert 11.5 < found["first layer"][0][0] <= 12 + 1e-9
    assert 0 < found["information"][0][0] < 12
    assert 0 < found["binned"][0][0] < found["information"][0][0]
