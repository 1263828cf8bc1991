"""infoplane export: the rows of a run as a table for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infoplane.cli.root import app


@app.command()
def export(
    run_directory: Annotated[Path, typer.Argument(help="A run directory, or a trajectory.csv.")],
    to: Annotated[str, typer.Option(help="csv, parquet or netcdf.")] = "csv",
    out: Annotated[
        Path | None, typer.Option(help="The file. Default: one named after the run, in this folder.")
    ] = None,
) -> None:
    """Write the rows of a run as CSV, Parquet or NetCDF."""
    from infoplane import runs
    from infoplane.io.files import clean

    for path in runs.export(run_directory, to, out):
        typer.echo(f"wrote {clean(path)}")
