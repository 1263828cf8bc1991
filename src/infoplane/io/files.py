"""Results into files, whole or not at all, and back (records as JSON, rows as CSV), and names onto a terminal."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import re
import reprlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from infoplane import __version__
from infoplane.columns import COLUMNS
from infoplane.errors import DataFileError, InputError, RunError
from infoplane.io.limits import check_regular

#: The beginning and the end of the name of a file that is still being written.
UNFINISHED = (".infoplane-", ".tmp")

#: The layout of a run folder and of its ``run.json``; a reader refuses a later one.
FORMAT_VERSION = 2

#: The columns that hold texts, and those that hold whole numbers; ``flags`` holds several texts, the others numbers.
TEXT_COLUMNS = frozenset(("split", "layer", "family", "estimator", "label", "units", "name"))
WHOLE_COLUMNS = frozenset(("step", "layer_index", "copy", "n"))

#: Control characters, and marks that turn the reading direction.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LARGEST_JSON = 2**28
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]*")  # a text that stands in a table as it is
_ESCAPED = tuple("=+-@'\t\r")  # what makes a spreadsheet take a cell for a formula, and the escape itself


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
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(target, error, size=len(data)) from error
        raise


def cannot_write(path: Path, error: OSError, *, size: int | None = None) -> RunError:
    """The one message for a place that cannot be written."""
    reason = (error.strerror or str(error)).lower()
    needed = "" if size is None else f" ({size / 1e6:.3g} MB needed)"
    return RunError(f"cannot write {path}: {reason}{needed}; make room there or name another place")


def make_folder(folder: Path) -> list[Path]:
    """Make ``folder`` and what is missing above it; returns the folders made, innermost first.

    Raises:
        RunError: it cannot be made; nothing of it is left behind.
    """
    made: list[Path] = []
    try:
        made = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
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
    """The object in a JSON file of this library.

    Raises:
        DataFileError: there is no such file, it is no JSON object, or a later version of infoplane wrote it.
    """
    try:
        source = Path(path)
        if source.exists() and not (source.is_file() and source.stat().st_size <= _LARGEST_JSON):
            raise DataFileError(f"{path} is no file, or larger than {_LARGEST_JSON >> 20} MiB: restore it from a copy")
        found = json.loads(source.read_text(encoding="utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
    except DataFileError:
        raise
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is not valid JSON ({error}): restore it from a copy, or delete it") from error
    if not isinstance(found, dict):
        raise DataFileError(f"{path} holds a JSON {type(found).__name__}, an object in braces is needed")
    version = found.get("format_version", FORMAT_VERSION)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        writer = found.get("versions")
        by = f" (written by infoplane {clean(writer.get('infoplane'))})" if isinstance(writer, dict) else ""
        raise DataFileError(
            f"{path} has format version {clean(repr(version))}{by} and this infoplane, {__version__}, reads up to "
            f"{FORMAT_VERSION}: upgrade infoplane"
        )
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found


def csv_bytes(rows: Iterable[Sequence[Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """Rows in the order of ``columns`` as a CSV file with a header; numbers in full precision, ``None`` an empty cell.

    Example:
        >>> csv_bytes([(3, "train", "=fc") + (None,) * 18]).decode().splitlines()[1]
        "3,train,'=fc,,,,,,,,,,,,,,,,,,"
    """
    texts = [(name, name in TEXT_COLUMNS) for name in columns]
    lines = [",".join(columns)]
    for row in rows:
        cells = []
        for (name, text), value in zip(texts, row, strict=True):
            if value is None:
                cells.append("")
            elif type(value) is float and not text:
                cells.append(repr(value))
            elif type(value) is str and text and _PLAIN.fullmatch(value):
                cells.append(value)
            else:
                cells.append(_cell(name, value))
        lines.append(",".join(cells))
    return ("\n".join(lines) + "\n").encode("utf-8", errors="backslashreplace")


def _cell(name: str, value: Any) -> str:
    """One value as it stands between two commas."""
    if value is None or (name == "flags" and not value):
        return ""
    if name in TEXT_COLUMNS or name == "flags":
        text = ";".join(value) if name == "flags" else str(value)
        text = "'" + text if not text or text.startswith(_ESCAPED) else text
        quoted = any(mark in text for mark in ',"\r\n')
        return '"' + text.replace('"', '""') + '"' if quoted else text
    if isinstance(value, Integral):
        return str(int(value))
    return repr(float(value))


def read_csv(path: str | os.PathLike[str], columns: Sequence[str] = COLUMNS) -> Iterator[dict[str, Any]]:
    """The rows that :func:`csv_bytes` wrote, as mappings; the columns may stand in any order.

    Raises:
        DataFileError: no such file, another header, or a cell that does not fit its column.
    """
    try:
        check_regular(Path(path))
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            _check_header(path, header, columns)
            for cells in lines:
                if len(cells) != len(header):
                    raise DataFileError(
                        f"{path}, line {lines.line_num}: {len(cells)} cells, the header has {len(header)}"
                    )
                yield {name: _value(path, lines.line_num, name, cell) for name, cell in zip(header, cells, strict=True)}
    except DataFileError:
        raise
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataFileError(f"{path} is not a CSV file in UTF-8: {error}") from error


def _check_header(path: str | os.PathLike[str], header: list[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    unknown = [name for name in header if name not in columns]
    if missing or unknown or len(header) != len(columns):
        faults = [f"the columns {', '.join(missing)} are missing"] if missing else []
        faults += [f"the columns {', '.join(map(reprlib.repr, unknown[:10]))} are unknown"] if unknown else []
        raise DataFileError(
            f"{path} is another table: {'; '.join(faults) or 'a column stands twice'}. "
            f"The first line has to be {','.join(columns)}"
        )


def _value(path: str | os.PathLike[str], line: int, name: str, cell: str) -> Any:
    """What one cell says: the inverse of :func:`_cell`."""
    if not cell:
        return None
    if name in TEXT_COLUMNS or name == "flags":
        return cell.removeprefix("'")
    try:
        number = int(cell) if name in WHOLE_COLUMNS else float(cell)
    except ValueError as error:
        kind = "whole number" if name in WHOLE_COLUMNS else "number"
        shown = reprlib.repr(cell)
        raise DataFileError(f"{path}, line {line}: {name} is {shown}, a {kind} or nothing is needed") from error
    if name in WHOLE_COLUMNS and abs(number) >= 2**63:
        raise DataFileError(f"{path}, line {line}: {name} is {reprlib.repr(cell)}, which is too large to count")
    return number
