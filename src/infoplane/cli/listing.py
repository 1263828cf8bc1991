"""infoplane list: the names of what there is, the runs in a folder, the layers of a network."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from infoplane.cli.root import app
from infoplane.errors import InputError, UnknownNameError


@app.command("list")
def list_names(
    what: Annotated[
        str, typer.Argument(help="experiments, datasets, networks, estimators, replications, layers or runs.")
    ],
    place: Annotated[
        str | None, typer.Argument(help="For layers: MODULE:FACTORY, which makes your network. For runs: their folder.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--input", help="For layers: the shape of one sample, as 3x32x32.")
    ] = None,
    samples: Annotated[int, typer.Option(help="For layers: samples to measure the cost on.")] = 256,
) -> None:
    """List what there is, the runs in a folder, or which layers of your network are measured, and at what cost."""
    if (what not in ("layers", "runs") and place is not None) or (what != "layers" and shape is not None):
        raise InputError(f"list {what} takes no factory and no --input: they belong to infoplane list layers")
    if what == "runs":
        _list_runs(place or "runs")
        return
    if what == "layers":
        from infoplane.io.files import clean
        from infoplane.saved.factories import list_layers

        lines = [clean(line) for line in str(list_layers(place, shape, samples=samples)).splitlines()]
    else:
        lines = _names(what)
    typer.echo("\n".join(lines))


def _names(what: str) -> list[str]:
    """The names of one kind, with titles where there are some."""
    if what == "datasets":
        from infoplane import datasets

        return datasets.names()
    if what == "networks":
        from infoplane import networks

        return [f"{name:<10}  {kind.about}" for name, kind in networks.ARCHITECTURES.items()]
    if what == "estimators":
        from infoplane import estimators

        return [
            f"{name:<15}  {(inspect.getdoc(kind) or '').splitlines()[0]}" for name, kind in estimators.REGISTRY.items()
        ]
    if what == "experiments":
        from infoplane import experiments

        return [f"{name:<12}  {experiments.load(name).title}" for name in experiments.names()]
    if what == "replications":
        from infoplane import replications

        return [f"{name:<18}  {replications.load(name).title}" for name in replications.names()]
    raise UnknownNameError(
        "thing to list", what, ("experiments", "datasets", "networks", "estimators", "replications", "layers", "runs")
    )


def _list_runs(folder: str) -> None:
    """A table of the runs, as wide as it has to be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from infoplane.io.files import clean
    from infoplane.runs import overview

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("run", "experiment", "state", "steps", "seconds", "last layer"):
        table.add_column(name, justify="right" if name in ("steps", "seconds") else "left", overflow="fold")
    for run in overview(folder):
        seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
        cells = (run.name, run.experiment, run.state, str(run.steps), seconds, run.newest)
        table.add_row(*(Text(clean(cell)) for cell in cells))
    if not table.row_count:
        typer.echo(f"no runs in {clean(folder)}")
        return
    console = Console()
    console.width = max(console.width, 100)
    console.print(table)
