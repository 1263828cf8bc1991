"""Ctrl-C and the system's request to end -> a wish that a loop can look at, and the second time an end at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, final


@final
class Interrupts:
    """Inside a ``with``, the first SIGINT or SIGTERM sets ``asked``, and the next one raises KeyboardInterrupt.

    So a loop can finish the step and the file that it is at. Outside of the main thread, and where the program has a
    handler of its own, signals do what they did before.

    Example:
        >>> import os
        >>> with Interrupts() as interrupts:
        ...     os.kill(os.getpid(), signal.SIGINT)
        ...     interrupts.asked
        True
    """

    def __init__(self) -> None:
        self.asked = False
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                found = signal.getsignal(number)
                if found in (signal.default_int_handler, signal.SIG_DFL):
                    self._earlier[number] = found
                    signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
