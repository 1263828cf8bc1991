"""The server of the live page: a port on this machine, a token, and a thread or the whole process for it."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import threading
import time
import warnings
from types import TracebackType
from typing import Any, final

from infoplane.errors import InputError
from infoplane.serve.app import make_app
from infoplane.serve.door import BACKLOG, Door
from infoplane.serve.folder import RunsFolder
from infoplane.serve.guard import Guard

DEFAULT_PORT = 7435
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@final
class LivePage:
    """The live page of a folder of runs, or of one run, on ``url``, which holds a random token.

    The page can only be read, and only by who has the token. It is for this machine; with another ``host`` it can be
    reached from others, unencrypted, and a warning says so.

    Args:
        runs: a folder with run directories in it, or a run directory.
        host: the address to listen on.
        port: 0 takes a free one.

    Raises:
        DataFileError: no such folder.
        InputError: fastapi, uvicorn or plotly is not installed, or the address cannot be listened on.

    Example:
        >>> import tempfile
        >>> with LivePage(tempfile.mkdtemp(), port=0) as page:
        ...     page.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(self, runs: str | os.PathLike[str], *, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
        folder = RunsFolder(runs)
        token = secrets.token_urlsafe(24)
        local = _is_loopback(host)
        names = _LOOPBACK if local else _LOOPBACK | {host.lower(), socket.gethostname().lower()}
        app = Guard(make_app(folder, ended=self._is_ending), token=token, names=names, any_address=not local)
        self._server = _server(app)
        self._socket = _listen(host, port)
        self._thread: threading.Thread | None = None
        if not local:
            warnings.warn(
                f"the live page listens on {host}: other machines can reach it, and what it sends is not encrypted; "
                "anyone who sees the address with its token can read the runs",
                UserWarning,
                stacklevel=2,
            )
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}/?token={token}"

    def _is_ending(self) -> bool:
        return bool(self._server.should_exit)

    def run(self) -> None:
        """Serve until the process is interrupted."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def start(self) -> LivePage:
        """Serve in a thread beside what this process does, until :meth:`stop`."""
        self._thread = threading.Thread(target=self.run, name="infoplane live page", daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End the thread; the page can no longer be reached."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._socket.close()

    def __enter__(self) -> LivePage:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _server(app: Any) -> Any:
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as error:
        raise InputError("the live page needs fastapi and uvicorn: pip install infoplane[serve]") from error
    door = Door(app, H11Protocol)
    config = uvicorn.Config(
        door,
        http=door.make,  # type: ignore[arg-type]
        interface="asgi3",
        lifespan="off",
        ws="none",
        backlog=BACKLOG,
        timeout_graceful_shutdown=1,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(
            f"cannot listen on {host} port {port}: {reason}; another --port may be free, and --port 0 takes a free one"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
