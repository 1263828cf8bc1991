"""J copies of a network, trained as one."""

from infoplane.family.family import Family

__all__ = ["Family"]
