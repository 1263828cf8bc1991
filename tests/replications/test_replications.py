"""The claims by name, and the command on them: one, the small versions as they stand, and all on three seeds."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infoplane import cli, replications
from infoplane.errors import InputError, UnknownNameError

INDEX = Path(__file__).parents[2] / "docs" / "replications" / "index.md"


def published():
    """Name -> verdict of the gallery."""
    rows = re.findall(r"^\| \[([\w-]+)\]\(\1\.md\) \|.*?\| \*\*(.*?)\*\* \|", INDEX.read_text(encoding="utf-8"), re.M)
    return dict(rows)


def verdicts(folder, *options):
    arguments = ["replicate", "--all", "--out", str(folder), "--workers", "1", *options]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    claims = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["claims"]
    for claim in claims:
        assert (folder / f"{claim['name']}.png").stat().st_size > 10_000
    return {claim["name"]: claim["verdict"] for claim in claims}


def test_the_gallery_shows_every_claim():
    assert list(published()) == replications.names()


@pytest.mark.slow
def test_the_small_versions_come_to_the_gallerys_verdicts(tmp_path):
    judged = verdicts(tmp_path, "--quick")
    assert list(judged) == [name for name in replications.names() if replications.load(name).quick]
    known = published()
    assert judged == {name: known[name] for name in judged}


@pytest.mark.all_claims
def test_three_seeds_contradict_no_verdict_of_the_gallery(tmp_path):
    judged, known = verdicts(tmp_path, "--seeds", "3"), published()
    assert list(judged) == replications.names()
    opposite = {"holds": "does not hold", "does not hold": "holds"}
    assert [name for name in judged if opposite.get(judged[name]) == known[name]] == []


def test_every_claim_says_all_that_a_reader_needs():
    for name in replications.names():
        claim = replications.load(name)
        assert claim.name == name
        assert all((claim.title, claim.statement, claim.method, claim.contrast, claim.silent, claim.sources))
        assert claim.seeds >= max(1, claim.quick)


def test_names_that_are_none():
    with pytest.raises(UnknownNameError, match="liner"):
        replications.load("liner")
    with pytest.raises(InputError, match="noise has no quick version"):
        replications.run("noise", quick=True)
