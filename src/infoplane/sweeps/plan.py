"""A sweep's tables -> the runs that it asks for, each of them checked before any of them starts."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from infoplane import experiments
from infoplane.columns import COLUMNS
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.estimators import estimator
from infoplane.experiments.experiment import Experiment
from infoplane.experiments.toml import changed, check_tables, read_tables
from infoplane.networks import ARCHITECTURES
from infoplane.runs import check_name
from infoplane.training.options import CHECKS, OF_A_TABLE

#: The columns of a sweep's table that are no settings.
FACTS = ("run", "state", "steps", "seconds", "attempts", "error")

_TABLES = ("data", "network", "estimator", "training")
_TOP = ("name", "experiment", "seeds", "sweep", "slurm", *_TABLES)
_OF_THE_SWEEP = ("plot", "progress", "title", "picture")  # said by the sweep itself
_TRAINING = tuple(option for option in OF_A_TABLE if option not in _OF_THE_SWEEP)
_NETWORK = (
    "name",
    "width",
    "measure",
    *dict.fromkeys(option for kind in ARCHITECTURES.values() for option in kind.options),
)
_SEED = ("training", "seed")
_MOST_RUNS = 100_000

Place = tuple[str, str]  #: the table of an option, and its name


@final
@dataclass(frozen=True)
class PlannedRun:
    """One run: its directory's name, the settings that tell it from the others, and its experiment in tables."""

    name: str
    settings: dict[str, Any]
    tables: dict[str, Any]


@final
@dataclass(frozen=True)
class SweepPlan:
    """The runs of a sweep, in order; ``slurm`` are the options of its jobs on such a cluster."""

    name: str
    runs: tuple[PlannedRun, ...]
    slurm: dict[str, Any]

    @property
    def settings(self) -> list[str]:
        """The names of the settings that are varied, the seed last."""
        return list(self.runs[0].settings)


def read_plan(source: str | Path | Mapping[str, Any]) -> SweepPlan:
    """The runs of a sweep from its TOML file, or from the same tables as a mapping.

    Raises:
        UnknownNameError: a table, a setting or a name in it that does not exist.
        InputError: a setting that is given twice or without values, or runs that do not differ.
        DataFileError: a file that cannot be read.
    """
    path = Path("sweep") if isinstance(source, Mapping) else Path(source)
    tables = deepcopy(dict(source)) if isinstance(source, Mapping) else read_tables(path)
    _check_shape(tables, path)
    base = _base(tables, Path() if isinstance(source, Mapping) else path.parent)
    each = list(_settings(tables, base))
    names = _short_names({place for one in each for place in one})
    runs: dict[str, PlannedRun] = {}
    for one in each:
        run = _planned(base, one, names, path)
        if run.name in runs:
            raise InputError(f"two runs of the sweep have the settings {run.settings}: take one of them out")
        runs[run.name] = run
    name = CHECKS["title"]("name", tables.get("name", path.stem))
    return SweepPlan(name, tuple(runs.values()), dict(tables.get("slurm", {})))


def _check_shape(tables: Mapping[str, Any], path: Path) -> None:
    """Tables where there have to be tables."""
    for key in tables:
        if key not in _TOP:
            raise UnknownNameError(f"table of {path.name}", key, _TOP)
    check_tables({key: tables[key] for key in _TABLES if key in tables}, path)
    asked = tables.get("sweep", {})
    inner = [asked, tables.get("slurm", {})]
    if isinstance(asked, Mapping):
        for key in asked:
            if key not in ("grid", "list"):
                raise UnknownNameError("table of [sweep]", key, ("grid", "list"))
        cases = asked.get("list", [])
        inner += [asked.get("grid", {}), *(cases if isinstance(cases, list) else [cases, None])]
    if not all(isinstance(one, Mapping) for one in inner):
        raise InputError(f"{path}: [slurm], [sweep.grid] and every [[sweep.list]] have to be tables of settings")


def experiment_of(tables: Mapping[str, Any], path: Path) -> Experiment:
    """The experiment that tables describe: their own, or changes of a named one; ``path`` names them in messages."""
    rest = {key: value for key, value in tables.items() if key != "experiment"}
    if "experiment" not in tables:
        return experiments.from_tables(rest, path)
    return changed(experiments.load(tables["experiment"]), rest, path)


def _base(tables: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What all runs have in common, with paths that hold wherever they are read."""
    base = {key: _table(tables[key]) for key in _TABLES if key in tables}
    _absolute(base, folder)
    name = str(tables.get("experiment", ""))
    if name.endswith(".toml"):
        file = folder / name
        under = read_tables(file)
        check_tables({key: value for key, value in under.items() if key != "name"}, file)
        _absolute(under, file.parent)
        return under | {key: {**_table(under.get(key, {})), **table} for key, table in base.items()}
    if not name:
        return {"name": str(tables.get("name", "sweep")), **base}
    experiments.load(name)
    for key, needed in (("data", ("name", "file")), ("network", ("sizes",))):
        if key in base and not any(option in base[key] for option in needed):
            raise InputError(
                f"[{key}] over the experiment {name!r} needs {' or '.join(needed)}: the whole table is new"
            )
    return base | {"experiment": name}


def _table(given: Any) -> dict[str, Any]:
    """An estimator may be given by its name alone."""
    return {"name": given} if isinstance(given, str) else dict(given)


def _absolute(tables: dict[str, Any], folder: Path) -> None:
    if "file" in tables.get("data", {}):
        tables["data"] = {**tables["data"], "file": str((folder / str(tables["data"]["file"])).resolve())}


# ---------------------------------------------------------------- settings


def _settings(tables: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[dict[Place, Any]]:
    """The settings of every run, by place: each entry of the list, with each point of the grid, for each seed."""
    asked = tables.get("sweep", {})
    grid = _flat(asked.get("grid", {}))
    cases = [_flat(case) for case in asked.get("list", [{}])]
    seeds = _seeds(tables.get("seeds"), base)
    for place, values in grid.items():
        if not isinstance(values, (list, tuple)) or not values:
            raise InputError(f"{'.'.join(place)} = {values!r} in the grid: give a list of values, for example [1, 2]")
    count = math.prod(map(len, grid.values())) * len(cases) * max(len(seeds), 1)
    if count > _MOST_RUNS:
        raise InputError(f"the sweep has {count} runs, and {_MOST_RUNS} are the most: take values or seeds out")
    for case in cases:
        twice = [place for place in (*grid, *([_SEED] if seeds else [])) if place in case]
        twice += [_SEED] if seeds and _SEED in grid else []
        if twice:
            raise InputError(f"{'.'.join(twice[0])} is set twice: leave it in one of grid, list and seeds")
        for point in itertools.product(*grid.values()):
            here = {**case, **dict(zip(grid, point, strict=True))}
            yield from ({**here, _SEED: seed} for seed in seeds) if seeds else [here]


def _seeds(given: Any, base: Mapping[str, Any]) -> list[int]:
    """A number of seeds, from the experiment's own on, or the seeds themselves."""
    values = given if isinstance(given, (list, tuple)) else [given]
    if given is None:
        return []
    if not values or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in values):
        raise InputError(f"seeds = {given!r}: give how many there are to be, for example 5, or a list of them, [1, 2]")
    if values is given:
        return list(values)
    if not 1 <= given <= _MOST_RUNS:
        raise InputError(f"seeds = {given}: give at least 1 and at most {_MOST_RUNS}")
    first = CHECKS["seed"]("training.seed", base.get("training", {}).get("seed", 0)) or 0
    return list(range(first, first + given))


def _flat(settings: Mapping[str, Any]) -> dict[Place, Any]:
    """Settings by place, from names as a user writes them: ``training.epochs``, ``epochs``, or a table of a table."""
    found: dict[Place, Any] = {}
    for key, value in settings.items():
        inside = value if key in _TABLES and isinstance(value, Mapping) else None
        places = {_place(key): value} if inside is None else {(key, option): one for option, one in inside.items()}
        for place, one in places.items():
            if place in found:
                raise InputError(f"{'.'.join(place)} is set twice: leave one of them out")
            _check(place)
            found[place] = one
    return found


def _place(key: str) -> Place:
    table, dot, option = key.partition(".")
    if dot and table in _TABLES:
        return table, option
    for table, options in (("training", _TRAINING), ("network", _NETWORK), ("estimator", ("bins", "correction"))):
        if key in options:
            return table, key
    known = (*_TRAINING, *_NETWORK, "bins", "correction", "data.samples", "data.name", "estimator.name")
    raise UnknownNameError("setting", key, known)


def _check(place: Place) -> None:
    """Options of data and estimators are checked with the whole experiment, which names the one that they belong to."""
    for table, options in (("training", _TRAINING), ("network", _NETWORK)):
        if place[0] == table and place[1] not in options:
            raise UnknownNameError(f"setting of [{table}]", place[1], options)


# ---------------------------------------------------------------- runs


def _planned(
    base: Mapping[str, Any], settings: Mapping[Place, Any], names: Mapping[Place, str], path: Path
) -> PlannedRun:
    tables = deepcopy(dict(base))
    for (table, option), value in settings.items():
        tables.setdefault(table, {})[option] = value
    _spread_width(tables.get("network", {}))
    made = experiment_of(tables, path)
    several = made.training.get("estimators", "binned")
    for one in several if isinstance(several, (list, tuple)) else [several]:
        estimator(one)
    known = {**tables, "training": made.training}
    shown = {names[place]: settings.get(place, known.get(place[0], {}).get(place[1])) for place in names}
    return PlannedRun(_name(shown, tables), shown, tables)


def _spread_width(network: dict[str, Any]) -> None:
    """``width`` is the number of units of every hidden layer of ``sizes``."""
    width = network.pop("width", None)
    if width is None:
        return
    if "sizes" not in network:
        raise InputError(
            "width needs sizes beside it, for example sizes = [12, 10, 10, 1]: it changes the ones between"
        )
    if isinstance(network["sizes"], list):  # else it is refused with the network
        network["sizes"][1:-1] = [width] * len(network["sizes"][1:-1])


def _short_names(places: set[Place]) -> dict[Place, str]:
    """A name for every setting: the option alone where that is clear; the seed last."""
    times = Counter(option for _, option in places)
    taken = {*COLUMNS, *FACTS, "estimator"}
    ordered = sorted(places, key=lambda place: (place == _SEED, place))
    return {
        (table, option): f"{table}.{option}" if times[option] > 1 or option in taken else option
        for table, option in ordered
    }


def _name(settings: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """A directory's name that a person can read, and that other tables, or another data file, do not have."""
    identity = dict(tables)
    file = tables.get("data", {}).get("file")
    if file is not None:
        try:
            with open(file, "rb") as opened:
                identity["checksum"] = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise DataFileError(f"cannot read the data file {file}: {error}") from error
    try:
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    except TypeError as error:
        raise InputError(f"the settings {dict(settings)} hold something that is no plain value: {error}") from error
    parts = [f"{name.rpartition('.')[2]}-{_readable(value)}" for name, value in settings.items() if value is not None]
    return check_name(f"{'_'.join(parts)[:80] or 'run'}_{digest}")


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.values()
    if isinstance(value, (int, float)):
        return str(value).replace("+", "")  # 1e+20 is 1e20, and the sign of -1 and 1e-20 stays
    if not isinstance(value, str):
        return "-".join(map(_readable, value))
    return re.sub(r"[^A-Za-z0-9.]+", "-", value).strip("-")
