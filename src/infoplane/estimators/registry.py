"""The registry of estimators: a name in a table -> the class, and an estimator from a name with options."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator, LadderEstimator, SymbolEstimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.channel import Channel
from infoplane.estimators.compressed import Compressed
from infoplane.estimators.edge import EDGE
from infoplane.estimators.finite_rows import FiniteRows
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
from infoplane.estimators.renyi import Renyi
from infoplane.estimators.soft import Soft
from infoplane.estimators.usable import Usable

Spec = Estimator | str | Mapping[str, Any]  #: what names an estimator: an instance, a name, a table with a ``name``

#: Every estimator, by the name it has in tables: one line each.
REGISTRY: dict[str, type[Estimator]] = {
    "binned": Binned,
    "kde": KDE,
    "renyi": Renyi,
    "soft": Soft,
    "ksg": KSG,
    "mixed-ksg": MixedKSG,
    "gaussian": Gaussian,
    "gaussian-copula": GaussianCopula,
    "compressed": Compressed,
    "noisy": Noisy,
    "channel": Channel,
    "quantised": Quantised,
    "edge": EDGE,
    "usable": Usable,
    "infonce": InfoNCE,
    "nwj": NWJ,
    "smile": SMILE,
    "mine": MINE,
    "club": CLUB,
}


def names() -> list[str]:
    """The names that ``estimator=`` takes; also ``infoplane.estimators()``."""
    return list(REGISTRY)


def estimator(spec: Spec, **options: Any) -> Estimator:
    """An estimator from a name and options, a table with a ``name``, or an instance.

    Every estimator takes ``nonfinite``, also an instance that has no such option of its own.

    Raises:
        UnknownNameError: a name or an option that does not exist.
        InputError: a value out of range; options beside an instance, which has its own.

    Example:
        >>> estimator({"name": "binned", "bins": "width"}).measurement
        'bins of width 0.07'
    """
    if isinstance(spec, Estimator):
        if options.keys() == {"nonfinite"} and not isinstance(spec, SymbolEstimator):
            return _with_policy(spec, options["nonfinite"])
        if options:
            raise InputError(
                f"options {sorted(options)} beside an instance, which has its own: pass them to its constructor"
            )
        return spec
    if isinstance(spec, Mapping):
        options = {**spec, **options}
        spec = str(options.pop("name", "binned"))
    if spec not in REGISTRY:
        raise UnknownNameError("estimator", spec, REGISTRY)
    own = inspect.signature(REGISTRY[spec]).parameters
    known = {*own, "nonfinite"}
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the estimator {spec!r}", option, known)
    policy = "error" if "nonfinite" in own else options.pop("nonfinite", "error")
    return _with_policy(REGISTRY[spec](**options), policy)


def _with_policy(made: Estimator, nonfinite: str) -> Estimator:
    return made if nonfinite == "error" else FiniteRows(made, nonfinite)


def estimators_of(specs: Iterable[Spec], **options: Any) -> list[Estimator]:
    """The estimators of several names, tables or instances; one that has several levels is one estimator a level.

    Example:
        >>> [each.measurement for each in estimators_of(["ksg", {"name": "channel", "snr": ["0 dB", 4]}])][1:]
        ['Gaussian noise at 0 dB', 'Gaussian noise at 6.02 dB']
    """
    chosen = [estimator(spec, **options) for spec in specs]
    return [level for each in chosen for level in _levels(each)]


def _levels(made: Estimator) -> Sequence[Estimator]:
    if isinstance(made, FiniteRows):
        return [FiniteRows(level, made.nonfinite) for level in _levels(made.estimator)]
    return made.levels() if isinstance(made, LadderEstimator) else [made]


def together(estimators: Sequence[Estimator]) -> list[list[Estimator]]:
    """In their order, those that one pass over a layer serves beside each other."""

    def kinship(estimator: Estimator) -> Hashable:
        return estimator.kinship if isinstance(estimator, LadderEstimator) else id(estimator)

    return [list(kin) for _, kin in itertools.groupby(estimators, kinship)]


def shared_options(spec: Spec, options: Mapping[str, Any], *, seed: int, shuffles: int) -> dict[str, Any]:
    """The seed for an estimator that has one, and no null of its own where shuffles are asked for."""
    if isinstance(spec, Estimator):
        return {}
    name = str(spec.get("name", "binned")) if isinstance(spec, Mapping) else spec
    chosen = {**options, **(spec if isinstance(spec, Mapping) else {})}
    known = inspect.signature(REGISTRY[name]).parameters if name in REGISTRY else {}
    shared = {"seed": seed, **({"null": 0} if shuffles else {})}
    return {option: value for option, value in shared.items() if option in known and option not in chosen}
