"""Rows kept by columns: what goes in comes out, in every order of adding, cutting, taking and joining."""

import math
import pickle
import struct

import numpy as np
import pytest

from infoplane.columns import SCALARS, TRAJECTORY
from infoplane.errors import InputError
from infoplane.trajectory.store import ColumnStore

ROWS = [
    {"step": at, "layer": f"fc{at % 3}", "n": None if at % 5 == 0 else at, "i_xt": [None, math.nan, at / 7][at % 3]}
    for at in range(2500)
]


def full(rows):
    """Rows with every column, each value as its bits."""
    empty = {column.name: () if column.kind == "flags" else None for column in TRAJECTORY}
    return [repr(empty | row) for row in rows]


def of(rows):
    store = ColumnStore(TRAJECTORY)
    store.extend_rows(rows)
    return store


def test_rows_come_back_over_many_blocks_and_from_any_place():
    store = of(iter(ROWS))
    assert list(map(repr, store)) == full(ROWS)
    assert list(map(repr, store.rows(1000, 1100))) == full(ROWS[1000:1100])
    assert store.columns(2498)["step"] == [2498, 2499]


def test_cutting_taking_and_joining():
    store = of(ROWS)
    store.truncate(1500)
    assert list(map(repr, store)) == full(ROWS[:1500])
    even = store.take(np.arange(1500) % 2 == 0)
    assert list(map(repr, even)) == full(ROWS[:1500:2])
    even.extend({"step": [7]})
    even.extend_store(store)
    assert list(map(repr, even)) == full([*ROWS[:1500:2], {"step": 7}, *ROWS[:1500]])
    assert len(store) == 1500


def test_equal_finds_values_of_every_kind():
    store = of([*ROWS[:6], {"flags": ("red", "small-sample")}])
    assert np.flatnonzero(store["layer"].equal("fc1")).tolist() == [1, 4]
    assert np.flatnonzero(store["n"].equal(None)).tolist() == [0, 5, 6]
    assert np.flatnonzero(store["n"].equal(np.int64(2))).tolist() == [2]
    assert np.flatnonzero(store["i_xt"].equal(2 / 7)).tolist() == [2]
    assert np.flatnonzero(store["flags"].equal("red")).tolist() == [6]
    for name, strange in (("n", "two"), ("i_xt", "x"), ("layer", 1), ("flags", None), ("i_xt", math.nan)):
        assert not store[name].equal(strange).any()


def test_an_error_in_the_last_block_takes_back_the_first():
    store = of(ROWS[:10])
    with pytest.raises(InputError, match="n is 'many'"):
        store.extend_rows([*ROWS, {"n": "many"}])
    with pytest.raises(ZeroDivisionError):
        store.extend_rows({"step": 1 // (3 - at)} for at in range(5))
    assert list(map(repr, store)) == full(ROWS[:10])


def test_a_sent_store_keeps_the_difference_of_none_and_nan():
    store = pickle.loads(pickle.dumps(of(ROWS[:9])))
    assert list(map(repr, store)) == full(ROWS[:9])


def test_numbers_keep_their_bits():
    store = ColumnStore(SCALARS)
    values = [0.1, -0.0, 5e-324, math.inf, struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]]
    store.extend({"value": values})
    assert [struct.pack("<d", value) for value in store.columns()["value"]] == [struct.pack("<d", v) for v in values]


def test_a_table_has_objects_whole_numbers_and_floats():
    table = of(ROWS[1:5]).to_pandas()
    assert [str(table[name].dtype) for name in ("step", "layer", "n", "i_xt", "flags", "copy")] == [
        "int64", "object", "int64", "float64", "object", "float64",
    ]  # fmt: skip
    assert len(ColumnStore(TRAJECTORY).to_pandas()) == 0
