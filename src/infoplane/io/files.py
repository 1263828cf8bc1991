"""Results into files, whole or not at all, and back (records as JSON), and names onto a terminal."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from infoplane import __version__
from infoplane.errors import DataFileError, InfoplaneError, InputError, RunError

#: The beginning and the end of the name of a file that is still being written.
UNFINISHED = (".infoplane-", ".tmp")

#: The layout of a run folder and of its ``run.json``; a reader refuses a later one.
FORMAT_VERSION = 3

_SEAL, _SEALED_SINCE = "own_sha256", 3  # the key of a file's own checksum, and the first format that has one

#: Control characters, and marks that turn the reading direction.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LARGEST_JSON = 2**28


def clean(text: object) -> str:
    """Text that is safe to print on a terminal: without control characters and marks that turn the reading direction.

    Example:
        >>> clean("fc1\\x1b]0;title\\x07")
        'fc1]0;title'
    """
    return _CONTROL.sub("", str(text))


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Put ``data`` into the file ``path`` so that a reader sees the old file or the new one, never a mixture.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the place of ``path`` in
    one step. Where that fails, the old file is as it was and the temporary file is gone.

    Raises:
        RunError: the file cannot be written; the message names the path, the reason and the size.

    Example:
        >>> import tempfile, pathlib
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> atomic_write(target, b"whole")
        >>> target.read_bytes()
        b'whole'
    """
    target = Path(path)
    beginning, end = UNFINISHED
    unfinished = target.parent / f"{beginning}{secrets.token_hex(8)}{end}"
    try:
        with open(unfinished, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException as error:
        with contextlib.suppress(OSError):  # as where the folder is out of reach
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(target, error, size=len(data)) from error
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder, and not only what is in the files, survive a loss of power; where the system can."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    with contextlib.suppress(OSError):  # some file systems refuse; the file itself is whole then as well
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def cannot_write(path: Path, error: OSError, *, size: int | None = None) -> RunError:
    """The one message for a place that cannot be written."""
    reason = (error.strerror or str(error)).lower()
    needed = "" if size is None else f" ({size / 1e6:.3g} MB needed)"
    return RunError(f"cannot write {path}: {reason}{needed}; make room there or name another place")


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """The one message for a place that cannot be read: out of reach, a name that is too long, a broken disk.

    Raises:
        DataFileError: in place of the system's error inside.
    """
    try:
        yield
    except InfoplaneError:
        raise
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def make_folder(folder: Path) -> list[Path]:
    """Make ``folder`` and what is missing above it; returns the folders made, innermost first.

    Raises:
        RunError: it cannot be made; nothing of it is left behind.
    """
    made: list[Path] = []
    try:
        made = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for place in made:
            sync_folder(place.parent)
    except OSError as error:
        remove_empty(made)
        raise cannot_write(folder, error) from error
    return made


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of the folders that are there and empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def json_bytes(value: Any) -> bytes:
    """Settings and facts as strict JSON: NaN and infinity become null, tuples lists, numpy's numbers plain ones.

    Raises:
        InputError: a value that JSON has no form for; the message says which.

    Example:
        >>> json_bytes({"a": float("nan"), "b": (1, 2)}).decode().split()
        ['{', '"a":', 'null,', '"b":', '[', '1,', '2', ']', '}']
    """
    text = json.dumps(_plain(value), allow_nan=False, indent=2, ensure_ascii=False)
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def sealed(content: Mapping[str, Any]) -> bytes:
    """An object as strict JSON with a checksum of what it says, which :func:`read_json` compares.

    The sum is of the content and not of the bytes: a copy with other line ends or another indentation is no damage.

    Raises:
        InputError: a value that JSON has no form for.

    Example:
        >>> json.loads(sealed({"step": 3}))["own_sha256"][:8]
        'a76b25b1'
    """
    plain = json.loads(json_bytes({name: value for name, value in content.items() if name != _SEAL}))
    return json_bytes(plain | {_SEAL: _sum(plain)})


def _sum(plain: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The same value in JSON's own types, where that is possible."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value, key=repr) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # numpy's and torch's arrays and single numbers
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"{value!r} is a {type(value).__name__}, which JSON has no form for: pass its text or numbers")


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The object in a JSON file of this library, without its checksum.

    Raises:
        DataFileError: there is no such file, it is no JSON object, it does not say what was written, or a later
            version of infoplane wrote it.
    """
    try:
        with reading(path):
            source = Path(path)
            if source.exists() and not (source.is_file() and source.stat().st_size <= _LARGEST_JSON):
                raise DataFileError(
                    f"{path} is no file, or larger than {_LARGEST_JSON >> 20} MiB: restore it from a copy"
                )
            text = source.read_text(encoding="utf-8")
        found = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is not valid JSON ({error}): restore it from a copy, or delete it") from error
    if not isinstance(found, dict):
        raise DataFileError(f"{path} holds a JSON {type(found).__name__}, an object in braces is needed")
    version = found.get("format_version", 1)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        writer = found.get("versions")
        by = f" (written by infoplane {clean(writer.get('infoplane'))})" if isinstance(writer, dict) else ""
        raise DataFileError(
            f"{path} has format version {clean(repr(version))}{by} and this infoplane, {__version__}, reads up to "
            f"{FORMAT_VERSION}: upgrade infoplane"
        )
    written = found.pop(_SEAL, None)
    if (written is not None or version >= _SEALED_SINCE) and written != _sum(found):
        raise DataFileError(f"{path} does not say what was written (its checksum differs): restore it from a copy")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found
