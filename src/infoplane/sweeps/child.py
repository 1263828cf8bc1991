"""``python -m infoplane.sweeps.child``: does the runs that stand on its standard input, one after the other."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infoplane.experiments.experiment import Experiment


def main() -> None:
    """Answer every line until there are no more; what runs print goes to the standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the sweep, which then closes the input
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tasks: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    while True:
        error = _run(json.loads(tasks.get()))
        answers.write(json.dumps({"error": error}) + "\n")
        answers.flush()


def _read(tasks: queue.Queue[str]) -> None:
    """Lines into ``tasks``; at the end of the input nobody waits for an answer any more, and the process ends."""
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)


def _run(task: Mapping[str, Any]) -> str | None:
    """One run; what went wrong, or None."""
    import torch

    from infoplane.sweeps.plan import experiment_of

    torch.set_num_threads(1)
    try:
        _train(experiment_of(task["tables"], Path("sweep")), Path(task["out"]))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _train(experiment: Experiment, out: Path) -> None:
    """Go on from the last checkpoint where the run was interrupted, begin anew where that is not possible."""
    from infoplane.errors import InfoplaneError

    if (out / "run.json").exists():
        try:
            experiment.run(out=out, resume=True, progress=False)
        except InfoplaneError:
            experiment.run(out=out, force=True, progress=False)
    else:
        experiment.run(out=out, force=True, progress=False)


if __name__ == "__main__":
    main()
