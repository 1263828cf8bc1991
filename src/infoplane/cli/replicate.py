"""infoplane replicate: published claims, each with a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoplane.cli.root import app
from infoplane.errors import InputError

if TYPE_CHECKING:
    from infoplane.replications.outcomes import Outcome

_FOLDER = Path("runs/replications")
_STYLES = {"holds": "green", "does not hold": "red", "undecided": "yellow"}


@app.command()
def replicate(
    name: Annotated[list[str] | None, typer.Argument(help="Claims: see 'infoplane list replications'.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All claims.")] = False,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds, in place of each claim's own.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the small versions, which take less than three minutes.")
    ] = False,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for verdicts, pictures, and intermediate results, from which a second call continues."
        ),
    ] = _FOLDER,
    docs: Annotated[
        Path | None, typer.Option(help="Folder for an overview and one page for each claim, in Markdown.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of processes, each with one thread.")] = 2,
) -> None:
    """Replicate published claims and judge them; a second call continues where the first one ended."""
    from rich.console import Console

    from infoplane import replications
    from infoplane.replications import gallery
    from infoplane.replications.outcomes import replicate as run

    if bool(name) == every:
        raise InputError(f"name the claims, or --all for all of them: {', '.join(replications.names())}")
    claims = [replications.load(claim) for claim in (replications.names() if every else name or [])]
    if quick and not any(claim.quick for claim in claims):
        raise InputError(f"no quick version of {', '.join(claim.name for claim in claims)}: leave out --quick")
    console = Console(stderr=True)
    with console.status("computing") as status:
        outcomes = run(
            claims,
            seeds=seeds,
            quick=quick,
            out=out,
            workers=workers,
            progress=lambda key, seconds: status.update(f"{key} took {seconds:.0f} s; computing"),
        )
    _print(outcomes)
    for outcome in outcomes:
        gallery.draw(outcome, out / f"{outcome.claim.name}.png")
    typer.echo(f"verdicts.json and pictures are in {out}")
    if docs is not None:
        typer.echo(f"{len(gallery.write_pages(outcomes, docs))} files of the gallery are in {docs}")


def _print(outcomes: list[Outcome]) -> None:
    """One section for each claim, at most 80 columns wide, and a table of all verdicts."""
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("claim", "verdict", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in ("seeds", "s of one core"):
        table.add_column(head, justify="right")
    for outcome in outcomes:
        console.print(Text(f"{outcome.claim.name}: {outcome.claim.title}", style="bold"))
        for check in outcome.checks:
            text = f"beside it: {check.text}" if check.contrast else check.text
            console.print(Padding(Text(text), (0, 0, 0, 2)))
            numbers = Text(f"{check.formatted}, needed {check.condition}: ")
            console.print(Padding(numbers.append(check.verdict, style=_STYLES[check.verdict]), (0, 0, 0, 6)))
        verdict = Text(outcome.verdict, style=_STYLES[outcome.verdict])
        table.add_row(outcome.claim.name, verdict, str(outcome.seeds), f"{outcome.seconds:.0f}")
        console.print()
    console.print(table)
    console.print("Each value is followed by its 95 % bootstrap interval over seeds.")
