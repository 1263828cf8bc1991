"""Networks: the report's architectures, and families of copies that are trained as one."""

from infoplane.family.choice import ENGINES
from infoplane.family.family import Family
from infoplane.family.losses import LOSSES
from infoplane.family.optimizers import OPTIMIZERS
from infoplane.networks.architectures import (
    ACTIVATIONS,
    ARCHITECTURES,
    Architecture,
    Reshape,
    activation_names,
    conv,
    mlp,
    names,
    six_layer,
    warm_up,
)
from infoplane.networks.noisy import GaussianNoise, sample_paths, with_noise
from infoplane.networks.quantised import quantise

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "ENGINES",
    "LOSSES",
    "OPTIMIZERS",
    "Architecture",
    "Family",
    "GaussianNoise",
    "Reshape",
    "activation_names",
    "conv",
    "mlp",
    "names",
    "quantise",
    "sample_paths",
    "six_layer",
    "warm_up",
    "with_noise",
]
