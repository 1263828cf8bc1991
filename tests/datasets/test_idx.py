"""The IDX reader: what was written comes back, and no damaged file is believed."""

from __future__ import annotations

import gzip
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from infoplane.datasets.idx import read_idx
from infoplane.errors import DataFileError

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
ARRAYS = st.sampled_from(sorted(CODES)).flatmap(
    lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
)
derandomized = settings(derandomize=True, deadline=None, max_examples=60)


def header(code, *sides):
    return struct.pack(f">BBBB{len(sides)}I", 0, 0, code, len(sides), *sides)


def as_idx(array):
    return header(CODES[array.dtype.name], *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "some.idx"


def refused(path, *, match, **options):
    """The reader refuses the file with these words, having taken less than a megabyte."""
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match=match) as caught:
            read_idx(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def read_or_refusal(path):
    """The array, or the words with which the reader refuses the file; any other exception passes through."""
    try:
        return read_idx(path)
    except DataFileError as error:
        return str(error)


@derandomized
@given(ARRAYS, st.booleans())
def test_what_was_written_comes_back(path, array, packed):
    path.write_bytes(gzip.compress(as_idx(array)) if packed else as_idx(array))
    back = read_idx(path)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


@derandomized
@given(ARRAYS, st.booleans(), st.data())
def test_a_file_cut_anywhere_is_refused(path, array, packed, data):
    content = gzip.compress(as_idx(array)) if packed else as_idx(array)
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataFileError, match=re.escape(str(path))):
        read_idx(path)


@derandomized
@given(ARRAYS, st.booleans(), st.binary(min_size=1, max_size=9))
def test_a_file_that_goes_on_is_refused(path, array, packed, more):
    content = as_idx(array) + more
    path.write_bytes(gzip.compress(content) if packed else content)
    expected = len(content) - len(more)
    with pytest.raises(DataFileError, match=f"expected {expected} bytes, found (more than {expected}|{len(content)});"):
        read_idx(path)


@derandomized
@given(ARRAYS, st.data())
def test_a_changed_bit_of_a_gzipped_file_never_changes_a_value(path, array, data):
    content = bytearray(gzip.compress(as_idx(array)))
    where = data.draw(st.integers(0, 8 * len(content) - 1))
    content[where // 8] ^= 1 << where % 8
    path.write_bytes(content)
    back = read_or_refusal(path)
    if isinstance(back, np.ndarray):  # a bit that holds no content, such as gzip's note of the time
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()


@derandomized
@given(st.binary(max_size=40))
def test_junk_is_an_array_or_an_error_of_ours(path, junk):
    path.write_bytes(b"\0\0" + junk)
    back = read_or_refusal(path)
    assert isinstance(back, np.ndarray) or str(path) in back


def test_sizes_are_named(path):
    path.write_bytes(header(0x08, 10) + bytes(4))
    refused(path, match=r"shape \(10,\): expected 18 bytes, found 12")
    path.write_bytes(gzip.compress(header(0x0C, 10) + bytes(4)))
    refused(path, match=r"shape \(10,\): expected 48 bytes, found 12")
    path.write_bytes(b"")
    refused(path, match="the file is empty: expected at least 8 bytes, found 0")
    path.write_bytes(b"\0\0\x08")
    refused(path, match="the file ends in its header: expected at least 8 bytes, found 3")


@pytest.mark.parametrize("magic", ["01000801", "00000a01", "00000800", "00000841", "89504e47", "504b0304"])
def test_a_wrong_magic_is_shown(path, magic):
    path.write_bytes(bytes.fromhex(magic) + bytes(300))
    refused(path, match=f"not an IDX file: it begins with {bytes.fromhex(magic).hex(' ')}")


@pytest.mark.parametrize("sides", [(2**32 - 1,) * 3, (0, *[2**32 - 1] * 3)])
def test_an_enormous_claim_takes_no_memory(path, sides):
    for wrap in (bytes, gzip.compress):
        path.write_bytes(wrap(header(0x08, *sides)))
        refused(path, match="more than max_bytes=4294967296 bytes")


def test_a_claim_within_the_cap_is_held_against_the_length_of_the_file(path):
    path.write_bytes(header(0x08, 3 * 2**30))
    refused(path, match="expected 3221225480 bytes, found 8")
    path.write_bytes(gzip.compress(header(0x08, 3 * 2**30)))
    refused(path, match=r"expected 3221225480 bytes unpacked, which \d+ gzipped bytes cannot hold")


def test_a_gzip_bomb_is_not_unpacked(path):
    path.write_bytes(gzip.compress(header(0x08, 2**25) + bytes(2**25)))
    assert path.stat().st_size < 2**16
    refused(path, match="more than max_bytes=1000000 bytes", max_bytes=1_000_000)
    path.write_bytes(gzip.compress(header(0x08, 10) + bytes(2**25)))
    refused(path, match="expected 18 bytes, found more than 18")


def test_what_is_no_file_is_refused(tmp_path):
    refused(tmp_path / "absent", match=r"cannot be read \(No such file")
    refused(tmp_path, match="not a file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", match="not a file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", match="cannot be read")
