import csv
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.columns import COLUMNS, KINDS, LATER
from infoplane.errors import DataFileError
from infoplane.io import tables
from infoplane.io.tables import csv_bytes, read_csv

HEADER = ",".join(COLUMNS)


def rows_of(path, names=COLUMNS):
    """The rows of a file, as dictionaries."""
    blocks = list(read_csv(path, names))
    return [dict(zip(block, row, strict=True)) for block in blocks for row in zip(*block.values(), strict=True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step,layer\n", "the columns split, layer_index, copy"),
        (HEADER.replace("i_ty,", "mutual,", 1) + "\n", "i_ty are missing; the columns 'mutual' are unknown"),
        (HEADER + ",step\n", "a column stands twice"),
        ("", "are missing"),
        (HEADER + "\n1,all\n", f"line 2: 2 cells, the header has {len(COLUMNS)}"),
        (HEADER + "\nx" + "," * (len(COLUMNS) - 1) + "\n", "line 2: step is 'x', a whole number"),
        (HEADER + "\n" + "," * 8 + "much" + "," * (len(COLUMNS) - 9) + "\n", "i_xt is 'much', a number"),
        (HEADER + '\n"' + "," * 20, "not a CSV file"),
    ],
)
def test_a_table_that_is_none_of_ours_says_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataFileError) as caught:
        list(read_csv(path))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_table_that_is_not_there_or_not_text_is_a_data_file_error(tmp_path):
    with pytest.raises(DataFileError, match="no such file"):
        list(read_csv(tmp_path / "none.csv"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataFileError, match="UTF-8"):
        list(read_csv(tmp_path / "binary.csv"))


def test_a_table_of_an_earlier_version_lacks_the_columns_that_came_later(tmp_path):
    path = tmp_path / "table.csv"
    earlier = [name for name in COLUMNS if name not in LATER]
    path.write_text(",".join(earlier) + "\n" + "7" + "," * (len(earlier) - 1) + "\n")
    (row,) = rows_of(path)
    assert (row["step"], set(row)) == (7, set(earlier))


def test_columns_may_stand_in_any_order_and_a_spreadsheet_may_add_its_mark(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "\ufeff"
        + ",".join(reversed(COLUMNS))
        + "\r\n"
        + ",".join({"units": "bits", "step": "7"}.get(name, "") for name in reversed(COLUMNS))
        + "\r\n",
        encoding="utf-8",
    )
    assert [{k: v for k, v in row.items() if v is not None} for row in rows_of(path)] == [{"units": "bits", "step": 7}]


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.sampled_from("=+-@'\t\r\n,\"; a")))
def test_every_text_comes_back_and_none_begins_like_a_formula(tmp_path_factory, layer, label):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    row = dict.fromkeys(COLUMNS) | {"layer": layer, "label": label}
    path.write_bytes(csv_bytes({name: [value] for name, value in row.items()}))
    assert rows_of(path) == [row]
    with open(path, newline="", encoding="utf-8") as file:
        cells = list(csv.reader(file))[1]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


ODD = [
    "", " 5", "5 ", "5.0", "5.", ".5", "1e5", "1e400", "5e-324", "0x10", "1_0", "+5", "--5", "-0", "-0.0", "00012", "٣",
    "TRUE", "False", "nan", "-NaN", "NA", "null", "inf", "-Infinity", "1" * 5000, "0.30000000000000004",
    "9223372036854775807", "9223372036854775808", "-9223372036854775807", "-9223372036854775808",
    "'=x", "'", "a;b", '"a,b"', '"a""b"', '"a', 'a"b', '"5"', '""', '"\n"', "a\rb", "\x00", "é", "\u2028", " ", "\t5",
]  # fmt: skip


def answer(path):
    """What reading gives, with its types, or the message of the error."""
    try:
        rows = rows_of(path)
    except DataFileError as error:
        return str(error)
    return [{name: repr(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("seed", range(8))
def test_the_quick_way_and_the_careful_way_read_the_same_and_refuse_the_same(tmp_path, monkeypatch, seed):
    choice = random.Random(seed)
    usual = {"text": "fc1", "flags": "red;small", "whole": "7", "number": "-1.2345678901234567e-05"}
    quick = []
    for number in range(60):
        lines = [",".join(COLUMNS)]
        for _ in range(choice.randint(0, 8)):
            odd = [choice.random() < 0.02 for _ in COLUMNS]
            cells = [
                choice.choice(ODD) if strange else usual[KINDS[name]]
                for name, strange in zip(COLUMNS, odd, strict=True)
            ]
            lines.append(",".join(cells))
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join(lines) + choice.choice(["\n", "\n", "", "\n\n"]), encoding="utf-8", newline="")
        monkeypatch.setattr(tables, "_LARGE", 2**40)
        careful = answer(path)
        monkeypatch.setattr(tables, "_LARGE", 0)
        monkeypatch.setattr(tables, "_BLOCK_BYTES", 300)  # some three lines: blocks of both ways in one file
        assert answer(path) == careful
        quick.append(bool(list(tables._plain_blocks(path, list(COLUMNS)))))
    assert 10 < sum(quick) < 60


@pytest.mark.parametrize("name", ["step", "layer", "i_xt", "flags"])
@pytest.mark.parametrize("cell", ODD)
def test_one_odd_cell_reads_the_same_in_both_ways(tmp_path, monkeypatch, name, cell):
    usual = {"text": "fc1", "flags": "red;small", "whole": "7", "number": "0.5"}
    cells = [cell if column == name else usual[KINDS[column]] for column in COLUMNS]
    path = tmp_path / "table.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n", encoding="utf-8", newline="")
    careful = answer(path)
    monkeypatch.setattr(tables, "_LARGE", 0)
    assert answer(path) == careful
