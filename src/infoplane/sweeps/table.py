"""What a sweep leaves: a row a run, all trajectories with their settings, and bands over the seeds."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from infoplane import plotting
from infoplane.columns import AXES, COLUMNS, QUANTITIES, TRAJECTORY
from infoplane.errors import DataFileError, InputError
from infoplane.io.files import atomic_write, cannot_write, read_json
from infoplane.runs.directory import files_in
from infoplane.runs.lock import is_locked
from infoplane.runs.verify import changed, without_manifest
from infoplane.sweeps.plan import PlannedRun, SweepPlan
from infoplane.trajectory.trajectory import Trajectory, concat

if TYPE_CHECKING:
    import pandas

_LAST = ("i_xt", "i_ty")
_WAYS = tuple(name for name in AXES if name not in ("layer", "step"))
_ABOUT = tuple(column.name for column in TRAJECTORY if column.role == "place" and column.name != "copy")
_BAND = (0.1, 0.9)  # as in the pictures
_MOST_PANELS = 12
_FORMULA = tuple("=+-@'\t\r")  # what makes a spreadsheet take a text for a formula, and the escape itself


@final
class Sweep:
    """The results of a sweep in the folder ``out``, read from its run directories; ``plan`` holds the runs.

    ``to_pandas()`` has a row a run; ``trajectories()`` all rows of all runs; ``bands()`` the median and 80 % of the
    seeds; ``plot()`` and ``curves()`` draw these.
    """

    def __init__(self, out: Path, plan: SweepPlan) -> None:
        self.out, self.plan = out, plan
        self._attempts = dict.fromkeys((run.name for run in plan.runs), 0)
        self._errors: dict[str, str | None] = {}
        self._damages: dict[str, str | None] = {}  # of finished runs: what is not as it was written

    def __repr__(self) -> str:
        total = len(self.plan.runs)
        return f"Sweep({total - len(self.unfinished())} of {total} runs finished, {self.out})"

    def unfinished(self, runs: Iterable[PlannedRun] | None = None) -> list[PlannedRun]:
        """Those of the runs, by default of all, that are not finished, or not as they were written."""
        asked = self.plan.runs if runs is None else runs
        return [run for run in asked if self._record(run).get("state") != "finished" or self._damage(run)]

    def set_aside(self) -> None:
        """Rename the directories of damaged runs, so that these are done again; a warning names each of them."""
        for run in self.plan.runs:
            folder = self.out / run.name
            if not folder.is_dir() or is_locked(folder) or not files_in(folder) or not (found := changed(folder)):
                continue
            number = 1
            while (kept := folder.with_name(f"{run.name}.damaged-{number}")).exists():
                number += 1
            try:
                folder.rename(kept)
            except OSError as error:
                raise cannot_write(folder, error) from error
            warnings.warn(
                f"{found[0]}; the run is done again, and what there was is kept in {kept.name}",
                RuntimeWarning,
                stacklevel=3,
            )
        self._damages.clear()

    def note(self, runs: Sequence[PlannedRun], errors: Sequence[str | None]) -> None:
        """Remember that runs were tried once more, and what went wrong in each, or None."""
        for run, error in zip(runs, errors, strict=True):
            self._attempts[run.name] += 1
            self._errors[run.name] = error
            self._damages.pop(run.name, None)
        self.__dict__.pop("_finished", None)

    def failures(self) -> dict[str, str]:
        """The message of every run that failed, and that no other process has finished since, or that is damaged."""
        messages = {run.name: self._damages.get(run.name) or self._errors.get(run.name) for run in self.unfinished()}
        return {name: message for name, message in messages.items() if message is not None}

    def _record(self, run: PlannedRun) -> dict[str, Any]:
        try:
            return read_json(self.out / run.name / "run.json")
        except DataFileError:
            return {}

    def _damage(self, run: PlannedRun) -> str | None:
        if run.name not in self._damages:
            found = [*changed(self.out / run.name), *without_manifest(self.out / run.name)]
            self._damages[run.name] = found[0] if found else None
        return self._damages[run.name]

    @cached_property
    def _finished(self) -> list[tuple[PlannedRun, Trajectory]]:
        left, finished = {run.name for run in self.unfinished()}, []
        for run in self.plan.runs:
            if run.name in left:
                continue
            try:
                finished.append((run, Trajectory.load(self.out / run.name)))
            except DataFileError as error:  # one that cannot be read does not hide the others
                self._damages[run.name] = str(error)
        return finished

    # ------------------------------------------------------------ tables

    def to_pandas(self) -> pandas.DataFrame:
        """A row a run: settings, ``state``, ``steps``, ``seconds``, ``attempts`` of this call, ``error``, last values.

        The last values are columns such as ``i_ty fc1``: quantity and layer, with split, label set, estimator, family
        and copy where these differ.
        """
        import pandas

        last = {run.name: trajectory.last() for run, trajectory in self._finished}
        ways = [name for name in _WAYS if len({row[name] for rows in last.values() for row in rows}) > 1]
        table, messages = [], self.failures()
        for run in self.plan.runs:
            record, error = self._record(run), messages.get(run.name)
            damaged = self._damages.get(run.name) is not None
            facts = {
                "state": "damaged" if damaged else "failed" if error else record.get("state", "not run"),
                "steps": record.get("steps_done"),
                "seconds": record.get("seconds"),
                "attempts": self._attempts[run.name],
                "error": error,
            }
            values = {
                " ".join(map(str, (name, row["layer"], *(row[way] for way in ways)))): row[name]
                for row in last.get(run.name, [])
                for name in _LAST
            }
            table.append({"run": run.name, **_plain(run.settings), **facts, **values})
        return pandas.DataFrame(table)

    def trajectories(self) -> pandas.DataFrame:
        """All rows of all finished runs: run and settings, then a trajectory's columns."""
        import pandas

        tables = []
        for run, trajectory in self._finished:
            table = trajectory.to_pandas()
            for at, (name, value) in enumerate({"run": run.name, **_plain(run.settings)}.items()):
                table.insert(at, name, value)
            tables.append(table)
        if not tables:
            return pandas.DataFrame(columns=["run", *self.plan.settings, *COLUMNS])
        return pandas.concat(tables, ignore_index=True)

    def bands(self) -> pandas.DataFrame:
        """Median and band over the seeds (and single copies) of every setting, layer and step.

        Settings, then what a row is about, how many values there are (``values``), and for each of ``i_xt``, ``i_ty``,
        ``h_t`` and ``h_t_given_x`` the median, and from which to which quantile 80 % of them lie (``_low``, ``_high``).
        """
        keys = [*self._settings, *_ABOUT]
        groups = self.trajectories().groupby(keys, sort=False, dropna=False)
        found = groups.size().rename("values").to_frame()
        for name in QUANTITIES:
            found[name] = groups[name].median()
            found[f"{name}_low"], found[f"{name}_high"] = (groups[name].quantile(end) for end in _BAND)
        return found.reset_index()

    @property
    def _settings(self) -> list[str]:
        """The settings that are varied beside the seed."""
        return [name for name in self.plan.settings if name != "seed"]

    def save(self) -> None:
        """Write ``sweep.csv``, and, where a run is finished, ``trajectories.csv`` and ``bands.csv``."""
        tables = {"sweep": lambda: _csv(self.to_pandas())}
        if self._finished:
            tables |= {"trajectories": self._joined, "bands": lambda: _csv(self.bands())}
        for name, content in tables.items():
            atomic_write(self.out / f"{name}.csv", content())

    def _joined(self) -> bytes:
        """``trajectories`` as CSV, from the files as they are."""
        joined = io.StringIO()
        lines = csv.writer(joined, lineterminator="\n")
        lines.writerow(["run", *self.plan.settings, *COLUMNS])
        for run, _ in self._finished:
            before = [run.name, *map(_safe, _plain(run.settings).values())]
            with open(self.out / run.name / "trajectory.csv", encoding="utf-8", newline="") as file:
                rows = csv.reader(file)
                place = {name: at for at, name in enumerate(next(rows))}  # a file of an earlier version has fewer
                order = [place.get(name) for name in COLUMNS]
                lines.writerows([*before, *("" if at is None else row[at] for at in order)] for row in rows)
        return joined.getvalue().encode("utf-8", errors="backslashreplace")

    # ------------------------------------------------------------ pictures

    def plot(self, **options: Any) -> Any:
        """The information plane of every setting, the median over its seeds in a band.

        Options as for :func:`infoplane.plotting.plane`.

        Raises:
            InputError: there are more than 12 panels.
        """
        return plotting.plane(self._panels(), **(self._look() | options))

    def curves(self, **options: Any) -> Any:
        """Information against the steps for every setting, the median over its seeds in a band.

        Options as for :func:`infoplane.plotting.curves`.

        Raises:
            InputError: there are more than 12 panels.
        """
        return plotting.curves(self._panels(), **(self._look() | options))

    def _look(self) -> dict[str, Any]:
        facts = concat(trajectory for _, trajectory in self._finished).meta
        return {"facts": facts, "title": ", ".join(self._settings) or None}

    def _panels(self) -> pandas.DataFrame:
        """A trajectory's table with the values of the settings in the split's name, which panels are made of."""
        table = self.trajectories()
        ways = [name for name in ("split", "label", "estimator", "family") if table[name].nunique() > 1]
        count = len(table.groupby([*self._settings, *ways], dropna=False)) if self._settings or ways else 1
        if count > _MOST_PANELS:
            raise InputError(
                f"{count} panels are too many for a picture, {_MOST_PANELS} fit: draw rows of trajectories() instead"
            )
        named = [*self._settings, *(["split"] if "split" in ways else [])]
        if named:
            table["split"] = [
                ", ".join(map(str, values)) for values in zip(*(table[name] for name in named), strict=True)
            ]
        return table[list(COLUMNS)]


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they stand in a table: lists and tables as JSON."""
    plain = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, plain) else json.dumps(value) for name, value in settings.items()}


def _csv(table: pandas.DataFrame) -> bytes:
    """The table as CSV, in which no text is a formula."""
    safe = table.copy()
    for name in safe.select_dtypes(exclude="number"):
        safe[name] = list(map(_safe, safe[name]))
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8", errors="backslashreplace")


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
