"""Phases, found rather than seen: ``infoplane.phases(trajectory)``, and ``infoplane.phases.panel()``, the estimators
under which a loss has to show before it is called compression."""

from __future__ import annotations

import sys
import types
from typing import Any

from infoplane.phases.search import panel, phases
from infoplane.phases.table import CHECKS, Change, Mean, Phase, Phases

__all__ = ["CHECKS", "Change", "Mean", "Phase", "Phases", "panel", "phases"]


class _CallablePhases(types.ModuleType):
    """Lets ``infoplane.phases`` be both this room and the function."""

    def __call__(self, *args: Any, **options: Any) -> Phases:
        return phases(*args, **options)


sys.modules[__name__].__class__ = _CallablePhases
