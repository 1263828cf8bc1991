"""The tidy result: one row for every step, layer and way of measuring, in memory, as a table and in files."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from infoplane import plotting
from infoplane.columns import COLUMNS, SCALAR_COLUMNS
from infoplane.errors import DataFileError, InputError, RunError, UnknownNameError
from infoplane.flags import from_text
from infoplane.io.files import (
    FORMAT_VERSION,
    TEXT_COLUMNS,
    WHOLE_COLUMNS,
    atomic_write,
    csv_bytes,
    json_bytes,
    make_folder,
    read_csv,
    read_json,
    remove_empty,
)
from infoplane.io.jsonlines import read_lines
from infoplane.io.limits import inside
from infoplane.trajectory.scalars import Scalars

if TYPE_CHECKING:
    import pandas
    import xarray

Row = tuple[Any, ...]  #: the values of one row, in the order of COLUMNS

_DIMENSIONS = ("split", "label", "estimator", "family", "copy", "layer", "step")
_KNOWN = frozenset(COLUMNS)
_STEP, _LAYER, _FLAGS = (COLUMNS.index(name) for name in ("step", "layer", "flags"))


@final
class Trajectory:
    """What every layer knew at every step: rows with the columns ``infoplane.columns.COLUMNS``, and ``meta``.

    ``rows`` are mappings from column to value. A column that is missing is ``None``, "not computed"; ``flags`` may be
    a text or several and become a tuple. Information is in the unit of the row's column ``units``; ``step`` counts
    optimiser steps. ``meta`` holds what is true of all rows, in values that JSON has a form for: seed, versions,
    ``measurement`` (the measurement model in words), ``units``, and facts about the data in these units: ``h_y``,
    ``i_xy``; ``log2_n`` and ``log2_j`` (always in bits). ``scalars`` is a table beside it, of losses and the like.

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
        self._rows: list[Row] = []
        self.extend(rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return COLUMNS

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        _check_names(row)
        values = list(map(row.get, COLUMNS))
        flags = values[_FLAGS]
        values[_FLAGS] = from_text(flags if isinstance(flags, str) else ";".join(flags)) if flags else ()
        self._rows.append(tuple(values))

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; where one of them is wrong, none is added."""
        before = len(self._rows)
        try:
            for row in rows:
                self.append(row)
        except BaseException:
            del self._rows[before:]
            raise

    def extend_columns(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows that are given as columns of one length; a column that is missing is ``None``, "not computed".

        Raises:
            InputError: a column that is none of these, or columns of several lengths; then no row is added.

        Example:
            >>> trajectory = Trajectory()
            >>> trajectory.extend_columns({"step": [0, 0], "layer": ["fc1", "fc2"], "i_xt": [3.5, 2.0]})
            >>> [row["i_xt"] for row in trajectory.last()]
            [3.5, 2.0]
        """
        _check_names(columns)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise InputError(f"columns of one length are needed: {shown} values")
        self.extend(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for values in self._rows:
            yield dict(zip(COLUMNS, values, strict=True))

    def __repr__(self) -> str:
        if not self._rows:
            return "Trajectory(no rows)"
        steps = [values[_STEP] for values in self._rows if values[_STEP] is not None]
        layers = len({values[_LAYER] for values in self._rows})
        reach = f", steps {min(steps)} to {max(steps)}" if steps else ""
        return f"Trajectory({len(self)} rows, {layers} layers{reach})"

    def last(self, layer: str | None = None) -> list[dict[str, Any]]:
        """The newest rows: those with the step of the row that came last, of one layer or of all.

        Raises:
            UnknownNameError: no such layer at that step.
        """
        newest: list[dict[str, Any]] = []
        for values in reversed(self._rows):
            if values[_STEP] != self._rows[-1][_STEP]:
                break
            newest.append(dict(zip(COLUMNS, values, strict=True)))
        newest.reverse()
        if layer is None:
            return newest
        chosen = [row for row in newest if row["layer"] == layer]
        if newest and not chosen:
            raise UnknownNameError("layer", layer, {str(row["layer"]) for row in newest})
        return chosen

    def since(self, count: int) -> list[dict[str, Any]]:
        """The rows after the first ``count``."""
        return [dict(zip(COLUMNS, values, strict=True)) for values in self._rows[count:]]

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
        chosen = Trajectory(meta=self.meta)
        wanted: list[tuple[int, Any]] = []
        for name, value in column.items():
            if name not in _KNOWN:
                raise UnknownNameError("column", name, COLUMNS)
            wanted.append((COLUMNS.index(name), value))
        for values in self._rows:
            if all(value in values[at] if at == _FLAGS else values[at] == value for at, value in wanted):
                chosen._rows.append(values)
        chosen.scalars = self.scalars.about(**column)
        return chosen

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a column for every name in COLUMNS; flags joined with ``;``, NaN where nothing was computed."""
        import pandas

        columns: Iterable[Row] = zip(*self._rows, strict=True) if self._rows else ((),) * len(COLUMNS)
        table: dict[str, pandas.Series[Any]] = {}
        for name, values in zip(COLUMNS, columns, strict=True):
            if name == "flags":
                table[name] = pandas.Series([";".join(flags) for flags in values], dtype=object)
            elif name in TEXT_COLUMNS:
                table[name] = pandas.Series(list(values), dtype=object)
            elif name in WHOLE_COLUMNS and None not in values:
                table[name] = pandas.Series(list(values), dtype="int64")
            else:
                table[name] = pandas.Series([None if v is None else float(v) for v in values], dtype="float64")
        return pandas.DataFrame(table)

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
        table = table.fillna({"split": "", "label": "", "estimator": "", "family": "", "copy": -1, "layer": ""})
        twice = table[table.duplicated(list(_DIMENSIONS))]
        if len(twice):
            where = ", ".join(f"{name}={twice.iloc[0][name]!r}" for name in _DIMENSIONS)
            raise InputError(f"two rows have {where}: select one of them before to_xarray, every cell holds one value")
        layers = table.sort_values("layer_index")["layer"].unique()
        units = sorted(table["units"].dropna().unique())
        indexed = table.drop(columns=["layer_index", "units"]).set_index(list(_DIMENSIONS))
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
            InputError: ``meta`` holds a value that JSON has no form for.
        """
        target = Path(path)
        if target.suffix == ".csv":
            atomic_write(target, csv_bytes(self._rows))
            return
        record = target / "run.json"
        earlier = read_json(record) if record.exists() else {}
        content = json_bytes({"format_version": FORMAT_VERSION} | earlier | {"trajectory": self.meta})
        made = make_folder(target)
        try:
            atomic_write(target / "trajectory.csv", csv_bytes(self._rows))
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
            return cls(read_csv(source))
        meta = read_json(inside(source, "run.json")).get("trajectory", {})
        if not isinstance(meta, dict):
            raise DataFileError(f"{source / 'run.json'}: trajectory is a {type(meta).__name__}, an object is needed")
        growing = (source / "trajectory.jsonl").exists() and not (source / "trajectory.csv").exists()
        table = inside(source, "trajectory.jsonl" if growing else "trajectory.csv")
        rows = read_lines(table) if growing else read_csv(table)
        found = cls(rows, meta=meta)
        if growing and (source / "scalars.jsonl").exists():
            found.scalars = Scalars(read_lines(inside(source, "scalars.jsonl"), SCALAR_COLUMNS))
        elif (source / "scalars.csv").exists():
            found.scalars = Scalars.load(inside(source, "scalars.csv"))
        return found

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
        joined._rows.extend(trajectory._rows)
        joined.scalars.extend(trajectory.scalars)
    return joined


def _check_names(names: Iterable[str]) -> None:
    """``UnknownNameError`` for the first name that is no column's."""
    if not _KNOWN.issuperset(names):
        raise UnknownNameError("column", next(name for name in names if name not in _KNOWN), COLUMNS)


def _shown(value: Any) -> str:
    """A value as a person reads it in a small table."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)
