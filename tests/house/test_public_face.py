"""The names, signatures and columns that users rely on: a change here is a change for them."""

import inspect
import subprocess
import sys

import pytest

import infoplane as ip
from infoplane.columns import COLUMNS

NAMES = [
    "Constant",
    "Estimate",
    "Family",
    "GradientSignal",
    "InfoplaneError",
    "InformationPlane",
    "InformationStopping",
    "ShardedPlane",
    "Trajectory",
    "__version__",
    "compare",
    "datasets",
    "difference",
    "errors",
    "estimators",
    "experiment",
    "experiments",
    "fit",
    "information_curve",
    "layers",
    "measure_checkpoints",
    "measure_dump",
    "mutual_information",
    "networks",
    "phases",
    "record",
    "report",
    "resume",
    "runs",
    "sweep",
    "testing",
]


def test_the_names():
    assert ip.__all__ == NAMES
    assert dir(ip) == NAMES
    for name in NAMES:
        assert getattr(ip, name) is not None


def test_estimators_is_a_room_and_a_list_of_names_none_of_which_goes_away():
    import infoplane.estimators as room

    assert ip.estimators() == room.names()
    assert set(ip.estimators()) >= {
        *("binned", "kde", "ksg", "mixed-ksg", "gaussian", "gaussian-copula", "renyi", "noisy", "quantised", "edge"),
        *("soft", "usable", "infonce", "nwj", "smile", "mine", "club", "compressed"),
    }


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="it has Constant, Estimate"):
        ip.Planes  # noqa: B018


def test_the_columns():
    assert (
        *("step", "split", "layer", "layer_index", "copy", "family", "estimator", "label"),
        *("i_xt", "i_xt_low", "i_xt_high", "i_xt_null", "i_ty", "i_ty_low", "i_ty_high", "i_ty_null"),
        *("h_t", "h_t_given_x", "n", "units", "flags", "i_xt_interval", "i_ty_interval", "p_xt", "p_ty"),
    ) == COLUMNS
    assert ip.Trajectory().columns == COLUMNS


@pytest.mark.parametrize(
    ("function", "start", "keywords"),
    [
        (ip.mutual_information, ["t", "y"], {"estimator", "units"}),
        (ip.compare, ["t", "y"], {"x", "estimators", "units"}),
        (ip.record, ["model", "x", "layers", "batch_size"], set()),
        (ip.layers, ["model", "x"], set()),
        (ip.measure_checkpoints, ["factory", "paths", "x", "y"], {"steps"}),
        (ip.InformationPlane, ["x", "y"], {"layers", "estimators"}),
        (ip.InformationPlane.measure, ["self", "model", "step"], set()),
        (ip.Family, ["model", "copies"], {"init", "seed"}),
        (
            ip.experiment,
            ["model", "x", "y"],
            {"epochs", "copies", "learning_rate", "batch_size", "family", "plot", "seed"},
        ),
        (ip.fit, ["model", "x", "y"], {"stopping"}),
        (
            ip.InformationStopping,
            [],
            {"monitor", "beta", "min_delta", "patience", "mode", "start_from_epoch", "restore_best_weights"},
        ),
    ],
)
def test_the_signatures(function, start, keywords):
    parameters = inspect.signature(function).parameters
    assert list(parameters)[: len(start)] == start
    assert keywords <= set(parameters)
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in keywords)


def test_importing_is_cheap():
    code = "import sys, infoplane; print(sorted({'torch', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
