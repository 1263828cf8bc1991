"""How much a file may ask for: what it says is compared with its length and a limit before memory is taken."""

from __future__ import annotations

import math
import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from infoplane.errors import DataFileError

#: Bytes of arrays that a reader takes from one file, if the caller allows no more.
MAX_BYTES = 4 * 2**30
#: Characters of a line of a table.
LONGEST_LINE = 2**24
#: An archive that grows by more than this factor, to more than _HARMLESS bytes, is refused.
MOST_GROWTH = 500
_HARMLESS = 2**28
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes to unpack a byte


def check_file(path: Path, *, max_bytes: int) -> int:
    """The length of a file, which is a regular one (no pipe, no device), not empty, and no longer than ``max_bytes``.

    Raises:
        DataFileError: it is not.
        OSError: it is missing or out of reach.
    """
    check_regular(path)
    length = path.stat().st_size
    if length == 0:
        raise DataFileError(f"{path} is empty (0 bytes): save it again")
    check_size(path, length, max_bytes)
    return length


def check_regular(path: Path) -> None:
    """``DataFileError`` for a folder, a pipe or a device, which could be read for ever."""
    if path.exists() and not path.is_file():
        raise DataFileError(f"{path} is no file: name the file in it")


def lines_within(path: Path | str | os.PathLike[str], file: IO[str], longest: int) -> Iterator[str]:
    """The lines of an open file; ``DataFileError`` for one of more than ``longest`` characters, read only so far."""
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise DataFileError(f"{path}, line {number} has more than {longest} characters: it is no table, or damaged")
        yield line


def inside(folder: Path, name: str) -> Path:
    """The path of a file in a folder; ``DataFileError`` where it is a link that leads out of the folder."""
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise DataFileError(f"{path} is a link that leads out of {folder}: put a copy of the file there")
    return path


def check_size(path: Path, needed: int, max_bytes: int) -> None:
    """``DataFileError`` where more than ``max_bytes`` are ``needed`` for what is in the file."""
    if needed > max_bytes:
        raise DataFileError(
            f"{path} holds {needed / 1e9:.3g} GB and at most {max_bytes / 1e9:.3g} GB are read: save fewer samples or "
            "units, or raise max_bytes"
        )


def check_shape(path: Path, shape: Sequence[int], itemsize: int, max_bytes: int) -> None:
    """``DataFileError`` for a shape that is too large, and for one that would be if none of its sizes were 0."""
    check_size(path, math.prod(max(size, 1) for size in shape) * max(itemsize, 1), max_bytes)


def check_archive(path: Path, archive: zipfile.ZipFile, max_bytes: int) -> None:
    """``DataFileError`` for a zip archive that unpacks to too much, or that has two members of one name."""
    members = archive.infolist()
    [(name, count)] = Counter(member.filename for member in members).most_common(1) or [("", 0)]
    if count > 1:
        raise DataFileError(f"{path} holds {name!r} {count} times: save it again, each array once")
    methods = {member.compress_type for member in members}
    if not methods <= set(_METHODS):
        raise DataFileError(
            f"{path} is packed in a way that numpy does not use (zip method {max(methods)}): save it again with "
            "numpy.savez or numpy.savez_compressed"
        )
    unpacked = sum(member.file_size for member in members)
    check_size(path, unpacked, max_bytes)
    if unpacked > _HARMLESS and unpacked > MOST_GROWTH * path.stat().st_size:
        raise DataFileError(
            f"{path} unpacks {path.stat().st_size / 1e6:.3g} MB to {unpacked / 1e6:.0f} MB, more than "
            f"{MOST_GROWTH} times as much: where that is meant, save it without compression (numpy.savez)"
        )


def check_sums(archive: zipfile.ZipFile) -> None:
    """``ValueError`` where the bytes of a member are not those that were written, by its checksum."""
    damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"the checksum of {damaged!r} is wrong")
