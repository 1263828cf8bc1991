"""Modular addition: what is measured of a network that knows the answer, and statistics of data with a known answer."""

import numpy as np
import pytest
import torch

from infoplane.replications import grokking
from infoplane.replications.claim import Setting
from infoplane.replications.verdict import judge


def test_a_sure_answer_is_worth_log2_47_and_a_wrong_one_costs():
    y = torch.arange(grokking.P).repeat(20)
    hidden = torch.rand(len(y), grokking.HIDDEN, generator=torch.Generator().manual_seed(0))
    right = grokking.measured(hidden, 50 * torch.nn.functional.one_hot(y).float(), y)
    assert right["usable"] == pytest.approx(np.log2(47))
    assert right["accuracy"] == 1
    wrong = grokking.measured(hidden, 50 * torch.nn.functional.one_hot((y + 1) % 47).float(), y)
    assert wrong["usable"] == pytest.approx(np.log2(47) - 50 / np.log(2))
    even = grokking.measured(hidden, torch.zeros(len(y), grokking.P), y)
    assert even["usable"] == pytest.approx(0, abs=1e-9)
    assert abs(even["soft"]) < 0.02  # units that know nothing of y have nothing above the null
    assert even["binned"] > 1  # and bits of sample bias in bins


def test_training_memorises_first(monkeypatch):
    monkeypatch.setattr(grokking, "STEPS", 60)
    monkeypatch.setattr(grokking, "POINTS", 3)
    found = grokking.train(None, seeds=2, decay=1.0)
    assert found["step"] == [0, 1, 60]
    assert np.min(found["accuracy train"][-1]) > 0.2
    assert np.max(found["accuracy test"][-1]) < 0.05
    assert np.min(found["usable train"][-1]) > 0.8
    assert np.max(found["usable test"][-1]) < -0.8
    assert grokking.picture({"decay": found, "none": found}).axes[1].get_ylabel() == "I(T;Y) [bits]"


def found(usable_test, usable_train):
    """Three checkpoints of two seeds; the first seed has memorised at the second one, the other at the third."""
    return {
        "accuracy train": [[0.1, 0.1], [1.0, 0.9], [1.0, 1.0], [1.0, 1.0]],
        "usable test": usable_test,
        "usable train": usable_train,
        "binned test": [[5.0, 5.0], [5.2, 5.2], [5.2, 5.2], [5.1, 4.8]],
    }


def test_statistics():
    learned = found([[0, 0], [-6, -3], [-5, -7], [4, 5]], [[0, 0], [4, 3], [5, 5], [5.5, 5.4]])
    control = found([[0, 0], [-6, -3], [-9, -9], [-20, -30]], [[0, 0], [4, 3], [5, 5], [5.5, 5.5]])
    judged = [judge(check) for check in grokking.checks({"decay": learned, "none": control})]
    assert [one.value for one in judged] == pytest.approx([10, -20, 0.2, 0.4])
    assert [one.verdict for one in judged] == ["holds"] * 3 + ["does not hold"]
    assert [one.contrast for one in judged] == [False] * 3 + [True]
    assert judge(grokking.checks({"decay": control, "none": learned})[0]).verdict == "does not hold"


def test_two_parts_that_differ_in_the_decay():
    parts = grokking.CLAIM.parts(Setting(3))
    assert {name: part.options["decay"] for name, part in parts.items()} == {"decay": 1.0, "none": 0.0}
