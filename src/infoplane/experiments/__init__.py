"""Named experiments: the report's four, and a user's own from a TOML file."""

from infoplane.experiments.experiment import Experiment, encode
from infoplane.experiments.registry import REGISTRY, load, names, resume
from infoplane.experiments.toml import from_file, from_tables

__all__ = ["REGISTRY", "Experiment", "encode", "from_file", "from_tables", "load", "names", "resume"]
