"""infoplane list: what there is."""

from __future__ import annotations

from typing import Annotated

import typer

from infoplane.cli.root import app
from infoplane.errors import InputError, UnknownNameError


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
