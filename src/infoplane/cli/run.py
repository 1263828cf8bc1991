"""infoplane run: train an experiment and leave a run directory."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoplane.cli.root import app
from infoplane.cli.serve import beside
from infoplane.errors import InputError

if TYPE_CHECKING:
    from infoplane.training.result import Result


_WITH_RESUME = ("resume", "force_unlock", "checkpoint_every", "serve")


@app.command()
def run(
    context: typer.Context,
    experiment: Annotated[
        str | None, typer.Argument(help="warm-up, six-layer, complicated, conv, or a TOML file.")
    ] = None,
    copies: Annotated[int | None, typer.Option(help="Copies of the network.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    family: Annotated[
        str | None, typer.Option(help="exact, sampled (the report's), per-copy, single; several with commas.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="shared or independent initialisation of the copies; default: shared.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same result.")] = None,
    every: Annotated[str | None, typer.Option(help="Steps between measurements, or 'log'.")] = None,
    plot: Annotated[str, typer.Option(help="once, dynamic or none.")] = "once",
    out: Annotated[Path | None, typer.Option(help="Run directory; default runs/EXPERIMENT-TIME.")] = None,
    data: Annotated[str | None, typer.Option(help="Another dataset: see 'infoplane list datasets'.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Where the files of mnist or fashion-mnist are.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch mnist where it is missing.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; default: auto.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run directory of that name.")] = False,
    resume: Annotated[Path | None, typer.Option(help="Resume the run in this directory.")] = None,
    force_unlock: Annotated[
        bool, typer.Option("--force-unlock", help="Take the run from a process that cannot be alive.")
    ] = False,
    checkpoint_every: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 10.0,
    serve: Annotated[bool, typer.Option("--serve", help="Show the run in the browser while it trains.")] = False,
) -> None:
    """Train an experiment, measure every layer on the way, and leave a run directory."""
    from infoplane import experiments, runs

    folder = resume if resume is not None else out
    if force_unlock and folder is not None:
        runs.force_unlock(folder)
    if resume is not None:
        _alone(context)
        if serve:
            context.with_resource(beside(resume))
        _end(experiments.resume(resume, checkpoint_every=checkpoint_every))
        return
    if experiment is None:
        raise InputError("which experiment? infoplane list experiments names them; --resume RUN goes on with a run")
    chosen = experiments.load(experiment)
    if data is not None:
        chosen = chosen.on(data, **_data_options(data_root, download))
    options: dict[str, Any] = {
        "copies": copies,
        "epochs": epochs,
        "family": None if family is None else tuple(part.strip() for part in family.split(",")),
        "seed": seed,
        "init": init,  # where nothing is said here, a file's own choice holds
        "device": device,
        "every": None if every is None else _every(every),
    }
    place = out if out is not None else runs.default_path(chosen.name)
    if serve:
        context.with_resource(beside(place))
    result = chosen.run(
        **{name: value for name, value in options.items() if value is not None},
        plot=None if plot == "none" else plot,
        out=place,
        force=force,
        checkpoint_every=checkpoint_every,
    )
    _end(result)


def _alone(context: typer.Context) -> None:
    """With --resume, everything else is as the run has it."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in _WITH_RESUME:
            raise InputError(f"--resume goes on with the settings of the run: leave out {name.replace('_', '-')}")


def _end(result: Result) -> None:
    _report(result)
    if result.interrupted:
        again = shlex.join(["infoplane", "run", "--resume", str(result.out)])
        typer.echo(f"stopped at step {result.steps}; resume with: {again}", err=True)
        raise typer.Exit(130)


def _data_options(root: Path | None, download: bool) -> dict[str, Any]:
    return {**({"root": root} if root else {}), **({"download": True} if download else {})}


def _every(text: str) -> Any:
    if text == "log":
        return text
    if not text.isdecimal():
        raise InputError(f"--every {text!r}: give a whole number of at least 1, or log")
    return int(text)


def _report(result: Result) -> None:
    """The last step as a table, and where everything is."""
    from rich.console import Console
    from rich.table import Table

    from infoplane.io.files import clean

    console = Console()
    rows = result.trajectory.last()
    if rows:
        units = rows[0]["units"]
        table = Table(title=f"step {rows[0]['step']}, {units}, {result.trajectory.meta['measurement']}")
        for name in ("layer", "family", "copy", "I(X;T)", "I(T;Y)", "H(T)", "H(T|X)", "all differ", "doubt"):
            table.add_column(name, justify="left" if name in ("layer", "family", "doubt") else "right")
        differ = result.trajectory.meta.get("all_differ", {})  # share of the inputs that all copies tell apart
        for row in rows:
            numbers = (row["i_xt"], row["i_ty"], row["h_t"], row["h_t_given_x"])
            shown = ["" if number is None else f"{number:.3f}" for number in numbers]
            copy = "" if row["copy"] == -1 else str(row["copy"])
            split = f"{differ[row['layer']]:.0%}" if row["family"] == "exact" and row["layer"] in differ else ""
            table.add_row(clean(row["layer"]), row["family"], copy, *shown, split, ", ".join(row["flags"]))
        console.print(table)
    speed = result.steps / result.seconds if result.seconds else 0.0
    share = result.measuring_seconds / result.seconds if result.seconds else 0.0
    console.print(
        f"{result.steps} steps of {result.family.copies} copies in {result.seconds:.1f} s "
        f"({speed:.0f} steps/s, {share:.0%} of the time for the information); {result.family.engine_reason}"
    )
    if result.out is not None:
        for file in sorted(result.out.iterdir()):
            typer.echo(f"  {file}")
