"""The second experiment: judged as the first one, on its own task."""

from infoplane.replications import copies, copies_complicated
from infoplane.replications.claim import Setting


def test_it_is_the_claim_of_the_copies_on_another_task():
    own, first = copies_complicated.CLAIM, copies.CLAIM
    assert (own.checks, own.picture, own.seeds, own.quick) == (first.checks, first.picture, first.seeds, first.quick)
    options = [claim.parts(Setting(12))["family"].options for claim in (first, own)]
    assert options == [
        {"seeds": 12, "task": "report-simple", "steps": 1000},
        {"seeds": 12, "task": "report-complicated", "steps": 200},
    ]
    assert min(own.quick, first.quick) >= 10  # fewer seeds leave the verdict open
