"""The report's own code, as far as its page shows it, runs on our names: one line of its imports is changed."""

import textwrap

import matplotlib
import numpy as np
import pytest
import torch

from infoplane.classic import BufferedSequential, mutual_information_for_network_family

BROADCAST = {"expected_warning": UserWarning, "match": "Using a target size"}  # what torch says of the report's loss
X = np.random.default_rng(0).integers(-1, 4, size=(300, 12))
Y = (X.mean(axis=1) > 0.7).astype(int).reshape(-1, 1)


def weights(*networks):
    return torch.cat([parameter.detach().flatten() for one in networks for parameter in one.parameters()])


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
