"""A process of its own for the runs of one worker: if it crashes, is killed or has no memory left, that costs one run.

Tasks and answers are lines of JSON, ``{"tables": ..., "out": ...}`` and ``{"error": null}``. The process goes when the
worker does.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, final

#: One thread a worker: two runs side by side are faster than two threads in each.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

_here = threading.local()
_SECONDS = 0.5  # between two looks at the parent


def run_task(task: Mapping[str, Any], parent: int | None = None) -> str | None:
    """Do one run in this worker's process; what went wrong, or None.

    ``parent`` is the process that started this worker, where the worker has to end with it.
    """
    if parent is not None:
        _end_with(parent)
    if getattr(_here, "process", None) is None:
        _here.process = _RunProcess()
    error, alive = _here.process.run(task)
    if not alive:
        _here.process = None
    return error


def release() -> None:
    """Let this worker's process end."""
    process = getattr(_here, "process", None)
    if process is not None:
        process.close()
        _here.process = None


@functools.cache
def _end_with(parent: int) -> None:
    """End this process once its parent is gone, and with it the process of the run, whose input closes then.

    A worker that is killed with nobody left to tell it would train on, hold its runs' locks and have no reader. The
    system gives an orphan another parent; where it does not (Windows), nothing happens here.
    """

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@final
class _RunProcess:
    """``python -m infoplane.sweeps.child``, between two pipes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infoplane.sweeps.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
        )

    def run(self, task: Mapping[str, Any]) -> tuple[str | None, bool]:
        """What went wrong in the run, or None, and whether the process is still there."""
        answer = b""
        with contextlib.suppress(BrokenPipeError):  # it is gone: the empty answer says so
            self._process.stdin.write(json.dumps(task).encode() + b"\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
            answer = self._process.stdout.readline()  # type: ignore[union-attr]
        if answer.endswith(b"\n"):
            return json.loads(answer)["error"], True
        code = self.close()
        cause = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"the process of the run ended with {cause}: it was killed, ran out of memory or crashed", False

    def close(self) -> int:
        """Let the process end; its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        return self._process.wait()
