"""Around the loop: a bar and a picture that follow it, interruptions as wishes, and everything in order at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal

from infoplane import plotting
from infoplane.errors import InfoplaneError, RunError, TrainingInterrupted
from infoplane.runs import RunDirectory
from infoplane.training.interrupts import Interrupts
from infoplane.training.options import Options, PictureOptions
from infoplane.training.progress import Progress
from infoplane.training.result import Result
from infoplane.training.resume import Keeper
from infoplane.trajectory.trajectory import Trajectory

Watcher = Callable[[int, Sequence[dict[str, Any]] | None], bool | None]  # told of every step; True ends the training


@contextmanager
def watched(result: Result, keeper: Keeper, options: Options) -> Iterator[Sequence[Watcher]]:
    """Who is to be told of every step; whatever happens inside, what there is is written and goes with the error.

    Raises:
        TrainingInterrupted: a second Ctrl-C came in the middle of a step.
    """
    started, pictures = time.perf_counter(), options.pictures
    with Interrupts() as interrupts:
        try:
            with (
                Progress(options.steps, shown=options.run.progress, done=max(keeper.course.step, 0)) as bar,
                _live_picture(pictures, keeper.run, result.trajectory) as live,
            ):
                yield bar.advance, live, lambda step, rows: interrupts.asked
            keeper.save()
        except InfoplaneError as error:
            error.result = result
            result.seconds = time.perf_counter() - started
            with suppress(RunError):  # where nothing can be written any more, the first error says so
                _close(result, keeper.run, pictures, failure=str(error))
            raise
        except KeyboardInterrupt as interruption:
            result.seconds = time.perf_counter() - started
            raise TrainingInterrupted(result) from interruption
        result.seconds = time.perf_counter() - started
        _close(result, keeper.run, pictures)


@contextmanager
def _live_picture(pictures: PictureOptions, run: RunDirectory | None, trajectory: Trajectory) -> Iterator[Watcher]:
    """The information plane, redrawn now and then where ``plot`` is ``dynamic``."""
    if pictures.plot != "dynamic":
        yield lambda step, rows: None
        return
    path = None if run is None else run.path_of("plane.png")
    live = plotting.LiveFigure(path, **{"facts": trajectory.meta, **pictures.look})

    def refresh(step: int, rows: Sequence[dict[str, Any]] | None) -> None:
        if rows:
            live.update(trajectory.to_pandas)

    yield refresh
    live.close(trajectory.to_pandas if len(trajectory) else None)


def _close(result: Result, run: RunDirectory | None, pictures: PictureOptions, failure: str | None = None) -> None:
    """Write what there is: first the table, then the pictures, and that the run is over."""
    if run is None:
        return
    result.seconds = run.seconds  # with those before an interruption
    if len(result.trajectory):
        run.write_trajectory(result.trajectory)
        if pictures.plot is not None:
            figure = result.trajectory.plot(**pictures.look)
            for name in ("plane.png", "plane.svg"):
                plotting.save(figure, run.path_of(name))
    state: Literal["finished", "interrupted", "failed"] = "interrupted" if result.interrupted else "finished"
    reason = result.decision.reason if result.decision is not None and result.decision.stop else None
    run.finish("failed" if failure else state, reason=failure or reason, steps=result.steps)
