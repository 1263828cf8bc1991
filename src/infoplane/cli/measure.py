"""infoplane measure: the trajectory of activations that another program recorded while it trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infoplane.cli.root import app


@app.command()
def measure(
    files: Annotated[list[Path], typer.Argument(help=".npz files with arrays like epoch_0005/layer_3, x and y.")],
    out: Annotated[Path, typer.Option(help="A .csv file, or a folder that infoplane plot reads.")],
    estimator: Annotated[str, typer.Option(help="See 'infoplane list estimators'.")] = "binned",
    bins: Annotated[str | None, typer.Option(help="For binned: a rule or a number.")] = None,
    units: Annotated[str, typer.Option(help="bits or nats.")] = "bits",
) -> None:
    """Measure recorded activations of many steps, and write their trajectory."""
    from infoplane.io.files import clean
    from infoplane.saved.dumps import measure_dump

    table: dict[str, Any] = {"name": estimator}
    if bins is not None:
        table["bins"] = int(bins) if bins.isdecimal() else bins
    trajectory = measure_dump(files, estimators=table, units=units)
    trajectory.save(out)
    typer.echo(f"wrote {clean(out)}: {trajectory!r}")
