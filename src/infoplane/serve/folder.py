"""A folder of runs -> what each is and how it goes; nothing outside the folder is ever read."""

from __future__ import annotations

import contextlib
import json
import os
import reprlib
from pathlib import Path
from typing import Any, final

from infoplane.errors import DataFileError, InfoplaneError, InputError, RunError, UnknownNameError
from infoplane.io.files import clean, json_bytes, reading
from infoplane.io.jsonlines import last_rows
from infoplane.report.facts import facts_for_plane
from infoplane.report.gather import record_of
from infoplane.runs import check_name
from infoplane.runs.directory import ROWS
from infoplane.runs.lock import is_locked
from infoplane.runs.names import file_in

_LARGEST_RECORD = 2**24  # bytes of a run.json
_LONGEST = 1000  # characters of a text in the list of runs


@final
class RunsFolder:
    """The runs in a folder, or the one run that the folder itself is.

    Raises:
        DataFileError: no such folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with reading(path):
            folder = Path(path).resolve()
            if not folder.is_dir():
                raise DataFileError(f"cannot show {path}: there is no such folder; name one with runs in it, or a run")
            self._single = folder.name if (folder / "run.json").is_file() else None
        self.root = folder.parent if self._single is not None else folder

    def names(self) -> list[str]:
        """The runs that are there now, by name."""
        try:
            candidates = [self._single] if self._single is not None else sorted(os.listdir(self.root))
        except OSError:  # the folder itself was deleted, and may come back
            return []
        return [name for name in candidates if self._is_run(name)]

    def path_of(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            UnknownNameError: no run of this folder has that name, whatever else may be there.
        """
        if self._single not in (None, name) or not self._is_run(name):
            raise UnknownNameError("run", name, self.names())
        return self.root / name

    def _is_run(self, name: str) -> bool:
        try:
            path = self.root / check_name(name)
            record = path / "run.json"
            return path.resolve() == path and record.resolve() == record and record.is_file()
        except (InputError, OSError):
            return False

    def overviews(self) -> list[dict[str, Any]]:
        """All runs; the steps of one that goes on are those of its newest rows, later than in its record."""
        overviews = []
        for name in self.names():
            with contextlib.suppress(UnknownNameError):  # deleted since it was listed
                overviews.append(self.overview(name) | self._newest(name))
        return overviews

    def _newest(self, name: str) -> dict[str, Any]:
        """``steps_done`` by the newest rows, where the run still writes rows or was killed while it did."""
        with contextlib.suppress(InfoplaneError, OSError):  # the page says so where it shows the run
            rows = file_in(self.root / name, ROWS)
            steps = [row["step"] for row in last_rows(rows) if row["step"] is not None] if rows.is_file() else []
            return {"steps_done": max(steps)} if steps else {}
        return {}

    def overview(self, name: str) -> dict[str, Any]:
        """How a run goes: its state, steps done and wanted, seed, start, and the facts for its axes.

        ``state`` is what the run says of itself, but ``dead`` where it says ``running`` and no process writes it, and
        ``damaged`` where it cannot be read; ``trouble`` then says why. Every value is of its kind, whatever the record
        holds, so that the list of runs can be shown whatever one of them is like.

        Raises:
            UnknownNameError: no run of this folder has that name, whatever else may be there.
        """
        folder = self.path_of(name)
        try:
            return _overview(name, folder, _record(folder))
        except FileNotFoundError:
            self.path_of(name)  # says so if it was deleted meanwhile
            return damaged(name, "its run.json is not there now")
        # A record comes from anywhere, and what reads its parts may fail on any shape that it can have: whatever it
        # is, the other runs are to be shown.
        except Exception as error:
            return damaged(name, clean(error) or type(error).__name__)


def damaged(name: str, trouble: str) -> dict[str, Any]:
    """The overview of a run that cannot be read, and why."""
    return {"name": name, "state": "damaged", "facts": facts_for_plane({}, "bits"), "trouble": trouble[:_LONGEST]}


def _overview(name: str, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    meta = _value(record, "trajectory", dict, {})
    settings = _value(record, "settings", dict, {})
    state = _value(record, "state", str, "finished")
    units = _value(meta, "units", str, "") or _value(settings, "units", str, "") or "bits"
    facts = facts_for_plane({**meta, "measurement": _value(meta, "measurement", str, "")}, units)
    return {
        "name": name,
        "state": "dead" if state == "running" and not is_locked(folder) else state,
        "title": _value(settings, "title", str, ""),
        "steps_done": _value(record, "steps_done", int, 0),
        "steps_wanted": _value(settings, "epochs", int, None),
        "started": _value(record, "started", str, None),
        "seed": _value(record, "seed", int, None),
        "facts": json.loads(json_bytes(facts)),  # a ceiling may be infinite
        "trouble": "",
    }


def _value(record: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """One entry of a record, of its kind and of a length that can be shown.

    Raises:
        RunError: it is of another kind.
    """
    value = record.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RunError(f"run.json is damaged: {name} is {reprlib.repr(value)}, which is no {kind.__name__}")
    return value[:_LONGEST] if isinstance(value, str) else value


def _record(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``, where it is of a sensible size."""
    size = (folder / "run.json").stat().st_size
    if size > _LARGEST_RECORD:
        raise RunError(f"{folder / 'run.json'} has {size} bytes, at most {_LARGEST_RECORD} are read")
    return record_of(folder)
