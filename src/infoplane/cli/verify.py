"""infoplane verify: is a run directory as it was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infoplane.cli.root import app


@app.command()
def verify(run_directory: Annotated[Path, typer.Argument(help="A run directory.")]) -> None:
    """Compare a run directory with its checksums; exit code 1 if anything differs."""
    from infoplane import runs
    from infoplane.io.files import clean

    findings = runs.verify(run_directory)
    for finding in findings:
        typer.echo(clean(finding))
    if findings:
        raise typer.Exit(1)
    typer.echo(f"{clean(run_directory)} is as it was written")
