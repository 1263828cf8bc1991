"""How far a sweep is: a bar over all its runs, read from their directories, so that any engine moves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infoplane.sweeps.table import Sweep

_SECONDS = 0.5  # between two looks


@contextmanager
def watch(sweep: Sweep, *, shown: bool | None = None) -> Iterator[None]:
    """Show a bar while the runs are done; ``shown``: True, False, or None for "in a terminal or a notebook"."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    if shown is False or (shown is None and not (console.is_terminal or console.is_jupyter)):
        yield
        return
    bar = progress.Progress(
        progress.BarColumn(24),
        progress.MofNCompleteColumn(),
        progress.TextColumn("runs"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=console,
    )
    over = threading.Event()
    with bar:
        looking = threading.Thread(target=_look, args=(sweep, bar, over), daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()


def _look(sweep: Sweep, bar: Any, over: threading.Event) -> None:
    task = bar.add_task("", total=len(sweep.plan.runs))
    left = list(sweep.plan.runs)
    while True:
        last = over.is_set()
        left = sweep.unfinished(left)
        bar.update(task, completed=len(sweep.plan.runs) - len(left))
        if last:
            return
        over.wait(_SECONDS)
