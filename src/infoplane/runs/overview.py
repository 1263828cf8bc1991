"""A folder of run directories -> one line a run: what it is, whether it is alive, how far it is, what it found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

from infoplane.errors import DataFileError, InfoplaneError
from infoplane.io.files import reading
from infoplane.io.jsonlines import last_rows
from infoplane.runs.directory import ROWS
from infoplane.runs.lock import is_locked
from infoplane.runs.names import file_in
from infoplane.runs.record import RECORD, read_record
from infoplane.trajectory.trajectory import Trajectory


@final
@dataclass(frozen=True)
class RunFacts:
    """One run at a glance.

    ``state``: ``running``, ``dead`` (its process ended without saying so; it can be gone on with), ``interrupted``,
    ``finished``, ``failed``, or ``damaged`` (``newest`` then says how). ``seconds`` it took so far. ``newest``: the
    newest values of the last layer, in words.
    """

    name: str
    experiment: str
    state: str
    steps: int
    seconds: float | None
    newest: str


def overview(folder: str | os.PathLike[str]) -> list[RunFacts]:
    """The runs in a folder and in the folders below it, sorted by name; no link is followed.

    Raises:
        DataFileError: there is no such folder.

    Example:
        >>> import infoplane as ip, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> result = ip.experiments.load("warm-up").run(epochs=2, out=folder)
        >>> [(one.name, one.state, one.steps) for one in overview(folder + "/..")]
        [('run', 'finished', 2)]
    """
    root = Path(folder)
    with reading(folder):
        if not root.is_dir():
            raise DataFileError(f"{folder} is no folder: name one that holds run directories, as --out was given")
    return [_facts(path, str(path.relative_to(root))) for path in _runs(root)]


def _runs(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        folders.sort()
        if RECORD in files:
            folders.clear()
            yield Path(place)


def _facts(path: Path, name: str) -> RunFacts:
    name = path.resolve().name if name == "." else name
    try:
        record = read_record(path)
        with reading(path):
            rows = last_rows(file_in(path, ROWS)) if (path / ROWS).exists() else Trajectory.load(path).last()
        state = record["state"]
        if state == "running" and not is_locked(path):
            state = "dead"
        last = max([record["steps_done"], *(row["step"] or 0 for row in rows)])
        return RunFacts(name, _experiment(record), state, last, _seconds(record, state), _newest(rows))
    except InfoplaneError as error:
        return RunFacts(name, "", "damaged", 0, None, str(error))


def _experiment(record: Mapping[str, Any]) -> str:
    first = record["recipe"][0] if record["recipe"] else {}
    tables = first.get("tables")
    named = tables.get("name") if isinstance(tables, dict) else first.get("experiment")
    return str(named or record["settings"].get("title") or record["settings"].get("model") or "")


def _seconds(record: Mapping[str, Any], state: str) -> float | None:
    if state != "running":
        return record.get("seconds")
    try:
        return round((datetime.now(UTC) - datetime.fromisoformat(record["started"])).total_seconds(), 1)
    except (KeyError, TypeError, ValueError):  # no time, or one without a zone
        return None


def _newest(rows: list[dict[str, Any]]) -> str:
    """``I(X;T) I(T;Y)`` of the last layer, of the first family and estimator there is."""
    if not rows:
        return ""
    row = next(row for row in rows if row["layer_index"] == max(one["layer_index"] or 0 for one in rows))
    i_xt, i_ty = (f"{row[name]:.2f}" if isinstance(row[name], float) else "-" for name in ("i_xt", "i_ty"))
    return f"layer {row['layer']}: I(X;T) {i_xt} I(T;Y) {i_ty} {row['units'] or ''}".strip()
