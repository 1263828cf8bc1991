"""Parts are computed once and kept, and judged anew."""

import json

import pytest

from infoplane import replications
from infoplane.errors import InputError
from infoplane.replications.outcomes import replicate


def test_a_second_call_goes_on_from_the_parts_that_are_there(tmp_path):
    first = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert json.loads((tmp_path / "verdicts.json").read_text())["claims"] == [first.record()]
    part, other = (tmp_path / "parts").glob("*.json")
    kept = json.loads(part.read_text())
    part.write_text(json.dumps(kept | {"seconds": 12345.0}))
    second = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert second.seconds == 12345.0 + json.loads(other.read_text())["seconds"]  # read, not computed again
    assert second.checks == first.checks


def test_parts_of_another_version_are_computed_again(tmp_path):
    first = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    part = next((tmp_path / "parts").glob("*.json"))
    kept = json.loads(part.read_text())
    part.write_text(json.dumps(kept | {"seconds": 12345.0, "infoplane": "0.0.0"}))
    second = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert second.seconds < 12345.0
    assert second.checks == first.checks


@pytest.mark.parametrize("numbers", [{"seeds": 0}, {"workers": 0}, {"seeds": 1.5}])
def test_numbers_that_make_no_sense(numbers):
    (name,) = numbers
    with pytest.raises(InputError, match=f"{name}=.*whole number of at least 1"):
        replicate([replications.load("linear")], **numbers)
