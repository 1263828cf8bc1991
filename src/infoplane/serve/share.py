"""A run that somebody looks at -> its events, made once for all who look, each of whom is at a place of their own."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from infoplane.columns import COLUMNS, SCALAR_COLUMNS
from infoplane.errors import InfoplaneError, UnknownNameError
from infoplane.io.files import clean
from infoplane.serve.folder import RunsFolder, damaged
from infoplane.serve.follow import News, RunFollower, columns_of

_FRESH = 0.2  # seconds that a look at a run is good for all who look: a little less than one of them waits
_IN_MEMORY = 2**22  # bytes of events; the rest lies in a temporary file
_MOST_BYTES = 2**20  # of events that are handed out at once


@dataclass(frozen=True)
class Place:
    """How far somebody is: in which version of the run, and how many events of it were handed out."""

    version: int = 0
    event: int = 0


@dataclass(frozen=True)
class Sight:
    """What a look shows: how the run goes, new events, the place after them, and whether more may be there already."""

    overview: str
    events: list[str]
    place: Place
    more: bool


@final
class SharedRun:
    """The events of one run, from its first row on."""

    def __init__(self, runs: RunsFolder, name: str) -> None:
        self._runs, self._name = runs, name
        self._follower = RunFollower(runs.root / name)
        self._lock = threading.Lock()
        self._kept = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._ends = [0]  # bytes of the kept events up to each
        self._version, self._overview, self._looked = 0, "", -1.0

    def close(self) -> None:
        """Let the kept events go."""
        self._kept.close()

    def look(self, place: Place) -> Sight:
        """What is new after a place. What cannot be read is said, and tried again later."""
        with self._lock:
            more = False
            at_the_end = place == Place(self._version, len(self._ends) - 1)
            if at_the_end and time.monotonic() - self._looked > _FRESH:
                more = self._read_on()
                self._looked = -1.0 if more else time.monotonic()  # nothing new: the others need not look
            same = place.version == self._version
            first = place.event if same else 0
            events = self._events_from(first)
            place = Place(self._version, first + len(events))
            more = more or place.event < len(self._ends) - 1
            return Sight(self._overview, events if same else [event("begin", {}), *events], place, more)

    def _read_on(self) -> bool:
        """Whether the run has new rows; they are kept as events."""
        try:
            overview, news = self._runs.overview(self._name), self._follower.look()
        except UnknownNameError:
            overview, news = damaged(self._name, "the run is gone: it was deleted, moved or renamed"), News(False)
        except (InfoplaneError, OSError) as error:
            overview, news = damaged(self._name, clean(error)), News(False)
        self._overview = event("run", overview)
        if news.restarted:
            self._version += 1
            self._ends = [0]
            self._kept.seek(0)
            self._kept.truncate()
        for name, rows, columns in (("scalars", news.scalars, SCALAR_COLUMNS), ("rows", news.rows, COLUMNS)):
            if rows:
                self._keep(event(name, columns_of(rows, columns)))
        return bool(news.rows or news.scalars)

    def _keep(self, text: str) -> None:
        self._kept.seek(self._ends[-1])
        self._kept.write(text.encode())
        self._ends.append(self._kept.tell())

    def _events_from(self, first: int) -> list[str]:
        """The event after ``first`` others and, as far as they are small, those after it."""
        last = first
        while last + 1 < len(self._ends) and (last == first or self._ends[last + 1] - self._ends[first] < _MOST_BYTES):
            last += 1
        self._kept.seek(self._ends[first])
        return [self._kept.read(self._ends[at + 1] - self._ends[at]).decode() for at in range(first, last)]


_shared: dict[tuple[str, str], tuple[SharedRun, int]] = {}  # by folder and name, with how many look at it
_counting = threading.Lock()


@contextlib.contextmanager
def shared(runs: RunsFolder, name: str) -> Iterator[SharedRun]:
    """The one reading of a run, for as long as somebody looks at it."""
    key = (str(runs.root), name)
    with _counting:
        run, count = _shared.get(key) or (SharedRun(runs, name), 0)
        _shared[key] = run, count + 1
    try:
        yield run
    finally:
        with _counting:
            run, count = _shared.pop(key)
            if count > 1:
                _shared[key] = run, count - 1
        if count == 1:
            run.close()


def event(name: str, value: Any) -> str:
    """A server-sent event.

    Example:
        >>> event("begin", {})
        'event: begin\\ndata: {}\\n\\n'
    """
    return f"event: {name}\ndata: {json.dumps(value, allow_nan=False, separators=(',', ':'))}\n\n"
