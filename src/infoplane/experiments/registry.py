"""The report's four experiments by name; any experiment by name or file; a run on its way to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infoplane import networks, runs
from infoplane.errors import DataFileError, InfoplaneError, RunError, UnknownNameError
from infoplane.experiments.experiment import Experiment, dataset_source
from infoplane.experiments.toml import changed, from_file, from_tables
from infoplane.training.options import OF_A_TABLE
from infoplane.training.result import Result

_REPORT = {"learning_rate": 0.2, "batch_size": 101, "estimators": {"name": "binned", "bins": "report"}}

#: The report's experiments: one line each.
REGISTRY = {
    "warm-up": Experiment(
        "warm-up",
        "Warm-up: 12-5-1 tanh",
        dataset_source("report-simple", {}),
        networks.warm_up,
        "zero-one",
        {**_REPORT, "epochs": 300, "copies": 1, "layers": ["1", "3"]},
    ),
    "six-layer": Experiment(
        "six-layer",
        "Six layers: 12-10-7-5-4-3-1 tanh",
        dataset_source("report-simple", {}),
        networks.six_layer,
        "plus-minus",
        {**_REPORT, "epochs": 1000, "copies": 5, "layers": ["1", "3", "5", "7", "9", "11"]},
    ),
    "complicated": Experiment(
        "complicated",
        "Complicated labels: 12-10-7-5-4-3-1 tanh",
        dataset_source("report-complicated", {}),
        networks.six_layer,
        "plus-minus",
        {**_REPORT, "epochs": 200, "copies": 5, "layers": ["1", "3", "5", "7", "9", "11"]},
    ),
    "conv": Experiment(
        "conv",
        "Convolutional network",
        dataset_source("digits", {"samples": 1000}),
        networks.conv,
        "one-hot",
        {**_REPORT, "epochs": 6000, "copies": 3, "layers": ["6", "8"]},
    ),
}


def names() -> list[str]:
    """The names that ``load`` takes: warm-up, six-layer, complicated, conv."""
    return list(REGISTRY)


def load(name: str) -> Experiment:
    """A named experiment, or one from a TOML file where ``name`` ends in ``.toml``.

    Raises:
        UnknownNameError: no such experiment.
        InputError: a file that says something that no experiment has.
        DataFileError: a file that cannot be read.

    Example:
        >>> import infoplane as ip
        >>> ip.experiments.load("six-layer").training["epochs"]
        1000
    """
    if name.endswith(".toml"):
        return from_file(name)
    if name not in REGISTRY:
        raise UnknownNameError("experiment", name, REGISTRY)
    return replace(REGISTRY[name], recipe=({"experiment": name},))


def resume(path: str | Path, **options: Any) -> Result:
    """Continue a run that was interrupted, as if it had never stopped; a finished one is only read.

    Settings and data are those of the run, and no code that it could name is ever loaded.

    Args:
        path: the run directory of a named experiment, or of one from a TOML file.
        options: ``progress`` and ``checkpoint_every``, as of ``ip.experiment``.

    Raises:
        RunError: another process writes it, or it was made in Python from a network and data of its own (then
            ``ip.experiment(..., out=path, resume=True)`` continues it).
        DataFileError: it is damaged.

    Example:
        >>> import infoplane as ip, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> first = ip.experiments.load("warm-up").run(epochs=2, out=folder)
        >>> ip.experiments.resume(folder).steps
        2
    """
    record = runs.read_record(path)
    if not record["recipe"]:
        raise RunError(
            f"{path} does not say how its network and data are made: continue it with "
            f"ip.experiment(model, x, y, ..., out={str(path)!r}, resume=True)"
        )
    settings = {name: value for name, value in record["settings"].items() if name in OF_A_TABLE}
    try:
        experiment = _from_recipe(record["recipe"])
    except (KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InfoplaneError):
            raise
        raise DataFileError(f"{path}: what run.json says of the experiment is damaged ({error!r})") from error
    return experiment.run(**{**settings, **options, "out": path, "resume": True})


def finished(path: str | Path) -> Result:
    """A finished run with its networks and data, read again; nothing is trained.

    Raises:
        RunError: the run is not finished, or does not say how its network and data are made.
        DataFileError: it is damaged.
    """
    state = runs.read_record(path)["state"]
    if state != "finished":
        raise RunError(f"{path} is {state}, and its networks are not the last ones: infoplane run --resume {path}")
    return resume(path)


def _from_recipe(recipe: Sequence[Mapping[str, Any]]) -> Experiment:
    """The experiment that was made in these steps: names and tables, nothing that could run code."""
    first, *changes = recipe
    if "tables" in first:
        experiment = from_tables(first["tables"], Path(first["path"]))
    else:
        experiment = replace(REGISTRY[first["experiment"]], recipe=(first,))
    for change in changes:
        if "dataset" in change:
            experiment = experiment.on(change["dataset"], **change["options"])
        else:
            experiment = changed(experiment, change["changes"], Path(change["path"]))
    return experiment
