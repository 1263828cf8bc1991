"""The command line: parse, call, print. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks are several times faster on one thread
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import typer

from infoplane import __version__
from infoplane.errors import InfoplaneError, InputError, UnknownNameError

if TYPE_CHECKING:
    from infoplane.comparison import Comparison
    from infoplane.training import Result

app = typer.Typer(
    help="The information plane of neural networks: what every layer knows about its input and its label.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"infoplane {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="warm-up, six-layer, complicated, conv, or a TOML file.")],
    copies: Annotated[int | None, typer.Option(help="Copies of the network.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    family: Annotated[
        str | None, typer.Option(help="exact, sampled (the report's), per-copy, single; several with commas.")
    ] = None,
    init: Annotated[str, typer.Option(help="shared or independent initialisation of the copies.")] = "shared",
    seed: Annotated[int | None, typer.Option(help="Same seed, same result.")] = None,
    every: Annotated[str | None, typer.Option(help="Steps between measurements, or 'log'.")] = None,
    plot: Annotated[str, typer.Option(help="once, dynamic or none.")] = "once",
    out: Annotated[Path | None, typer.Option(help="Run directory; default runs/EXPERIMENT-TIME.")] = None,
    data: Annotated[str | None, typer.Option(help="Another dataset: see 'infoplane list datasets'.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Where the files of mnist or fashion-mnist are.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch mnist where it is missing.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace the run directory of that name.")] = False,
) -> None:
    """Train an experiment, measure every layer on the way, and leave a run directory."""
    from infoplane import experiments, runs

    chosen = experiments.load(experiment)
    if data is not None:
        chosen = chosen.on(data, **_data_options(data_root, download))
    options: dict[str, Any] = {
        "copies": copies,
        "epochs": epochs,
        "family": None if family is None else tuple(part.strip() for part in family.split(",")),
        "seed": seed,
        "every": None if every is None else _every(every),
    }
    result = chosen.run(
        **{name: value for name, value in options.items() if value is not None},
        init=init,
        plot=None if plot == "none" else plot,
        out=out if out is not None else runs.default_path(chosen.name),
        device=device,
        force=force,
    )
    _report(result)
    if result.interrupted:
        typer.echo(f"stopped at step {result.steps}: what was measured is in {result.out}", err=True)
        raise typer.Exit(130)


def _data_options(root: Path | None, download: bool) -> dict[str, Any]:
    return {**({"root": root} if root else {}), **({"download": True} if download else {})}


def _every(text: str) -> Any:
    if text == "log":
        return text
    if not text.isdecimal():
        raise InputError(f"--every {text!r}: give a whole number of at least 1, or log")
    return int(text)


@app.command()
def estimate(
    file: Annotated[Path, typer.Argument(help="Arrays: .npz, .npy, .csv, .pt or .safetensors.")],
    t: Annotated[str | None, typer.Option("--t", help="Array of the activations; several with commas.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Array of the labels.")] = None,
    x: Annotated[str | None, typer.Option("--x", help="Array of the inputs, for I(X;T).")] = None,
    labels: Annotated[Path | None, typer.Option(help="Another file, with the labels.")] = None,
    estimator: Annotated[str | None, typer.Option(help="Names with commas, or all; binned if none.")] = None,
    bins: Annotated[
        str | None, typer.Option(help="Of binned: rules or numbers with commas, as fixed,width,30.")
    ] = None,
    y_bins: Annotated[int | None, typer.Option(help="Classes of equal share to cut a continuous label into.")] = None,
    units: Annotated[str, typer.Option(help="bits or nats.")] = "bits",
    shuffles: Annotated[int, typer.Option(help="Random orders of the labels, for a null and a p-value.")] = 0,
    compare: Annotated[bool, typer.Option("--compare", help="All quick estimators and published bin rules.")] = False,
    out: Annotated[Path | None, typer.Option(help="Picture file (.png, .svg, .pdf).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Information between recorded activations and labels, by one estimator or many."""
    from infoplane import plotting
    from infoplane.arrays import choose, read_arrays, variable
    from infoplane.comparing import compare as compared
    from infoplane.files import json_bytes

    arrays = read_arrays(file)
    if labels is not None:
        found = read_arrays(labels)
        arrays["y"], y = variable(found, choose(found, y=y)["y"]), "y"
    chosen = choose(arrays, t=t, y=y, x=x)
    said: dict[str, Any] = {role: variable(arrays, name) for role, name in sorted(chosen.items())}
    options: dict[str, Any] = {"units": units, "y_bins": y_bins, "shuffles": shuffles}
    result = compared(**said, estimators=_estimators(estimator, bins, compare), **options)
    if out is not None:
        plotting.save(result.plot(title=file.name), out)
    if as_json:
        typer.echo(json_bytes({"file": file, "labels": labels, **chosen, **result.record()}), nl=False)
        return
    shapes = [f"{role} = {chosen[role]} {array.shape}" for role, array in said.items()]
    _print_comparison(result, f"{file.name}, {', '.join(shapes)}")
    if out is not None:
        typer.echo(f"wrote {out}")


def _estimators(names: str | None, bins: str | None, compare: bool) -> Any:
    """What ``infoplane.compare`` takes: None for its own choice."""
    if names == "all" and bins is None:
        return names
    if compare:
        if names is not None or bins is not None:
            raise InputError(
                "--compare chooses the estimators and bins: leave out --estimator and --bins, or --compare"
            )
        return None
    found: list[Any] = []
    for name in (part.strip() for part in (names or "binned").split(",")):
        rules = bins.split(",") if name == "binned" and bins is not None else [None]
        for rule in rules:
            options = {} if rule is None else {"bins": int(rule) if rule.strip().isdecimal() else rule.strip()}
            found.append({"name": name, **options})
    if bins is not None and not any("bins" in options for options in found):
        raise InputError(f"--bins {bins} is for the estimator binned: add it to --estimator {names}")
    return found


@app.command("list")
def list_names(
    what: Annotated[str, typer.Argument(help="experiments, datasets, estimators or layers.")],
    factory: Annotated[str | None, typer.Argument(help="Of layers: MODULE:FACTORY, which makes your network.")] = None,
    shape: Annotated[str | None, typer.Option("--input", help="Of layers: shape of one sample, as 3x32x32.")] = None,
    samples: Annotated[int, typer.Option(help="Of layers: samples to measure the cost on.")] = 256,
) -> None:
    """What there is, or which layers of your network would be measured, and at what cost."""
    if what != "layers" and (factory is not None or shape is not None):
        raise InputError(f"list {what} takes no factory and no --input: they belong to infoplane list layers")
    if what == "layers":
        from infoplane.factories import list_layers
        from infoplane.files import clean

        found = [clean(line) for line in str(list_layers(factory, shape, samples=samples)).splitlines()]
    elif what == "datasets":
        from infoplane import datasets

        found = datasets.names()
    elif what == "estimators":
        from infoplane import estimators

        found = estimators.names()
    elif what == "experiments":
        from infoplane import experiments

        found = [f"{name:<12}  {experiments.load(name).title}" for name in experiments.names()]
    else:
        raise UnknownNameError("thing to list", what, ("experiments", "datasets", "estimators", "layers"))
    typer.echo("\n".join(found))


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


def _report(result: Result) -> None:
    """The last step as a table, and where everything is."""
    from rich.console import Console
    from rich.table import Table

    from infoplane.files import clean

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


def _print_comparison(result: Comparison, title: str) -> None:
    """The rows as a table, below it why some have no number, and ceilings and spreads."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from infoplane.files import clean

    heads, cells = result.table()
    table = Table(title=Text(clean(title)), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, *column in zip(heads, *cells, strict=True):
        whole = max(map(len, (name, *column)))
        least = min(whole, 22) if name in ("measurement", "flags") else whole  # numbers are not cut
        table.add_column(Text(name), overflow="fold", min_width=least)
    for line in cells:
        table.add_row(*(Text(clean(cell)) for cell in line))
    console = Console()
    console.width = max(console.width, Console(width=1000).measure(table).minimum)
    console.print(table)
    for said in (*result.notes(), *result.summary()):
        console.print(Text(clean(said)))


def main() -> None:
    """Entry point: errors that infoplane raises on purpose are one line, without a traceback."""
    try:
        app()
    except InfoplaneError as error:
        from infoplane.files import clean

        typer.echo(f"infoplane: {clean(error)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("infoplane: interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
