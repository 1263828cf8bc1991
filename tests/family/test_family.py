from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError, UnknownNameError
from infoplane.networks import Family, conv, six_layer, warm_up

Make = Callable[[], nn.Sequential]
ENGINES = ("modules", "vmap")


def train(family: Family, steps: int, measure: Callable[[], object] = lambda: None) -> list[Tensor]:
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(4))
    y = torch.stack([x[:, 0] * x[:, 1], x.sum(1)], 1)
    losses = []
    for _ in range(steps):
        rows = family.draw(100, 16)
        losses.append(family.step(x[rows], y[rows]))
        measure()
    return losses


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("engine", ENGINES)
def test_measuring_leaves_training_bitwise_equal(engine: str, noisy: Make) -> None:
    model, probe = noisy(), torch.randn(50, 6)
    weights = []
    for measured in (False, True):
        family = Family(model, 3, seed=5, engine=engine)
        family.compile("mse", "adam", 0.01)

        def measure(family: Family = family) -> None:
            torch.rand(7)
            family.activations(probe)
            family.sampled_activations(probe, "4", torch.randint(3, (50,)))
            family.predict(probe)
            family.modules()

        train(family, 10, measure if measured else lambda: None)
        weights.append(family.weights())
    assert equal(*weights)
    assert family.engine == engine


@pytest.mark.parametrize("engine", [*ENGINES, "batched"])
def test_training_leaves_the_model_and_the_random_state_alone(engine: str, noisy: Make) -> None:
    model = nn.Sequential(nn.Linear(6, 2)) if engine == "batched" else noisy()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    family = Family(model, 2, engine=engine)
    family.compile("mse")
    train(family, 3)
    assert torch.equal(torch.get_rng_state(), state)
    assert equal(before, model.state_dict())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("engine", [*ENGINES, "batched"])
def test_a_saved_state_goes_on_bitwise(engine: str, optimizer: str, noisy: Make, tmp_path: Path) -> None:
    def make(seed: int) -> Family:
        model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)) if engine == "batched" else noisy()
        family = Family(model, 3, init="independent", seed=seed, engine=engine)
        family.compile("mse", optimizer, 0.01)
        return family

    family, other = make(0), make(1)
    train(family, 4)
    save_file(family.state_dict(), tmp_path / "state.safetensors")
    expected = train(family, 4)
    train(other, 2)
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    got = train(other, 4)
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))
    assert equal(family.state_dict(), other.state_dict())


def test_a_state_brings_its_engine_along(noisy: Make) -> None:
    family, other = Family(noisy(), 4, engine="modules"), Family(noisy(), 4)
    for one in (family, other):
        one.compile("mse", "adam", 0.01)
    train(family, 3)
    assert other.engine == "vmap"
    other.load_state_dict(family.state_dict())
    assert other.engine == "modules"
    assert torch.equal(train(family, 3)[-1], train(other, 3)[-1])


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    family, other = Family(six_layer(), 2), Family(six_layer(), 3)
    before = family.state_dict()
    with pytest.raises(InputError, match=r"weights '0.bias': got shape \(3, 10\), the family has shape \(2, 10\)"):
        family.load_state_dict(other.state_dict())
    with pytest.raises(InputError, match="streams 'batches': got no such tensor"):
        family.load_state_dict({k: v for k, v in before.items() if not k.startswith("streams")})
    with pytest.raises(InputError, match="the state names no engine"):
        family.load_state_dict({k: v for k, v in before.items() if not k.startswith("engine")})
    other.compile("mse", "adam")
    other.step(torch.ones(3, 5, 12), torch.ones(3, 5, 1))
    with pytest.raises(InputError, match="call compile"):
        Family(six_layer(), 3).load_state_dict(other.state_dict())
    assert equal(family.state_dict(), before)


@pytest.mark.parametrize("engine", [*ENGINES, "batched"])
def test_best_weights_can_be_restored(engine: str) -> None:
    family = Family(nn.Sequential(nn.Linear(6, 2)), 2, engine=engine)
    family.compile("mse")
    best = family.weights()
    kept = {name: tensor.clone() for name, tensor in best.items()}
    train(family, 3)
    assert not equal(family.weights(), kept)
    assert equal(best, kept)
    family.load_weights(best)
    assert equal(family.weights(), kept)
    with pytest.raises(InputError, match=r"weights '0.bias': got no such tensor"):
        family.load_weights({"0.weight": best["0.weight"]})


@pytest.mark.parametrize("make", [six_layer, conv])
def test_modules_are_networks_of_their_own_with_the_present_weights(make: Make) -> None:
    family = Family(make, 4, init="independent")
    x = torch.randn(9, *((12,) if make is six_layer else (14, 14)))
    networks = family.modules()
    for network, prediction in zip(networks, family.predict(x), strict=True):
        torch.testing.assert_close(network(x).detach(), prediction, atol=1e-6, rtol=0)
    before = family.weights()
    with torch.no_grad():
        for parameter in networks[0].parameters():
            parameter.zero_()
    assert equal(before, family.weights())


def test_batches_of_a_copy_do_not_depend_on_the_number_of_copies() -> None:
    few, many = Family(warm_up(), 4, seed=9), Family(warm_up(), 30, seed=9)
    for _ in range(3):
        assert torch.equal(few.draw(1000, 101)[3], many.draw(1000, 101)[3])


def test_identical_copies_that_see_the_same_batches_stay_identical() -> None:
    family = Family(six_layer(), 5)
    family.compile("mse")
    x, y = torch.randn(20, 12), torch.ones(20, 1)
    for _ in range(10):
        family.step(x.expand(5, -1, -1), y.expand(5, -1, -1))
    for tensor in family.weights().values():
        assert torch.equal(tensor, tensor[:1].expand_as(tensor))


def test_many_samples_are_measured_in_parts() -> None:
    family = Family(conv(), 2, init="independent")
    x, draws = torch.randn(5000, 14, 14), torch.randint(2, (5000,))
    whole = family.activations(x, "6")["6"]
    assert whole.shape == (2, 5000, 10)
    torch.testing.assert_close(whole[:, 4500:], family.activations(x[4500:], "6")["6"], atol=1e-6, rtol=0)
    assert torch.equal(family.sampled_activations(x, "6", draws)["6"], whole[draws, torch.arange(5000)])


def test_whole_numbers_and_arrays_are_taken_as_inputs() -> None:
    family = Family(warm_up(), 2)
    x = torch.randint(-1, 4, (10, 12))
    assert torch.equal(family.predict(x), family.predict(x.double().numpy()))
    assert family.inputs(x.numpy()).dtype == family.dtype == torch.float32
    table = Family(nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 1)), 2)
    assert table.predict(torch.tensor([[0, 4], [1, 1]])).shape == (2, 2, 1)


@pytest.mark.parametrize("engine", [*ENGINES, "batched"])
def test_a_loss_that_would_broadcast_is_an_error(engine: str) -> None:
    family = Family(six_layer(), 4, engine=engine)
    family.compile(nn.MSELoss())
    before = family.weights()
    with pytest.raises(InputError, match=r"\(101, 1\) and targets of shape \(101, 1, 1\)"):
        family.step(torch.ones(4, 101, 12), torch.ones(4, 101, 1, 1))
    assert equal(before, family.weights())


def test_layers_that_never_run_are_named() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.act = nn.Linear(3, 3), nn.Tanh()

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.fc(x))

    for copies in (1, 4):
        family = Family(Functional(), copies)
        assert list(family.activations(torch.randn(5, 3))) == ["fc"]
        with pytest.raises(RecordingError, match=r"layer 'act' was selected but never ran.*select '\(model\)'"):
            family.activations(torch.randn(5, 3), "act")
    with pytest.raises(UnknownNameError, match="unknown layer 'fx': did you mean 'fc'"):
        family.activations(torch.randn(5, 3), "fx")


def test_existing_networks_become_a_family() -> None:
    networks = [six_layer() for _ in range(3)]
    family = Family.from_modules(networks, seed=1)
    x = torch.randn(6, 12)
    for network, prediction in zip(networks, family.predict(x), strict=True):
        torch.testing.assert_close(prediction, network(x).detach(), atol=1e-6, rtol=0)
    assert family.copies == 3
    with pytest.raises(InputError, match="share their parameters"):
        Family.from_modules([networks[0], networks[0]])
    with pytest.raises(InputError, match="networks is empty"):
        Family.from_modules([])


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InputError, match="copies=0: it must be a whole number of at least 1"):
        Family(warm_up(), 0)
    with pytest.raises(InputError, match="seed=-1: it must be"):
        Family(warm_up(), seed=-1)
    with pytest.raises(InputError, match="model is a str"):
        Family("six-layer")
    with pytest.raises(UnknownNameError, match="init 'independant': did you mean 'independent'"):
        Family(warm_up(), init="independant")
    with pytest.raises(UnknownNameError, match="unknown engine"):
        Family(warm_up(), engine="turbo")
    family = Family(warm_up(), 2)
    with pytest.raises(InputError, match="no loss yet: call compile"):
        family.step(torch.ones(2, 5, 12), torch.ones(2, 5, 1))
    family.compile("mse")
    for x, y in (((5, 12), (5, 1)), ((3, 5, 12), (3, 5, 1)), ((2, 5, 12), (2, 4, 1)), ((2, 5, 12), (2,))):
        with pytest.raises(InputError, match=r"both need \(2 members, batch, ...\)"):
            family.step(torch.ones(x), torch.ones(y))
    for draws in (torch.zeros(4, dtype=torch.long), torch.zeros(5), torch.full((5,), 2), torch.full((5,), -1)):
        with pytest.raises(InputError, match=r"draws has .*torch.randint\(2, \(5,\)\)"):
            family.sampled_activations(torch.ones(5, 12), None, draws)


def test_engines_are_chosen_anew_with_each_optimizer() -> None:
    family = Family(six_layer(), 4)
    before = family.weights()
    family.compile("mse", torch.optim.LBFGS)
    assert family.engine == "modules"
    assert equal(before, family.weights())
    family.compile("mse", "adam")
    assert family.engine == "batched"
    assert equal(before, family.weights())
    assert repr(family) == "Family(copies=4, engine='batched', device='cpu')"
