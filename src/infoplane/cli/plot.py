"""infoplane plot: draw a run again, as a picture or in characters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from infoplane.cli.root import app

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from infoplane.trajectory.trajectory import Trajectory


@final
@dataclass(frozen=True)
class PlotOptions:
    """What a user asks of a picture; ``color`` and ``together`` are for the plane."""

    theme: Any
    color: Any
    together: bool


def _plane(run: Trajectory, options: PlotOptions) -> Figure:
    splits = "together" if options.together else "beside"
    return run.plot(theme=options.theme, color=options.color, splits=splits)


def _curves(run: Trajectory, options: PlotOptions) -> Figure:
    from infoplane import plotting

    scalars = run.scalars.to_pandas() if len(run.scalars) else None
    return plotting.curves(run.to_pandas(), facts=run.meta, scalars=scalars, theme=options.theme)


def _profile(run: Trajectory, options: PlotOptions) -> Figure:
    from infoplane import plotting

    return plotting.profile(run.to_pandas(), facts=run.meta, theme=options.theme)


def _phases(run: Trajectory, options: PlotOptions) -> Figure:
    import infoplane

    return infoplane.phases(run).plot(theme=options.theme)


def _comparison(run: Trajectory, options: PlotOptions) -> Figure:
    from infoplane import plotting

    return plotting.multiples(run.to_pandas(), facts=run.meta, theme=options.theme)


#: What ``--kind`` takes, and what draws it.
KINDS: dict[str, Callable[[Trajectory, PlotOptions], Figure]] = {
    "plane": _plane,
    "curves": _curves,
    "profile": _profile,
    "phases": _phases,
    "comparison": _comparison,
}


@app.command()
def plot(
    run_directory: Annotated[Path, typer.Argument(help="A run directory, or a trajectory.csv.")],
    out: Annotated[Path | None, typer.Option(help="Picture file (.png, .svg, .pdf).")] = None,
    kind: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}.")] = "plane",
    text: Annotated[bool, typer.Option("--text", help="Draw here, in characters: the plane or phases.")] = False,
    split: Annotated[list[str] | None, typer.Option(help="Only this split; repeat for more of them.")] = None,
    together: Annotated[bool, typer.Option("--together", help="For the plane: all splits in one panel.")] = False,
    color: Annotated[str, typer.Option(help="For the plane: step or layer.")] = "step",
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
    plotting.save(KINDS[kind](trajectory, PlotOptions(theme, color, together)), path)
    typer.echo(f"wrote {path}")


def _of_splits(trajectory: Trajectory, wanted: list[str]) -> Trajectory:
    """The rows of some splits, with the scalars of the whole run."""
    from infoplane.errors import UnknownNameError
    from infoplane.trajectory.trajectory import concat

    known = dict.fromkeys(str(row["split"]) for row in trajectory)  # in the order of the run
    for name in wanted:
        if name not in known:
            raise UnknownNameError("split", name, known)
    chosen = concat(trajectory.select(split=name) for name in wanted)
    chosen.scalars = trajectory.scalars
    return chosen


def _in_characters(trajectory: Trajectory, kind: str) -> str:
    """The plane or the phases as text that fits this terminal."""
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
