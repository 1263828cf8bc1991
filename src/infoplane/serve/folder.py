"""A folder of runs -> what each is and how it goes; nothing outside the folder is ever read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, final

from infoplane.errors import DataFileError, InfoplaneError, InputError, RunError, UnknownNameError
from infoplane.io.jsonlines import last_rows
from infoplane.report.facts import facts_for_plane
from infoplane.report.gather import record_of
from infoplane.runs import check_name
from infoplane.runs.directory import ROWS
from infoplane.runs.lock import is_locked
from infoplane.runs.names import file_in

_LARGEST_RECORD = 2**24  # bytes of a run.json


@final
class RunsFolder:
    """The runs in a folder, or the one run that the folder itself is.

    Raises:
        DataFileError: no such folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        folder = Path(path).resolve()
        if not folder.is_dir():
            raise DataFileError(f"cannot show {path}: there is no such folder; name one with runs in it, or a run")
        self._single = folder.name if (folder / "run.json").is_file() else None
        self.root = folder.parent if self._single is not None else folder

    def names(self) -> list[str]:
        """The runs that are there now, by name."""
        candidates = [self._single] if self._single is not None else sorted(os.listdir(self.root))
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
        overviews = [self.overview(name) for name in self.names()]
        for overview in overviews:
            with contextlib.suppress(InfoplaneError):  # the page says so where it shows the run
                rows = file_in(self.root / overview["name"], ROWS)
                if overview["state"] in ("running", "dead") and rows.is_file():
                    newest = [row["step"] or 0 for row in last_rows(rows)]
                    overview["steps_done"] = max([overview["steps_done"], *newest])
        return overviews

    def overview(self, name: str) -> dict[str, Any]:
        """How a run goes: its state, steps done and wanted, seed, start, and the facts for its axes.

        ``state`` is what the run says of itself, but ``dead`` where it says ``running`` and no process writes it, and
        ``damaged`` where it cannot be read; ``trouble`` then says why.
        """
        folder = self.path_of(name)
        try:
            record = _record(folder)
            meta = record.get("trajectory") or {}
            settings = record.get("settings") or {}
            state = record.get("state", "finished")
            return {
                "name": name,
                "state": "dead" if state == "running" and not is_locked(folder) else str(state),
                "title": str(settings.get("title") or ""),
                "steps_done": record.get("steps_done") or 0,
                "steps_wanted": settings.get("epochs"),
                "started": record.get("started"),
                "seed": record.get("seed"),
                "facts": facts_for_plane(meta, str(meta.get("units") or settings.get("units") or "bits")),
                "trouble": "",
            }
        except (InfoplaneError, AttributeError, TypeError, ValueError) as error:
            facts = facts_for_plane({}, "bits")
            return {"name": name, "state": "damaged", "facts": facts, "trouble": str(error)}


def _record(folder: Path) -> dict[str, Any]:
    """The run's ``run.json``, where it is of a sensible size."""
    size = (folder / "run.json").stat().st_size
    if size > _LARGEST_RECORD:
        raise RunError(f"{folder / 'run.json'} has {size} bytes, at most {_LARGEST_RECORD} are read")
    return record_of(folder)
