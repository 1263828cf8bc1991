"""The tidy result: one row for every step, layer and way of measuring, in memory, as a table and in files."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from infoplane import plotting
from infoplane.checks import choice
from infoplane.columns import AXES, KINDS, SCALAR_COLUMNS, TRAJECTORY
from infoplane.errors import DataFileError, InputError, RunError, UnknownNameError
from infoplane.io.files import (
    FORMAT_VERSION,
    atomic_write,
    make_folder,
    read_json,
    reading,
    remove_empty,
    sealed,
)
from infoplane.io.jsonlines import read_lines
from infoplane.io.limits import inside
from infoplane.io.tables import csv_bytes, read_csv
from infoplane.trajectory.scalars import Scalars
from infoplane.trajectory.store import ColumnStore
from infoplane.types import Estimate

if TYPE_CHECKING:
    import pandas
    import xarray

    from infoplane.estimators.difference import Terms


class RowPlace(NamedTuple):
    """What one row speaks of."""

    step: int
    split: str
    layer: str
    copy: int
    family: str
    estimator: str
    label: str


#: Files that are no folder and that nothing here writes.
_OTHER_FILES = (".parquet", ".nc", ".json", ".jsonl", ".npz", ".pt", ".xlsx", ".pkl", ".tsv", ".txt")


@final
class Trajectory:
    """What every layer knew at every step: rows with the columns ``infoplane.columns.COLUMNS``, and ``meta``.

    ``rows`` are mappings from column to value. A column that is missing is ``None``, "not computed"; ``flags`` may be
    a text or several and become a tuple. Information is in the unit of the row's column ``units``; ``step`` counts
    optimiser steps. ``meta`` holds what is true of all rows, in values that JSON has a form for: seed, versions,
    ``measurement`` (the measurement model in words), ``units``, and facts about the data in these units: ``h_y``,
    ``i_xy``; ``log2_n`` and ``log2_j`` (always in bits). ``scalars`` is a table beside it, of losses and the like;
    ``terms``, in memory only, is what :meth:`difference` needs.

    Raises:
        InputError: a row with a column that is none of these.

    Example:
        >>> trajectory = Trajectory([{"step": 0, "layer": "fc1", "i_xt": 3.5, "i_ty": 0.25, "units": "bits"}])
        >>> trajectory.append({"step": 1, "layer": "fc1", "i_xt": 3.0, "i_ty": 0.5, "units": "bits"})
        >>> len(trajectory), trajectory.last()[0]["i_ty"]
        (2, 0.5)
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = (), *, meta: Mapping[str, Any] | None = None) -> None:
        self.meta: dict[str, Any] = dict(meta or {})
        self.scalars = Scalars()
        self.terms: dict[RowPlace, Terms] = {}
        self._store = ColumnStore(TRAJECTORY)
        self.extend(rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return self._store.names

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row.

        Raises:
            InputError: as in :meth:`extend`.
        """
        self._store.extend({name: [value] for name, value in row.items()} or {"step": [None]})

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; where one of them is wrong, none is added.

        Raises:
            InputError: an unknown column, or a value that does not fit its column.
        """
        self._store.extend_rows(rows)

    def extend_columns(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows that are given as columns of one length; a column that is missing is ``None``, "not computed".

        Raises:
            InputError: a column that is none of these, columns of several lengths, or a value that does not fit its
                column; then no row is added.

        Example:
            >>> trajectory = Trajectory()
            >>> trajectory.extend_columns({"step": [0, 0], "layer": ["fc1", "fc2"], "i_xt": [3.5, 2.0]})
            >>> [row["i_xt"] for row in trajectory.last()]
            [3.5, 2.0]
        """
        self._store.extend(columns)

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._store)

    def __repr__(self) -> str:
        if not len(self):
            return "Trajectory(no rows)"
        steps = [step for step in self._store["step"].values(0, len(self)) if step is not None]
        layers = len(set(self._store["layer"].array))
        reach = f", steps {min(steps)} to {max(steps)}" if steps else ""
        return f"Trajectory({len(self)} rows, {layers} layers{reach})"

    def last(self, layer: str | None = None) -> list[dict[str, Any]]:
        """The newest rows: those with the step of the row that came last, of one layer or of all.

        Raises:
            UnknownNameError: no such layer at that step.
        """
        steps = self._store["step"].array
        first = len(steps)
        while first and steps[first - 1] == steps[-1]:
            first -= 1
        newest = self.since(first)
        if layer is None:
            return newest
        chosen = [row for row in newest if row["layer"] == layer]
        if newest and not chosen:
            raise UnknownNameError("layer", layer, {str(row["layer"]) for row in newest})
        return chosen

    def since(self, count: int) -> list[dict[str, Any]]:
        """The rows after the first ``count``."""
        return self._store.rows(count)

    def to_columns(self, since: int = 0) -> dict[str, list[Any]]:
        """The rows after the first ``since`` as columns: names with lists of values, None where nothing was computed.

        Example:
            >>> Trajectory([{"step": 3, "i_xt": 0.5}, {"step": 4}]).to_columns()["i_xt"]
            [0.5, None]
        """
        return self._store.columns(since)

    def select(self, **column: Any) -> Trajectory:
        """The rows in which every named column has the given value (``flags``: holds the given flag).

        Scalars of other steps, splits, layers and copies are left out as well.

        Raises:
            UnknownNameError: no such column.

        Example:
            >>> both = Trajectory([{"step": 0, "layer": "fc1"}, {"step": 0, "layer": "fc2"}])
            >>> len(both.select(layer="fc2", step=0))
            1
        """
        self._store.check(column)
        chosen = Trajectory(meta=self.meta)
        matches = [self._store[name].equal(value) for name, value in column.items()]
        chosen._store = self._store.take(np.logical_and.reduce([np.ones(len(self), dtype=bool), *matches]))
        chosen.scalars = self.scalars.about(**column)
        return chosen

    def difference(
        self, layer: str, other: str | None = None, *, step: int, other_step: int | None = None, **place: str
    ) -> Estimate:
        """I(T;Y) of one layer minus that of another one, or of the same one at another step, with a paired interval.

        Args:
            layer: The first layer.
            other: The second one; None: the same.
            step: The first step.
            other_step: The second one; None: the same.
            place: ``split``, ``estimator``, ``label`` or ``family``, where there are several.

        Returns:
            As of ``ip.difference``; over the copies where each has rows of its own.

        Raises:
            InputError: the plane did not keep the terms, several rows fit, or there is nothing to compare.

        Example:
            >>> import infoplane as ip, torch
            >>> x = torch.randn(500, 2, generator=torch.manual_seed(0))
            >>> plane = ip.InformationPlane(x, x[:, 0] > 0, estimators="gaussian", keep_terms=True)
            >>> rows = plane.measure(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()), step=0)
            >>> lost = plane.trajectory.difference("0", "1", step=0)
            >>> lost.low < rows[0]["i_ty"] - rows[1]["i_ty"] < lost.high
            True
        """
        from infoplane.estimators.difference import difference_of_terms  # slow: estimators come with torch and numba

        ends = (
            {"layer": layer, "step": step},
            {"layer": other or layer, "step": step if other_step is None else other_step},
        )
        if ends[0] == ends[1]:
            raise InputError("there is nothing to compare: name another layer, or give other_step=")
        return difference_of_terms(*(self._terms_at({**end, **place}) for end in ends))

    def _terms_at(self, wanted: Mapping[str, Any]) -> list[Terms]:
        """One for each copy."""
        for name in wanted:
            choice("place", name, RowPlace._fields)
        found = {
            place: terms
            for place, terms in self.terms.items()
            if all(getattr(place, k) == v for k, v in wanted.items())
        }
        shown = ", ".join(f"{name}={value!r}" for name, value in wanted.items())
        if not found:
            raise InputError(f"no terms were kept of {shown}: measure it with InformationPlane(..., keep_terms=True)")
        if len({place._replace(copy=0) for place in found}) > 1:
            raise InputError(f"several rows are of {shown}: name split=, estimator=, label= or family= too")
        return [found[place] for place in sorted(found, key=lambda place: place.copy)]

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a column for every name in COLUMNS; flags joined with ``;``, NaN where nothing was computed."""
        return self._store.to_pandas()

    def to_xarray(self) -> xarray.Dataset:
        """A Dataset over split, label, estimator, family, copy, layer and step; NaN where there is no row.

        Raises:
            InputError: xarray is not installed, or two rows agree in all seven.
        """
        try:
            import xarray
        except ImportError as error:
            raise InputError("to_xarray needs the package xarray: pip install infoplane[xarray]") from error
        table = self.to_pandas()
        table = table.fillna({name: "" if KINDS[name] == "text" else -1 for name in AXES if name != "step"})
        twice = table[table.duplicated(list(AXES))]
        if len(twice):
            where = ", ".join(f"{name}={twice.iloc[0][name]!r}" for name in AXES)
            raise InputError(f"two rows have {where}: select one of them before to_xarray, every cell holds one value")
        layers = table.sort_values("layer_index")["layer"].unique()
        units = sorted(table["units"].dropna().unique())
        indexed = table.drop(columns=["layer_index", "units"]).set_index(list(AXES))
        dataset = xarray.Dataset.from_dataframe(indexed).sel(layer=layers)
        return dataset.assign_attrs(self.meta, units=", ".join(units))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to one CSV file (a ``path`` that ends in ``.csv``), else rows and ``meta`` to a folder.

        The folder gets ``trajectory.csv``, ``scalars.csv`` where there are scalars, and, under ``trajectory`` in
        ``run.json``, ``meta``; what else ``run.json`` says stays. Numbers are written so that :meth:`load` gives the
        same bits back; an empty cell is ``None``.
        A text that begins with ``=``, ``+``, ``-``, ``@``, ``'``, a tab or a carriage return, or that is empty, gets
        a ``'`` in front, so that no spreadsheet runs a layer's name as a formula; :meth:`load` takes it off again.

        Raises:
            RunError: the place cannot be written; what was there is as it was.
            DataFileError: the ``run.json`` that is there cannot be read.
            InputError: ``meta`` holds a value that JSON has no form for, or ``path`` is a file of another kind.
        """
        target = Path(path)
        if target.suffix in _OTHER_FILES:
            raise InputError(
                f"{path} ends in {target.suffix}: save to a .csv or a folder, or export a folder with "
                "infoplane.runs.export, to parquet or netcdf"
            )
        if target.suffix == ".csv":
            atomic_write(target, csv_bytes(self.to_columns()))
            return
        record = target / "run.json"
        with reading(target):
            earlier = read_json(record) if record.exists() else {}
        content = sealed({"format_version": FORMAT_VERSION} | earlier | {"trajectory": self.meta})
        made = make_folder(target)
        try:
            atomic_write(target / "trajectory.csv", csv_bytes(self.to_columns()))
            if len(self.scalars):
                self.scalars.save(target / "scalars.csv")
            atomic_write(record, content)
        except RunError:
            remove_empty(made)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectory:
        """Read what :meth:`save` wrote: a ``.csv`` file (then ``meta`` is empty), or a folder such as a run directory.

        Of a run that goes on, or that stopped without an end, the rows so far are read from ``trajectory.jsonl``; a
        last line that is not whole is left out, with a warning.

        Raises:
            DataFileError: nothing to read there, or a header or a cell that is no trajectory's.
        """
        source = Path(path)
        if source.suffix == ".csv":
            return cls()._filled(read_csv(source))
        with reading(path):
            return cls._of_folder(source)

    @classmethod
    def _of_folder(cls, source: Path) -> Trajectory:
        below = () if (source / "run.json").exists() else sorted(source.glob("*/run.json"))
        if below:
            raise DataFileError(
                f"{source} is no run, and holds {len(below)} of them: name one, such as {below[0].parent}"
            )
        meta = read_json(inside(source, "run.json")).get("trajectory", {})
        if not isinstance(meta, dict):
            raise DataFileError(f"{source / 'run.json'}: trajectory is a {type(meta).__name__}, an object is needed")
        growing = (source / "trajectory.jsonl").exists() and not (source / "trajectory.csv").exists()
        if growing:
            trajectory = cls(read_lines(inside(source, "trajectory.jsonl")), meta=meta)
        else:
            trajectory = cls(meta=meta)._filled(read_csv(inside(source, "trajectory.csv")))
        if growing and (source / "scalars.jsonl").exists():
            lines = inside(source, "scalars.jsonl")
            try:
                trajectory.scalars = Scalars(read_lines(lines, SCALAR_COLUMNS))
            except InputError as error:
                raise DataFileError(f"{lines}: {error}") from error
        elif (source / "scalars.csv").exists():
            trajectory.scalars = Scalars.load(inside(source, "scalars.csv"))
        return trajectory

    def _filled(self, blocks: Iterable[Mapping[str, Sequence[Any]]]) -> Trajectory:
        for columns in blocks:
            self.extend_columns(columns)
        return self

    def plot(self, **options: Any) -> Any:
        """The information plane, by :func:`infoplane.plotting.plane`, which explains the options."""
        return plotting.plane(self.to_pandas(), **({"facts": self.meta} | options))

    def _repr_html_(self) -> str:
        shown = ("step", "layer", "family", "estimator", "i_xt", "i_ty", "units", "flags")
        head = "".join(f"<th>{name}</th>" for name in shown)
        body = []
        for row in self.last():
            cells = (_shown(row[name]) for name in shown)
            body.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
        picture = plotting.inline_picture(self.to_pandas(), facts=self.meta)
        title = f"<p>{html.escape(repr(self))}, newest:</p>"
        return f"{picture}{title}<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def concat(trajectories: Iterable[Trajectory]) -> Trajectory:
    """All rows and scalars, one trajectory after the other; ``meta`` keeps the entries on which all of them agree.

    Example:
        >>> one = Trajectory([{"step": 0}], meta={"seed": 1, "units": "bits"})
        >>> two = Trajectory([{"step": 0}], meta={"seed": 2, "units": "bits"})
        >>> len(concat([one, two])), concat([one, two]).meta
        (2, {'units': 'bits'})
    """
    every = list(trajectories)
    first = every[0].meta if every else {}
    same = {key: value for key, value in first.items() if all(key in t.meta and t.meta[key] == value for t in every)}
    joined = Trajectory(meta=same)
    for trajectory in every:
        joined._store.extend_store(trajectory._store)
        joined.scalars.extend(trajectory.scalars)
    return joined


def _shown(value: Any) -> str:
    """A value as a person reads it in a small table."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)
