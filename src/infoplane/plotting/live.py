"""A picture of the plane that follows a training: in a notebook's cell, in a window, or in a picture file."""

from __future__ import annotations

import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from infoplane.errors import RunError
from infoplane.plotting.frame import picture, save
from infoplane.plotting.plane import plane

if TYPE_CHECKING:
    import pandas

_SHARE = 10.0  # at most one part in this many of the time goes into drawing


@final
class LiveFigure:
    """The newest information plane, redrawn now and then while a network trains.

    In a notebook the picture of the cell is replaced; where the program already uses a matplotlib window backend, a
    window is redrawn; elsewhere a picture file is replaced, each time as a whole. ``where`` says which, in words.

    Args:
        path: the picture file (``.png``, ``.svg`` or ``.pdf``); if None, ``infoplane-live.png`` in the current folder.
        every_seconds: the least time from one drawing to the next; longer where drawing itself takes long.
        options: for :func:`infoplane.plotting.plane`.

    Example:
        >>> import tempfile
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> trajectory = Trajectory([{"step": 0, "layer": "fc1", "i_xt": 3.0, "i_ty": 0.5, "units": "bits"}])
        >>> live = LiveFigure(tempfile.mkdtemp() + "/plane.png")
        >>> live.update(trajectory.to_pandas), live.update(trajectory.to_pandas)
        (True, False)
        >>> live.close(trajectory.to_pandas)
    """

    def __init__(self, path: str | Path | None = None, *, every_seconds: float = 5.0, **options: Any) -> None:
        self._target = _target(Path(path or "infoplane-live.png"))
        self._options = options
        self._every = every_seconds
        self._next = -float("inf")

    @property
    def where(self) -> str:
        """Where the picture is to be seen."""
        return self._target.where

    def update(self, table: Callable[[], pandas.DataFrame]) -> bool:
        """Draw, if it is time: only then is ``table`` called. Says whether it drew.

        A picture file that cannot be written ends the drawing with a warning, not the training.
        """
        started = time.monotonic()
        if started < self._next:
            return False
        try:
            self._target.draw(table(), self._options)
        except RunError as error:
            warnings.warn(f"the live picture stops: {error}", RuntimeWarning, stacklevel=2)
            self._next = float("inf")
            return False
        now = time.monotonic()
        self._next = now + max(self._every, _SHARE * (now - started))
        return True

    def close(self, table: Callable[[], pandas.DataFrame] | None = None) -> None:
        """Draw a last time, where there is something to draw, and never again.

        Raises:
            RunError: the picture file cannot be written.
        """
        self._next = float("inf")
        if table is not None:
            self._target.draw(table(), self._options)


class _Target(ABC):
    """A place where pictures are to be seen, one after the other."""

    where: str

    @abstractmethod
    def draw(self, table: pandas.DataFrame, options: dict[str, Any]) -> None:
        """Replace what is to be seen there."""


@final
class _File(_Target):
    """A picture file, each time replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def draw(self, table: pandas.DataFrame, options: dict[str, Any]) -> None:
        save(plane(table, **options), self._path)


@final
class _Notebook(_Target):
    """The output of a notebook's cell."""

    where = "below this cell"

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, table: pandas.DataFrame, options: dict[str, Any]) -> None:
        from IPython.display import Image, display

        shown = Image(data=picture(plane(table, **options)), format="png")
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)


@final
class _Window(_Target):
    """A window of the backend that the program chose."""

    where = "in a window"

    def __init__(self) -> None:
        import matplotlib.pyplot as plt

        self._figure = plt.figure("infoplane")
        self._figure.show()

    def draw(self, table: pandas.DataFrame, options: dict[str, Any]) -> None:
        plane(table, ax=self._figure, **options)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()


def _target(path: Path) -> _Target:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is not None:
        return _Notebook()
    if "matplotlib.pyplot" in sys.modules:  # the program draws already: a window only if its backend has windows
        import matplotlib
        from matplotlib.backends import backend_registry

        if backend_registry.resolve_backend(matplotlib.get_backend())[1] is not None:
            return _Window()
    return _File(path)
