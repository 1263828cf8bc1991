"""The command line: parse, call, print. Nothing heavy is imported before it is needed.

One file for each command, which adds itself to ``app``. The order of the imports is the order of ``infoplane --help``.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks are several times faster on one thread
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import typer

from infoplane.cli import curve, estimate, export, listing, measure, plot, replicate, report, run, serve, sweep, verify  # noqa: F401
from infoplane.cli.root import app
from infoplane.errors import InfoplaneError

__all__ = ["app", "main"]


def main() -> None:
    """Entry point: errors that infoplane raises on purpose are one line, without a traceback."""
    try:
        app()
    except InfoplaneError as error:
        from infoplane.io.files import clean

        typer.echo(f"infoplane: {clean(error)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("infoplane: interrupted", err=True)
        sys.exit(130)
