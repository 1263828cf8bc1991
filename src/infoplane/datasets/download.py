"""Fetches files over https, each either whole and with the right SHA-256, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infoplane.errors import DataFileError
from infoplane.io.files import atomic_write

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_CHUNK = 2**16


def fetch_files(
    folder: Path,
    sha256: Mapping[str, str],
    *,
    base_urls: Sequence[str],
    https_only: bool = True,
    max_bytes: int = 16 * 2**20,
    timeout: float = 30.0,
) -> None:
    """Fetch every file named in ``sha256`` from the first of ``base_urls`` that gives the right bytes.

    A file is held in memory (at most ``max_bytes``) until its SHA-256 is checked, then written under another name
    beside its place and renamed, so that no other process sees a part of it and a failure leaves nothing behind.
    Files that were fetched before a failure stay. ``timeout`` is in seconds without an answer. Anything but https is
    refused, in a redirection too; ``https_only=False`` allows http, for a server of one's own.

    Raises:
        DataFileError: no address gives the file (the reason for each is in the message), or the folder cannot be
            written.

    Example:
        >>> fetch_files(Path("data"), {}, base_urls=["https://example.org/"])  # no files: nothing is asked or made
    """
    opener = _opener(https_only)
    for name, digest in sha256.items():
        reasons = []
        for base in base_urls:
            try:
                body = _fetch(opener, base + name, max_bytes=max_bytes, timeout=timeout)
                _check_digest(body, digest)
            except DataFileError as error:
                reasons.append(f"{base}{name}: {error}")
                continue
            _write_whole(folder / name, body)
            break
        else:
            raise DataFileError(f"{name} could not be fetched ({'; '.join(reasons)})")


def _opener(https_only: bool) -> OpenerDirector:
    """An opener that knows https (and http if allowed) and no other scheme, so that no redirection can leave it."""
    from urllib import request  # slow to import, and rarely needed

    handlers: list[request.BaseHandler] = [
        request.ProxyHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ]
    if not https_only:
        handlers.append(request.HTTPHandler())
    opener = request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _fetch(opener: OpenerDirector, url: str, *, max_bytes: int, timeout: float) -> bytes:
    from http.client import HTTPException

    try:
        with opener.open(url, timeout=timeout) as response:
            declared = response.headers.get("Content-Length")
            body = bytearray()
            while chunk := response.read(_CHUNK):
                body += chunk
                if len(body) > max_bytes:
                    raise DataFileError(f"more than the {max_bytes} bytes that the file may have")
    except DataFileError:
        raise
    except (OSError, HTTPException) as error:
        raise DataFileError(str(error) or type(error).__name__) from error
    if declared is not None and declared.isdigit() and int(declared) != len(body):
        raise DataFileError(f"the answer was cut off: expected {declared} bytes, found {len(body)}")
    return bytes(body)


def _check_digest(body: bytes, digest: str) -> None:
    own = hashlib.sha256(body).hexdigest()
    if own != digest:
        raise DataFileError(f"the {len(body)} bytes have the wrong SHA-256: expected {digest}, found {own}")


def _write_whole(path: Path, body: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, body)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be written ({error}); pass root= a writable folder") from error
