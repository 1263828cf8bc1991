"""A run directory -> one table for other tools: CSV, Parquet or NetCDF."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from infoplane.errors import InputError, UnknownNameError
from infoplane.io.files import atomic_write
from infoplane.trajectory.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas


def export(run: str | os.PathLike[str], to: str = "csv", out: str | os.PathLike[str] | None = None) -> list[Path]:
    """Write the rows of a run as ``csv``, ``parquet`` or ``netcdf``; the files written.

    ``out`` is the file for the rows, if None the run's name in the current folder. Scalars (losses and the like) go
    into a second file, ``NAME-scalars``, except with ``netcdf``. CSV keeps every bit, and texts that a spreadsheet
    could run as formulas are escaped; Parquet and NetCDF hold NaN where nothing was computed; NetCDF has one axis for
    each of split, label, estimator, family, copy, layer and step, and the facts of the run as attributes. A run that
    goes on is exported as far as it is.

    Raises:
        UnknownNameError: another format.
        InputError: the package for it is not installed.
        DataFileError: the run cannot be read.
        RunError: the file cannot be written.

    Example:
        >>> import infoplane as ip, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> result = ip.experiments.load("warm-up").run(epochs=2, out=folder)
        >>> [path.name for path in export(folder, out=folder + "-rows.csv")]
        ['run-rows.csv']
    """
    if to not in _FORMATS:
        raise UnknownNameError("format", to, _FORMATS)
    trajectory = Trajectory.load(run)
    ending, write = _FORMATS[to]
    path = Path(out) if out is not None else Path(f"{Path(run).resolve().name.removesuffix('.csv')}{ending}")
    return write(trajectory, path)


def _csv(trajectory: Trajectory, path: Path) -> list[Path]:
    if path.suffix != ".csv":
        raise InputError(f"out is {str(path)!r}: a file that ends in .csv is needed")
    trajectory.save(path)
    if not len(trajectory.scalars):
        return [path]
    trajectory.scalars.save(_beside(path))
    return [path, _beside(path)]


def _parquet(trajectory: Trajectory, path: Path) -> list[Path]:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise InputError("Parquet needs the package pyarrow: pip install infoplane[parquet]") from error

    def write(table: pandas.DataFrame, to: Path) -> None:
        content = io.BytesIO()
        table.to_parquet(content, index=False, engine="pyarrow")
        atomic_write(to, content.getvalue())

    write(trajectory.to_pandas(), path)
    if not len(trajectory.scalars):
        return [path]
    write(trajectory.scalars.to_pandas(), _beside(path))
    return [path, _beside(path)]


def _netcdf(trajectory: Trajectory, path: Path) -> list[Path]:
    dataset = trajectory.to_xarray()
    plain = (str, int, float)
    attributes = {
        name: value if isinstance(value, plain) and not isinstance(value, bool) else json.dumps(value)
        for name, value in dataset.attrs.items()
    }
    content = dataset.assign_attrs(attributes).to_netcdf(engine="scipy")
    atomic_write(path, bytes(content))
    return [path]


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-scalars{path.suffix}")


_FORMATS: dict[str, tuple[str, Callable[[Trajectory, Path], list[Path]]]] = {
    "csv": (".csv", _csv),
    "parquet": (".parquet", _parquet),
    "netcdf": (".nc", _netcdf),
}
