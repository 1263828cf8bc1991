"""A sample of the architectures that benchmarks/attach.py attaches to: training stays the same, bit by bit.

Some 25 networks, and transformers is imported for three of them: it takes longer than other tests.
"""

import csv

import pytest
import torch
from torch import nn

from ..conftest import TESTS, load

attach = load(TESTS.parent / "benchmarks" / "attach.py")
SAMPLE = ["bert", "mamba", "resnet"]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_networks_of_torch(tmp_path):
    attach.main(["--source", "torch", "--out", str(tmp_path / "table.csv")])
    found = rows(tmp_path / "table.csv")
    assert len(found) >= 20
    assert {row["name"]: row["result"] for row in found} == {row["name"]: "same" for row in found}


@pytest.mark.extra
def test_transformers_of_each_kind(tmp_path):
    pytest.importorskip("transformers")
    attach.main(["--source", "transformers", "--only", *SAMPLE, "--out", str(tmp_path / "table.csv")])
    found = rows(tmp_path / "table.csv")
    assert [(row["name"], row["result"]) for row in found] == [(name, "same") for name in SAMPLE]
    assert all(int(row["layers"]) > 5 for row in found)
    assert "| transformers | 3 |" in attach.table(tmp_path / "table.csv")


def test_a_change_is_seen():
    calls = []

    class Counting(nn.Module):
        """Its training depends on how often it was called, by a list that Python keeps elsewhere."""

        def __init__(self):
            super().__init__()
            self.line = nn.Linear(8, 2)

        def forward(self, x):
            calls.append(1)
            return self.line(x) * len(calls)

    row = attach.attach("test", "counting", lambda: (Counting(), {"input": torch.randn(attach.SAMPLES, 8)}))
    assert row["result"] in ("changed", "not repeatable")
    same = {"a": torch.tensor([torch.nan])}
    assert attach.differences(same, same) == []
    assert attach.differences(same, {"a": torch.tensor([0.0])}) == ["a"]
    assert attach.differences(same, {}) == ["a"]
