"""Every estimator, one row or more: the rows that ``test_contract.py`` puts through all its tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """An estimator by its name in the registry and its options, and what may be asked of it.

    ``counts``: it counts symbols, so that the identities of entropy hold to rounding; ``plug_in``: without correction;
    ``ordered``: it takes the samples in their order, as one that is trained on random batches does.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    counts: bool = True
    plug_in: bool = True
    ordered: bool = False

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.options.values())])


CASES = [
    Case("binned"),
    Case("binned", {"bins": "report"}),
    Case("binned", {"bins": "fixed"}),
    Case("binned", {"bins": "unit"}),
    Case("binned", {"bins": "quantile"}),
    Case("binned", {"bins": "width"}),
    Case("binned", {"bins": "entropy"}),
    Case("binned", {"bins": "kmeans"}),
    Case("binned", {"bins": "distinct"}),
    Case("binned", {"bins": "sign"}),
    Case("binned", {"bins": 8, "correction": "miller-madow"}, plug_in=False),
    Case("binned", {"bins": 8, "correction": "jackknife"}, plug_in=False),
    Case("binned", {"bins": 8, "correction": "grassberger"}, plug_in=False),
    Case("binned", {"bins": 8, "correction": "chao-shen"}, plug_in=False),
    Case("binned", {"bins": 8, "correction": "james-stein"}, plug_in=False),
    Case("binned", {"bins": 8, "interval": "reflected"}),
    Case("kde", counts=False, plug_in=False),
    Case("kde", {"noise_variance": 0.1, "relative": True}, counts=False, plug_in=False),
    Case("renyi", counts=False, plug_in=False),
    Case("renyi", {"kernel": "cosine"}, counts=False, plug_in=False),
    Case("soft", counts=False, plug_in=False),
    Case("ksg", counts=False, plug_in=False),
    Case("mixed-ksg", counts=False, plug_in=False),
    Case("gaussian", counts=False, plug_in=False),
    Case("gaussian-copula", counts=False, plug_in=False),
    Case("compressed", {"dimensions": 2}, counts=False, plug_in=False),
    Case("compressed", {"dimensions": 2, "method": "cca"}, counts=False, plug_in=False),
    Case("noisy", {"noise": 0.2, "samples": 1000}, counts=False, plug_in=False, ordered=True),
    Case("quantised"),
    Case("edge", counts=False, plug_in=False),
    Case("edge", {"weights": "resolution"}, counts=False, plug_in=False),
    Case("usable", counts=False, plug_in=False, ordered=True),
    Case("infonce", {"hidden": 8, "steps": 60, "learning_rate": 0.01}, counts=False, plug_in=False, ordered=True),
    Case("nwj", {"hidden": 8, "steps": 60, "learning_rate": 0.01}, counts=False, plug_in=False, ordered=True),
    Case("smile", {"hidden": 8, "steps": 60, "learning_rate": 0.01}, counts=False, plug_in=False, ordered=True),
    Case("mine", {"hidden": 8, "steps": 60, "learning_rate": 0.01}, counts=False, plug_in=False, ordered=True),
    Case("club", {"hidden": 8, "steps": 60, "learning_rate": 0.01}, counts=False, plug_in=False, ordered=True),
]
