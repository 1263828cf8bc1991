"""Every estimator, one row or more: the rows that ``test_contract.py`` puts through every check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """An estimator by its name in the registry and its options, and the checks that it need not pass."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    skip: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.options.values())])


#: For those that take the samples in their order: to train on some of them, or to draw noise for each.
BY_PLACE = ("order-of-samples",)
#: A small critic that learns in a few steps.
QUICK = {"hidden": 8, "steps": 30, "learning_rate": 0.03}

CASES = [
    Case("binned"),
    Case("binned", {"bins": "report"}),
    Case("binned", {"bins": "fixed"}),
    Case("binned", {"bins": "unit"}),
    Case("binned", {"bins": "quantile"}),
    Case("binned", {"bins": "width"}),
    Case("binned", {"bins": "entropy"}, skip=("repeated-unit",)),  # the layer has other shares with one unit more
    Case("binned", {"bins": "kmeans"}),
    Case("binned", {"bins": "distinct"}),
    Case("binned", {"bins": "sign"}),
    Case("binned", {"bins": 8, "correction": "miller-madow"}),
    Case("binned", {"bins": 8, "correction": "jackknife"}),
    Case("binned", {"bins": 8, "correction": "grassberger"}),
    Case("binned", {"bins": 8, "correction": "chao-shen"}),
    Case("binned", {"bins": 8, "correction": "james-stein"}, skip=("no-clipping",)),  # shrinks to even shares: 0
    Case("binned", {"bins": 8, "interval": "reflected"}),
    Case("kde"),
    Case("kde", {"noise_variance": 0.1, "relative": True}),
    Case("renyi"),
    Case("renyi", {"kernel": "cosine"}),
    Case("soft"),
    Case("ksg"),
    Case("mixed-ksg"),
    Case("gaussian"),
    Case("gaussian-copula"),
    Case("compressed", {"dimensions": 2}),
    Case("compressed", {"dimensions": 2, "method": "cca"}, skip=BY_PLACE),
    Case("noisy", {"noise": 0.2, "samples": 1000}, skip=BY_PLACE),
    Case("channel", skip=BY_PLACE),
    Case("quantised"),
    Case("edge"),
    Case("edge", {"weights": "resolution"}),
    Case("usable", skip=BY_PLACE),
    Case("infonce", QUICK, skip=BY_PLACE),
    Case("nwj", QUICK, skip=BY_PLACE),
    Case("smile", QUICK, skip=BY_PLACE),
    Case("mine", QUICK, skip=BY_PLACE),
    Case("club", QUICK, skip=BY_PLACE),
]
