"""A run directory -> what is wrong with it: sizes, checksums, form, and tables that say the same."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from infoplane.columns import SCALARS, TRAJECTORY
from infoplane.errors import DataFileError, InfoplaneError
from infoplane.io.files import read_json, reading
from infoplane.io.jsonlines import read_lines
from infoplane.io.tables import read_csv
from infoplane.runs.checkpoint import POINTER, read_checkpoint
from infoplane.runs.directory import ROWS, TABLES
from infoplane.runs.directory import SCALARS as SCALAR_ROWS
from infoplane.runs.lock import is_locked
from infoplane.runs.manifest import MANIFEST, checksum_of
from infoplane.runs.names import file_in
from infoplane.runs.record import RECORD, read_record
from infoplane.trajectory.store import ColumnStore

_AT_ONCE = 1024  # rows that are compared at a time
_TABLES = {ROWS: TRAJECTORY, SCALAR_ROWS: SCALARS}


def verify(path: str | os.PathLike[str]) -> list[str]:
    """What is wrong with a run directory, one finding a text; an empty list where everything is as it was written.

    Looked at are the record, the checkpoint and the manifest, each by its own checksum, the size and SHA-256 of every
    file in ``manifest.json`` (of a run that has ended), the tensors and the rows before the checkpoint, the form of
    every line of the growing files, and whether the tables made of them in the end hold the same rows. Of a run that
    has not ended, a last line that is not whole is no finding, and values in rows after the checkpoint have no
    checksum: resuming the run makes them again.

    Raises:
        DataFileError: there is no such folder.

    Example:
        >>> import infoplane as ip, tempfile
        >>> folder = tempfile.mkdtemp() + "/run"
        >>> result = ip.experiments.load("warm-up").run(epochs=2, out=folder)
        >>> verify(folder)
        []
    """
    folder = Path(path)
    with reading(path):
        if not folder.is_dir():
            raise DataFileError(f"{path} is no folder: name a run directory")
    return [*changed(folder), *without_manifest(folder), *_findings(_rows, folder)]


def changed(folder: Path) -> list[str]:
    """What is not as it was written, by checksums alone: the quick part of :func:`verify`.

    Example:
        >>> changed(Path("/nowhere"))
        ['/nowhere is no run directory: it has no run.json; name a folder that a run has left']
    """
    checks: tuple[Callable[[Path], Iterator[str]], ...] = (_record, _manifest, _checkpoint)
    return [finding for check in checks for finding in _findings(check, folder)]


def without_manifest(folder: Path) -> list[str]:
    """That a finished run has no manifest: it was killed right before its last file, and can be gone on with.

    Example:
        >>> without_manifest(Path("/nowhere"))
        []
    """
    with contextlib.suppress(OSError):  # `changed` says what is wrong with the record
        left = (folder / ROWS).exists() and not (folder / MANIFEST).exists()
        if left and read_record(folder)["state"] == "finished":
            return [f"{folder / MANIFEST} is missing, and the run is finished"]
    return []


def _findings(check: Callable[[Path], Iterator[str]], folder: Path) -> Iterator[str]:
    try:
        with reading(folder):
            yield from check(folder)
    except InfoplaneError as error:
        yield str(error)


def _record(folder: Path) -> Iterator[str]:
    record = read_record(folder)
    written = (folder / TABLES[0]).exists()  # a run without checkpoints has a table with its steps
    if record["steps_done"] and not written and not (folder / POINTER).exists():
        yield f"{folder / POINTER} is missing, and {record['steps_done']} steps are done"


def _manifest(folder: Path) -> Iterator[str]:
    if not (folder / MANIFEST).exists() or is_locked(folder):
        return
    files = read_json(folder / MANIFEST).get("files")
    if not isinstance(files, dict) or RECORD not in files:
        yield f"{folder / MANIFEST} names no files"
        return
    for name, said in files.items():
        yield from _findings(lambda _, name=name, said=said: _file(folder, name, said), folder)  # type: ignore[misc]


def _file(folder: Path, name: str, said: Any) -> Iterator[str]:
    file = file_in(folder, name)
    if not isinstance(said, dict) or not file.is_file():
        yield f"{file} is missing"
        return
    found = checksum_of(file)
    if found["size"] != said.get("size"):
        yield f"{file} has {found['size']} bytes, {said.get('size')} were written"
    elif found["sha256"] != said.get("sha256"):
        yield f"{file} is not as it was written (its checksum differs)"


def _checkpoint(folder: Path) -> Iterator[str]:
    checkpoint = read_checkpoint(folder)
    for name, said in checkpoint.lines.items() if checkpoint is not None else ():
        file = file_in(folder, name)
        found = checksum_of(file, first=said["size"]) if file.is_file() else {"size": 0}
        if found["size"] < said["size"]:
            yield f"{file} has {found['size']} bytes, {said['size']} were there at the checkpoint"
        elif found["sha256"] != said["sha256"]:
            yield f"{file} is not as it was at the checkpoint (its checksum differs)"


def _rows(folder: Path) -> Iterator[str]:
    for name, (lines, table) in zip(TABLES, _TABLES.items(), strict=True):
        names = [column.name for column in table]
        rows = read_csv(file_in(folder, name), names) if (folder / name).exists() else None
        grown = read_lines(file_in(folder, lines), names, warn=False) if (folder / lines).exists() else None
        if rows is not None and grown is not None:
            yield from _differences(folder / name, rows, lines, grown, table)
        else:
            for _ in rows or grown or ():  # each is checked as it is read
                pass


def _differences(
    path: Path, blocks: Iterator[dict[str, list[Any]]], lines: str, grown: Iterator[dict[str, Any]], table: Any
) -> Iterator[str]:
    """Where a table and its lines part; both are read side by side, so that a block of them is in memory at a time."""
    rows, count, differing = 0, 0, 0
    for columns in blocks:
        block = ColumnStore(table)
        block.extend(columns)
        for at in range(0, len(block), _AT_ONCE):  # rows as Python's own values take ten times the room of a store
            part, same = block.rows(at, at + _AT_ONCE), ColumnStore(table)
            same.extend_rows(itertools.islice(grown, len(part)))
            here = same.rows()
            if not differing and not _alike(part, here):
                pairs = enumerate(zip(part, here, strict=False), start=rows + 1)
                differing = next((number for number, (row, line) in pairs if not _alike(row, line)), 0)
            rows, count = rows + len(part), count + len(here)
    count += sum(1 for _ in grown)
    if rows != count:
        yield f"{path} has {rows} rows, {lines} has {count}"
    if differing:
        yield f"{path}, row {differing} says something else than {lines}"


def _alike(one: object, other: object) -> bool:
    return one == other or repr(one) == repr(other)  # two NaN differ, and are written alike
