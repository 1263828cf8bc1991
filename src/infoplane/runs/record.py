"""``run.json``: what a run says about itself, from its first second on."""

from __future__ import annotations

import os
import platform
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from infoplane.errors import DataFileError
from infoplane.io.files import FORMAT_VERSION, read_json, reading
from infoplane.runs.migrate import migrated

State = Literal["finished", "interrupted", "failed"]

RECORD = "run.json"


def new_record(
    settings: Mapping[str, Any], data_checksum: str | None, seed: int | None, recipe: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    """What ``run.json`` says at the beginning."""
    return {
        "format_version": FORMAT_VERSION,
        "state": "running",
        "reason": None,
        "started": now(),
        "ended": None,
        "seconds": None,
        "steps_done": 0,
        "seed": seed,
        "data_checksum": data_checksum,
        "settings": dict(settings),
        "recipe": None if recipe is None else list(recipe),
        "command": command(),
        "versions": versions(),
        **whereabouts(),
        "files": [RECORD],
    }


def has_record(folder: str | os.PathLike[str]) -> bool:
    """Whether there is a run in a folder.

    Raises:
        DataFileError: the folder is out of reach.
    """
    with reading(folder):
        return (Path(folder) / RECORD).exists()


def read_record(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What the ``run.json`` of a run directory says, in today's form whichever version wrote it.

    Raises:
        DataFileError: none there, damaged, or of a format that this version does not know.

    Example:
        >>> import infoplane as ip, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> result = ip.experiments.load("warm-up").run(epochs=2, out=folder)
        >>> read_record(folder)["state"]
        'finished'
    """
    path = Path(folder) / RECORD
    if not has_record(folder):
        raise DataFileError(f"{folder} is no run directory: it has no {RECORD}; name a folder that a run has left")
    return migrated(read_json(path), path)


def command() -> str:
    """The command that started this process, as one types it."""
    words = sys.orig_argv[1:]
    if words and Path(words[0]).name == "infoplane":
        return shlex.join(["infoplane", *words[1:]])
    return shlex.join(["python", *words])


def whereabouts() -> dict[str, Any]:
    """The process that writes."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Which infoplane, Python and libraries, read without importing them."""
    found = {"python": platform.python_version()}
    for package in ("infoplane", "torch", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found
