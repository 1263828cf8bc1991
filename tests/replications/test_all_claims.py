"""The command itself, on all claims: the small versions as they stand, and the whole ones on three seeds."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infoplane import cli, replications

INDEX = Path(__file__).parents[2] / "docs" / "replications" / "index.md"


def published():
    """Name -> verdict of the gallery."""
    rows = re.findall(r"^\| \[([\w-]+)\]\(\1\.md\) \|.*?\| \*\*(.*?)\*\* \|", INDEX.read_text(encoding="utf-8"), re.M)
    return dict(rows)


def verdicts(folder, *options):
    arguments = ["replicate", "--all", "--out", str(folder), "--workers", "1", *options]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["claims"]
    for one in found:
        assert (folder / f"{one['name']}.png").stat().st_size > 10_000
    return {one["name"]: one["verdict"] for one in found}


def test_the_gallery_shows_every_claim():
    assert list(published()) == replications.names()


@pytest.mark.slow
def test_the_small_versions_come_to_the_gallerys_verdicts(tmp_path):
    found = verdicts(tmp_path, "--quick")
    assert list(found) == [name for name in replications.names() if replications.load(name).quick]
    known = published()
    assert found == {name: known[name] for name in found}


@pytest.mark.all_claims
def test_three_seeds_contradict_no_verdict_of_the_gallery(tmp_path):
    found, known = verdicts(tmp_path, "--seeds", "3"), published()
    assert list(found) == replications.names()
    opposite = {"holds": "does not hold", "does not hold": "holds"}
    assert [name for name in found if opposite.get(found[name]) == known[name]] == []
