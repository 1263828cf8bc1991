"""The answers of the live page: the page, its files, the list of runs, and what happens in a run as it happens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from infoplane.columns import COLUMNS, NUMBERS, SCALAR_COLUMNS
from infoplane.errors import InfoplaneError, InputError
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
from infoplane.serve.folder import RunsFolder
from infoplane.serve.follow import News, RunFollower, columns_of

_PAUSE = 0.25  # seconds between two looks at a run
_QUIET = 15.0  # seconds after which a sign of life is sent
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
    page, files = _page(), _files()

    @app.get("/", response_model=None)
    def index() -> Any:
        return HTMLResponse(page)

    @app.get("/static/{name}", response_model=None)
    def file(name: str) -> Any:
        if name not in files:
            return Response("no such file\n", status_code=404, media_type="text/plain")
        text, kind = files[name]
        return Response(text, media_type=kind)

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


def _page() -> str:
    held = {"numbers": NUMBERS, "colours": colours(), "flags": flags_in_words()}
    marks = plotly_marks(plotly_source())
    return environment(_STATIC).get_template("live.html").render(page=inert_json(held), plotly_marks=marks)


def _files() -> dict[str, tuple[str, str]]:
    """The files of the page by name: there are no others."""
    scripts = {name: (static(name), _SCRIPT) for name in PLANE_SCRIPTS}
    live = {"live.js": ((_STATIC / "live.js").read_text(encoding="utf-8"), _SCRIPT)}
    styles = {
        "page.css": (static("page.css"), _STYLE),
        "live.css": ((_STATIC / "live.css").read_text(encoding="utf-8"), _STYLE),
        "plotly.css": (PLOTLY_SHEET, _STYLE),
    }
    return {**scripts, **live, **styles, "plotly.js": (plotly_source(), _SCRIPT)}


async def happenings(runs: RunsFolder, name: str, *, ended: Callable[[], bool]) -> AsyncIterator[str]:
    """Server-sent events of a run, from its first row on: ``begin``, ``run``, ``rows``, ``scalars``, ``trouble``.

    ``begin`` makes all earlier rows of the run void. The stream ends with the connection or the server.
    """
    follower = RunFollower(runs.path_of(name))
    sent: Any = None
    yield _event("begin", {})
    spoken = time.monotonic()
    while not ended():
        overview, news = await asyncio.to_thread(_look, runs, name, follower)
        parts = [_event("run", overview)] if overview != sent else []
        sent = overview
        parts += _events_of(news)
        for part in parts:
            yield part
        if parts:
            spoken = time.monotonic()
        elif time.monotonic() - spoken > _QUIET:
            yield ": still here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(0 if news.rows else _PAUSE)


def _look(runs: RunsFolder, name: str, follower: RunFollower) -> tuple[dict[str, Any], News]:
    """How the run goes and what is new of it; what cannot be read is said, and tried again at the next look."""
    try:
        return runs.overview(name), follower.look()
    except InfoplaneError as error:
        gone = {"name": name, "state": "damaged", "trouble": clean(error)}
        return gone, News(False)


def _events_of(news: News) -> list[str]:
    events = [_event("begin", {})] if news.restarted else []
    if news.scalars:
        events.append(_event("scalars", columns_of(news.scalars, SCALAR_COLUMNS)))
    if news.rows:
        events.append(_event("rows", columns_of(news.rows, COLUMNS)))
    return events


def _event(name: str, value: Any) -> str:
    text = json.dumps(json.loads(json_bytes(value)), separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n"
