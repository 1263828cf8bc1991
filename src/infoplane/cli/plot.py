"""infoplane plot: draw a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infoplane.cli.root import app


@app.command()
def plot(
    run_directory: Annotated[Path, typer.Argument(help="A run directory, or a trajectory.csv.")],
    out: Annotated[Path | None, typer.Option(help="Picture file (.png, .svg, .pdf).")] = None,
    color: Annotated[str, typer.Option(help="step or layer.")] = "step",
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
) -> None:
    """Draw the information plane of a run again."""
    from infoplane import plotting
    from infoplane.trajectory import Trajectory

    trajectory = Trajectory.load(run_directory)
    folder = run_directory if run_directory.is_dir() else run_directory.parent
    path = out if out is not None else folder / "plane.png"
    plotting.save(trajectory.plot(color=color, theme=theme), path)
    typer.echo(f"wrote {path}")
