"""How far a training is: a bar with steps/s, time left, and the newest information of every layer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, final

from infoplane.runs import clean


@final
class Progress:
    """A progress bar for a terminal or a notebook; use it in a ``with``.

    ``shown``: True, False, or None for "if somebody is watching" (a terminal or a notebook). The newest numbers are
    redrawn a few times a second, however often ``advance`` is called.
    """

    def __init__(self, total: int, *, shown: bool | None = None) -> None:
        self._total = total
        self._bar: Any = None
        self._drawn = self._taken = 0.0
        self._done = 0
        if shown or (shown is None and _watched()):
            self._bar, self._task = _bar(total)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
            self._bar.stop()

    def advance(self, step: int, rows: Iterable[Mapping[str, Any]] | None) -> None:
        """Training is at ``step``; ``rows`` are the newest of the trajectory, or None where nothing was measured."""
        self._done = step
        if self._bar is None or time.monotonic() - self._drawn < 0.2:
            return
        self._drawn = time.monotonic()
        self._bar.update(self._task, completed=step, **({"newest": _newest(rows)} if rows else {}))


def _watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _bar(total: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class _Rate(TextColumn):
        def render(self, task: Any) -> Any:
            task.fields["rate"] = f"{task.speed:.0f} steps/s" if task.speed else ""
            return super().render(task)

    console = Console(stderr=True)
    bar = Progress(
        BarColumn(24),
        MofNCompleteColumn(),
        _Rate("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[newest]}"),
        console=console,
        refresh_per_second=5,
    )
    return bar, bar.add_task("", total=total, newest="", rate="")


def _newest(rows: Iterable[Mapping[str, Any]]) -> str:
    """``I(X;T) I(T;Y)`` of every layer, of the first family and estimator there is."""
    kept = [row for row in rows if row["copy"] in (-1, 0)]
    first = [row for row in kept if (row["family"], row["estimator"], row["label"]) == _kind(kept[0])]
    numbers = "  ".join(f"{clean(row['layer'])} {row['i_xt']:.2f} {row['i_ty']:.2f}" for row in first[:8])
    return f"{first[0]['family']} I(X;T) I(T;Y) in {first[0]['units']}:  {numbers}"


def _kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["family"], row["estimator"], row["label"]
