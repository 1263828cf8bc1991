"""Tables of a trajectory in, pictures out: the information plane, curves over the steps, profiles over the depth,
estimators side by side, phases, a plane in characters, and a picture that follows a training. Nothing here computes
information, shows a window unasked or changes matplotlib's settings."""

from infoplane.plotting.comparison import comparison
from infoplane.plotting.curves import curves
from infoplane.plotting.frame import picture, save
from infoplane.plotting.live import LiveFigure
from infoplane.plotting.multiples import multiples, phases
from infoplane.plotting.noise import information_curves, rate_profile
from infoplane.plotting.plane import inline, inline_picture, plane
from infoplane.plotting.profile import profile
from infoplane.plotting.text import text_plane

__all__ = [
    "LiveFigure",
    "comparison",
    "curves",
    "information_curves",
    "inline",
    "inline_picture",
    "multiples",
    "phases",
    "picture",
    "plane",
    "profile",
    "rate_profile",
    "save",
    "text_plane",
]
