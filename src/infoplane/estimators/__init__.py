"""One number (with its doubt) from two samples: estimators, their registry, and ``mutual_information``."""

from __future__ import annotations

import sys
import types

from infoplane.estimators.ask import as_activations, check_units, mutual_information
from infoplane.estimators.base import Estimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.compressed import Compressed
from infoplane.estimators.edge import EDGE
from infoplane.estimators.gaussian import Gaussian
from infoplane.estimators.gaussian_copula import GaussianCopula
from infoplane.estimators.kde import KDE
from infoplane.estimators.ksg import KSG
from infoplane.estimators.mixed_ksg import MixedKSG
from infoplane.estimators.neural.club import CLUB
from infoplane.estimators.neural.infonce import InfoNCE
from infoplane.estimators.neural.mine import MINE
from infoplane.estimators.neural.nwj import NWJ
from infoplane.estimators.neural.smile import SMILE
from infoplane.estimators.noisy import Noisy
from infoplane.estimators.quantised import Quantised
from infoplane.estimators.registry import REGISTRY, estimator, names
from infoplane.estimators.renyi import Renyi
from infoplane.estimators.soft import Soft
from infoplane.estimators.usable import Usable

__all__ = [
    "CLUB",
    "EDGE",
    "KDE",
    "KSG",
    "MINE",
    "NWJ",
    "REGISTRY",
    "SMILE",
    "Binned",
    "Compressed",
    "Estimator",
    "Gaussian",
    "GaussianCopula",
    "InfoNCE",
    "MixedKSG",
    "Noisy",
    "Quantised",
    "Renyi",
    "Soft",
    "Usable",
    "as_activations",
    "check_units",
    "estimator",
    "mutual_information",
    "names",
]


class _CallableModule(types.ModuleType):
    """Lets ``infoplane.estimators`` be both this room and the promised ``infoplane.estimators()``."""

    def __call__(self) -> list[str]:
        return names()


sys.modules[__name__].__class__ = _CallableModule
