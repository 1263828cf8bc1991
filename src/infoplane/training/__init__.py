"""Copies are trained, measured on the way, stopped, recorded and gone on with."""

from infoplane.training.loop import experiment, fit

__all__ = ["experiment", "fit"]
