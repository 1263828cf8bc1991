"""The same activations under many estimators, side by side."""

from infoplane.comparison.table import PUBLISHED_RULES, Comparison

__all__ = ["PUBLISHED_RULES", "Comparison"]
