"""Named experiments: the report's four, and a user's own from a TOML file."""

from infoplane.experiments.experiments import (
    REGISTRY,
    Experiment,
    encode,
    from_file,
    from_tables,
    load,
    names,
    resume,
)

__all__ = ["REGISTRY", "Experiment", "encode", "from_file", "from_tables", "load", "names", "resume"]
