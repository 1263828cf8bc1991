"""How far a training is: a bar with steps/s, time left, and the newest information of every layer."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, final

from infoplane.io.files import clean


@final
class Progress:
    """A progress bar for a terminal or a notebook; use it in a ``with``.

    ``shown``: True, False, or None for "if somebody is watching" (a terminal or a notebook). The newest numbers are
    redrawn a few times a second, however often ``advance`` is called. ``done`` steps were there before.
    """

    def __init__(self, total: int, *, shown: bool | None = None, done: int = 0) -> None:
        self._live: Any = None
        self._drawn = 0.0
        self._done = done
        self._rows: Iterable[Mapping[str, Any]] = ()
        if shown or (shown is None and _watched()):
            self._live, self._bar, self._newest = _display(total, done)

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._draw()
            self._live.stop()

    def advance(self, step: int, rows: Iterable[Mapping[str, Any]] | None) -> None:
        """Training is at ``step``; ``rows`` are the newest of the trajectory, or None where nothing was measured."""
        self._done, self._rows = step, rows or self._rows
        if self._live is not None and time.monotonic() - self._drawn >= 0.2:
            self._drawn = time.monotonic()
            self._draw()

    def _draw(self) -> None:
        self._bar.update(self._bar.task_ids[0], completed=self._done)
        if self._rows:
            self._newest.plain = _newest(self._rows)
        self._live.refresh()


@final
class _Cell:
    """The output of a notebook's cell, replaced each time: what rich can do there without further packages."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def start(self) -> None:
        from IPython.display import display

        self._handle = display(self._text(), raw=True, display_id=True)

    def refresh(self) -> None:
        self._handle.update(self._text(), raw=True)

    def stop(self) -> None:
        self.refresh()

    def _text(self) -> dict[str, str]:
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=110, force_jupyter=False, force_terminal=False).print(self._content)
        return {"text/plain": text.getvalue()}


def _watched() -> bool:
    return sys.stderr.isatty() or _in_notebook()


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def _display(total: int, done: int) -> tuple[Any, Any, Any]:
    """A bar above a text, kept in place; the bar and the text."""
    from rich import progress
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    bar = progress.Progress(
        progress.BarColumn(24),
        progress.MofNCompleteColumn(),
        _rate(progress.ProgressColumn),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        auto_refresh=False,
    )
    bar.add_task("", total=total, completed=done)
    newest = Text()
    content = Group(bar, newest)
    if _in_notebook():
        return _Cell(content), bar, newest
    return Live(content, console=Console(stderr=True), refresh_per_second=5), bar, newest


def _rate(column: type[Any]) -> Any:
    """A column that says how many steps a second are done."""
    from rich.text import Text

    class Rate(column):
        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:.0f} steps/s" if task.speed else "")

    return Rate()


def _newest(rows: Iterable[Mapping[str, Any]]) -> str:
    """``I(X;T) I(T;Y)`` of every layer, of the first family and estimator there is."""
    kept = [row for row in rows if row["copy"] in (-1, 0)]
    first = [row for row in kept if (row["family"], row["estimator"], row["label"]) == _kind(kept[0])]
    numbers = "  ".join(f"{clean(row['layer'])} {_number(row['i_xt'])} {_number(row['i_ty'])}" for row in first[:8])
    return f"{first[0]['family']} I(X;T) I(T;Y) in {first[0]['units']}:  {numbers}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["family"], row["estimator"], row["label"]
