"""Noise in the forward pass: where it goes, that it is the noise it says, and paths of an input."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators import estimator
from infoplane.estimators.counting.samples import Variable, number
from infoplane.networks import mlp
from infoplane.networks.noisy import GaussianNoise, sample_paths, with_noise


def test_layers_keep_their_names_and_noise_follows_activations() -> None:
    network = mlp([12, 5, 4, 2], output_activation="softmax")
    noisy = with_noise(network, 0.1)
    assert list(dict(noisy.named_children())) == ["0", "1", "1-noise", "2", "3", "3-noise", "4", "5", "5-noise"]
    only = with_noise(network, 0.1, after=["0"])
    assert list(dict(only.named_children())) == ["0", "0-noise", "1", "2", "3", "4", "5"]
    assert list(dict(network.named_children())) == list("012345")


def test_it_is_a_copy() -> None:
    network = mlp([3, 2]).eval()
    noisy = with_noise(network, 0.1, after=["0"])
    assert not noisy.training
    with torch.no_grad():
        noisy[0].weight.add_(1)
    assert not torch.equal(noisy[0].weight, network[0].weight)


@pytest.mark.parametrize("training", [True, False])
def test_the_noise_has_its_standard_deviation(training: bool) -> None:
    values = GaussianNoise(0.25).train(training)(torch.full((40_000, 2), 3.0, dtype=torch.float64))
    assert values.dtype == torch.float64
    assert float(values.mean()) == pytest.approx(3, abs=5 * 0.25 / math.sqrt(80_000))
    assert float(values.std()) == pytest.approx(0.25, rel=0.02)


def test_without_noise_it_is_the_network() -> None:
    network, x = mlp([12, 5, 2]), torch.randn(10, 12)
    assert torch.equal(with_noise(network, 0.0)(x), network(x))


def test_gradients_pass() -> None:
    noisy = with_noise(mlp([3, 4, 1]), 0.1)
    noisy(torch.randn(20, 3)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in noisy.parameters())


def test_recorded_layers_are_before_their_noise() -> None:
    noisy, x = with_noise(mlp([3, 4, 1]), 0.5), torch.randn(50, 3)
    recorded = ip.record(noisy, x, ["0", "1", "1-noise"])
    assert torch.equal(recorded["1"], recorded["0"].tanh())
    assert float((recorded["1-noise"] - recorded["1"]).std()) == pytest.approx(0.5, rel=0.2)


def test_paths_differ_after_the_first_noise_only() -> None:
    noisy, x = with_noise(mlp([3, 4, 4, 1]), 0.3), torch.randn(20, 3)
    paths = sample_paths(noisy, x, ["1", "3"], paths=6)
    assert paths["1"].shape == (20, 6, 4)
    first = noisy[1](noisy[0](x)).detach()
    assert torch.allclose(paths["1"], first[:, None].expand(-1, 6, -1), atol=1e-6)
    assert float(paths["3"].std(1).min()) > 0


def test_paths_follow_the_seed_and_leave_the_random_state() -> None:
    noisy, x = with_noise(mlp([3, 4, 4, 1]), 0.3), torch.randn(20, 3)
    before = torch.get_rng_state()
    first, again, other = (sample_paths(noisy, x, "3", paths=2, seed=seed)["3"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert noisy.training


def test_paths_are_recorded_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from infoplane.networks import noisy as module

    noisy, x = with_noise(mlp([3, 4, 4, 1]), 0.3), torch.randn(21, 3)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 8)
    assert sample_paths(noisy, x, "3", paths=4)["3"].shape == (21, 4, 4)


def test_the_information_of_a_second_layer_has_its_closed_form() -> None:
    """X = +-1, T1 = X + N(0, 1), T2 = T1 + N(0, s^2): together a channel of variance 1 + s^2."""
    network = nn.Sequential(nn.Identity(), nn.Identity())
    noisy = with_noise(network, 1.0, after=["0"])
    x = torch.tensor([[-1.0], [1.0]])
    t = sample_paths(noisy, x, "1", paths=2000)["1"]
    made = estimator("noisy", noise=0.5, samples=8000)
    same_x = Variable(number(torch.arange(2).repeat_interleave(2000)))
    value = made.about_input(made.prepare(t.flatten(0, 1)), same_x, "nats").value
    grid = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    spread = math.sqrt(1.25)
    left, right = (torch.distributions.Normal(m, spread).log_prob(grid).exp() for m in (-1.0, 1.0))
    mixture = (left + right) / 2
    entropy = -float((mixture * mixture.log()).sum()) * 18 / 20_000
    truth = entropy - 0.5 * math.log(2 * math.pi * math.e * 1.25)
    assert value == pytest.approx(truth, abs=0.03)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match=r"with_noise takes a torch\.nn\.Sequential, got Linear"):
        with_noise(nn.Linear(2, 2), 0.1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no layer '7' to add noise after: name some of \['0', '1', '2'\]"):
        with_noise(mlp([3, 2, 1]), 0.1, after=["1", "7"])
    with pytest.raises(InputError, match="noise=-1: it must be a number of at least 0"):
        GaussianNoise(-1)
    with pytest.raises(InputError, match="paths=0: it must be a whole number of at least 1"):
        sample_paths(mlp([3, 2, 1]), torch.zeros(4, 3), paths=0)
