"""New rows of a file that another process writes, cuts, replaces or takes away."""

import os

import pytest

import infoplane as ip
from infoplane.columns import COLUMNS, SCALAR_COLUMNS
from infoplane.io.jsonlines import lines_of
from infoplane.serve.follow import LineFollower, RunFollower, columns_of

NAME = "trajectory.jsonl"


def line_of(row):
    (line,) = lines_of({name: [tuple(value) if name == "flags" else value] for name, value in row.items()})
    return line


def row(step, layer="fc1"):
    return {"step": step, "layer": layer, "i_xt": step / 2, "i_ty": None, "flags": ["red"]}


def append(folder, *steps, name=NAME):
    with open(folder / name, "ab") as file:
        file.writelines(line_of(row(step)) for step in steps)


def steps(answer):
    restarted, rows = answer
    return restarted, [one["step"] for one in rows]


def test_only_what_is_new_is_read(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    assert follower.look() == (False, [])
    append(tmp_path, 0, 1)
    assert steps(follower.look()) == (False, [0, 1])
    assert follower.look() == (False, [])
    append(tmp_path, 2)
    assert follower.look() == (False, [row(2)])


def test_half_a_line_waits_for_its_end(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    line = line_of(row(0, layer="ключ\u2028"))
    for end in range(1, len(line)):
        (tmp_path / NAME).write_bytes(line[:end])
        assert follower.look() == (False, [])
    (tmp_path / NAME).write_bytes(line)
    assert follower.look() == (False, [row(0, layer="ключ\u2028")])


def test_a_cut_file_begins_anew(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    append(tmp_path, 0, 1, 2)
    whole = follower.look()[1]
    os.truncate(tmp_path / NAME, len(line_of(whole[0])))
    assert steps(follower.look()) == (True, [0])
    append(tmp_path, 1)
    assert steps(follower.look()) == (False, [1])


def test_another_file_of_at_least_that_length_begins_anew(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    append(tmp_path, 1, 2)
    follower.look()
    (tmp_path / NAME).unlink()
    append(tmp_path, 5, 6, 7)
    assert steps(follower.look()) == (True, [5, 6, 7])


def test_a_file_that_is_gone_begins_anew_and_may_come_back(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    append(tmp_path, 1)
    follower.look()
    (tmp_path / NAME).unlink()
    assert follower.look() == (True, [])
    assert follower.look() == (False, [])
    append(tmp_path, 2)
    assert steps(follower.look()) == (False, [2])


def test_a_long_file_comes_in_parts(tmp_path):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    count = 60_000
    append(tmp_path, *range(count))
    parts = []
    while rows := follower.look()[1]:
        parts.append([one["step"] for one in rows])
    assert len(parts) > 1
    assert [step for part in parts for step in part] == list(range(count))


@pytest.mark.parametrize("line", [b"{\n", b"[1]\n", b'{"step":NaN}\n', b'{"step":"x"}\n', b'{"no":1}\n', b"\xff\n"])
def test_a_damaged_line_is_an_error_with_its_number(tmp_path, line):
    follower = LineFollower(tmp_path, NAME, COLUMNS)
    append(tmp_path, 0)
    follower.look()
    with open(tmp_path / NAME, "ab") as file:
        file.write(line)
    with pytest.raises(ip.errors.DataFileError, match="line 2"):
        follower.look()


def test_a_line_without_end_is_an_error(tmp_path):
    (tmp_path / NAME).write_bytes(b"[" * (2**22 + 1))
    with pytest.raises(ip.errors.DataFileError, match="longer than"):
        LineFollower(tmp_path, NAME, COLUMNS).look()


def test_links_pipes_and_folders_are_not_read(tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(line_of(row(0)))
    run = tmp_path / "run"
    run.mkdir()
    (run / NAME).symlink_to(outside)
    with pytest.raises(ip.errors.RunError, match="leads out"):
        LineFollower(run, NAME, COLUMNS).look()
    (run / NAME).unlink()
    os.mkfifo(run / NAME)
    with pytest.raises(ip.errors.DataFileError, match="no regular file"):
        LineFollower(run, NAME, COLUMNS).look()


def test_a_run_gives_rows_and_scalars_and_begins_anew_with_both(tmp_path):
    follower = RunFollower(tmp_path)
    append(tmp_path, 0, 1)
    (tmp_path / "scalars.jsonl").write_bytes(line_of({"step": 0, "name": "loss", "copy": -1, "value": 0.5}))
    news = follower.look()
    assert (news.restarted, len(news.rows), len(news.scalars)) == (False, 2, 1)
    os.truncate(tmp_path / NAME, 0)
    news = follower.look()
    assert (news.restarted, len(news.rows), len(news.scalars)) == (True, 0, 1)
    append(tmp_path, 0)
    news = follower.look()
    assert (news.restarted, len(news.rows), len(news.scalars)) == (False, 1, 0)


def test_a_run_that_was_saved_whole_comes_once_and_again_when_it_changes(tmp_path):
    follower = RunFollower(tmp_path)
    assert not follower.look().rows
    ip.Trajectory([row(0)]).save(tmp_path)
    assert [one["step"] for one in follower.look().rows] == [0]
    assert not follower.look().rows
    ip.Trajectory([row(0), row(1)]).save(tmp_path)
    news = follower.look()
    assert (news.restarted, len(news.rows)) == (True, 2)


def test_rows_become_columns(tmp_path):
    columns = columns_of([row(0), {"step": 1, "flags": ("a", "b")}], COLUMNS)
    assert set(columns) == set(COLUMNS)
    assert (columns["step"], columns["layer"], columns["flags"]) == ([0, 1], ["fc1", None], ["red", "a;b"])
    assert columns_of([], SCALAR_COLUMNS)["value"] == []
