"""infoplane estimate: information between recorded arrays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoplane.cli.root import app
from infoplane.errors import InputError

if TYPE_CHECKING:
    from infoplane.comparison.table import Comparison


_Continuous = Annotated[
    str | None, typer.Option(help="y, if its values are numbers: counts, cents, ages. Else they are looked at.")
]
_Discrete = Annotated[
    str | None, typer.Option(help="y, t or t,y, if its values, or rows, are classes however many there are.")
]


@app.command()
def estimate(
    file: Annotated[Path, typer.Argument(help="Arrays: .npz, .npy, .csv, .pt or .safetensors.")],
    t: Annotated[
        str | None, typer.Option("--t", help="Array of the activations; several are separated by commas.")
    ] = None,
    y: Annotated[str | None, typer.Option("--y", help="Array of the labels.")] = None,
    x: Annotated[str | None, typer.Option("--x", help="Array of the inputs, for I(X;T).")] = None,
    labels: Annotated[Path | None, typer.Option(help="Another file, which holds the labels.")] = None,
    estimator: Annotated[str | None, typer.Option(help="Names, separated by commas, or all. Default: binned.")] = None,
    bins: Annotated[
        str | None, typer.Option(help="For binned: rules or numbers, separated by commas, as fixed,width,30.")
    ] = None,
    y_bins: Annotated[
        int | None, typer.Option(help="Cut a continuous label into this many classes of equal size.")
    ] = None,
    continuous: _Continuous = None,
    discrete: _Discrete = None,
    missing: Annotated[str, typer.Option(help="error, or drop the samples that have no label.")] = "error",
    ignore_index: Annotated[int | None, typer.Option(help="A number in y for 'no label', such as -100.")] = None,
    units: Annotated[str, typer.Option(help="bits or nats.")] = "bits",
    shuffles: Annotated[int, typer.Option(help="Shuffle the labels this often, for a null and a p-value.")] = 0,
    nonfinite: Annotated[
        str, typer.Option(help="Rows with NaN or infinity: error, drop-row, or own-cell (estimators that count).")
    ] = "error",
    seconds: Annotated[float | None, typer.Option(help="After so many no further estimator begins.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="All quick estimators and published bin rules.")] = False,
    out: Annotated[Path | None, typer.Option(help="Picture file (.png, .svg, .pdf).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Information between recorded activations and labels, by one estimator or many."""
    from infoplane import plotting
    from infoplane.comparison.compare import compare as compared
    from infoplane.io.arrays import choose, read_arrays, variable
    from infoplane.io.files import json_bytes

    arrays = read_arrays(file)
    if labels is not None:
        others = read_arrays(labels)
        arrays["y"], y = variable(others, choose(others, y=y)["y"]), "y"
    names = choose(arrays, t=t, y=y, x=x)  # of the arrays, by role
    variables: dict[str, Any] = {role: variable(arrays, name) for role, name in sorted(names.items())}
    options: dict[str, Any] = {
        "units": units, "y_bins": y_bins, "shuffles": shuffles, "continuous": _split(continuous),
        "discrete": _split(discrete), "missing": missing, "ignore_index": ignore_index, "nonfinite": nonfinite,
        "seconds": seconds,
    }  # fmt: skip
    try:
        result = compared(**variables, estimators=_estimators(estimator, bins, compare), **options)
    except InputError as error:
        raise InputError(_as_typed(str(error))) from error
    if out is not None:
        plotting.save(result.plot(title=file.name), out)
    if as_json:
        typer.echo(json_bytes({"file": file, "labels": labels, **names, **result.record()}), nl=False)
        return
    shapes = [f"{role} = {names[role]} {array.shape}" for role, array in variables.items()]
    _print_comparison(result, f"{file.name}, {', '.join(shapes)}")
    if out is not None:
        typer.echo(f"wrote {out}")


def _split(names: str | None) -> list[str]:
    return [] if names is None else [name.strip() for name in names.split(",")]


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
    tables: list[Any] = []
    for name in (part.strip() for part in (names or "binned").split(",")):
        rules = bins.split(",") if name == "binned" and bins is not None else [None]
        for rule in rules:
            options = {} if rule is None else {"bins": int(rule) if rule.strip().isdecimal() else rule.strip()}
            tables.append({"name": name, **options})
    if bins is not None and not any("bins" in table for table in tables):
        raise InputError(f"--bins {bins} is for the estimator binned: add it to --estimator {names}")
    return tables


def _as_typed(message: str) -> str:
    """A message of Python as one of the command line: ``y_bins=10`` is ``--y-bins 10`` here."""
    option = re.compile(r"\b(y_bins|nonfinite|shuffles|estimator|bins|units)=(?:(['\"])([\w-]+)\2|(\d*))")
    return option.sub(lambda match: f"--{match[1].replace('_', '-')} {match[3] or match[4]}".rstrip(), message)


def _print_comparison(result: Comparison, title: str) -> None:
    """The rows as a table, below it why some have no number, and ceilings and spreads."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from infoplane.io.files import clean

    heads, cells = result.table()
    table = Table(title=Text(clean(title)), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, *column in zip(heads, *cells, strict=True):
        widest = max(map(len, (name, *column)))
        width = min(widest, 22) if name in ("measurement", "flags") else widest  # words are folded, numbers are not
        table.add_column(Text(name), overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console = Console()
    # a terminal that is too narrow gets long lines rather than numbers without their ends
    console.width = max(console.width, Console(width=1000).measure(table).minimum)
    console.print(table)
    for sentence in (*result.notes(), *result.summary()):
        console.print(Text(clean(_as_typed(sentence))))
