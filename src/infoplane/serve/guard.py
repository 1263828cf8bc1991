"""Who may read the live page: whoever has the token, by GET, from a page of this server, under a host name of it.

A page on the internet can send a browser to 127.0.0.1, also by letting its own host name point there (DNS rebinding).
So the name in ``Host`` has to be one of this machine, ``Origin`` (where a browser says it) the page's own, and the
token has to be known; it comes once in the address, then in a cookie that no other site's page sends.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import Any, final
from urllib.parse import parse_qs

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


@final
class Guard:
    """An ASGI application that lets to ``app`` only what may read it, and adds the headers of a careful page.

    ``names`` are the host names of this server; ``any_address`` also allows addresses in numbers, which no rebinding
    can make.
    """

    def __init__(self, app: Any, *, token: str, names: Collection[str], any_address: bool) -> None:
        self._app, self._token, self._names, self._any_address = app, token, frozenset(names), any_address
        self.cookie = f"infoplane-{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        status, reason = self._refusal(scope["method"], headers, token)
        extra = dict(_HEADERS)
        if token and not status:
            extra["set-cookie"] = f"{self.cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"

        async def careful(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.decode("latin-1") not in extra]
                added = [(name.encode(), value.encode()) for name, value in extra.items()]
                message = {**message, "headers": kept + added}
            await send(message)

        if not status:
            await self._app(scope, receive, careful)
            return
        body = f"{reason}\n".encode()
        # Closed, since a body that is announced and never sent would keep the connection
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        head.append((b"connection", b"close"))
        await careful({"type": "http.response.start", "status": status, "headers": head})
        await careful({"type": "http.response.body", "body": body})

    def _refusal(self, method: str, headers: dict[str, str], token: str) -> tuple[int, str]:
        """Status and reason; 0 where nothing speaks against it."""
        if method not in ("GET", "HEAD"):
            return 405, "this page can only be read"
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 403, "this host name is not one of this server"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return 403, "another site may not read this page"
        if not any(
            secrets.compare_digest(offer.encode(), self._token.encode()) for offer in self._offered(headers, token)
        ):
            return 401, "open the address with the token that infoplane serve has printed"
        return 0, ""

    def _offered(self, headers: dict[str, str], token: str) -> list[str]:
        """The token as it may come: in the address, in the cookie, in a header."""
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            cookies.clear()
        kept = cookies[self.cookie].value if self.cookie in cookies else ""
        scheme, _, carried = headers.get("authorization", "").partition(" ")
        return [token, kept, carried if scheme.lower() == "bearer" else ""]

    def _is_ours(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower()
        return name in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
