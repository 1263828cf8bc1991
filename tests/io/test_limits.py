"""What a file may ask for."""

import io
import os
import tracemalloc
import zipfile

import pytest

from infoplane.errors import DataFileError
from infoplane.io.arrays import read_arrays
from infoplane.io.limits import check_archive, check_file, check_shape, check_size, check_sums, inside, lines_within
from infoplane.io.tables import read_csv


def test_a_file_is_regular_not_empty_and_within_the_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert check_file(path, max_bytes=5) == 5
    with pytest.raises(DataFileError, match=r"a holds 5e-09 GB and at most 4e-09 GB are read: .* raise max_bytes"):
        check_file(path, max_bytes=4)
    path.write_bytes(b"")
    with pytest.raises(DataFileError, match="is empty"):
        check_file(path, max_bytes=4)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(DataFileError, match="is no file"):
            check_file(tmp_path / name, max_bytes=4)
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "none", max_bytes=4)


def test_a_size_of_zero_does_not_hide_the_others(tmp_path):
    check_shape(tmp_path, (0, 3), 8, 24)
    for shape in ((2**40, 0), (0, 4)):
        with pytest.raises(DataFileError, match="raise max_bytes"):
            check_shape(tmp_path, shape, 8, 24)
    check_size(tmp_path, 24, 24)


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as target:
        for name, data in members:
            target.writestr(name, data)
    return zipfile.ZipFile(path)


def test_an_archive_is_within_the_limit_and_names_its_members_once(tmp_path):
    path = tmp_path / "a.zip"
    with archive(path, [("t", b"123"), ("y", b"4")]) as fine:
        check_archive(path, fine, 4)
        check_sums(fine)
        with pytest.raises(DataFileError, match="raise max_bytes"):
            check_archive(path, fine, 3)
    with archive(path, []) as empty:
        check_archive(path, empty, 0)
    with pytest.warns(UserWarning, match="Duplicate"), archive(path, [("t", b"1"), ("y", b"2"), ("t", b"3")]) as twice:
        pass
    with zipfile.ZipFile(path) as twice, pytest.raises(DataFileError, match="holds 't' 2 times"):
        check_archive(path, twice, 100)
    with archive(path, [("t", b"1")], zipfile.ZIP_BZIP2) as other, pytest.raises(DataFileError, match="zip method 12"):
        check_archive(path, other, 100)


def test_a_changed_member_is_noticed(tmp_path):
    path = tmp_path / "a.zip"
    archive(path, [("t", b"123")]).close()
    path.write_bytes(path.read_bytes().replace(b"123", b"124"))
    with zipfile.ZipFile(path) as changed, pytest.raises(ValueError, match="checksum of 't' is wrong"):
        check_sums(changed)


def test_a_link_leads_nowhere_else(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (tmp_path / "secret").touch()
    (folder / "own").touch()
    (folder / "same").symlink_to("own")
    (folder / "out").symlink_to("../secret")
    assert inside(folder, "same") == folder / "same"
    assert inside(folder, "not-yet") == folder / "not-yet"
    for name in ("out", "../secret", "/etc/hostname"):
        with pytest.raises(DataFileError, match="leads out"):
            inside(folder, name)


def test_a_line_is_read_up_to_the_longest_and_no_further():
    assert list(lines_within("a", io.StringIO("ab\n\ncd"), 3)) == ["ab\n", "\n", "cd"]
    endless = io.StringIO("a\n" + "b" * 1000)
    with pytest.raises(DataFileError, match="a, line 2 has more than 9 characters"):
        list(lines_within("a", endless, 9))
    assert endless.tell() == 12


@pytest.mark.parametrize("read", [read_arrays, lambda path: list(read_csv(path))])
def test_a_sparse_table_is_refused_before_it_is_in_memory(tmp_path, read):
    path = tmp_path / "table.csv"
    path.write_text("t,y\n1,2\n")
    os.truncate(path, 3 * 2**29)  # 1.5 GB, of which the disk has a block
    if read is not read_arrays:
        path.rename(path.with_name("header.csv"))
        path.touch()
        os.truncate(path, 3 * 2**29)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="has more than 16777216 characters"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()
