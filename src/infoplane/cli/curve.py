"""infoplane curve: what layers know at every level of a noise, from recorded arrays or a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoplane.cli.root import app
from infoplane.errors import InputError

if TYPE_CHECKING:
    import pandas

    from infoplane.companions.curves import Curves


@app.command()
def curve(
    source: Annotated[Path, typer.Argument(help="Arrays (.npz, .csv, .pt, .safetensors), saved curves, or a run.")],
    t: Annotated[str | None, typer.Option("--t", help="Arrays of the layers, separated by commas.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Array of the labels.")] = None,
    x: Annotated[str | None, typer.Option("--x", help="Array of the inputs, to see that equal ones agree.")] = None,
    snr: Annotated[str | None, typer.Option(help="Levels: '0 dB,10 dB,100'. Default: -3 to 33 dB.")] = None,
    rate: Annotated[float, typer.Option(help="Bits of I(X;T) at which layers are held against each other.")] = 2.0,
    units: Annotated[str, typer.Option(help="bits or nats.")] = "bits",
    out: Annotated[Path | None, typer.Option(help="Picture (.png, .svg, .pdf), .csv or .json.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Draw I(T;Y) at that rate over the layers.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print every level of every layer.")] = False,
) -> None:
    """The information curve of layers: I(T;Y) against I(X;T) behind noise, between bounds."""
    from infoplane.estimators import check_units
    from infoplane.io.files import clean

    check_units(units)
    levels = None if snr is None else [_level(part.strip()) for part in snr.split(",")]
    if source.is_dir():
        from infoplane.experiments.registry import finished

        curves = finished(source).curves(snr=levels)
    elif source.suffix.lower() == ".json":
        from infoplane.companions.curves import Curves

        curves = Curves.load(source)
    else:
        curves = _of_arrays(source, {"t": t, "y": y, "x": x}, levels, units)
    _print(curves, rate, table)
    if out is not None:
        _write(curves, out, rate if profile else None, source.name)
        typer.echo(f"wrote {clean(out)}")


def _level(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _of_arrays(file: Path, names: dict[str, str | None], levels: list[float | str] | None, units: str) -> Curves:
    """One layer, or several that ``--t`` separates by commas."""
    from typing import Any

    from infoplane.companions.curve import information_curve
    from infoplane.companions.curves import Curves
    from infoplane.io.arrays import choose, read_arrays, variable

    arrays = read_arrays(file)
    layers = [None] if names["t"] is None else [name.strip() for name in names["t"].split(",")]
    options: dict[str, Any] = {"snr": levels, "units": units}
    result = {}
    for layer in layers:
        chosen = choose(arrays, **{**names, "t": layer})
        variables: dict[str, Any] = {role: variable(arrays, name) for role, name in chosen.items()}
        result[chosen["t"]] = information_curve(**variables, **options)
    return Curves(result)


def _print(curves: Curves, rate: float, every: bool) -> None:
    """For each layer what it tells of the label at equal rate; with ``every`` all levels."""
    first = next(iter(curves.values()))
    if every or not first.labels:
        _print_table(curves.to_pandas().drop(columns=["snr", "n"]))
    for label in first.labels:
        letter = "Y" if len(first.labels) == 1 else label
        typer.echo(f"I(T;{letter}) [{first.units}] where I(X;T) is {rate:g} bits")
        table = curves.at_rate(rate, label).drop(columns=["rate", "units"])
        _print_table(table if table["note"].any() else table.drop(columns="note"))


def _print_table(table: pandas.DataFrame) -> None:
    from infoplane.io.files import clean

    for line in table.round(3).to_string(index=False, na_rep="").splitlines():
        typer.echo(clean(line))


def _write(curves: Curves, out: Path, rate: float | None, title: str) -> None:
    from infoplane import plotting

    if out.suffix.lower() == ".json":
        curves.save(out)
    elif out.suffix.lower() == ".csv":
        curves.to_pandas().to_csv(out, index=False)
    else:
        labels = next(iter(curves.values())).labels
        if len(labels) > 1:
            raise InputError(f"the curves have several label sets, {', '.join(labels)}: save them with --out FILE.json")
        plotting.save(curves.plot(rate=rate, title=title), out)
