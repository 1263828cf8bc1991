"""Named experiments: the report's four, and a user's own from a TOML file; each is data, network and settings."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from infoplane import datasets, networks
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.training import OPTIONS, Result
from infoplane.training import experiment as train
from infoplane.types import NATS_PER, Dataset

Targets = Literal["zero-one", "plus-minus", "one-hot", "class"]
REPORT_BINS = {"name": "binned", "bins": "report"}


@dataclass(frozen=True)
class Experiment:
    """A named experiment. ``data``, ``network`` make it; ``training`` are the options of ``ip.experiment``.

    ``targets`` says how class labels become what the network is trained for: ``zero-one`` and ``plus-minus``
    (samples, 1) numbers for two classes, ``one-hot`` (samples, classes), ``class`` (samples,) whole numbers.
    """

    name: str
    title: str
    data: Callable[..., Dataset]
    network: Callable[[], nn.Module]
    targets: Targets
    training: Mapping[str, Any] = field(default_factory=dict)

    def run(self, **options: Any) -> Result:
        """Train and measure; ``options`` (as of ``ip.experiment``) go before the experiment's own."""
        settings = {"title": self.title, **self.training, **options}
        dataset = self.data(seed=settings.get("seed", 0))
        known = dataset.details.get("facts", {}).get("i_xy_bits")
        if known is not None:
            scale = NATS_PER["bits"] / NATS_PER[settings.get("units", "bits")]
            settings.setdefault("facts", {"i_xy": known * scale})
        return train(self.network, dataset.x, encode(dataset, self.targets), **settings)

    def on(self, dataset: str, **options: Any) -> Experiment:
        """The same experiment on another dataset, by name."""
        return replace(self, data=_loader(dataset, **options), title=f"{self.title}, {dataset}")


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
    """The names that ``load`` takes."""
    return list(REGISTRY)


def load(name: str) -> Experiment:
    """A named experiment, or one from a TOML file where ``name`` ends in ``.toml``.

    >>> import infoplane as ip
    >>> ip.experiments.load("six-layer").training["epochs"]
    1000
    """
    if name.endswith(".toml"):
        return from_file(name)
    if name not in REGISTRY:
        raise UnknownNameError("experiment", name, REGISTRY)
    return REGISTRY[name]


# ---------------------------------------------------------------- TOML files

_TABLES = {
    "data": "name (a dataset) with its options, or file (an .npz with arrays x and y); targets",
    "network": "sizes, activation, output_activation; measure (names of layers)",
    "estimator": "name with its options, e.g. bins",
    "training": "epochs, copies, learning_rate, batch_size, loss, optimizer, init, family, every, seed, ...",
}


def from_file(path: str | Path) -> Experiment:
    """An experiment from a TOML file with the tables ``data``, ``network``, ``estimator`` and ``training``.

    ``[data]`` names a dataset with its options, or ``file``, an ``.npz`` with arrays ``x`` and ``y`` (relative to the
    TOML file), and ``targets``; ``[network]`` gives ``sizes`` and ``activation`` of a multilayer perceptron and
    ``measure``, its layers; ``[estimator]`` a name and options; ``[training]`` options of ``ip.experiment``.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"cannot read the experiment {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not a TOML file: {error}") from error
    name = str(table.pop("name", path.stem))
    for key in table:
        if key not in _TABLES:
            raise UnknownNameError(f"table of {path.name}", key, _TABLES)
    for key in ("data", "network"):
        if key not in table:
            raise InputError(f"{path} has no [{key}]: it needs {_TABLES[key]}")
    data, targets = _data(dict(table["data"]), path)
    network, layers = _network(dict(table["network"]), path)
    options = dict(table.get("training", {}))
    for option in options:
        if option not in OPTIONS:
            raise UnknownNameError(f"option of [training] in {path.name}", option, OPTIONS)
    settings = {"layers": layers, "estimators": table.get("estimator", "binned"), **options}
    return Experiment(name, name, data, network, targets, settings)


def _data(table: dict[str, Any], path: Path) -> tuple[Callable[..., Dataset], Targets]:
    targets = table.pop("targets", "plus-minus")
    if targets not in ("zero-one", "plus-minus", "one-hot", "class"):
        raise UnknownNameError(f"targets of {path.name}", targets, ("zero-one", "plus-minus", "one-hot", "class"))
    if "file" in table:
        file = path.parent / str(table["file"])
        return lambda seed=0: _from_npz(file), targets
    if "name" not in table:
        raise InputError(f"[data] of {path} needs {_TABLES['data']}")
    name = str(table.pop("name"))
    return _loader(name, **table), targets


def _from_npz(file: Path) -> Dataset:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if not {"x", "y"} <= set(arrays.files):
                raise DataFileError(f"{file} holds {', '.join(arrays.files) or 'nothing'}: it needs arrays x and y")
            x, y = arrays["x"], arrays["y"]
    except DataFileError:
        raise
    except Exception as error:  # zipfile, zlib, struct and numpy errors of a damaged file
        raise DataFileError(f"cannot read the data file {file}: {error}") from error
    if len(x) != len(y):
        raise InputError(f"{file}: x has {len(x)} samples and y has {len(y)}: they must describe the same samples")
    classes = np.unique(y.reshape(len(y), -1)[:, 0], return_inverse=True)[1].astype(np.int64)
    return Dataset(file.stem, x, classes, {"source": file.name})


def _network(table: dict[str, Any], path: Path) -> tuple[Callable[[], nn.Module], Any]:
    layers = table.pop("measure", None)
    known = ("sizes", "activation", "output_activation")
    for option in table:
        if option not in known:
            raise UnknownNameError(f"option of [network] in {path.name}", option, (*known, "measure"))
    if "sizes" not in table:
        raise InputError(f"[network] of {path} needs sizes, for example sizes = [12, 10, 7, 5, 4, 3, 1]")
    sizes = table.pop("sizes")
    made = networks.mlp(sizes, **table)  # says now what is wrong with it
    return lambda: networks.mlp(sizes, **table), layers if layers is not None else networks.activation_names(made)
