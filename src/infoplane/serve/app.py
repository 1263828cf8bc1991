"""The answers of the live page: the page, its files, the list of runs, and what happens in a run as it happens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from infoplane.columns import COLUMNS, NUMBERS, SCALAR_COLUMNS
from infoplane.errors import InfoplaneError, InputError, UnknownNameError
from infoplane.io.files import clean, json_bytes
from infoplane.report.page import (
    PLANE_SCRIPTS,
    PLOTLY_SHEET,
    colours,
    environment,
    flags_in_words,
    inert_json,
    plotly_marks,
    plotly_source,
    static,
)
from infoplane.serve.folder import RunsFolder, damaged
from infoplane.serve.follow import News, RunFollower, columns_of

_PAUSE = 0.25  # seconds between two looks at a run
_QUIET = 15.0  # seconds after which a sign of life is sent
#: Runs that are read at once, all pages of the process together: more would share the same cores and add their memory.
_READERS = ThreadPoolExecutor(2, thread_name_prefix="infoplane live page reads")
_STATIC = Path(__file__).parent / "static"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"


def make_app(runs: RunsFolder, *, ended: Callable[[], bool]) -> Any:
    """The FastAPI application, without its guard; ``ended`` says when the server is to end.

    Raises:
        InputError: fastapi or plotly is not installed.
    """
    try:
        from fastapi import FastAPI, Response
        from fastapi.responses import HTMLResponse, StreamingResponse
    except ImportError as error:
        raise InputError("the live page needs fastapi and uvicorn: pip install infoplane[serve]") from error
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _page(), _files()  # where something is missing, it is said now and not at the first request

    @app.get("/", response_model=None)
    def index() -> Any:
        return HTMLResponse(_page())

    @app.get("/static/{name}", response_model=None)
    def file(name: str) -> Any:
        if name not in _files():
            return Response("no such file\n", status_code=404, media_type="text/plain")
        data, kind = _files()[name]
        return Response(data, media_type=kind)

    @app.get("/runs", response_model=None)
    def overview() -> Any:
        return Response(json_bytes(runs.overviews()), media_type="application/json")

    @app.get("/events/{name}", response_model=None)
    def events(name: str) -> Any:
        try:
            runs.path_of(name)
        except InputError:
            return Response("no such run\n", status_code=404, media_type="text/plain")
        return StreamingResponse(happenings(runs, name, ended=ended), media_type="text/event-stream")

    return app


@cache
def _page() -> str:
    held = {"numbers": NUMBERS, "colours": colours(), "flags": flags_in_words()}
    marks = plotly_marks(plotly_source())
    return environment(_STATIC).get_template("live.html").render(page=inert_json(held), plotly_marks=marks)


@cache  # plotly alone has 5 MB, so that all pages of a process share them
def _files() -> dict[str, tuple[bytes, str]]:
    """The files of the page by name: there are no others."""
    scripts = {name: (static(name), _SCRIPT) for name in PLANE_SCRIPTS}
    live = {"live.js": ((_STATIC / "live.js").read_text(encoding="utf-8"), _SCRIPT)}
    styles = {
        "page.css": (static("page.css"), _STYLE),
        "live.css": ((_STATIC / "live.css").read_text(encoding="utf-8"), _STYLE),
        "plotly.css": (PLOTLY_SHEET, _STYLE),
    }
    texts = {**scripts, **live, **styles, "plotly.js": (plotly_source(), _SCRIPT)}
    return {name: (text.encode(), kind) for name, (text, kind) in texts.items()}


async def happenings(runs: RunsFolder, name: str, *, ended: Callable[[], bool]) -> AsyncIterator[str]:
    """Server-sent events of a run, from its first row on: ``begin``, ``run``, ``rows``, ``scalars``.

    ``begin`` makes all earlier rows of the run void. The stream ends with the connection or the server.
    """
    follower = RunFollower(runs.root / name)
    sent = ""
    yield _event("begin", {})
    spoken = time.monotonic()
    while not ended():
        # All that takes time is done in the thread; here, texts are only handed on
        overview, parts, more = await asyncio.get_running_loop().run_in_executor(_READERS, _look, runs, name, follower)
        if overview != sent:
            parts.insert(0, overview)
        sent = overview
        for part in parts:
            yield part
        if parts:
            spoken = time.monotonic()
        elif time.monotonic() - spoken > _QUIET:
            yield ": still here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(0 if more else _PAUSE)


def _look(runs: RunsFolder, name: str, follower: RunFollower) -> tuple[str, list[str], bool]:
    """The event of how the run goes, those of what is new of it, and whether more may be there already.

    What cannot be read is said, and tried again at the next look; a run may also be deleted at any moment.
    """
    try:
        overview, news = runs.overview(name), follower.look()
    except UnknownNameError:
        overview, news = damaged(name, "the run is gone: it was deleted, moved or renamed"), News(False)
    except (InfoplaneError, OSError) as error:
        overview, news = damaged(name, clean(error)), News(False)
    return _event("run", overview), _events_of(news), bool(news.rows or news.scalars)


def _events_of(news: News) -> list[str]:
    events = [_event("begin", {})] if news.restarted else []
    if news.scalars:
        events.append(_event("scalars", columns_of(news.scalars, SCALAR_COLUMNS)))
    if news.rows:
        events.append(_event("rows", columns_of(news.rows, COLUMNS)))
    return events


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, allow_nan=False, separators=(',', ':'))}\n\n"
