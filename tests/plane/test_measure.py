"""Answers: what is measured of gathered layers, without any network."""

import pytest
import torch

from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.consistency import decision_symbols
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.estimators.kde import KDE
from infoplane.plane.gather import Gathered
from infoplane.plane.measure import Snapshot, answers_to, shares_that_all_differ
from infoplane.plane.question import Moment, Question


@pytest.fixture
def gathered():
    torch.manual_seed(0)
    layers = {"fc": torch.randn(2, 40, 3), "out": torch.randn(2, 40, 2)}
    prepared = {0: Binned("report").layers(list(layers.values()))}
    return Gathered(tuple(layers), prepared, layers, decision_symbols(layers["out"]))


def asked(*estimators):
    x, y = torch.arange(40.0)[:, None], torch.arange(40) % 2
    return Question(estimators, input_variable(x), {"y": label_variable(y)}, "bits")


def test_one_answer_for_each_estimator_and_way_of_reading_copies(gathered):
    question = asked(Binned("report"), KDE())
    answers = answers_to(question, [Snapshot(gathered, Moment(0, ("per-copy", "single")))])[0]
    assert [(answer.name, answer.kind, answer.label) for answer in answers] == [
        (name, kind, "y") for name in question.names for kind in ("per-copy", "single")
    ]
    for answer in answers:
        assert [len(readings) for readings in answer.layers] == 2 * [2 if answer.kind == "single" else 1]
    for per_copy, single in (answers[:2], answers[2:]):
        for (mean,), each in zip(per_copy.layers, single.layers, strict=True):
            assert mean.i_xt == pytest.approx(sum(reading.i_xt for reading in each) / 2, abs=1e-12)


def test_the_same_in_the_same_out(gathered):
    question, moment = asked(Binned("report"), KDE()), Moment(0, ("per-copy",))
    assert (
        answers_to(question, [Snapshot(gathered, moment)])[0] == answers_to(question, [Snapshot(gathered, moment)])[0]
    )


def test_the_share_that_all_copies_tell_apart(gathered):
    question = asked(Binned("report"))
    shares = shares_that_all_differ(
        answers_to(question, [Snapshot(gathered, Moment(0, ("exact",)))])[0], gathered.layers
    )
    assert list(shares) == ["fc", "out"]
    assert all(0 <= share <= 1 for share in shares.values())
    assert (
        shares_that_all_differ(answers_to(question, [Snapshot(gathered, Moment(0, ("single",)))])[0], gathered.layers)
        == {}
    )
