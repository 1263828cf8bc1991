"""Published claims of the field, each with a verdict: ``infoplane replicate NAME``, or ``run`` here.

One file a claim, and one line here. Names are as in ``names()``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from infoplane.errors import UnknownNameError

if TYPE_CHECKING:
    from infoplane.replications.claim import Claim
    from infoplane.replications.outcomes import Outcome

#: Name -> module of this folder, which defines ``CLAIM``.
REGISTRY = {
    "compression": "compression",
    "activation": "activation",
    "rules": "rules",
    "injective": "injective",
    "quantised": "quantised",
    "noise": "noise",
    "dropout": "dropout",
    "linear": "linear",
    "saturation": "saturation",
    "binary": "binary",
    "language": "language",
    "grokking": "grokking",
    "copies": "copies",
    "copies-complicated": "copies_complicated",
}


def names() -> list[str]:
    """The names of the claims."""
    return list(REGISTRY)


def load(name: str) -> Claim:
    """A claim by name.

    Raises:
        UnknownNameError: no such claim.

    Example:
        >>> load("linear").title
        'A linear network overfits without compressing'
    """
    if name not in REGISTRY:
        raise UnknownNameError("replication", name, REGISTRY)
    return importlib.import_module(f"infoplane.replications.{REGISTRY[name]}").CLAIM


def run(
    name: str, *, seeds: int | None = None, quick: bool = False, out: str | Path | None = None, workers: int = 2
) -> Outcome:
    """Replicate one claim and judge it.

    ``seeds``, ``quick``, ``out`` and ``workers`` as of :func:`infoplane.replications.outcomes.replicate`.

    Raises:
        UnknownNameError: no such claim.
        InputError: ``quick`` is asked for and the claim has no quick version, or numbers below 1.

    Example:
        >>> run("linear", seeds=2, quick=True, workers=1).verdict
        'holds'
    """
    from infoplane.errors import InputError
    from infoplane.replications.outcomes import replicate

    claim = load(name)
    if quick and not claim.quick:
        raise InputError(f"{name} has no quick version: leave out quick")
    return replicate([claim], seeds=seeds, quick=quick, out=out, workers=workers)[0]
