"""The one table of the columns, and that nobody else writes it down."""

import re
from pathlib import Path

import pytest

import infoplane
from infoplane.columns import AXES, COLUMNS, KINDS, NUMBERS, QUANTITIES, SCALAR_COLUMNS, SCALARS, TRAJECTORY, Column
from infoplane.io.jsonlines import lines_of, row_of
from infoplane.io.tables import csv_bytes, read_csv
from infoplane.trajectory.store import ColumnStore

SOURCE = Path(infoplane.__file__).parent


def test_the_tables_have_each_name_once_and_words_for_it():
    for names, table in ((COLUMNS, TRAJECTORY), (SCALAR_COLUMNS, SCALARS)):
        assert len(set(names)) == len(table)
        assert all(column.words for column in table)
    assert all(KINDS[column.name] == column.kind for column in (*TRAJECTORY, *SCALARS))


def test_what_follows_from_the_table():
    assert AXES == ("split", "label", "estimator", "family", "copy", "layer", "step")
    assert QUANTITIES == ("i_xt", "i_ty", "h_t", "h_t_given_x")
    assert (*COLUMNS[COLUMNS.index("i_xt") : COLUMNS.index("n") + 1], "p_xt", "p_ty") == NUMBERS
    assert [column.name for column in TRAJECTORY if column.in_units] == [
        n for n in COLUMNS if n[:2] in ("i_", "h_") and KINDS[n] == "number"
    ]


@pytest.mark.parametrize("kind", ["text", "whole", "number", "flags"])
def test_a_new_column_is_stored_written_and_read(tmp_path, monkeypatch, kind):
    values = {"text": ["=a", None], "whole": [-3, None], "number": [0.1, None], "flags": [("red", "new"), ()]}[kind]
    table = (*TRAJECTORY, Column("novelty", kind, "fact", "a column of tomorrow"))
    monkeypatch.setitem(KINDS, "novelty", kind)
    store = ColumnStore(table)
    store.extend({"step": [0, 1], "novelty": values})
    assert [row["novelty"] for row in store] == values
    path = tmp_path / "t.csv"
    path.write_bytes(csv_bytes(store.columns()))
    again = ColumnStore(table)
    for columns in read_csv(path, store.names):
        again.extend(columns)
    assert list(again) == list(store)
    again.extend_rows(row_of(line, "a line", store.names) for line in lines_of(store.columns()))
    assert [row["novelty"] for row in again] == values * 2
    assert "novelty" in store.to_pandas()


def test_no_other_module_or_script_lists_the_columns():
    # names that are used one by one, where their meaning counts, are none: a list has several on neighbouring lines
    lists = re.compile(r'"(?:%s)"(?:,\s*"(?:%s)"){8,}' % (("|".join(COLUMNS),) * 2))
    files = [file for file in SOURCE.rglob("*") if file.suffix in (".py", ".js") and file.name != "columns.py"]
    assert [str(file.relative_to(SOURCE)) for file in files if lists.search(file.read_text(encoding="utf-8"))] == []
