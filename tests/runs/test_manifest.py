"""The manifest of a run: what it says of a file is what sha256sum and ls would say."""

import pytest

from infoplane.errors import RunError
from infoplane.io.files import FORMAT_VERSION, read_json
from infoplane.runs.manifest import checksum_of, write_manifest

#: SHA-256 of no bytes, and of b"abc", from the standard that defines it (FIPS 180-4).
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_size_and_checksum_are_those_of_the_standard(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert checksum_of(file) == {"size": 0, "sha256": EMPTY}
    file.write_bytes(b"abc")
    assert checksum_of(file) == {"size": 3, "sha256": ABC}


def test_the_first_bytes_alone(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"abc" + bytes(2**21))  # more than is read at once
    assert checksum_of(file, first=3) == {"size": 3, "sha256": ABC}
    assert checksum_of(file, first=0) == {"size": 0, "sha256": EMPTY}
    assert checksum_of(file, first=2**30) == checksum_of(file)
    assert checksum_of(file)["size"] == 2**21 + 3


def test_the_manifest_names_the_files_that_are_there(tmp_path):
    (tmp_path / "trajectory.csv").write_bytes(b"abc")
    (tmp_path / "folder").mkdir()
    write_manifest(tmp_path, ["trajectory.csv", "scalars.csv", "folder"])
    assert read_json(tmp_path / "manifest.json") == {
        "format_version": FORMAT_VERSION,
        "files": {"trajectory.csv": {"size": 3, "sha256": ABC}},
    }


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(RunError, match=r"cannot read .*is a directory"):
        checksum_of(tmp_path)
