"""A run directory: a place checked before the training starts, then results and their record, each file whole."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, final

from infoplane.errors import InfoplaneError, InputError, RunError
from infoplane.files import (
    FORMAT_VERSION,
    UNFINISHED,
    atomic_write,
    cannot_write,
    clean,
    json_bytes,
    make_folder,
    read_json,
    remove_empty,
)
from infoplane.trajectory import Trajectory

State = Literal["finished", "interrupted", "failed"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # devices on some systems


def check_name(name: str) -> str:
    """``name`` itself, if it can be the name of a run or of a file in a run directory on every system.

    Raises:
        InputError: it is empty or too long, or holds anything but letters, digits, dot, underscore and hyphen.

    Example:
        >>> check_name("six-layer.2")
        'six-layer.2'
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise InputError(
            f"{clean(name)!r} cannot be a file name: use 1 to 128 letters, digits, '.', '_' or '-', a letter or digit "
            "first, no '.' at the end and no name of a device such as CON; for example six-layer-1"
        )
    return name


def default_path(experiment: str, *, root: str | Path = "runs", now: datetime | None = None) -> Path:
    """A folder for a new run, ``root/experiment-yyyymmdd-hhmmss`` in local time, that does not exist yet.

    Raises:
        InputError: the experiment's name cannot be part of a file name.

    Example:
        >>> default_path("warm-up", root="/nowhere", now=datetime(2030, 1, 2, 3, 4, 5)).name
        'warm-up-20300102-030405'
    """
    name = check_name(f"{experiment}-{now or datetime.now():%Y%m%d-%H%M%S}")
    path, count = Path(root) / name, 1
    while path.exists():
        count += 1
        path = Path(root) / f"{name}-{count}"
    return path


@final
@dataclass
class RunDirectory:
    """A folder that holds one run: ``run.json``, ``trajectory.csv``, and whatever else the run leaves.

    Make one with :meth:`create`. ``record`` is what ``run.json`` says: format version, versions of infoplane and of
    the libraries under it, settings, seed, checksum of the data, state (``running`` until :meth:`finish`), times,
    steps done, and the names of the files of the run.

    Example:
        >>> import tempfile
        >>> run = RunDirectory.create(tempfile.mkdtemp(), settings={"epochs": 1}, data_checksum="0" * 64, seed=0)
        >>> run.write_trajectory(Trajectory([{"step": 1, "layer": "fc1", "i_xt": 2.0}]))
        >>> run.finish("finished")
        >>> sorted(file.name for file in run.path.iterdir())
        ['run.json', 'trajectory.csv']
    """

    path: Path
    record: dict[str, Any]
    _clock: float = field(default_factory=time.monotonic, repr=False)

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        settings: Mapping[str, Any],
        data_checksum: str | None,
        seed: int | None,
        force: bool = False,
    ) -> RunDirectory:
        """Make the folder and its ``run.json``, so that a place that cannot be written is known before any training.

        ``force=True`` takes the place of an earlier run: the files that it recorded are deleted, and no others.

        Raises:
            RunError: the folder holds something, or cannot be written; nothing is left behind.
        """
        folder = Path(path)
        record = _record(settings, data_checksum, seed)
        run = cls(folder, record)
        content = json_bytes(record)
        made: list[Path] = []
        try:
            earlier = _files_to_replace(folder, force=force)
            made = make_folder(folder)
            atomic_write(folder / "run.json", content)
            for file in earlier:
                file.unlink(missing_ok=True)
        except InfoplaneError:
            remove_empty(made)
            raise
        except OSError as error:
            raise cannot_write(folder, error) from error
        return run

    def path_of(self, name: str) -> Path:
        """Where the run's file ``name`` belongs; the name goes into the record.

        Raises:
            InputError: not a plain file name.
            RunError: a link that leads out of the run directory has this name.
        """
        path = self.path / check_name(name)
        if path.resolve().parent != self.path.resolve():
            raise RunError(f"{path} is a link that leads out of the run directory: remove it or use another name")
        if name not in self.record["files"]:
            self.record["files"].append(name)
        return path

    def write_json(self, name: str, value: Any) -> None:
        """Write ``value`` as strict JSON (NaN becomes null) into the run's file ``name``."""
        atomic_write(self.path_of(name), json_bytes(value))

    def write_trajectory(self, trajectory: Trajectory) -> None:
        """Write the trajectory's rows into ``trajectory.csv`` and its ``meta`` into ``run.json``."""
        path = self.path_of("trajectory.csv")
        self.record["steps_done"] = max([self.record["steps_done"], *(row["step"] or 0 for row in trajectory.last())])
        self.record["trajectory"] = dict(trajectory.meta)
        content = json_bytes(self.record)
        trajectory.save(path)
        atomic_write(self.path / "run.json", content)

    def finish(self, state: State, *, reason: str | None = None, steps: int | None = None) -> None:
        """Record how the run ended, when, after how many seconds and (where given) steps.

        Raises:
            InputError: ``state`` is not ``finished``, ``interrupted`` or ``failed``.
        """
        if state not in ("finished", "interrupted", "failed"):
            raise InputError(f"state is {state!r}: say 'finished', 'interrupted' or 'failed'")
        seconds = round(time.monotonic() - self._clock, 3)
        self.record.update(state=state, reason=reason, ended=_now(), seconds=seconds)
        if steps is not None:
            self.record["steps_done"] = steps
        atomic_write(self.path / "run.json", json_bytes(self.record))


def _record(settings: Mapping[str, Any], data_checksum: str | None, seed: int | None) -> dict[str, Any]:
    """What ``run.json`` says at the beginning."""
    return {
        "format_version": FORMAT_VERSION,
        "state": "running",
        "reason": None,
        "started": _now(),
        "ended": None,
        "seconds": None,
        "steps_done": 0,
        "seed": seed,
        "data_checksum": data_checksum,
        "settings": dict(settings),
        "versions": _versions(),
        "files": ["run.json"],
    }


def _files_to_replace(folder: Path, *, force: bool) -> list[Path]:
    """The files of an earlier run that have to go; an error where the folder may not be used."""
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise RunError(f"cannot write the run {folder}: there is a file of that name; choose another name")
        return []
    beginning, end = UNFINISHED
    stale = list(folder.glob(f"{beginning}*{end}"))
    found = sorted(file.name for file in folder.iterdir() if file not in stale)
    if not found:
        return stale
    if not force:
        raise RunError(
            f"cannot write the run {folder}: the folder is not empty (it holds {found[0]}); choose another "
            "name, or replace the earlier run with --force (in Python: force=True)"
        )
    if "run.json" not in found:
        raise RunError(
            f"cannot replace {folder}: it holds {found[0]} and no run.json, so it is not a run directory; "
            "choose another name"
        )
    names = read_json(folder / "run.json").get("files")
    known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    own = [folder / name for name in known if _NAME.fullmatch(name) and name != "run.json"]
    return stale + [file for file in own if file.is_symlink() or file.is_file()]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    """Which infoplane, Python and libraries, read without importing them."""
    versions = {"python": platform.python_version()}
    for package in ("infoplane", "torch", "numpy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    return versions
