"""One reading of a run for all who look at it."""

import json

import pytest

import infoplane as ip
from infoplane.serve import share
from infoplane.serve.folder import RunsFolder
from infoplane.serve.share import Place, shared


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with the run "one" of two rows; every look is a new one."""
    monkeypatch.setattr(share, "_FRESH", -1.0)
    save(tmp_path / "one", steps=(1, 2))
    return RunsFolder(tmp_path)


def save(folder, steps):
    ip.Trajectory([{"step": step, "layer": "fc"} for step in steps]).save(folder)


def steps_seen(run, place=None):
    """The steps that somebody at a place gets to see, and the place after them."""
    steps, place, more = [], place or Place(), True
    while more:
        sight = run.look(place)
        place, more = sight.place, sight.more
        for text in sight.events:
            kind, data = text.removesuffix("\n\n").split("\n")
            if kind == "event: begin":
                steps.clear()
            if kind == "event: rows":
                steps += json.loads(data.removeprefix("data: "))["step"]
    return steps, place


def test_everybody_sees_everything_and_the_run_is_read_once(runs, monkeypatch):
    looks, original = [], share.RunFollower.look
    monkeypatch.setattr(share.RunFollower, "look", lambda self: looks.append(1) or original(self))
    with shared(runs, "one") as run:
        first, place = steps_seen(run)
        read = len(looks)
        with shared(runs, "one") as again:
            assert again is run
            assert steps_seen(again)[0] == first == [1, 2]
        assert steps_seen(run, place)[0] == []
    assert len(looks) == read + 1  # only who is at the end of what there is asks whether there is more
    with shared(runs, "one") as anew:
        assert anew is not run
    assert share._shared == {}


def test_a_look_is_good_for_all_for_a_moment(runs, monkeypatch):
    with shared(runs, "one") as run:
        _, place = steps_seen(run)
        monkeypatch.setattr(share, "_FRESH", 60.0)
        monkeypatch.setattr(run, "_read_on", lambda: pytest.fail("it was looked at just now"))
        assert run.look(place).events == []


def test_who_is_in_the_middle_of_a_run_that_begins_anew_begins_anew(runs, monkeypatch):
    monkeypatch.setattr(share, "_MOST_BYTES", 1)
    lines = runs.root / "one" / "trajectory.jsonl"
    (runs.root / "one" / "trajectory.csv").unlink()
    with shared(runs, "one") as run:
        for step in (1, 2, 3):
            with open(lines, "a") as file:
                file.write(f'{{"step":{step}}}\n')
            _, last = steps_seen(run, Place(run._version, len(run._ends) - 1))
        halfway = run.look(Place()).place
        assert halfway == Place(0, 1)
        lines.write_text('{"step":7}\n')
        assert steps_seen(run, last)[0] == [7]
        assert steps_seen(run, halfway)[0] == [7]
        assert steps_seen(run)[0] == [7]


def test_more_than_memory_keeps_lies_in_a_file_and_comes_back_the_same(runs, monkeypatch):
    monkeypatch.setattr(share, "_IN_MEMORY", 10)
    save(runs.root / "one", steps=range(9000))
    with shared(runs, "one") as run:
        assert steps_seen(run)[0] == list(range(9000)) == steps_seen(run)[0]
        assert run._kept._rolled
