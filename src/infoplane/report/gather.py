"""Trajectories and run directories -> runs with a name of their own each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infoplane.errors import InputError
from infoplane.io.files import read_json, reading
from infoplane.runs import read_record
from infoplane.trajectory.trajectory import Trajectory

Source = Trajectory | str | os.PathLike[str]


@dataclass(frozen=True)
class Run:
    """One run of a report; ``record`` is what its ``run.json`` says, empty where there is none."""

    name: str
    trajectory: Trajectory
    record: dict[str, Any] = field(default_factory=dict)


def gather(sources: Source | Iterable[Source] | Mapping[str, Source]) -> list[Run]:
    """The runs, in order, by the names in a mapping or by their own; a name that comes twice gets a number.

    A folder that is no run and holds some, such as a sweep's, stands for all of them.

    Raises:
        InputError: no run, or one without a row.
        DataFileError: no run at a path.
    """
    listed: Iterable[tuple[str | None, Source]]
    if isinstance(sources, Mapping):
        listed = sources.items()
    elif isinstance(sources, Trajectory | str | os.PathLike):
        listed = [(None, sources)]
    else:
        listed = [(None, source) for source in sources]
    several = [(name, part) for name, source in listed for part in _each(source)]
    if not several:
        raise InputError("there is no run to report: pass a trajectory, a run directory or a .csv file, or several")
    names: list[str] = []
    runs: list[Run] = []
    for name, source in several:
        run = _run(source) if name is None else replace(_run(source), name=str(name))
        if not len(run.trajectory):
            raise InputError(f"the run {run.name!r} has no rows, so there is nothing to report: measure at least once")
        same = names.count(run.name)
        names.append(run.name)
        runs.append(Run(f"{run.name} ({same + 1})", run.trajectory, run.record) if same else run)
    return runs


def _each(source: Source) -> list[Source]:
    if isinstance(source, Trajectory):
        return [source]
    with reading(source):
        if (Path(source) / "run.json").exists():
            return [source]
        return [record.parent for record in sorted(Path(source).glob("*/run.json"))] or [source]


def _run(source: Source) -> Run:
    if isinstance(source, Trajectory):
        return Run(str(source.meta.get("title") or "trajectory"), source)
    path = Path(source).absolute()
    trajectory = Trajectory.load(path)
    if path.suffix == ".csv":
        return Run(path.stem if path.stem != "trajectory" else path.parent.name, trajectory)
    return Run(path.name, trajectory, record_of(path))


def record_of(folder: Path) -> dict[str, Any]:
    """What the ``run.json`` in a folder says: of a run, or of a trajectory that was saved by itself.

    Raises:
        DataFileError: none there, or a damaged one.
    """
    record = read_json(folder / "run.json")
    return read_record(folder) if "state" in record else record
