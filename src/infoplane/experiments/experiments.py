"""Named experiments: the report's four, and a user's own from a TOML file; each is data, network and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from infoplane import datasets, networks, runs
from infoplane.errors import DataFileError, InfoplaneError, InputError, RunError, UnknownNameError
from infoplane.experiments.toml import TABLES, check_network, check_tables, read_tables
from infoplane.io.arrays import read_arrays
from infoplane.io.files import clean
from infoplane.training.loop import OPTIONS, Result
from infoplane.training.loop import experiment as train
from infoplane.training.resume import chosen_seed
from infoplane.training.settings import described
from infoplane.trajectory.stopping import InformationStopping
from infoplane.types import NATS_PER, Dataset

Targets = Literal["zero-one", "plus-minus", "one-hot", "class"]
REPORT_BINS = {"name": "binned", "bins": "report"}


@dataclass(frozen=True)
class Experiment:
    """A named experiment. ``data``, ``network`` make it; ``training`` are the options of ``ip.experiment``.

    ``targets`` says how class labels become what the network is trained for: ``zero-one`` and ``plus-minus``
    (samples, 1) numbers for two classes, ``one-hot`` (samples, classes), ``class`` (samples,) whole numbers.

    >>> load("warm-up").run(epochs=2, copies=3).family.copies
    3
    """

    name: str
    title: str
    data: Callable[..., Dataset]
    network: Callable[[], nn.Module]
    targets: Targets
    training: Mapping[str, Any] = field(default_factory=dict)
    recipe: tuple[Mapping[str, Any], ...] = ()  # how it was made, in words: for ``resume``

    def run(self, **options: Any) -> Result:
        """Train and measure; ``options`` (as of ``ip.experiment``) go before the experiment's own."""
        settings = {"title": self.title, "recipe": self.recipe or None, **self.training, **options}
        out, resuming = settings.get("out"), settings.get("resume", False)
        settings["seed"] = chosen_seed(settings.get("seed", 0), out, resume=resuming)
        dataset = self.data(seed=settings["seed"])
        known = dataset.details.get("facts", {}).get("i_xy_bits")
        units = settings.get("units", "bits")
        if known is not None and units in tuple(NATS_PER):
            scale = NATS_PER["bits"] / NATS_PER[units]
            settings.setdefault("facts", {"i_xy": known * scale})
        return train(self.network, dataset.x, encode(dataset, self.targets), **settings)

    def on(self, dataset: str, **options: Any) -> Experiment:
        """The same experiment on another dataset, by name."""
        recipe = (*self.recipe, {"dataset": dataset, "options": described(options)}) if self.recipe else ()
        return replace(self, data=_loader(dataset, **options), title=f"{self.title}, {dataset}", recipe=recipe)

    def changed(self, tables: Mapping[str, Any], path: Path) -> Experiment:
        """The same experiment with other data, network, estimator or options, in the tables of ``from_file``.

        ``path``, where they are from, names it in messages.
        """
        check_tables(tables, path)
        data, network, targets, training = self.data, self.network, self.targets, dict(self.training)
        if "data" in tables:
            data, targets = _data({"targets": self.targets, **tables["data"]}, path)
        if "network" in tables:
            network, training["layers"] = _network(dict(tables["network"]), path)
        if "estimator" in tables:
            before = training.get("estimators")
            training["estimators"] = {**(before if isinstance(before, Mapping) else {}), **tables["estimator"]}
        training |= _training(tables, path)
        recipe = (*self.recipe, {"changes": tables, "path": str(path.resolve())}) if self.recipe else ()
        return replace(self, data=data, network=network, targets=targets, training=training, recipe=recipe)


def encode(dataset: Dataset, targets: Targets) -> np.ndarray:
    """Targets for a loss from the dataset's class numbers."""
    y, classes = dataset.y, dataset.classes
    if targets == "class":
        return y
    if targets == "one-hot":
        return np.eye(classes, dtype=np.float32)[y]
    if classes != 2:
        raise InputError(
            f"targets={targets!r} is for two classes, {dataset.name} has {classes}: use 'one-hot' or 'class'"
        )
    return (y if targets == "zero-one" else 2 * y - 1).astype(np.float32)[:, None]


def _loader(name: str, **options: Any) -> Callable[..., Dataset]:
    if name not in datasets.names():
        raise UnknownNameError("dataset", name, datasets.names())
    for option in options:
        if option not in datasets.options(name):
            raise UnknownNameError(f"option of the dataset {name}", option, datasets.options(name))
    return lambda seed=0: datasets.load(name, **{"seed": seed, **options})


_REPORT = {"learning_rate": 0.2, "batch_size": 101, "estimators": REPORT_BINS}

#: The report's experiments: one line each.
REGISTRY = {
    "warm-up": Experiment(
        "warm-up",
        "Warm-up: 12-5-1 tanh",
        _loader("report-simple"),
        networks.warm_up,
        "zero-one",
        {**_REPORT, "epochs": 300, "copies": 1, "layers": ["1", "3"]},
    ),
    "six-layer": Experiment(
        "six-layer",
        "Six layers: 12-10-7-5-4-3-1 tanh",
        _loader("report-simple"),
        networks.six_layer,
        "plus-minus",
        {**_REPORT, "epochs": 1000, "copies": 5, "layers": ["1", "3", "5", "7", "9", "11"]},
    ),
    "complicated": Experiment(
        "complicated",
        "Complicated labels: 12-10-7-5-4-3-1 tanh",
        _loader("report-complicated"),
        networks.six_layer,
        "plus-minus",
        {**_REPORT, "epochs": 200, "copies": 5, "layers": ["1", "3", "5", "7", "9", "11"]},
    ),
    "conv": Experiment(
        "conv",
        "Convolutional network",
        _loader("digits", samples=1000),
        networks.conv,
        "one-hot",
        {**_REPORT, "epochs": 6000, "copies": 3, "layers": ["6", "8"]},
    ),
}


def names() -> list[str]:
    """The names that ``load`` takes: warm-up, six-layer, complicated, conv."""
    return list(REGISTRY)


def load(name: str) -> Experiment:
    """A named experiment, or one from a TOML file where ``name`` ends in ``.toml``; ``UnknownNameError`` for others.

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
    """Go on with a run that was interrupted, as if it had never stopped; a finished one is only read.

    ``path``: the run directory of a named experiment, or of one from a TOML file; settings and data are those of the
    run, and no code that it could name is ever loaded. ``options`` may be ``progress`` and ``checkpoint_every``.

    Errors: ``RunError`` where another process writes it, or it was made in Python from a network and data of its own
    (then ``ip.experiment(..., out=path, resume=True)`` goes on); ``DataFileError`` where it is damaged.

    >>> import infoplane as ip, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> first = ip.experiments.load("warm-up").run(epochs=2, out=folder)
    >>> ip.experiments.resume(folder).steps
    2
    """
    record = runs.read_record(path)
    if not record["recipe"]:
        raise RunError(
            f"{path} does not say how its network and data are made: go on with "
            f"ip.experiment(model, x, y, ..., out={str(path)!r}, resume=True)"
        )
    settings = {name: value for name, value in record["settings"].items() if name in OPTIONS}
    try:
        if isinstance(stopping := settings.get("stopping"), dict):
            criterion = {name: value for name, value in stopping.items() if name != "class"}
            settings["stopping"] = InformationStopping(**criterion)
        made = _from_recipe(record["recipe"])
    except (KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InfoplaneError):
            raise
        raise DataFileError(f"{path}: what run.json says of the experiment is damaged ({error!r})") from error
    return made.run(**{**settings, **options, "out": path, "resume": True})


def _from_recipe(recipe: Sequence[Mapping[str, Any]]) -> Experiment:
    """The experiment that was made in these steps: names and tables, nothing that could run code."""
    first, *changes = recipe
    if "tables" in first:
        made = from_tables(first["tables"], Path(first["path"]))
    else:
        made = replace(REGISTRY[first["experiment"]], recipe=(first,))
    for change in changes:
        if "dataset" in change:
            made = made.on(change["dataset"], **change["options"])
        else:
            made = made.changed(change["changes"], Path(change["path"]))
    return made


# ---------------------------------------------------------------- TOML files


def from_file(path: str | Path) -> Experiment:
    """An experiment from a TOML file with the tables ``data``, ``network``, ``estimator`` and ``training``.

    ``[data]`` names a dataset with its options, or ``file``, an ``.npz`` with arrays ``x`` and ``y`` (relative to the
    TOML file), and ``targets``; ``[network]`` gives ``sizes`` and ``activation`` of a multilayer perceptron and
    ``measure``, its layers; ``[estimator]`` a name and options; ``[training]`` options of ``ip.experiment``.

    Errors: ``DataFileError`` where the file cannot be read, ``InputError`` where a table is missing or holds what is
    not known.
    """
    return from_tables(read_tables(path), Path(path))


def from_tables(tables: Mapping[str, Any], path: Path) -> Experiment:
    """An experiment from the tables of ``from_file``; ``path``, where they are from, names it in messages."""
    table = dict(tables)
    name = str(table.pop("name", path.stem))
    check_tables(table, path)
    for key in ("data", "network"):
        if key not in table:
            raise InputError(f"{path} has no [{key}]: it needs {TABLES[key]}")
    data, targets = _data(dict(table["data"]), path)
    network, layers = _network(dict(table["network"]), path)
    settings = {"layers": layers, "estimators": table.get("estimator", "binned"), **_training(table, path)}
    recipe = ({"tables": dict(tables), "path": str(path.resolve())},)
    return Experiment(name, name, data, network, targets, settings, recipe)


def _training(tables: Mapping[str, Any], path: Path) -> dict[str, Any]:
    options = dict(tables.get("training", {}))
    known = [option for option in OPTIONS if option not in ("out", "force")]  # these are said by who runs it
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of [training] in {path.name}", option, known)
    return options


def _data(table: dict[str, Any], path: Path) -> tuple[Callable[..., Dataset], Targets]:
    targets = table.pop("targets", "plus-minus")
    if targets not in ("zero-one", "plus-minus", "one-hot", "class"):
        raise UnknownNameError(f"targets of {path.name}", targets, ("zero-one", "plus-minus", "one-hot", "class"))
    if "file" in table:
        file = path.parent / str(table["file"])
        return lambda seed=0: _from_npz(file), targets
    if "name" not in table:
        raise InputError(f"[data] of {path} needs {TABLES['data']}")
    name = str(table.pop("name"))
    return _loader(name, **table), targets


def _from_npz(file: Path) -> Dataset:
    arrays = read_arrays(file)
    if not {"x", "y"} <= set(arrays):
        raise DataFileError(f"{file} holds {clean(', '.join(arrays)) or 'nothing'}: it needs arrays x and y")
    x, y = arrays["x"], arrays["y"]
    if x.ndim == 0 or y.ndim == 0 or y.size == 0:
        raise InputError(f"{file}: x has shape {x.shape} and y {y.shape}: give a row for each sample, at least one")
    if len(x) != len(y):
        raise InputError(f"{file}: x has {len(x)} samples and y has {len(y)}: they must describe the same samples")
    classes = np.unique(y.reshape(len(y), -1)[:, 0], return_inverse=True)[1].astype(np.int64)
    return Dataset(file.stem, x, classes, {"source": file.name})


def _network(table: dict[str, Any], path: Path) -> tuple[Callable[[], nn.Module], Any]:
    check_network(table, path)
    layers = table.pop("measure", None)
    sizes = table.pop("sizes")
    made = networks.mlp(sizes, **table)  # says now what is wrong with it
    return lambda: networks.mlp(sizes, **table), layers if layers is not None else networks.activation_names(made)
