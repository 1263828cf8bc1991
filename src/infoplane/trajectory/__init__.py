"""The tidy result of a measurement, the scalars beside it, and what watches its newest rows."""

from infoplane.trajectory.trajectory import Trajectory, concat

__all__ = ["Trajectory", "concat"]
