"""The answers of the live page: the page, its files, the list of runs, and what happens in a run as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from infoplane.columns import NUMBERS
from infoplane.errors import InputError
from infoplane.io.files import json_bytes
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
from infoplane.serve.share import Place, event, shared

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
    place, sent = Place(), ""
    yield event("begin", {})
    spoken = time.monotonic()
    with shared(runs, name) as run:
        while not ended():
            # All that takes time is done in the thread; here, texts are only handed on
            sight = await asyncio.get_running_loop().run_in_executor(_READERS, run.look, place)
            parts = sight.events if sight.overview == sent else [sight.overview, *sight.events]
            place, sent, more = sight.place, sight.overview, sight.more
            del sight  # the texts: a slow viewer waits at each, and may wait long
            while parts:
                yield parts.pop(0)
                spoken = time.monotonic()
            if time.monotonic() - spoken > _QUIET:
                yield ": still here\n\n"
                spoken = time.monotonic()
            await asyncio.sleep(0 if more else _PAUSE)
