"""infoplane serve: the live page of a folder of runs."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from infoplane.cli.root import app


@app.command()
def serve(
    runs: Annotated[Path, typer.Argument(help="A folder with run directories, or a run directory.")] = Path("runs"),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 7435,
    host: Annotated[
        str, typer.Option(help="Address. Any other than 127.0.0.1 lets other machines connect.")
    ] = "127.0.0.1",
) -> None:
    """Show runs in the browser while they train."""
    from infoplane.serve import LivePage

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        page = LivePage(runs, host=host, port=port)
    for warning in caught:
        typer.echo(f"warning: {warning.message}", err=True)
    typer.echo(f"{page.url}\nstop with Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        page.run()


@contextlib.contextmanager
def beside(run: Path) -> Iterator[None]:
    """The live page of a run that is about to begin, for as long as this process trains it."""
    from infoplane.io.files import make_folder
    from infoplane.serve import LivePage

    folder = run.absolute().parent
    make_folder(folder)
    with LivePage(folder, port=0) as page, contextlib.ExitStack() as until_the_end:
        url = f"{page.url}#{run.name}"
        typer.echo(f"{url}\nThe page ends with the run; infoplane serve {folder} shows it again")
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32"):
            until_the_end.enter_context(in_browser(url))
        yield


@contextlib.contextmanager
def in_browser(url: str) -> Iterator[None]:
    """Open ``url``, which holds the token, by way of a file that leads there and that only this user can read.

    Every user of a machine can read the command lines of all processes, so the address itself may not stand on that
    of the browser.
    """
    import webbrowser
    from html import escape

    page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={escape(url)}">'
    with tempfile.TemporaryDirectory(prefix="infoplane-") as folder:  # of mode 700
        file = Path(folder) / "live-page.html"
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(f'{page}<title>infoplane</title><a href="{escape(url)}">The live page</a>\n')
        webbrowser.open(file.as_uri())
        yield
