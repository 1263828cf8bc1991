"""The report's names: its signatures, its values, its own code on top of them, and what it did where we do better."""

import copy
import inspect
import textwrap

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from infoplane import classic
from infoplane.classic import (
    BufferedSequential,
    ReshapeLayer,
    ZivInformationPlane,
    experiment,
    fit,
    mutual_information_for_network_family,
    published_loss,
)
from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.networks import Family, six_layer

EDGES = np.linspace(-1, 1, 50)
BROADCAST = {"expected_warning": UserWarning, "match": "Using a target size"}  # what torch says of the report's loss
X = np.random.default_rng(0).integers(-1, 4, size=(300, 12))
Y = (X.mean(axis=1) > 0.7).astype(int).reshape(-1, 1)


def network(seed=0):
    torch.manual_seed(seed)
    return BufferedSequential(list(six_layer()), [False, True] * 6)


def weights(*networks):
    return torch.cat([parameter.detach().flatten() for one in networks for parameter in one.parameters()])


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("function", "positional"),
    [
        (BufferedSequential, {"layers": None, "buffer_or_not": None}),
        (ReshapeLayer, {"new_shape": None}),
        (ZivInformationPlane, {"X": None, "Y": None, "bins": np.linspace(-1, 1, 30)}),
        (mutual_information_for_network_family, {"infoplane": None, "buffered_networks": None}),
        (
            experiment,
            {
                "base_network": None, "X": None, "y": None, "epochs": 100, "lr": 0.2, "batch_size": 101,
                "network_copies": 1, "plot": "dynamic", "activation_bins": EDGES,
            },
        ),
        (
            fit,
            {
                "network": None, "X": None, "y": None, "epochs": 10, "epoch_length": 10, "mi_tol": 0.1, "beta": 1,
                "lr": 0.2, "batch_size": 101, "activation_bins": EDGES, "loss": nn.MSELoss,
            },
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_signatures_are_the_reports(function, positional):
    found = [one for one in inspect.signature(function).parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert [one.name for one in found] == list(positional)
    for one, expected in zip(found, positional.values(), strict=True):
        if expected is None:
            assert one.default is one.empty
        elif isinstance(expected, type):
            assert type(one.default) is expected
        else:
            np.testing.assert_array_equal(one.default, expected)


# ---------------------------------------------------------------- networks


def test_the_buffer_holds_the_marked_outputs_and_no_gradient():
    model = network()
    output = model(X)
    assert model.n_buffers == 6
    assert [tuple(t.shape) for t in model.buffer] == [(300, units) for units in (10, 7, 5, 4, 3, 1)]
    np.testing.assert_array_equal(np.asarray(model.buffer[-1]), output.detach().numpy())
    assert not any(t.requires_grad for t in model.buffer)
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model(X[:2])
    assert [len(t) for t in model.buffer] == [2] * 6


@pytest.mark.parametrize("form", [np.asarray, torch.from_numpy, np.ndarray.tolist], ids=["array", "tensor", "list"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64])
def test_forward_takes_arrays_and_tensors_of_any_number(form, dtype):
    rows = np.abs(X[::-1]).astype(dtype)
    model = network()
    expected = model.layers(torch.tensor(rows.tolist(), dtype=torch.float32))
    torch.testing.assert_close(model(form(np.ascontiguousarray(rows))), expected)
    torch.testing.assert_close(model(rows[::-1]).flip(0), expected)  # negative strides
    rows.setflags(write=False)
    torch.testing.assert_close(model(rows), expected)


def test_the_gradient_reaches_the_input():
    x = torch.ones(3, 12, requires_grad=True)
    network()(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_a_layer_that_works_in_place_leaves_the_buffer_alone():
    model = BufferedSequential([nn.Linear(2, 3), nn.ReLU(inplace=True)], [True, True])
    model(torch.randn(50, 2, generator=torch.Generator().manual_seed(0)))
    assert (model.buffer[0] < 0).any()
    assert (model.buffer[1] >= 0).all()


def test_a_deep_copy_with_a_full_buffer_is_another_network():
    model = network()
    model(X)
    twin = copy.deepcopy(model)
    assert torch.equal(twin.buffer[0], model.buffer[0])
    with torch.no_grad():
        next(twin.parameters()).zero_()
    assert not torch.equal(weights(twin), weights(model))


@pytest.mark.parametrize("marks", [[True], [False, False], []])
def test_marks_that_fit_no_layer(marks):
    with pytest.raises(InputError, match="one mark a layer"):
        BufferedSequential([nn.Linear(2, 2), nn.Tanh()], marks)


def test_reshape():
    assert ReshapeLayer((-1, 1, 14, 14))(torch.zeros(5, 196)).shape == (5, 1, 14, 14)
    assert repr(ReshapeLayer((-1, 9))) == "ReshapeLayer((-1, 9))"


# ---------------------------------------------------------------- the estimators


def golden(data_folder):
    archive = np.load(data_folder / "golden_binned.npz")
    for name in archive["names"].tolist():
        yield name, {key: archive[f"{name}/{key}"] for key in ("T", "X", "Y", "bins", "IXT", "ITY")}


def test_values_are_the_originals(data_folder):
    for name, case in golden(data_folder):
        if name == "N1":
            with pytest.raises(InputError, match="at least 2"):
                ZivInformationPlane(case["X"], case["Y"], case["bins"])
            continue
        plane = ZivInformationPlane(case["X"], case["Y"], case["bins"], nonfinite="keep")
        expected = (float(case["IXT"]), float(case["ITY"]))
        assert plane.mutual_information(case["T"]) == pytest.approx(expected, abs=1e-9), name
        assert plane.X is case["X"]
        assert plane.Y is case["Y"]


def test_values_that_are_no_numbers_are_an_error_unless_asked_for(data_folder):
    for _, case in golden(data_folder):
        if not np.isfinite(case["T"]).all():
            with pytest.raises(NonFiniteError, match="rows contain NaN/Inf"):
                ZivInformationPlane(case["X"], case["Y"], case["bins"]).mutual_information(case["T"])


def test_activations_of_another_number_of_samples():
    with pytest.raises(InputError, match="layer_output has 10 samples, X has 300"):
        ZivInformationPlane(X, Y).mutual_information(np.zeros((10, 2)))


def test_one_network_has_the_values_of_the_slow_pipeline(report_pipeline):
    model = network()
    expected = report_pipeline.report_information([model.layers], X, Y, EDGES, recorded=[1, 3, 5, 7, 9, 11])
    for family in ("sampled", "exact", "per-copy"):
        found = mutual_information_for_network_family(ZivInformationPlane(X, Y, EDGES), [model], family=family)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_sampled_family_has_the_values_of_the_slow_pipeline_for_the_same_draws(report_pipeline):
    models = [network(seed) for seed in range(3)]
    seed = ZivInformationPlane(X, Y, EDGES)._fresh_seed()
    draws = torch.randint(3, (len(X),), generator=torch.Generator().manual_seed(seed)).tolist()
    found = mutual_information_for_network_family(ZivInformationPlane(X, Y, EDGES), models)
    sequences = [model.layers for model in models]
    expected = report_pipeline.report_information(sequences, X, Y, EDGES, recorded=[1, 3, 5, 7, 9, 11], draws=draws)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_every_measurement_draws_anew_and_leaves_all_else_alone():
    models = [network(seed) for seed in range(3)]
    models[0](X[:7])
    plane = ZivInformationPlane(X, Y, EDGES)
    np.random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second = (mutual_information_for_network_family(plane, models) for _ in range(2))
    assert first != second
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    assert all(model.training for model in models)
    assert [len(t) for t in models[0].buffer] == [7] * 6


def test_three_readings_of_a_family_are_ordered():
    models = [network(seed) for seed in range(5)]
    plane = ZivInformationPlane(X, Y, EDGES)
    exact, per_copy = (
        np.array(mutual_information_for_network_family(plane, models, family=kind)) for kind in ("exact", "per-copy")
    )
    assert (exact[:, 0] <= per_copy[:, 0] + 1e-9).all()


def test_a_family_that_cannot_be_measured():
    plane = ZivInformationPlane(X, Y)
    with pytest.raises(InputError, match="buffered_networks is empty"):
        mutual_information_for_network_family(plane, [])
    with pytest.raises(UnknownNameError, match="did you mean 'exact'"):
        mutual_information_for_network_family(plane, [network()], family="exakt")


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
    rule = classic.InformationStopping(monitor="I(T;Y)", patience=3)
    assert fit(network(), X, Y * 2 - 1, epochs=30, stopping=rule).steps > 30


# ---------------------------------------------------------------- the report's own code

REPORT_EXPERIMENT = textwrap.dedent("""
    def experiment(base_network, X, y,
                   epochs=100, lr=.2, batch_size=101,
                   network_copies=1, plot='dynamic', activation_bins=np.linspace(-1, 1, 50)):
        loss = torch.nn.MSELoss()
        network_copies = [copy.deepcopy(base_network) for _ in range(network_copies)]
        solvers = [torch.optim.SGD(params=network.parameters(), lr=lr) for network in network_copies]
        infoplane = ZivInformationPlane(X, y, bins=activation_bins)
        if plot == 'dynamic' or plot == 'once':
            fig = plt.figure(figsize=(12,5))
            graph = fig.add_subplot(111)
        if plot == 'once':
            mi_history = [[] for _ in range(base_network.n_buffers)]
        for epoch in range(epochs):
            for network, solver in zip(network_copies, solvers):
                slice_ = np.random.permutation(range(len(X)))[:batch_size]
                X_batch = Variable(torch.from_numpy(X[slice_])).float()
                y_batch = Variable(torch.from_numpy(y[slice_, np.newaxis])).float()
                solver.zero_grad()
                pred_batch = network(X_batch)
                loss(pred_batch, y_batch).backward()
                solver.step()
            mi = mutual_information_for_network_family(infoplane, network_copies)
            if plot == 'dynamic':
                graph.scatter(*zip(*mi), s=10, c=np.linspace(0, 1, base_network.n_buffers), alpha=epoch/epochs)
            elif plot == 'once':
                for history, new_point in zip(mi_history, mi):
                    history.append(new_point)
        if plot == 'once':
            for history in mi_history:
                graph.plot(*zip(*history))
        return network_copies
""")

REPORT_FIT = textwrap.dedent("""
    def fit(network, X, y, epochs=10, epoch_length=10, mi_tol=0.1, beta=1, lr=.2, batch_size=101,
            activation_bins=np.linspace(-1, 1, 50), loss=torch.nn.MSELoss()):
        solver = torch.optim.SGD(params=network.parameters(), lr=lr)
        infoplane = ZivInformationPlane(X, y, bins=activation_bins)
        mi_last = 10e-20
        for epoch in range(epochs):
            for _ in range(epoch_length):
                slice_ = np.random.permutation(range(len(X)))[:batch_size]
                X_batch = Variable(torch.from_numpy(X[slice_])).float()
                y_batch = Variable(torch.from_numpy(y[slice_, np.newaxis])).float()
                solver.zero_grad()
                pred_batch = network(X_batch)
                loss(pred_batch, y_batch).backward()
                solver.step()
            mi_x, mi_y = mutual_information_for_network_family(infoplane, [network])[-1]
            mi = mi_y - beta * mi_x
            if mi - mi_last < mi_tol * mi_last:
                return epoch + 1
""")

REPORT_NETWORKS = textwrap.dedent("""
    layers = [
        nn.Linear(12, 5),
        nn.Tanh(),
        nn.Linear(5, 1),
        nn.Tanh(),
    ]
    buffer_mask = [False, True, False, True]
    architecture = BufferedSequential(layers, buffer_mask)
    layers = [
        ReshapeLayer((-1, 1, 14, 14)),
        nn.Conv2d(1, 1, (4,4)),
        nn.MaxPool2d((3, 3)),
        ReshapeLayer((-1, 9)),
        nn.ReLU(),
        nn.Linear(9, 10),
        nn.Tanh(),
        nn.Linear(10, 10),
        nn.Softmax(dim=-1),
    ]
    buffer_mask = [False, False, False, False, False, False, True, False, True]
    conv_architecture = BufferedSequential(layers, buffer_mask)
""")


@pytest.fixture
def notebook():
    """The names that the report's code finds after its own imports, one line of them changed."""
    matplotlib.use("agg")
    names = {}
    imports = textwrap.dedent("""
        import numpy as np
        import torch.optim
        import torch
        import torch.nn as nn
        from torch.autograd import Variable
        from infoplane.classic import ZivInformationPlane, BufferedSequential, mutual_information_for_network_family
        from infoplane.classic import ReshapeLayer
        import copy
        import matplotlib.pyplot as plt
    """)
    exec(imports + REPORT_EXPERIMENT + REPORT_FIT + REPORT_NETWORKS, names)
    yield names
    names["plt"].close("all")


@pytest.mark.parametrize("plot", ["dynamic", "once", None])
def test_the_reports_experiment_runs_on_our_names(notebook, plot):
    with pytest.warns(**BROADCAST):
        networks = notebook["experiment"](notebook["architecture"], X, Y, epochs=3, network_copies=2, plot=plot)
    assert [type(one) for one in networks] == [BufferedSequential] * 2


def test_the_reports_convolution_runs_on_our_names(notebook):
    pictures = np.random.default_rng(0).integers(0, 52, size=(150, 196))
    labels = np.eye(10)[np.arange(150) % 10]
    with pytest.warns(**BROADCAST):
        networks = notebook["experiment"](notebook["conv_architecture"], pictures, labels, epochs=2, plot="once")
    assert [len(t) for t in networks[0].buffer] == [101, 101]  # what the last batch left there


@pytest.mark.parametrize("beta", [1, 2])
def test_the_reports_fit_stops_at_its_first_look(notebook, beta):
    with pytest.warns(**BROADCAST):
        assert notebook["fit"](notebook["architecture"], X, Y, beta=beta) == 1


def test_the_reports_loop_is_not_disturbed_by_our_measurement(notebook):
    ends = []
    for measure in (mutual_information_for_network_family, lambda plane, networks: []):
        np.random.seed(5)
        notebook["mutual_information_for_network_family"] = measure
        with pytest.warns(**BROADCAST):
            ends.append(notebook["experiment"](notebook["architecture"], X, Y, epochs=5, network_copies=2, plot=None))
    assert torch.equal(weights(*ends[0]), weights(*ends[1]))
