"""The tables of an experiment file: their kinds and sizes."""

from pathlib import Path

import pytest

from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.experiments.toml import check_network, check_tables, read_tables

PATH = Path("mine.toml")


def test_a_file_of_tables(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[network]\nsizes = [2, 1]\n")
    assert read_tables(path) == {"network": {"sizes": [2, 1]}}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a = ", InputError, "is not a TOML file"),
        ("a = " + "[" * 10_000, InputError, "is not a TOML file"),
        ("a = " + "9" * 5000, InputError, "is not a TOML file"),
        ("#" * (2**20 + 1), DataFileError, "larger than 1024 KiB"),
        (b"\xff", DataFileError, "cannot read the experiment"),
    ],
    ids=["no-value", "nested", "digits", "giant", "bytes"],
)
def test_a_file_that_is_none(tmp_path, text, error, message):
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(error, match=message):
        read_tables(path)
    with pytest.raises(DataFileError, match="is no file"):
        read_tables(tmp_path)
    with pytest.raises(DataFileError, match="cannot read the experiment"):
        read_tables(tmp_path / "none.toml")


def test_tables_by_name_and_kind():
    check_tables({"data": {}, "network": {}, "estimator": "ksg", "training": {}}, PATH)
    with pytest.raises(UnknownNameError, match="did you mean 'data'"):
        check_tables({"date": {}}, PATH)
    with pytest.raises(InputError, match=r"data of mine.toml is 3: a table \[data\] is needed"):
        check_tables({"data": 3}, PATH)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "needs sizes"),
        ({"sizes": 3}, "is 3: give whole numbers"),
        ({"sizes": [3, 1.5]}, "give whole numbers"),
        ({"sizes": [3, True]}, "give whole numbers"),
        ({"sizes": [3, 1], "activation": ["tanh"]}, "activation of mine.toml is"),
        ({"sizes": [3, 10**9, 10**9]}, "weights and may make"),
        ({"sizes": [3, 1], "size": 2}, "did you mean 'sizes'"),
    ],
)
def test_a_network_by_kind_and_size(table, message):
    with pytest.raises(InputError, match=message):
        check_network(table, PATH)
