"""Records of earlier formats -> records of today's format, one step a version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from infoplane.errors import DataFileError
from infoplane.io.files import FORMAT_VERSION

Record = dict[str, Any]


def migrated(record: Record, path: Path) -> Record:
    """The record as this version writes it; the file stays as it is.

    Raises:
        DataFileError: an unknown format, or entries that are missing or of another kind.
    """
    version = record.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise DataFileError(
            f"{path} has format version {version!r}, this infoplane reads 1 to {FORMAT_VERSION}: restore it from a copy"
        )
    for earlier in range(version, FORMAT_VERSION):
        record = _STEPS[earlier](record)
    for name, kind in _KINDS.items():
        if name not in record or not isinstance(record[name], kind):
            raise DataFileError(f"{path}: {name} is {record.get(name)!r}, which no run writes: restore it from a copy")
    if not all(isinstance(part, dict) for part in record["recipe"] or ()):
        raise DataFileError(f"{path}: recipe holds something else than objects: restore it from a copy")
    return record


def _from_1(record: Record) -> Record:
    """Format 1 knew no process, recipe or checkpoint; a trajectory saved by itself had a record without a state."""
    missing = {"state": "finished", "steps_done": 0, "settings": {}, "versions": {}, "files": [], "recipe": None}
    return {**missing, "seconds": None, "pid": None, "host": None, **record, "format_version": 2}


def _from_2(record: Record) -> Record:
    """Format 2 said the same, without a checksum of its own."""
    return {**record, "format_version": 3}


_STEPS: dict[int, Callable[[Record], Record]] = {1: _from_1, 2: _from_2}
_KINDS: dict[str, Any] = {
    "state": str,
    "steps_done": int,
    "settings": dict,
    "versions": dict,
    "files": list,
    "recipe": list | None,
    "seconds": int | float | None,
}
