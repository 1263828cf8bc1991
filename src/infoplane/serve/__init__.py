"""The live page: runs in a folder, shown in a browser on this machine while they are written."""

from infoplane.serve.live import LivePage

__all__ = ["LivePage"]
