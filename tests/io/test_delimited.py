"""Tables in CSV: what a column holds follows from its cells, and a mistake is named with its line."""

import numpy as np
import pytest

from infoplane.errors import DataFileError
from infoplane.io.delimited import read_delimited


def table(folder, text):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_column_of_whole_numbers_is_one_of_integers_and_texts_stay_texts(tmp_path):
    columns = read_delimited(table(tmp_path, "step,loss,animal\n1,0.5,cat\n2.0,-1e-3,007\n"))
    assert {name: column.dtype.kind for name, column in columns.items()} == {"step": "i", "loss": "f", "animal": "U"}
    assert {name: column.tolist() for name, column in columns.items()} == {
        "step": [1, 2],
        "loss": [0.5, -0.001],
        "animal": ["cat", "007"],
    }


def test_names_lose_the_space_around_them_and_empty_lines_are_none(tmp_path):
    columns = read_delimited(table(tmp_path, "\ufeffa , b\r\n\r\n1,2\r\n\r\n3,4\r\n"))
    assert {name: column.tolist() for name, column in columns.items()} == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5,6\n7,8\n", {"0": [5, 7], "1": [6, 8]}),
        ("0,1\n7,8\n", {"0": [7], "1": [8]}),  # what pandas writes as names where there are none
        ("0\n1\n", {"0": [0, 1]}),  # one column that begins with 0 is a column of labels
        ("0,1\n", {}),
    ],
)
def test_without_names_columns_have_numbers(tmp_path, text, expected):
    if expected:
        assert {name: column.tolist() for name, column in read_delimited(table(tmp_path, text)).items()} == expected
    else:
        with pytest.raises(DataFileError, match="no line of numbers"):
            read_delimited(table(tmp_path, text))


def test_numbers_that_an_integer_could_not_hold_stay_floats(tmp_path):
    text = "finite,odd,large,exact\n1,nan,9007199254740992,9007199254740991\n2,inf,1,1\n"
    columns = read_delimited(table(tmp_path, text))
    assert {name: column.dtype for name, column in columns.items()} == {
        "finite": np.int64,
        "odd": np.float64,
        "large": np.float64,  # 2**53, which is also what 2**53 + 1 is read as
        "exact": np.int64,
    }
    assert columns["exact"].tolist() == [2**53 - 1, 1]
    assert np.isnan(columns["odd"][0])
    assert columns["odd"][1] == np.inf


def test_one_long_text_does_not_ask_for_more_than_the_limit(tmp_path):
    path = table(tmp_path, "name\n" + "x" * 1000 + "\n" + "y\n" * 99)  # an array of 100 texts of 1000 letters
    assert read_delimited(path, max_bytes=400_000)["name"].nbytes == 400_000
    with pytest.raises(DataFileError, match="raise max_bytes"):
        read_delimited(path, max_bytes=399_999)


def test_another_encoding_is_said(tmp_path):
    with pytest.raises(DataFileError, match=r"table\.csv is not a csv file in UTF-8"):
        read_delimited(table(tmp_path, "größe\n1\n".encode("latin-1")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,x\n", "line 3: column 'b' is 'x', a number is needed"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, and 2 columns"),
        ("a,b\nx,y\n", "'a', 'b' hold texts, one may"),
        ("0.1,cat\n0.2,dog\n", "neither names nor all numbers"),
        ("a,a\n1,2\n", "or two have one"),
        (",a\n7,2\n", "to_csv"),
        ("a,b\n", "no line of numbers"),
        ("\na,b\n", "first line is empty"),
        ('a,b\n"1,2\n', "not a csv file"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_its_line(tmp_path, text, message):
    with pytest.raises(DataFileError, match=message) as caught:
        read_delimited(table(tmp_path, text))
    assert "table.csv" in str(caught.value)


def read(folder, text, **options):
    return {name: column.tolist() for name, column in read_delimited(table(folder, text), **options).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1,5;x\n-2,25e1;y\n", {"a": [1.5, -22.5], "b": ["x", "y"]}),  # a spreadsheet where 1.5 is 1,5
        ("a;b\n1.5;2\n", {"a": [1.5], "b": [2]}),
        ("a\tb\n1.5\tx, y\n", {"a": [1.5], "b": ["x, y"]}),
        ("sep=;\na;b\n1;2\n", {"a": [1], "b": [2]}),
        ('a,b\n1,"x;y"\n2,"z;w"\n', {"a": [1, 2], "b": ["x;y", "z;w"]}),
        ("a;b,c\n1,2\n", {"a;b": [1], "c": [2]}),
    ],
)
def test_the_separator_is_told_from_the_lines(tmp_path, text, expected):
    assert read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\nbig\nsmall\nbig\n", {"0": ["big", "small", "big"]}),  # a series without a name, as pandas writes it
        ("big\nsmall\nbig\n", {"0": ["big", "small", "big"]}),  # no names: the first label comes again
        ("label\nbig\nsmall\n", {"label": ["big", "small"]}),
        ("0.5,big\n0.1,small\n0.2,big\n", {"0": [0.5, 0.1, 0.2], "1": ["big", "small", "big"]}),
        ("0,1,y\n0.5,0.25,big\n", {"0": [0.5], "1": [0.25], "y": ["big"]}),
        (",t,y\n0,0.5,a\n1,0.25,b\n", {"t": [0.5, 0.25], "y": ["a", "b"]}),  # the index of pandas
    ],
)
def test_the_first_line_is_names_or_a_row(tmp_path, text, expected):
    assert read(tmp_path, text) == expected


def test_empty_cells_are_missing_values(tmp_path):
    columns = read_delimited(table(tmp_path, "t,y,z\n,cat,1\n2,,NA\n3,dog,2\n"))
    assert np.isnan(columns["t"][0])
    assert columns["t"][1:].tolist() == [2, 3]
    assert columns["y"].tolist() == ["cat", None, "dog"]
    assert np.isnan(columns["z"][1])


@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t"}, {"index": True}])
def test_what_pandas_writes_is_read_to_the_last_bit(tmp_path, options):
    import pandas

    random = np.random.default_rng(0)
    frame = pandas.DataFrame(random.normal(size=(100, 2)), columns=["t0", "t1"])
    frame["y"] = np.where(frame["t0"] > 0, "big", "small")
    frame.loc[3, "y"] = None
    frame.to_csv(tmp_path / "table.csv", **{"index": False, **options})
    columns = read_delimited(tmp_path / "table.csv")
    assert list(columns) == ["t0", "t1", "y"]
    for name in ("t0", "t1"):
        assert columns[name].tolist() == frame[name].tolist()
    assert columns["y"][3] is None
    assert np.delete(columns["y"], 3).tolist() == frame["y"].drop(3).tolist()
