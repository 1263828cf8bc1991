"""infoplane plot: draw a run again, as a picture or in characters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoplane.cli.root import app

if TYPE_CHECKING:
    from infoplane.trajectory.trajectory import Trajectory

KINDS = ("plane", "curves", "profile", "phases", "comparison")


@app.command()
def plot(
    run_directory: Annotated[Path, typer.Argument(help="A run directory, or a trajectory.csv.")],
    out: Annotated[Path | None, typer.Option(help="Picture file (.png, .svg, .pdf).")] = None,
    kind: Annotated[str, typer.Option(help="plane, curves, profile, phases or comparison.")] = "plane",
    text: Annotated[bool, typer.Option("--text", help="Characters here: the plane, or phases.")] = False,
    split: Annotated[list[str] | None, typer.Option(help="Only this split; give it again for more.")] = None,
    together: Annotated[bool, typer.Option("--together", help="The plane's splits in one panel.")] = False,
    color: Annotated[str, typer.Option(help="The plane's: step or layer.")] = "step",
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
) -> None:
    """Draw a run again: its plane, curves, depth profile, phases, or its estimators compared."""
    from infoplane import plotting
    from infoplane.errors import InputError, UnknownNameError
    from infoplane.trajectory.trajectory import Trajectory

    if kind not in KINDS:
        raise UnknownNameError("kind of picture", kind, KINDS)
    trajectory = Trajectory.load(run_directory)
    if split:
        trajectory = _of_splits(trajectory, split)
    if text:
        if kind not in ("plane", "phases"):
            raise InputError(f"--text draws no {kind}: use --kind plane or --kind phases, or leave --text out")
        typer.echo(_in_characters(trajectory, kind))
        return
    folder = run_directory if run_directory.is_dir() else run_directory.parent
    path = out if out is not None else folder / f"{kind}.png"
    plane: dict[str, Any] = {"color": color, "splits": "together" if together else "beside"}
    plotting.save(_drawers(trajectory, plane)[kind](theme), path)
    typer.echo(f"wrote {path}")


def _of_splits(trajectory: Trajectory, wanted: list[str]) -> Trajectory:
    from infoplane.errors import UnknownNameError
    from infoplane.trajectory.trajectory import concat

    known = dict.fromkeys(str(row["split"]) for row in trajectory)
    for name in wanted:
        if name not in known:
            raise UnknownNameError("split", name, known)
    chosen = concat(trajectory.select(split=name) for name in wanted)
    chosen.scalars = trajectory.scalars
    return chosen


def _drawers(trajectory: Trajectory, plane: dict[str, Any]) -> dict[str, Callable[[str], Any]]:
    """Kind -> a function of the theme that draws it."""
    import infoplane
    from infoplane import plotting

    table, facts = trajectory.to_pandas, trajectory.meta
    scalars = trajectory.scalars
    extra: dict[str, Any] = {"scalars": scalars.to_pandas()} if len(scalars) else {}
    return {
        "plane": lambda theme: trajectory.plot(theme=theme, **plane),
        "curves": lambda theme: plotting.curves(table(), facts=facts, theme=theme, **extra),
        "profile": lambda theme: plotting.profile(table(), facts=facts, theme=theme),
        "phases": lambda theme: infoplane.phases(trajectory).plot(theme=theme),
        "comparison": lambda theme: plotting.multiples(table(), facts=facts, theme=theme),
    }


def _in_characters(trajectory: Trajectory, kind: str) -> str:
    import os
    import shutil
    import sys

    import infoplane
    from infoplane import plotting

    width, lines = shutil.get_terminal_size((80, 30))
    if kind == "phases":
        return str(infoplane.phases(trajectory))
    return plotting.text_plane(
        trajectory.to_pandas(),
        width=min(width, 120),
        height=min(max(lines - 10, 10), 30),
        color=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        braille="utf" in (sys.stdout.encoding or "").lower(),
    )
