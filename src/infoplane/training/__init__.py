"""Copies are trained, measured on the way, stopped, recorded and resumed."""

from infoplane.training.keywords import experiment, fit

__all__ = ["experiment", "fit"]
