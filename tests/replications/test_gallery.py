"""Pages are what was judged, and nothing else."""

import re

import pytest

from infoplane import replications
from infoplane.replications import gallery


@pytest.fixture(scope="module")
def outcome():
    return replications.run("linear", seeds=2, quick=True, workers=1)


def test_a_page_a_claim_and_an_overview(outcome, tmp_path):
    written = gallery.write_pages([outcome], tmp_path)
    assert sorted(path.name for path in written) == ["index.md", "linear.md", "linear.png"]
    page = (tmp_path / "linear.md").read_text(encoding="utf-8")
    for said in (outcome.claim.statement, outcome.claim.contrast, outcome.claim.silent, *outcome.claim.sources):
        assert said in page
    for one in outcome.checks:
        beside = "*beside it:* " if one.contrast else ""
        assert f"| {beside}{one.text} | {one.condition} | {one.formatted} | 2 | {one.verdict} |" in page
    assert "![A linear network overfits without compressing](linear.png)" in page
    assert "infoplane replicate linear --quick" in page
    assert (tmp_path / "linear.png").read_bytes()[:4] == b"\x89PNG"


def test_the_overview_counts_shared_networks_once(outcome):
    text = gallery.index([outcome, outcome])
    assert text.count("[linear](linear.md)") == 2
    total = re.search(r"Together (\d+) seconds", text)
    assert int(total[1]) == round(outcome.seconds)
    assert "**holds** | 2 of 2 | 2 |" in text
    assert "replicate --all --quick" in text
