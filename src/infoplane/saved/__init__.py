"""Networks that were saved earlier: checkpoints, dumps of activations, and factories that make the empty network."""

from infoplane.saved.checkpoints import measure_checkpoints
from infoplane.saved.dumps import measure_dump

__all__ = ["measure_checkpoints", "measure_dump"]
