"""Runs in, one HTML file out: the information plane to look at, play and pass on, without a network.

This room can be called: ``infoplane.report(runs, "report.html")``.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infoplane.io.files import atomic_write

if TYPE_CHECKING:
    from infoplane.report.gather import Source

__all__ = ["write"]


def write(
    runs: Source | Iterable[Source] | Mapping[str, Source],
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    command: str | None = None,
) -> Path:
    """Write the report of one or several runs into one HTML file that needs no network and no other file.

    The page holds the plane with a slider for the step, switches for layers, copies, estimators, splits, labels and
    runs, the curves, the phases, the settings, the versions, every flag in words, and all rows as CSV.

    Args:
        runs: a trajectory, a run directory, a ``.csv`` file, a folder of runs such as a sweep's, or several of these; a
            mapping names them, ``{"tanh": "runs/a", "relu": "runs/b"}``.
        path: the file to write, whole or not at all.
        title: above the page; the names of the runs if None.
        command: what made the page, as the page says it; this call if None.

    Returns:
        ``path``.

    Raises:
        InputError: no run, a run without a row, or plotly is not installed (``pip install infoplane[interactive]``).
        DataFileError: no run at a path, or a damaged one.
        RunError: the file cannot be written.

    Example:
        >>> import tempfile, infoplane as ip
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> target = ip.report(ip.Trajectory(rows), tempfile.mkdtemp() + "/report.html")
        >>> "fc1" in target.read_text(encoding="utf-8")
        True
    """
    from infoplane.report.gather import gather
    from infoplane.report.page import page

    target = Path(path)
    made_by = command or f"infoplane.report(..., {os.fspath(path)!r})"
    atomic_write(target, page(gather(runs), title=title, command=made_by).encode("utf-8", errors="backslashreplace"))
    return target


class _CallableReport(types.ModuleType):
    """Lets ``infoplane.report`` be both this room and ``infoplane.report(...)``."""

    __call__ = staticmethod(write)


sys.modules[__name__].__class__ = _CallableReport
