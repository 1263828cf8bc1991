"""infoplane: what every layer of a network knows about its input and its label, while it learns.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: The public face: a name, the module that defines it, and its name there.
_PUBLIC = {
    "Constant": ("infoplane.recording.inputs", "Constant"),
    "Estimate": ("infoplane.types", "Estimate"),
    "Family": ("infoplane.family", "Family"),
    "GradientSignal": ("infoplane.training.gradients", "GradientSignal"),
    "InformationPlane": ("infoplane.plane.plane", "InformationPlane"),
    "InformationStopping": ("infoplane.trajectory.stopping", "InformationStopping"),
    "InfoplaneError": ("infoplane.errors", "InfoplaneError"),
    "ShardedPlane": ("infoplane.plane.sharded", "ShardedPlane"),
    "Trajectory": ("infoplane.trajectory.trajectory", "Trajectory"),
    "compare": ("infoplane.comparison.compare", "compare"),
    "datasets": ("infoplane.datasets", None),
    "difference": ("infoplane.estimators.difference", "difference"),
    "errors": ("infoplane.errors", None),
    "estimators": ("infoplane.estimators", None),
    "experiment": ("infoplane.training.keywords", "experiment"),
    "experiments": ("infoplane.experiments", None),
    "fit": ("infoplane.training.keywords", "fit"),
    "information_curve": ("infoplane.companions.curve", "information_curve"),
    "layers": ("infoplane.recording.listing", "layers"),
    "measure_checkpoints": ("infoplane.saved.checkpoints", "measure_checkpoints"),
    "measure_dump": ("infoplane.saved.dumps", "measure_dump"),
    "mutual_information": ("infoplane.estimators", "mutual_information"),
    "networks": ("infoplane.networks", None),
    "phases": ("infoplane.phases", None),
    "record": ("infoplane.recording.record", "record"),
    "report": ("infoplane.report", None),
    "sweep": ("infoplane.sweeps.running", "sweep"),
    "resume": ("infoplane.experiments.registry", "resume"),
    "runs": ("infoplane.runs", None),
    "testing": ("infoplane.testing", None),
}
__all__ = sorted([*_PUBLIC, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'infoplane' has no attribute {name!r}: it has {', '.join(__all__)}")
    module_name, attribute = _PUBLIC[name]
    module = importlib.import_module(module_name)
    value = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
