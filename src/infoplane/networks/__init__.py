"""Networks: the report's architectures, and families of copies that are trained as one."""

from infoplane.networks.architectures import (
    ACTIVATIONS,
    Reshape,
    activation_names,
    conv,
    mlp,
    six_layer,
    warm_up,
)
from infoplane.networks.choice import ENGINES
from infoplane.networks.family import Family
from infoplane.networks.losses import LOSSES
from infoplane.networks.optimizers import OPTIMIZERS

__all__ = [
    "ACTIVATIONS",
    "ENGINES",
    "LOSSES",
    "OPTIMIZERS",
    "Family",
    "Reshape",
    "activation_names",
    "conv",
    "mlp",
    "six_layer",
    "warm_up",
]
