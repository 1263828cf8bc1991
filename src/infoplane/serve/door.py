"""How many connections the live page keeps, and how long one of them may be silent: nobody can occupy them all.

A connection that has not sent its request holds no answer, so it is the one to go where there are too many, and it
goes after a while in any case. Anyone on this machine can connect, without the token; only whoever has the token gets
an answer that lasts, so such connections cannot keep the owner out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, final

MOST = 200  # connections at once
PATIENCE = 5.0  # seconds
#: Connections that are accepted at one go. A request is known five goes after its connection at the latest, so that a
#: flood of others, 5 * 21 < MOST, does not take its place before.
BACKLOG = 20

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n"
    b"too many pages are open: close some, and load again\n"
)


@final
class Door:
    """An ASGI application around ``app`` that knows its connections: ``make`` takes one, as uvicorn's ``http``.

    ``protocol`` makes what speaks HTTP on a connection.
    """

    def __init__(self, app: Any, protocol: Callable[..., Any]) -> None:
        self._app, self._protocol = app, protocol
        self._connections: dict[Any, Connection] = {}  # by the client's address; the oldest first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer; meanwhile the connection is not silent, however long the answer lasts."""
        connection = self._connections.get(_key(scope.get("client")))
        if connection is None:  # closed between its request and now: the answer goes nowhere
            await self._app(scope, receive, send)
            return
        connection.requests += 1
        connection.answering = True
        try:
            await self._app(scope, receive, send)
        finally:
            connection.answering = False

    def make(self, **settings: Any) -> Connection:
        """What the server calls for each new connection."""
        return Connection(self, self._protocol(**settings))

    def enter(self, key: Any, connection: Connection) -> bool:
        """Whether there is room, if need be that of the connection that has been silent for longest."""
        if len(self._connections) >= MOST:
            silent = next((key for key, other in self._connections.items() if not other.answering), None)
            if silent is None:
                return False
            self._connections.pop(silent).abort()
        self._connections[key] = connection
        return True

    def leave(self, key: Any, connection: Connection) -> None:
        """The connection is closed."""
        if self._connections.get(key) is connection:
            del self._connections[key]


@final
class Connection:
    """One connection, as asyncio knows a protocol; all that is said on it goes on to ``inner``."""

    def __init__(self, door: Door, inner: Any) -> None:
        self.answering, self.requests = False, 0
        self._door, self._inner = door, inner
        self._seen = 0  # requests at the last look
        self._transport: Any = None
        self._look: asyncio.TimerHandle | None = None
        self._refused = False
        self.data_received = inner.data_received
        self.eof_received = inner.eof_received
        self.pause_writing = inner.pause_writing
        self.resume_writing = inner.resume_writing

    def connection_made(self, transport: Any) -> None:
        """Hand it on, where there is room for one more."""
        self._transport = transport
        self._key = _key(transport.get_extra_info("peername"))
        if not self._door.enter(self._key, self):
            self._refused = True
            self.data_received = lambda data: None
            transport.write(_FULL)
            transport.close()
            return
        self._inner.connection_made(transport)
        self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        if self._look is not None:
            self._look.cancel()
        self._door.leave(self._key, self)
        if not self._refused:
            self._inner.connection_lost(error)

    def abort(self) -> None:
        """Close it without waiting for the other side."""
        self._transport.abort()

    def _wait(self) -> None:
        self._look = asyncio.get_running_loop().call_later(PATIENCE, self._end_if_silent)

    def _end_if_silent(self) -> None:
        """Silent is who has sent no whole request since the last look: single bytes now and then do not count."""
        if not self.answering and self.requests == self._seen:
            self.abort()
            return
        self._seen = self.requests
        self._wait()


def _key(address: Any) -> Any:
    return tuple(address[:2]) if address else None
