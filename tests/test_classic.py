"""The report's names: its signatures, its networks and the values of its estimators."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn

from infoplane.classic import (
    BufferedSequential,
    ReshapeLayer,
    ZivInformationPlane,
    experiment,
    fit,
    mutual_information_for_network_family,
)
from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.networks import six_layer

EDGES = np.linspace(-1, 1, 50)
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
