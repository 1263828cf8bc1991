"""One measurement, from left to right: question, passes, gather, measure, rows."""

from infoplane.plane.plane import InformationPlane
from infoplane.plane.sharded import ShardedPlane

__all__ = ["InformationPlane", "ShardedPlane"]
