"""infoplane sweep: many runs of an experiment, and one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoplane.cli.root import app

if TYPE_CHECKING:
    from infoplane.sweeps.table import Sweep


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help=r"A TOML file: an experiment, \[sweep.grid], \[\[sweep.list]], seeds.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the runs; default sweeps/NAME.")] = None,
    engine: Annotated[str, typer.Option(help="loky, dask, ray or slurm.")] = "loky",
    scheduler: Annotated[str | None, typer.Option(help="Of dask or ray: the cluster, as tcp://host:8786.")] = None,
    workers: Annotated[int | None, typer.Option(help="Runs at once; default: the processors.")] = None,
    retries: Annotated[int, typer.Option(help="How often a failed run is tried again.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which runs there would be.")] = False,
) -> None:
    """Do every run of a sweep, leave finished ones alone, and write one table."""
    from infoplane.io.files import clean
    from infoplane.sweeps.plan import read_plan
    from infoplane.sweeps.running import sweep as run_all

    plan = read_plan(file)
    for planned in plan.runs if dry_run else ():
        typer.echo(clean(planned.name))
    typer.echo(f"{len(plan.runs)} runs of {clean(plan.name)}, varied: {clean(', '.join(plan.settings) or 'nothing')}")
    if dry_run:
        return
    try:
        done = run_all(plan, out=out, engine=engine, workers=workers, retries=retries, scheduler=scheduler)
    except KeyboardInterrupt:
        typer.echo("stopped: the same command goes on with the runs that are not finished", err=True)
        raise typer.Exit(130) from None
    _report(done)
    if done.unfinished():
        raise typer.Exit(1)


def _report(done: Sweep) -> None:
    """Pictures, what failed, and where everything is."""
    from infoplane import plotting
    from infoplane.errors import InputError
    from infoplane.io.files import clean

    for name, message in done.failures().items():
        typer.echo(f"failed: {clean(name)}: {clean(message)}", err=True)
    finished = len(done.plan.runs) - len(done.unfinished())
    if finished:
        try:
            for name, figure in (("plane", done.plot()), ("curves", done.curves())):
                plotting.save(figure, done.out / f"{name}.png")
        except InputError as error:
            typer.echo(f"no picture: {error}", err=True)
    typer.echo(f"{finished} of {len(done.plan.runs)} runs finished; tables and pictures are in {done.out}")
