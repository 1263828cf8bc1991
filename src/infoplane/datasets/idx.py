"""Reads one IDX file, the format of MNIST: a typed array behind a header that is not believed before it is checked.

The header is two zero bytes, a byte for the type, a byte for the number of dimensions, and each dimension as a
big-endian 32-bit number; the values follow, big-endian, the last index running fastest. The file may be gzipped.
"""

from __future__ import annotations

import gzip
import math
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from infoplane.errors import DataFileError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_LARGEST_GZIP_RATIO = 1032  # deflate cannot pack more bytes than this into one
_MOST_DIMENSIONS = 64  # of a numpy array
_CHUNK = 2**20


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = 4 * 2**30) -> np.ndarray:
    """Read an IDX file, gzipped (known by its first two bytes) or plain, into an array of native byte order.

    The size that the header claims is compared with ``max_bytes`` and with the length of the file before memory is
    taken; a gzipped file is unpacked no further than the header says.

    Raises:
        DataFileError: the file is missing, unreadable, empty, truncated, too long, damaged or not IDX; the message
            has the path, and the sizes expected and found.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "three-bytes"
        ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        ...     read_idx(path).tolist()
        [7, 8, 9]
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataFileError(f"{path}: not a file; pass the path of an IDX file, gzipped or plain")
        with path.open("rb") as file:
            return _read_array(file, path, max_bytes)
    except DataFileError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise DataFileError(f"{path}: cannot be read ({reason}); pass the path of a readable IDX file") from error


def _read_array(file: BinaryIO, path: Path, max_bytes: int) -> np.ndarray:
    file_size = os.fstat(file.fileno()).st_size
    packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    file.seek(0)
    stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if packed else file
    dtype, shape, header_size = _read_header(stream, path)
    body_size = dtype.itemsize * math.prod(shape)
    # A dimension of 0 makes the product 0 whatever the others claim, and numpy refuses the others: count it as 1.
    if dtype.itemsize * math.prod(max(side, 1) for side in shape) > max_bytes:
        raise DataFileError(
            f"{path}: the header claims {dtype.name} values of shape {shape}, more than max_bytes={max_bytes} bytes "
            f"(the file has {file_size}); if that is right, pass a larger max_bytes to read_idx"
        )
    expected = header_size + body_size
    if packed and expected > _LARGEST_GZIP_RATIO * file_size:
        raise DataFileError(
            f"{path}: the header claims shape {shape}, expected {expected} bytes unpacked, "
            f"which {file_size} gzipped bytes cannot hold: the file is truncated or damaged; get it again"
        )
    if not packed and expected != file_size:
        raise _wrong_size(path, f"shape {shape}", expected, str(file_size))
    body = np.empty(body_size, dtype=np.uint8)
    filled = _fill(stream, body, path, already=header_size)
    if filled < expected:
        raise _wrong_size(path, f"shape {shape}", expected, str(filled))
    if _fill(stream, np.empty(1, dtype=np.uint8), path, already=expected) > expected:
        raise _wrong_size(path, f"shape {shape}", expected, f"more than {expected}")
    return body.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path) -> tuple[np.dtype, tuple[int, ...], int]:
    magic = np.zeros(4, dtype=np.uint8)
    filled = _fill(stream, magic, path, already=0)
    if filled < len(magic):
        what = "the file is empty" if filled == 0 else "the file ends in its header"
        raise DataFileError(f"{path}: {what}: expected at least 8 bytes, found {filled}; get the file again")
    code, dimensions = int(magic[2]), int(magic[3])
    if magic[:2].any() or code not in _TYPES or not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise DataFileError(
            f"{path}: not an IDX file: it begins with {magic.tobytes().hex(' ')}; needed are 00 00, a type "
            f"({', '.join(f'{known:02x}' for known in _TYPES)}) and a number of dimensions (01 to "
            f"{_MOST_DIMENSIONS:02x}); pass a file such as train-images-idx3-ubyte.gz"
        )
    sides = np.zeros(dimensions, dtype=">u4")
    header_size = len(magic) + sides.nbytes
    filled = _fill(stream, sides.view(np.uint8), path, already=len(magic))
    if filled < header_size:
        raise _wrong_size(path, f"{dimensions} dimensions", header_size, str(filled))
    return np.dtype(_TYPES[code]), tuple(int(side) for side in sides), header_size


def _fill(stream: BinaryIO | gzip.GzipFile, target: np.ndarray, path: Path, *, already: int) -> int:
    """Fill target (uint8) from the stream as far as it goes; the number of bytes read from the file until now."""
    view = target.data
    filled = 0
    try:
        while filled < len(view):
            count = stream.readinto(view[filled : filled + _CHUNK])  # type: ignore[union-attr]
            if not count:
                break
            filled += count
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(
            f"{path}: the gzip stream is truncated or damaged: expected {len(view) - filled} or more bytes after the "
            f"{already + filled} unpacked ones ({error}); get the file again"
        ) from error
    return already + filled


def _wrong_size(path: Path, claim: str, expected: int, found: str) -> DataFileError:
    return DataFileError(
        f"{path}: wrong size: the header claims {claim}: expected {expected} bytes, found {found}; get the file again"
    )
