import json
import math
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.columns import SCALAR_COLUMNS
from infoplane.errors import DataFileError, RunError
from infoplane.io.jsonlines import LineFile, last_rows, lines_of, read_lines

STEP = {"step": st.none() | st.integers(-(2**60), 2**60)}
VALUES = {
    "layer": st.none() | st.text(),
    "i_xt": st.none() | st.floats(),
    "i_ty": st.none() | st.floats() | st.integers(-5, 5),
    "flags": st.lists(st.text(), max_size=3).map(tuple),
}


def line_of(row):
    (line,) = lines_of({name: [value] for name, value in row.items()})
    return line


def bits(value):
    return struct.pack("<d", value) if isinstance(value, float) and not math.isnan(value) else repr(value)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.fixed_dictionaries(STEP, optional=VALUES), max_size=5))
def test_every_row_comes_back_to_the_last_bit_in_strict_json(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("lines") / "t.jsonl"
    path.write_bytes(b"".join(map(line_of, rows)))
    assert [{n: bits(v) for n, v in row.items()} for row in read_lines(path)] == [
        {n: bits(list(v) if n == "flags" else v) for n, v in row.items()} for row in rows
    ]
    for line in path.read_bytes().splitlines():
        json.loads(line, parse_constant=pytest.fail)


def test_numbers_that_json_has_no_form_for_are_named_beside_the_row():
    row = {"step": 3, "i_xt": 0.5, "i_ty": math.nan, "h_t": -math.inf, "flags": ("a",)}
    assert json.loads(line_of(row)) == {
        "step": 3, "i_xt": 0.5, "i_ty": None, "h_t": None, "flags": ["a"], "not_finite": {"i_ty": "nan", "h_t": "-inf"},
    }  # fmt: skip


def test_lines_are_what_the_json_encoder_of_python_writes():
    rows = [
        {"step": s, "layer": 'fc\u2028 ключ"', "i_xt": s / 3, "i_ty": None, "flags": ("a", "b")[:s]} for s in range(3)
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert lines_of(columns) == [json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"step":1}\n{"step":\n', "line 2 is not valid JSON"),
        (b'{"i_xt":NaN}\n', "NaN is no JSON number"),
        (b"[1]\n", "a JSON list"),
        (b"\xff\n", "not valid JSON"),
        (b"[" * 100_000 + b"\n", "not valid JSON"),
        (b'{"step":"1"}\n', "'step' is '1'"),
        (b'{"step":true}\n', "'step' is True"),
        (b'{"i_xt":"1"}\n', "'i_xt' is '1'"),
        (b'{"layer":1}\n', "'layer' is 1"),
        (b'{"flags":"red"}\n', "'flags' is 'red'"),
        (b'{"flags":[1]}\n', "'flags' is"),
        (b'{"code":"x"}\n', "'code' is 'x'"),
        (b'{"not_finite":{"i_xt":"no"}}\n', "not_finite is"),
        (b'{"not_finite":{"i_xt":[]}}\n', "not_finite is"),
        (b'{"not_finite":3}\n', "not_finite is"),
        (b"x" * (2**20 + 5), "line 1 is longer than"),
    ],
)
def test_lines_that_no_run_writes_are_refused(tmp_path, content, message):
    (tmp_path / "t.jsonl").write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        list(read_lines(tmp_path / "t.jsonl"))
    with pytest.raises(DataFileError, match="no such file"):
        list(read_lines(tmp_path / "no.jsonl"))


def test_the_newest_rows_of_a_long_file(tmp_path):
    path = tmp_path / "t.jsonl"
    rows = {
        "step": [s for s in range(20_000) for _ in range(2)],
        "layer": ["fc0", "fc1"] * 20_000,
        "i_xt": [0.5] * 40_000,
    }
    path.write_bytes(b"".join(lines_of(rows)) + b'{"step":20000')
    found = last_rows(path)
    assert [(row["step"], row["layer"], row["i_ty"]) for row in found] == [(19_999, "fc0", None), (19_999, "fc1", None)]
    path.write_bytes(b"")
    assert last_rows(path) == []
    with pytest.raises(DataFileError, match="no such file"):
        last_rows(tmp_path / "no.jsonl")


def test_scalars_have_columns_of_their_own(tmp_path):
    row = {"step": 1, "split": "", "name": "loss", "layer": "", "copy": -1, "value": math.inf}
    (tmp_path / "s.jsonl").write_bytes(line_of(row))
    assert list(read_lines(tmp_path / "s.jsonl", SCALAR_COLUMNS)) == [row]
    with pytest.raises(DataFileError, match="'name' is 'loss'"):
        list(read_lines(tmp_path / "s.jsonl"))


def test_a_file_grows_by_whole_lines_and_knows_its_sum(tmp_path):
    import hashlib

    file = LineFile(tmp_path / "t.jsonl")
    file.append([b"one\n", b"two\n"])
    file.append([b"three\n"])
    file.sync()
    content = (tmp_path / "t.jsonl").read_bytes()
    assert content == b"one\ntwo\nthree\n"
    assert (file.size, file.sha256) == (14, hashlib.sha256(content).hexdigest())
    file.close()
    again = LineFile(tmp_path / "t.jsonl", keep=8)
    assert again.sha256 == hashlib.sha256(b"one\ntwo\n").hexdigest()
    again.append([b"drei\n"])
    again.close()
    assert (tmp_path / "t.jsonl").read_bytes() == b"one\ntwo\ndrei\n"
    with pytest.raises(RunError, match="has 13 bytes and had 14 at the checkpoint"):
        LineFile(tmp_path / "t.jsonl", keep=14)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_half_way_leaves_whole_lines(tmp_path, monkeypatch, error):
    file = LineFile(tmp_path / "t.jsonl")
    file.append([b"one\n"])
    real = file._file

    class Full:
        def write(self, data):
            real.write(data[:3])
            raise error

        def __getattr__(self, name):
            return getattr(real, name)

    monkeypatch.setattr(file, "_file", Full())
    with pytest.raises((RunError, KeyboardInterrupt)):
        file.append([b"two\n"])
    monkeypatch.setattr(file, "_file", real)
    file.append([b"three\n"])
    file.close()
    assert (tmp_path / "t.jsonl").read_bytes() == b"one\nthree\n"


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(RunError, match="cannot write"):
        LineFile(tmp_path / "no" / "t.jsonl")
    os.mkdir(tmp_path / "folder")
    with pytest.raises(RunError, match="cannot write"):
        LineFile(tmp_path / "folder")
