"""Named numbers of a plane -> wherever numbers are logged."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from infoplane.errors import InputError
from infoplane.integrations.naming import plain, values
from infoplane.integrations.processes import on_first_process
from infoplane.io.files import cannot_write
from infoplane.plane.plane import InformationPlane

Log = Callable[[dict[str, float], int], Any]  #: ``log(values, step)``, as ``wandb.log`` and ``trackio.log`` are
Place = Log | str | os.PathLike[str] | None  #: such a function, a file for JSON lines, or nowhere


@final
class Logged:
    """A plane whose newest values also go to a log: it is measured as the plane is, in a loop or by a callback.

    ``log``: a function ``log(values, step)``; a path, for ``JsonLines`` there; or None, for no log. In a training of
    several processes the first one measures and logs, and all get its rows.

    Raises:
        InputError: ``log`` is none of these, or the model is sharded over processes.

    Example:
        >>> import infoplane as ip, torch
        >>> x, y = torch.randn(100, 4), torch.arange(100) % 2
        >>> watched = Logged(ip.InformationPlane(x, y), lambda values, step: print(step, list(values)))
        >>> rows = watched.measure(torch.nn.Sequential(torch.nn.Linear(4, 2)), step=0)
        0 ['info/I(X;T)/0', 'info/I(T;Y)/0']
    """

    def __init__(self, plane: InformationPlane, log: Place = "information.jsonl") -> None:
        if log is not None and not callable(log) and not isinstance(log, str | os.PathLike):
            raise InputError(f"log is {log!r}: give a function log(values, step), a path for JSON lines, or None")
        self.plane = plane
        self.log = JsonLines(log) if isinstance(log, str | os.PathLike) else log

    def measure(self, model: Any, step: int, **options: Any) -> Sequence[dict[str, Any]]:
        """The rows of ``plane.measure``; none where the plane leaves this step out."""
        return on_first_process(lambda: self._measure(model, step, **options), model)

    def _measure(self, model: Any, step: int, **options: Any) -> Sequence[dict[str, Any]]:
        rows = self.plane.measure(model, step, **options)
        if rows and self.log is not None:
            self.log(values(rows), step)
        return rows


@final
class JsonLines:
    """A log that adds one line of JSON a step to a file, which can be read at any time.

    Each line is an object: ``step``, and every value by its name; NaN and infinity are ``null``.

    Raises:
        RunError: the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "information.jsonl"
        >>> JsonLines(file)({"info/I(X;T)/fc1": 3.0}, 10)
        >>> file.read_text()
        '{"step": 10, "info/I(X;T)/fc1": 3.0}\\n'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __call__(self, named: Mapping[str, float], step: int) -> None:
        finite = {name: value if math.isfinite(value) else None for name, value in named.items()}
        line = json.dumps({"step": step, **finite}, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(line)
        except OSError as error:
            raise cannot_write(self.path, error) from error


@final
class TensorBoard:
    """A log that writes scalars, and with ``plane`` also the picture of its trajectory, each time.

    ``writer``: a ``torch.utils.tensorboard.SummaryWriter``, which spells the names as ``plain`` does. A picture takes
    some tenths of a second: space the steps out with the plane's ``every``.
    """

    def __init__(self, writer: Any, plane: InformationPlane | None = None) -> None:
        self.writer, self.plane = writer, plane

    def __call__(self, named: Mapping[str, float], step: int) -> None:
        for name, value in plain(named).items():
            self.writer.add_scalar(name, value, step)
        if self.plane is not None:
            self.writer.add_figure("info/plane", self.plane.trajectory.plot(), step)
        self.writer.flush()
