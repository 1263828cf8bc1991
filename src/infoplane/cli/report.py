"""infoplane report: runs into one HTML file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from infoplane.cli.root import app


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, folders of them, or trajectory.csv files.")],
    out: Annotated[Path | None, typer.Option(help="HTML file. Default: report.html in the first run.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page. Default: the names of the runs.")] = None,
) -> None:
    """Write runs into one HTML file that can be opened, played and passed on without a network."""
    from infoplane.report import write

    first = runs[0] if runs[0].is_dir() else runs[0].parent
    path = write(
        runs,
        out if out is not None else first / "report.html",
        title=title,
        command=shlex.join(["infoplane", *sys.argv[1:]]),
    )
    typer.echo(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
