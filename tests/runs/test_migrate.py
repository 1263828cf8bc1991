"""Records of earlier formats become records of today, and what no version ever wrote is refused."""

import pytest

from infoplane.errors import DataFileError
from infoplane.io.files import FORMAT_VERSION
from infoplane.runs.migrate import migrated
from infoplane.runs.record import new_record

PATH = "runs/mine/run.json"
OLD = {"format_version": 1, "experiment": "six-layer", "settings": {"epochs": 2}}


def test_a_record_of_format_1_gets_what_it_did_not_know_and_keeps_what_it_knew():
    today = migrated(OLD, PATH)
    assert today == {
        "format_version": FORMAT_VERSION,
        "experiment": "six-layer",
        "settings": {"epochs": 2},
        "state": "finished",
        "steps_done": 0,
        "versions": {},
        "files": [],
        "recipe": None,
        "seconds": None,
        "pid": None,
        "host": None,
    }
    assert OLD["format_version"] == 1  # the old one stays as it was read


def test_the_known_of_a_record_of_format_1_comes_first():
    known = {"state": "failed", "steps_done": 7, "seconds": 1.5, "files": ["trajectory.csv"]}
    today = migrated(OLD | known, PATH)
    assert {name: today[name] for name in known} == known


def test_a_record_of_today_stays_as_it_is():
    record = new_record({"epochs": 3}, "00", 0, None)
    assert record["format_version"] == FORMAT_VERSION
    assert migrated(dict(record), PATH) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 0}, f"format version 0, this infoplane reads 1 to {FORMAT_VERSION}"),
        ({"format_version": None}, "format version None"),
        ({"settings": "epochs=3"}, "settings is 'epochs=3', which no run writes"),
        ({"files": {}}, "files is {}"),
        ({"seconds": "long"}, "seconds is 'long'"),
        ({"recipe": ["six-layer"]}, "recipe holds something else than objects"),
    ],
)
def test_what_no_version_wrote_is_refused_with_the_file(change, message):
    with pytest.raises(DataFileError, match=message) as caught:
        migrated(new_record({}, "00", 0, None) | change, PATH)
    assert PATH in str(caught.value)


def test_an_entry_that_is_gone_is_refused_too():
    record = new_record({}, "00", 0, None)
    del record["recipe"]
    with pytest.raises(DataFileError, match="recipe is None, which no run writes"):
        migrated(record, PATH)
