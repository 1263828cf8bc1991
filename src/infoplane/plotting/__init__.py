"""Tables of a trajectory in, pictures out: the information plane, curves over the steps, profiles over the depth,
estimators side by side, and a picture that follows a training. Nothing here computes information, shows a window
unasked or changes matplotlib's settings."""

from infoplane.plotting.comparison import comparison
from infoplane.plotting.curves import curves
from infoplane.plotting.live import LiveFigure
from infoplane.plotting.plane import plane
from infoplane.plotting.profile import profile
from infoplane.plotting.style import picture, save

__all__ = ["LiveFigure", "comparison", "curves", "picture", "plane", "profile", "save"]
