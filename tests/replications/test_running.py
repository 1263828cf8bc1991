"""Parts are computed once and kept; the command shows what was judged."""

import json

import pytest
from typer.testing import CliRunner

from infoplane import cli, replications
from infoplane.errors import InputError, UnknownNameError
from infoplane.replications.claim import Setting
from infoplane.replications.running import replicate


def test_a_second_call_goes_on_from_the_parts_that_are_there(tmp_path):
    first = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert json.loads((tmp_path / "verdicts.json").read_text())["claims"] == [first.record()]
    part, other = (tmp_path / "parts").glob("*.json")
    kept = json.loads(part.read_text())
    part.write_text(json.dumps(kept | {"seconds": 12345.0}))
    second = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert second.seconds == 12345.0 + json.loads(other.read_text())["seconds"]  # read, not computed again
    assert second.checks == first.checks


def test_every_claim_says_all_that_a_reader_needs():
    for name in replications.names():
        claim = replications.load(name)
        assert claim.name == name
        assert all((claim.title, claim.statement, claim.method, claim.contrast, claim.silent, claim.sources))
        assert claim.seeds >= max(1, claim.quick)


def test_the_same_work_is_the_same_part():
    claim = replications.load("linear")
    keys = {claim.parts(Setting(seeds))["students"].key for seeds in (3, 3, 4)}
    assert keys == {f"linear.train-decay=0.0-seeds={seeds}" for seeds in (3, 4)}


def test_the_command_prints_verdicts_and_leaves_pictures(tmp_path):
    result = CliRunner().invoke(
        cli.app,
        ["replicate", "linear", "--seeds", "2", "--out", str(tmp_path), "--workers", "1"],
        env={"COLUMNS": "200"},
    )
    assert result.exit_code == 0, result.output
    assert "largest loss of information" in result.output
    assert "holds" in result.output
    assert (tmp_path / "linear.png").stat().st_size > 10_000


def test_the_list_has_a_line_for_each_claim():
    lines = CliRunner().invoke(cli.app, ["list", "replications"]).output.splitlines()
    assert [line.split()[0] for line in lines] == replications.names()
    assert all(replications.load(line.split()[0]).title in line for line in lines)


def test_parts_of_another_version_are_computed_again(tmp_path):
    first = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    part = next((tmp_path / "parts").glob("*.json"))
    kept = json.loads(part.read_text())
    part.write_text(json.dumps(kept | {"seconds": 12345.0, "infoplane": "0.0.0"}))
    second = replications.run("linear", seeds=2, out=tmp_path, workers=1)
    assert second.seconds < 12345.0
    assert second.checks == first.checks


@pytest.mark.parametrize("arguments", [[], ["linear", "--all"]])
def test_names_or_all(arguments):
    result = CliRunner().invoke(cli.app, ["replicate", *arguments])
    assert isinstance(result.exception, InputError)
    assert "linear" in str(result.exception)


def test_wrong_names_and_numbers():
    with pytest.raises(UnknownNameError, match="liner"):
        replications.load("liner")
    with pytest.raises(InputError, match="seeds=0"):
        replicate([replications.load("linear")], seeds=0)
