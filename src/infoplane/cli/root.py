"""The application that every command joins."""

from __future__ import annotations

from typing import Annotated

import typer

from infoplane import __version__

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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
