"""The report's training under its own names: element by element, and as published."""

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from infoplane import InformationStopping
from infoplane.classic import (
    BufferedSequential,
    ZivInformationPlane,
    experiment,
    fit,
    mutual_information_for_network_family,
    published_loss,
)
from infoplane.errors import InputError
from infoplane.networks import Family, six_layer

BROADCAST = {"expected_warning": UserWarning, "match": "Using a target size"}  # what torch says of the report's loss
X = np.random.default_rng(0).integers(-1, 4, size=(300, 12))
Y = (X.mean(axis=1) > 0.7).astype(int).reshape(-1, 1)


def network(seed=0):
    torch.manual_seed(seed)
    return BufferedSequential(list(six_layer()), [False, True] * 6)


def weights(*networks):
    return torch.cat([parameter.detach().flatten() for one in networks for parameter in one.parameters()])


# ---------------------------------------------------------------- the published loss


@pytest.mark.parametrize("units", [1, 10])
def test_the_published_loss_is_what_torch_makes_of_the_published_shapes(units):
    generator = torch.Generator().manual_seed(units)
    prediction = torch.randn(7, units, generator=generator)
    y = torch.randn(7, units, generator=generator)
    with pytest.warns(**BROADCAST):
        expected = nn.MSELoss()(prediction, y[:, np.newaxis])
    torch.testing.assert_close(published_loss(prediction, y), expected)


def test_the_published_loss_is_least_for_the_mean_label():
    y = torch.tensor([[1.0], [1.0], [1.0], [-1.0]])
    prediction = torch.full((4, 1), 0.5, requires_grad=True)
    published_loss(prediction, y).backward()
    torch.testing.assert_close(prediction.grad, torch.zeros(4, 1))


# ---------------------------------------------------------------- experiment


def test_an_experiment_is_gradient_descent_element_by_element():
    model, twin = network(), network()
    (trained,) = experiment(model, X, Y * 2 - 1, epochs=4, plot=None, seed=3)
    family = Family(twin.layers, seed=3)
    solver = torch.optim.SGD(twin.parameters(), lr=0.2)
    for _ in range(4):
        rows = family.draw(len(X), 101)[0]
        solver.zero_grad()
        nn.MSELoss()(twin(X[rows]), torch.from_numpy(Y[rows] * 2 - 1).float()).backward()
        solver.step()
    torch.testing.assert_close(weights(trained), weights(twin))
    torch.testing.assert_close(weights(model), weights(network()))  # the base network is copied


def test_as_published_is_gradient_descent_on_the_published_loss():
    twin = network()
    (trained,) = experiment(network(), X, Y * 2 - 1, epochs=3, plot=None, seed=3, as_published=True)
    family = Family(twin.layers, seed=3)
    solver = torch.optim.SGD(twin.parameters(), lr=0.2)
    for _ in range(3):
        rows = family.draw(len(X), 101)[0]
        solver.zero_grad()
        with pytest.warns(**BROADCAST):
            nn.MSELoss()(twin(X[rows]), torch.from_numpy((Y * 2 - 1)[rows, np.newaxis]).float()).backward()
        solver.step()
    torch.testing.assert_close(weights(trained), weights(twin))


def test_what_is_learnt_element_by_element_and_as_published():
    settings = {"epochs": 600, "network_copies": 2, "plot": None, "every": 600}
    for as_published in (False, True):
        networks = experiment(network(), X, Y * 2 - 1, as_published=as_published, **settings)
        outputs = [one(X).detach().numpy() for one in networks]
        right = min(np.mean((output > 0) == (Y > 0)) for output in outputs)
        majority = max(Y.mean(), 1 - Y.mean())
        assert right > 0.9 or as_published
        if as_published:
            assert right == pytest.approx(majority, abs=1e-9)
            assert max(np.ptp(output) for output in outputs) < 0.5


def test_labels_of_all_three_shapes():
    one_hot = np.eye(2)[Y[:, 0]]
    wide = BufferedSequential([nn.Linear(12, 4), nn.Tanh(), nn.Linear(4, 2), nn.Softmax(dim=-1)], [False, True] * 2)
    assert len(experiment(wide, X, one_hot, epochs=2, plot=None)) == 1
    flat, column = (experiment(network(), X, y, epochs=3, plot=None)[0] for y in (Y[:, 0], Y))
    assert torch.equal(weights(flat), weights(column))
    published = experiment(network(), X, Y[:, 0], epochs=3, plot=None, as_published=True)[0]
    assert torch.equal(weights(published), weights(flat))  # there the published index gives the right shape


def test_copies_come_back_as_networks_that_can_be_measured():
    networks = experiment(network(), X, Y, epochs=2, network_copies=3, plot=None)
    assert [type(one) for one in networks] == [BufferedSequential] * 3
    assert [one.buffer_or_not for one in networks] == [[False, True] * 6] * 3
    assert len(mutual_information_for_network_family(ZivInformationPlane(X, Y), networks)) == 6
    assert not torch.equal(weights(networks[0]), weights(networks[1]))


def test_measuring_does_not_change_the_training():
    often, seldom = (
        experiment(network(), X, Y, epochs=20, network_copies=2, plot=None, every=every, family=family)
        for every, family in ((1, "sampled"), (20, "exact"))
    )
    assert torch.equal(weights(*often), weights(*seldom))


@pytest.mark.parametrize("plot", ["dynamic", "once"])
def test_pictures(plot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    experiment(network(), X, Y, epochs=2, network_copies=2, plot=plot)
    assert (tmp_path / "infoplane-live.png").stat().st_size > 10_000


def test_no_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment(network(), X, Y, epochs=2, plot=None)
    assert not list(tmp_path.iterdir())


def test_labels_that_are_no_numbers():
    with pytest.raises(InputError, match="encode it as"):
        experiment(network(), X, np.where(Y[:, 0] > 0, "yes", "no"), plot=None)


def test_labels_that_do_not_fit_the_network():
    with pytest.raises(InputError, match="broadcast"):
        experiment(network(), X, np.eye(2)[Y[:, 0]], plot=None)


# ---------------------------------------------------------------- fit


@pytest.mark.parametrize("beta", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_the_published_rule_stops_at_its_first_look(beta, seed):
    result = fit(network(seed), X, Y * 2 - 1, beta=beta, as_published=True, seed=seed)
    assert result.steps == 10
    assert result.decision.stop


def test_fit_trains_the_network_itself_and_says_why_it_stopped():
    model = network()
    result = fit(model, X, Y * 2 - 1, epochs=4, epoch_length=5, mi_tol=0, beta=0.5)
    assert not torch.equal(weights(model), weights(network()))
    torch.testing.assert_close(weights(model), weights(result.networks[0]))
    assert result.decision.reason
    assert result.steps <= 20


def test_fit_takes_a_loss_and_a_rule():
    model = network()
    result = fit(model, X, Y * 2 - 1, loss=nn.L1Loss(), as_published=True)
    with pytest.warns(**BROADCAST):
        expected = nn.L1Loss()(torch.zeros(5, 1), torch.ones(5, 1, 1))
    assert published_loss(torch.zeros(5, 1), torch.ones(5, 1), loss=nn.L1Loss()) == expected
    assert result.steps == 10
    rule = InformationStopping(monitor="I(T;Y)", patience=3)
    assert fit(network(), X, Y * 2 - 1, epochs=30, stopping=rule).steps > 30
