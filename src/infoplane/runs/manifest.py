"""``manifest.json``: size and SHA-256 of every file of a run that cannot be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infoplane.errors import RunError
from infoplane.io.files import FORMAT_VERSION, atomic_write, sealed

MANIFEST = "manifest.json"


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Write the manifest of those of the files that are there.

    Raises:
        RunError: it cannot be written.
    """
    files = {name: checksum_of(folder / name) for name in names if (folder / name).is_file()}
    atomic_write(folder / MANIFEST, sealed({"format_version": FORMAT_VERSION, "files": files}))


def checksum_of(path: Path, *, first: int | None = None) -> dict[str, Any]:
    """Size and SHA-256 of a file, or of its first bytes.

    Raises:
        RunError: it cannot be read.
    """
    digest, left = hashlib.sha256(), path.stat().st_size if first is None else first
    size = 0
    try:
        with open(path, "rb") as file:
            while part := file.read(min(left - size, 2**20)):
                digest.update(part)
                size += len(part)
    except OSError as error:
        raise RunError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    return {"size": size, "sha256": digest.hexdigest()}
