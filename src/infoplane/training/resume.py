"""A training on its way -> a checkpoint in its run directory, and back: everything that the next step depends on."""

from __future__ import annotations

import dataclasses
import random
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import DataFileError, InfoplaneError, InputError
from infoplane.family.state import part_of
from infoplane.plane.plane import InformationPlane
from infoplane.runs import RunDirectory, read_record
from infoplane.runs.record import has_record, versions
from infoplane.runs.verify import changed
from infoplane.training.learning import LearningCurves
from infoplane.training.options import RunOptions
from infoplane.training.result import Result
from infoplane.training.settings import differences
from infoplane.trajectory.stopping import Decision, InformationStopping, StoppingState
from infoplane.trajectory.trajectory import Trajectory

_SHARE = 20.0  # at most one part in this many of the time goes into checkpoints


@final
@dataclass
class Course:
    """Where a training is: last step done, memory of stopping rule and learning curves, best weights, whether over."""

    step: int = -1
    stopping: StoppingState | None = None
    best: dict[str, Tensor] | None = None
    curves: LearningCurves | None = None
    over: bool = False


@final
class Keeper:
    """Writes a training into its run directory as it goes: new rows at once, a checkpoint every ``every`` seconds.

    Without a run directory (``run`` None) nothing is written.

    Raises:
        RunError: the run directory cannot be written.
    """

    def __init__(self, run: RunDirectory | None, result: Result, plane: InformationPlane, every: float) -> None:
        self.run, self.result, self.course = run, result, Course()
        self._plane, self._every = plane, every
        self._due = time.monotonic() + every

    def restore(self, stopping: InformationStopping | None) -> bool:
        """Continue from the checkpoint in the run directory, or begin where there is none.

        Returns:
            Whether the run is finished, so that nothing is left to do.

        Raises:
            DataFileError: the checkpoint is missing or damaged.
        """
        self.course.stopping = None if stopping is None else stopping.start()
        if self.run is None or self.run.is_new:
            return False
        finished = self.run.is_finished
        if finished and (damage := changed(self.run.path)):
            raise DataFileError(f"{damage[0]}; the run is finished: restore that file from a copy, or start anew")
        checkpoint = self.run.checkpoint()
        if finished and checkpoint is None:
            raise DataFileError(f"{self.run.path} is finished and has no checkpoint: see infoplane verify")
        if checkpoint is not None:
            try:
                self._put_back(checkpoint.tensors, checkpoint.facts, stopping)
            except InfoplaneError:
                raise
            except (KeyError, TypeError, ValueError, RuntimeError) as error:  # what no run writes
                raise DataFileError(f"the checkpoint in {self.run.path} is damaged ({error}): start anew") from error
            self.course.step = checkpoint.step
        if not finished:
            self.run.go_on_from(checkpoint)
        if checkpoint is not None:
            earlier = Trajectory.load(self.run.path)
            self.result.trajectory.extend(earlier)
            self.result.trajectory.scalars = earlier.scalars
            if self.course.curves is not None:
                self.course.curves.scalars = earlier.scalars
            self.result.trajectory.meta.update(checkpoint.facts["meta"])
            self.result.seconds = self.run.seconds
        return finished

    @property
    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self.run is not None and time.monotonic() >= self._due

    def look(self, *, due: bool) -> None:
        """A step is done: write the rows that are new, and where it is ``due`` a checkpoint."""
        if self.run is None:
            return
        self.run.append(self.result.trajectory)
        if due:
            started = time.monotonic()
            self.save()
            took = time.monotonic() - started
            self._due = started + (max(self._every, _SHARE * took) if self._every else 0.0)

    def save(self) -> None:
        """Write a checkpoint now."""
        if self.run is None:
            return
        course, result = self.course, self.result
        tensors = {f"family.{name}": tensor for name, tensor in result.family.state_dict().items()}
        tensors |= {f"draws.{name}": tensor for name, tensor in self._plane.random_state().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in (course.best or {}).items()}
        if course.curves is not None:
            tensors |= {f"curves.{name}": tensor for name, tensor in course.curves.state_dict().items()}
        if not course.over:  # nothing is drawn any more: two runs of one seed then end with the same bytes
            tensors |= {f"random.{name}": tensor for name, tensor in _random_state().items()}
        if result.step_losses:
            tensors["losses"] = torch.stack(result.step_losses)
        facts = {
            "over": course.over,
            "stopping": None if course.stopping is None else course.stopping.to_dict(),
            "decision": None if result.decision is None else dataclasses.asdict(result.decision),
            "measuring_seconds": result.measuring_seconds,
            "meta": result.trajectory.meta,
            "threads": torch.get_num_threads(),
        }
        self.run.save_checkpoint(course.step, tensors, facts)

    def _put_back(
        self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], stopping: InformationStopping | None
    ) -> None:
        course, result = self.course, self.result
        _warn_of_changes(self.run, facts)
        result.family.load_state_dict(part_of(tensors, "family."))
        self._plane.load_random_state(part_of(tensors, "draws."))
        course.best = part_of(tensors, "best.") or None
        if course.curves is not None:
            course.curves.load_state_dict(part_of(tensors, "curves."))
        if not facts["over"]:
            _load_random_state(part_of(tensors, "random."))
        if "losses" in tensors:
            result.step_losses[:] = list(tensors["losses"])
        course.over = facts["over"]
        if stopping is not None:
            course.stopping = StoppingState.from_dict(stopping, facts["stopping"])
        if facts["decision"] is not None:
            result.decision = Decision(**facts["decision"])
        result.measuring_seconds = facts["measuring_seconds"]


@contextmanager
def open_run(options: RunOptions, settings: Mapping[str, Any], data_checksum: str) -> Iterator[RunDirectory | None]:
    """The run directory of a training: a new one, or with ``resume`` the one that is there, if it is of this training.

    Inside, it is locked; there is no directory where ``out`` is None.

    Raises:
        InputError: settings or data are others than those of the run.
        RunError: the run is in use or cannot be written.
    """
    out = options.out
    if options.resume and (out is None or options.force):
        raise InputError("resume=True continues the run in out=...: name it, and leave out force")
    if out is None:
        yield None
        return
    if options.resume and has_record(out):
        run = RunDirectory.reopen(out)
    else:
        run = RunDirectory.create(
            out, settings=settings, data_checksum=data_checksum, seed=settings["seed"], recipe=options.recipe,
            force=options.force,
        )  # fmt: skip
    try:
        if not run.is_new:
            _check_same(run, settings, data_checksum)
        yield run
    finally:
        run.close()


def _check_same(run: RunDirectory, settings: Mapping[str, Any], data_checksum: str) -> None:
    others = differences(run.record["settings"], settings)
    if run.record.get("data_checksum") != data_checksum:
        others.append("the data are not the same (their checksum differs)")
    if others:
        raise InputError(f"{run.path} cannot be resumed: {'; '.join(others)}. Give what the run has, or another out=")


def chosen_seed(seed: int | None, out: Path | None, *, resume: bool) -> int:
    """The seed itself; for None the one of the run that is resumed, or else a new one, for the record.

    Example:
        >>> chosen_seed(7, None, resume=False)
        7
    """
    if seed is not None:
        return seed
    if resume and out is not None and has_record(out):
        return int(read_record(out)["seed"])
    return int(np.random.SeedSequence().generate_state(1)[0])


def _warn_of_changes(run: RunDirectory | None, facts: Mapping[str, Any]) -> None:
    """Say where equal numbers cannot be promised."""
    before = run.record["versions"] if run is not None else {}
    changed = [f"{name} {before[name]} -> {new}" for name, new in versions().items() if before.get(name, new) != new]
    if facts["threads"] != torch.get_num_threads():
        changed.append(f"threads {facts['threads']} -> {torch.get_num_threads()}")
    if changed:
        warnings.warn(
            f"the run began with other versions ({', '.join(changed)}): its last digits can differ from those of an "
            "uninterrupted run",
            RuntimeWarning,
            stacklevel=6,  # the user's line: ours are this one, _put_back, restore, train, and experiment or run
        )


def _random_state() -> dict[str, Tensor]:
    """Where the generators stand that networks and losses of the user may draw from."""
    _, words, gauss = random.getstate()
    state = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor(words),
        "python_gauss": torch.tensor(float("nan") if gauss is None else gauss, dtype=torch.float64),
    }
    generator: Any = np.random.get_state()
    if generator[0] == "MT19937":
        state["numpy"] = torch.from_numpy(np.append(generator[1], generator[2:4]).astype(np.int64))
        state["numpy_gauss"] = torch.tensor(generator[4], dtype=torch.float64)
    return state


def _load_random_state(state: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(state["torch"].clone())
    gauss = float(state["python_gauss"])
    random.setstate((3, tuple(state["python"].tolist()), None if gauss != gauss else gauss))  # NaN stands for none
    if "numpy" in state:
        *words, position, has_gauss = state["numpy"].tolist()
        key = np.array(words, dtype=np.uint32)
        np.random.set_state(("MT19937", key, position, has_gauss, float(state["numpy_gauss"])))
