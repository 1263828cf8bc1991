"""Names of runs and of their files, and where a new run belongs."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from infoplane.errors import InputError, RunError
from infoplane.io.files import clean

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # devices on some systems


def check_name(name: str) -> str:
    """``name`` itself, if it can be the name of a run or of a file in a run directory on every system.

    Raises:
        InputError: it is empty or too long, or holds anything but letters, digits, dot, underscore and hyphen.

    Example:
        >>> check_name("six-layer.2")
        'six-layer.2'
    """
    if not NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise InputError(
            f"{clean(name)!r} cannot be a file name: use 1 to 128 letters, digits, '.', '_' or '-', a letter or digit "
            "first, no '.' at the end and no name of a device such as CON; for example six-layer-1"
        )
    return name


def file_in(folder: Path, name: str) -> Path:
    """The path of the file ``name`` in a run directory, whoever gave the name.

    Raises:
        InputError: not a plain file name.
        RunError: a link that leads out of the run directory has this name.
    """
    path = folder / check_name(name)
    if path.resolve().parent != folder.resolve():
        raise RunError(f"{path} is a link that leads out of the run directory: remove it or use another name")
    return path


def default_path(experiment: str, *, root: str | Path = "runs", now: datetime | None = None) -> Path:
    """A folder for a new run, ``root/experiment-yyyymmdd-hhmmss`` in local time, that does not exist yet.

    Raises:
        InputError: the experiment's name cannot be part of a file name.

    Example:
        >>> default_path("warm-up", root="/nowhere", now=datetime(2030, 1, 2, 3, 4, 5)).name
        'warm-up-20300102-030405'
    """
    name = check_name(f"{experiment}-{now or datetime.now():%Y%m%d-%H%M%S}")
    path, count = Path(root) / name, 1
    while path.exists():
        count += 1
        path = Path(root) / f"{name}-{count}"
    return path
