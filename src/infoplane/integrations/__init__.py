"""Where people train: one file a framework, imported when it is used, and where the numbers go."""

from infoplane.integrations.loggers import JsonLines, Logged, TensorBoard
from infoplane.integrations.naming import plain, values

__all__ = ["JsonLines", "Logged", "TensorBoard", "plain", "values"]
