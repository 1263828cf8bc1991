"""A run directory: a place checked before the training starts, then rows as they come, checkpoints, and a record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from infoplane.errors import InfoplaneError, InputError, RunError
from infoplane.io.files import (
    UNFINISHED,
    atomic_write,
    cannot_write,
    json_bytes,
    make_folder,
    read_json,
    remove_empty,
    sealed,
)
from infoplane.io.jsonlines import LineFile, lines_of
from infoplane.runs.checkpoint import POINTER, TENSORS, Checkpoint, read_checkpoint, remove_leftovers, write_checkpoint
from infoplane.runs.lock import LOCK, Lock, in_use, is_locked
from infoplane.runs.manifest import MANIFEST, write_manifest
from infoplane.runs.names import NAME, file_in
from infoplane.runs.record import RECORD, State, new_record, now, read_record, whereabouts
from infoplane.trajectory.trajectory import Trajectory

ROWS, SCALARS = "trajectory.jsonl", "scalars.jsonl"
TABLES = ("trajectory.csv", "scalars.csv")  # what is made of them in the end


@final
@dataclass
class RunDirectory:
    """A folder that holds one run, for the one process that writes it.

    Make one with :meth:`create`, or go on with one by :meth:`reopen`; both take the lock, which :meth:`close` gives
    back. ``record`` is what ``run.json`` says: format version, versions of infoplane and of the libraries under it,
    settings, seed, checksum of the data, state (``running`` until :meth:`finish`), times, steps done, process, and
    the names of the files of the run. Every file is described in the guide to the run directory.

    Example:
        >>> import tempfile
        >>> run = RunDirectory.create(tempfile.mkdtemp(), settings={"epochs": 1}, data_checksum="0" * 64, seed=0)
        >>> run.append(Trajectory([{"step": 1, "layer": "fc1", "i_xt": 2.0}]))
        >>> run.write_trajectory(Trajectory.load(run.path))
        >>> run.finish("finished")
        >>> run.close()
        >>> sorted(file.name for file in run.path.iterdir())
        ['manifest.json', 'run.json', 'trajectory.csv', 'trajectory.jsonl']
    """

    path: Path
    record: dict[str, Any]
    _lock: Lock = field(repr=False)
    is_new: bool = True
    _before: float = field(default=0.0, repr=False)  # seconds of earlier sessions
    _clock: float = field(default_factory=time.monotonic, repr=False)
    _lines: dict[str, LineFile] = field(default_factory=dict, repr=False)
    _written: dict[str, int] = field(default_factory=dict, repr=False)  # rows in each of them

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        settings: Mapping[str, Any],
        data_checksum: str | None,
        seed: int | None,
        recipe: Sequence[Mapping[str, Any]] | None = None,
        force: bool = False,
    ) -> RunDirectory:
        """Make the folder and its ``run.json``, so that a place that cannot be written is known before any training.

        ``recipe`` says how the run's network and data are made, where that can be said in words. ``force=True`` takes
        the place of an earlier run: the files that it recorded are deleted, and no others.

        Raises:
            RunError: the folder holds something, is in use, or cannot be written; nothing is left behind.
        """
        folder = Path(path)
        record = new_record(settings, data_checksum, seed, recipe)
        content = sealed(record)
        made: list[Path] = []
        lock = None
        try:
            if is_locked(folder):
                raise in_use(folder)
            _files_to_replace(folder, force=force)
            made = make_folder(folder)
            lock = Lock(folder)
            earlier = _files_to_replace(folder, force=force)
            atomic_write(folder / RECORD, content)
            for file in earlier:
                file.unlink(missing_ok=True)
        except (InfoplaneError, OSError) as error:
            if lock is not None:
                lock.release()
            remove_empty(made)
            if isinstance(error, InfoplaneError):
                raise
            raise cannot_write(folder, error) from error
        return cls(folder, record, lock)

    @classmethod
    def reopen(cls, path: str | Path) -> RunDirectory:
        """Go on with a run that was interrupted, or whose process died; :meth:`go_on_from` must follow.

        Raises:
            RunError: another process writes it now, or it has a format in which nothing can be gone on with.
            DataFileError: no run, or a damaged one.
        """
        folder = Path(path)
        read_record(folder)
        lock = Lock(folder)
        try:
            record = read_record(folder)  # again: nobody else can change it now
            if (folder / TABLES[0]).exists() and not (folder / ROWS).exists():
                raise RunError(f"{folder} was saved by an earlier version, or whole, without checkpoints: start anew")
            return cls(folder, record, lock, is_new=False, _before=float(record.get("seconds") or 0.0))
        except BaseException:
            lock.release()
            raise

    def go_on_from(self, checkpoint: Checkpoint | None) -> None:
        """Be where the checkpoint was, or at the beginning; rows that came after it are cut off, to be made again.

        Raises:
            RunError: the rows before it are not as they were.
        """
        for stale in _unfinished(self.path):
            stale.unlink(missing_ok=True)
        remove_leftovers(self.path)
        for name in (*TABLES, MANIFEST):  # they speak of the end of the run
            (self.path / name).unlink(missing_ok=True)
        known = {} if checkpoint is None else checkpoint.lines
        for name in (ROWS, SCALARS):
            if name in known or (self.path / name).exists():
                said = known.get(name, {"size": 0, "sha256": hashlib.sha256().hexdigest(), "rows": 0})
                lines = self._line_file(name, keep=said["size"])
                if lines.sha256 != said["sha256"]:
                    raise RunError(f"{lines.path} was changed after it was written: restore it from a copy")
                self._written[name] = said["rows"]
        self.record.update(state="running", reason=None, ended=None, **whereabouts())
        self._write_record()

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended as planned, up to its last file."""
        return self.record["state"] == "finished" and (self.path / MANIFEST).exists()

    def path_of(self, name: str) -> Path:
        """Where the run's file ``name`` belongs; the name goes into the record.

        Raises:
            InputError: not a plain file name.
            RunError: a link that leads out of the run directory has this name.
        """
        path = file_in(self.path, name)
        if name not in self.record["files"]:
            self.record["files"].append(name)
        return path

    def write_json(self, name: str, value: Any) -> None:
        """Write ``value`` as strict JSON (NaN becomes null) into the run's file ``name``."""
        atomic_write(self.path_of(name), json_bytes(value))

    def append(self, trajectory: Trajectory) -> None:
        """Add what is new in a growing trajectory to ``trajectory.jsonl``, and of its scalars to ``scalars.jsonl``.

        Raises:
            RunError: the disk is full, the directory is gone or was taken; what was there before is whole.
        """
        self.record["trajectory"] = dict(trajectory.meta)
        if ROWS not in self._lines:
            self._line_file(ROWS)
            self._write_record()  # whoever reads the rows from now on finds what is true of all of them
        self._append(ROWS, trajectory.to_columns(self._written.get(ROWS, 0)))
        self._append(SCALARS, trajectory.scalars.to_columns(self._written.get(SCALARS, 0)))

    def _append(self, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        lines = lines_of(columns)
        if not lines:
            return
        self._lock.check()
        self._line_file(name).append(lines)
        self._written[name] = self._written.get(name, 0) + len(lines)

    def _line_file(self, name: str, *, keep: int = 0) -> LineFile:
        if name not in self._lines:
            self._lines[name] = LineFile(self.path_of(name), keep=keep)
        return self._lines[name]

    def checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint, or None."""
        return read_checkpoint(self.path)

    def save_checkpoint(self, step: int, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Make this the moment that a later process goes on from; the rows so far are on the disk first.

        Raises:
            RunError: it cannot be written; the checkpoint before is as it was.
        """
        self._lock.check()
        lines = {}
        for name, file in self._lines.items():
            file.sync()
            lines[name] = {"size": file.size, "sha256": file.sha256, "rows": self._written[name]}
        write_checkpoint(self.path, Checkpoint(step, tensors, facts, lines))
        self.record.update(steps_done=step, seconds=self.seconds)
        self._write_record()

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken so far, in all processes."""
        return round(self._before + time.monotonic() - self._clock, 3)

    def write_trajectory(self, trajectory: Trajectory) -> None:
        """Write the rows into ``trajectory.csv``, scalars into ``scalars.csv``, and ``meta`` into ``run.json``."""
        self._lock.check()
        self.record["steps_done"] = max([self.record["steps_done"], *(row["step"] or 0 for row in trajectory.last())])
        self.record["trajectory"] = dict(trajectory.meta)
        json_bytes(self.record)  # an error in it comes before any file is written
        trajectory.save(self.path_of("trajectory.csv"))
        if len(trajectory.scalars):
            trajectory.scalars.save(self.path_of("scalars.csv"))
        self._write_record()

    def finish(self, state: State, *, reason: str | None = None, steps: int | None = None) -> None:
        """Record how the run ended, when, after how many seconds and (where given) steps; then the checksums.

        Raises:
            InputError: ``state`` is not ``finished``, ``interrupted`` or ``failed``.
        """
        if state not in ("finished", "interrupted", "failed"):
            raise InputError(f"state is {state!r}: say 'finished', 'interrupted' or 'failed'")
        self._lock.check()
        self.record.update(state=state, reason=reason, ended=now(), seconds=self.seconds)
        if steps is not None:
            self.record["steps_done"] = steps
        self._write_record()
        write_manifest(self.path, [RECORD, ROWS, SCALARS, *TABLES, POINTER, *self._tensor_files()])

    def _tensor_files(self) -> Iterable[str]:
        return (file.name for file in sorted(self.path.iterdir()) if TENSORS.fullmatch(file.name))

    def close(self) -> None:
        """Let go of the directory; harmless where that is so already."""
        for file in self._lines.values():
            file.close()
        self._lines.clear()
        self._lock.release()

    def _write_record(self) -> None:
        atomic_write(self.path / RECORD, sealed(self.record))


def _unfinished(folder: Path) -> list[Path]:
    beginning, end = UNFINISHED
    return list(folder.glob(f"{beginning}*{end}"))


def files_in(folder: Path) -> list[str]:
    """What there is beside the lock and half-written files, all that a run leaves that is killed at its beginning."""
    stale = _unfinished(folder)
    return sorted(file.name for file in folder.iterdir() if file not in stale and file.name != LOCK)


def _files_to_replace(folder: Path, *, force: bool) -> list[Path]:
    """The files of an earlier run that have to go; an error where the folder may not be used."""
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            raise RunError(f"cannot write the run {folder}: there is a file of that name; choose another name")
        return []
    stale = _unfinished(folder)
    found = files_in(folder)
    if not found:
        return stale
    if not force:
        raise RunError(
            f"cannot write the run {folder}: the folder is not empty (it holds {found[0]}); choose another "
            "name, or replace the earlier run with --force (in Python: force=True)"
        )
    if RECORD not in found:
        raise RunError(
            f"cannot replace {folder}: it holds {found[0]} and no run.json, so it is not a run directory; "
            "choose another name"
        )
    names = read_json(folder / RECORD).get("files")
    known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    known += [name for name in found if TENSORS.fullmatch(name)] + [ROWS, SCALARS, *TABLES, POINTER, MANIFEST]
    own = [folder / name for name in dict.fromkeys(known) if NAME.fullmatch(name) and name not in (RECORD, LOCK)]
    return stale + [file for file in own if file.is_symlink() or file.is_file()]
