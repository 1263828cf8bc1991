"""Distances, neighbours and directions: what the estimators that measure are made of."""
