"""Run directories: written while a network trains, readable whatever happens, gone on with after an interruption.

One file a thing: names, record, migrate, lock, checkpoint, directory (who writes), verify, overview, export (who
reads).
"""

from infoplane.runs.directory import RunDirectory
from infoplane.runs.export import export
from infoplane.runs.lock import force_unlock
from infoplane.runs.names import check_name, default_path
from infoplane.runs.overview import RunFacts, overview
from infoplane.runs.record import read_record
from infoplane.runs.verify import verify

__all__ = [
    "RunDirectory",
    "RunFacts",
    "check_name",
    "default_path",
    "export",
    "force_unlock",
    "overview",
    "read_record",
    "verify",
]
