"""A TOML file -> its tables -> an experiment, or changes of one; everything in it is checked before anything runs."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from infoplane.checks import arguments, choice, refusal
from infoplane.errors import DataFileError, InputError, UnknownNameError, shown
from infoplane.estimators.counting.labels import read_labels
from infoplane.estimators.counting.samples import label_ids
from infoplane.experiments.experiment import TARGETS, Experiment, NamedNetwork, Targets, dataset_source
from infoplane.io.arrays import read_arrays
from infoplane.io.files import clean
from infoplane.networks import ARCHITECTURES, activation_names
from infoplane.training.options import CHECKS, check_table
from infoplane.types import Dataset

#: The tables of an experiment, and what is in each.
TABLES = {
    "data": "name (a dataset) with its options, or file (an .npz with arrays x and y); targets",
    "network": "sizes, activation, output_activation, or the name of another architecture; measure (names of layers)",
    "estimator": "name with its options, e.g. bins",
    "training": "epochs, copies, learning_rate, batch_size, loss, optimizer, init, family, every, seed, ...",
}
_LARGEST = 2**20  # bytes of a file
_DEEPEST = 16  # parts of a dotted key; an experiment has two or three
_MOST_WEIGHTS = 2**30
_MOST_LAYERS = 10_000

# Strings and comments, each matched to its end or, where it has none, to the end of the line or file; no part can be
# matched in two ways (possessive), so that the time is linear in the text whatever it holds.
_STRINGS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^']|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|(?P<comment>#[^\n]*+)",
    re.DOTALL,
)
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{_DEEPEST}}}")


# ---------------------------------------------------------------- the file


def read_tables(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        DataFileError: the file is missing, or larger than an experiment can be.
        InputError: it is not TOML, or nests deeper than an experiment does.
    """
    source = Path(path)
    try:
        if source.exists() and not (source.is_file() and source.stat().st_size <= _LARGEST):
            raise DataFileError(f"{path} is no file, or larger than {_LARGEST >> 10} KiB: name a TOML file")
        text = source.read_text(encoding="utf-8")
    except DataFileError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"cannot read the experiment {path}: {error}") from error
    _check_depth(text, path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from error


def _check_depth(text: str, path: str | Path) -> None:
    """Refuse a key of very many parts before it is parsed: tomllib's time and memory grow with their square."""
    bare = _STRINGS.sub(lambda match: "" if match["comment"] else "s", text)
    deep = _DEEP_KEY.search(bare)
    if deep is not None:
        line = bare.count("\n", 0, deep.start()) + 1
        raise InputError(f"{path} has a key of more than {_DEEPEST} parts at about line {line}: write table.option")


def check_tables(tables: Mapping[str, Any], path: Path) -> None:
    """That there are only tables that an experiment has.

    Raises:
        UnknownNameError: another name.
        InputError: something that is no table.
    """
    for key, value in tables.items():
        choice(f"table of {path.name}", key, TABLES)
        if not isinstance(value, Mapping) and not (key == "estimator" and isinstance(value, str)):
            raise InputError(f"{key} of {path} is {shown(value)}: a table [{key}] is needed, with {TABLES[key]}")


# ---------------------------------------------------------------- experiments


def from_file(path: str | Path) -> Experiment:
    """An experiment from a TOML file with the tables ``data``, ``network``, ``estimator`` and ``training``.

    ``[data]`` names a dataset with its options, or ``file``, an ``.npz`` with arrays ``x`` and ``y`` (relative to the
    TOML file), and ``targets``; ``[network]`` an architecture (``name``, default ``mlp``) with its options (those of
    ``mlp``: ``sizes``, ``activation``, ``output_activation``) and ``measure``, its layers; ``[estimator]`` a name and
    options; ``[training]`` options of ``ip.experiment``.

    Raises:
        DataFileError: the file cannot be read.
        InputError: a table is missing, or holds what is not known, of the wrong kind or out of its range.
    """
    return from_tables(read_tables(path), Path(path))


def from_tables(tables: Mapping[str, Any], path: Path) -> Experiment:
    """An experiment from the tables of ``from_file``; ``path``, where they are from, names it in messages."""
    rest = {key: value for key, value in tables.items() if key != "name"}
    name = CHECKS["title"]("name", tables.get("name", path.stem))
    check_tables(rest, path)
    for key in ("data", "network"):
        if key not in rest:
            raise InputError(f"{path} has no [{key}]: it needs {TABLES[key]}")
    data, targets = _data(rest["data"], path)
    network, layers = _network(rest["network"], path)
    estimator = CHECKS["estimators"]("estimator", rest.get("estimator", "binned"))
    settings = {"layers": layers, "estimators": estimator, **_training(rest)}
    recipe = ({"tables": dict(tables), "path": str(path.resolve())},)
    return Experiment(name, name, data, network, targets, settings, recipe)


def changed(experiment: Experiment, tables: Mapping[str, Any], path: Path) -> Experiment:
    """The same experiment with other data, network, estimator or options, in the tables of ``from_file``.

    ``path``, where they are from, names it in messages.

    Raises:
        InputError: a table that holds what is not known, of the wrong kind or out of its range.
    """
    check_tables(tables, path)
    data, network, targets = experiment.data, experiment.network, experiment.targets
    training = dict(experiment.training)
    if "data" in tables:
        data, targets = _data({"targets": targets, **tables["data"]}, path)
    if "network" in tables:
        network, training["layers"] = _network(tables["network"], path)
    if "estimator" in tables:
        before, asked = training.get("estimators"), tables["estimator"]
        change = {"name": asked} if isinstance(asked, str) else asked
        training["estimators"] = {**(before if isinstance(before, Mapping) else {}), **change}
        CHECKS["estimators"]("estimator", training["estimators"])
    training |= _training(tables)
    recipe = (*experiment.recipe, {"changes": tables, "path": str(path.resolve())}) if experiment.recipe else ()
    return replace(experiment, data=data, network=network, targets=targets, training=training, recipe=recipe)


def _training(tables: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(tables.get("training", {}))
    check_table(options, "training")
    return options


def _data(table: Mapping[str, Any], path: Path) -> tuple[Callable[..., Dataset], Targets]:
    options = dict(table)
    targets = cast(Targets, choice("data.targets", options.pop("targets", "plus-minus"), TARGETS))
    if "file" in options:
        name = options.pop("file")
        for option in options:
            raise UnknownNameError("option of [data] beside file", option, ("targets",))
        if not isinstance(name, str) or not name or "\0" in name:
            raise refusal("data.file", name, "the name of an .npz file", "for example 'mine.npz'")
        file = path.parent / name
        return lambda seed=0: _from_npz(file, are_numbers=targets == "number"), targets
    if "name" not in options:
        raise InputError(f"[data] of {path} needs {TABLES['data']}")
    return dataset_source(options.pop("name"), options), targets


def _from_npz(file: Path, *, are_numbers: bool = False) -> Dataset:
    arrays = read_arrays(file)
    if not {"x", "y"} <= set(arrays):
        raise DataFileError(f"{file} holds {clean(', '.join(arrays)) or 'nothing'}: it needs arrays x and y")
    x, y = arrays["x"], arrays["y"]
    if x.ndim == 0 or y.ndim == 0 or y.size == 0:
        raise InputError(f"{file}: x has shape {x.shape} and y {y.shape}: give a row for each sample, at least one")
    if len(x) != len(y):
        raise InputError(f"{file}: x has {len(x)} samples and y has {len(y)}: they must describe the same samples")
    labels = read_labels(y, f"y of {file.name}")
    numbers = labels.numbers()[:, 0] if are_numbers else label_ids(labels).ids.numpy()
    return Dataset(file.stem, x, numbers, {"source": file.name})


def _network(table: Mapping[str, Any], path: Path) -> tuple[NamedNetwork, Any]:
    """A network by the name of its architecture, made once now, so that what is wrong with it is said now."""
    options = dict(table)
    name = choice("network.name", options.pop("name", "mlp"), ARCHITECTURES)
    layers = CHECKS["layers"]("network.measure", options.pop("measure", None))
    architecture = ARCHITECTURES[name]
    if name == "mlp" and "sizes" not in options:
        raise InputError(f"[network] of {path} needs sizes, for example sizes = [12, 10, 7, 5, 4, 3, 1]")
    for option in options:
        choice(f"option of the network {name!r} in [network]", option, architecture.options)
    network = NamedNetwork(name, arguments(architecture.make, options, "network"))
    _check_size(options.get("sizes", []))
    model = network()
    return network, layers if layers is not None else activation_names(model)


def _check_size(sizes: list[int]) -> None:
    """Refuse what no machine holds."""
    weights = sum(inputs * outputs for inputs, outputs in itertools.pairwise(sizes))
    if len(sizes) > _MOST_LAYERS or weights > _MOST_WEIGHTS:
        raise refusal("network.sizes", sizes, f"a network of at most {_MOST_LAYERS} layers and {_MOST_WEIGHTS} weights")
