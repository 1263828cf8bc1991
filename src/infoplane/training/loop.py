"""The training: what is made from the options, and the loop that draws, steps, measures, decides and keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from infoplane.family import Family
from infoplane.plane.plane import InformationPlane
from infoplane.plane.schedule import Schedule
from infoplane.training.learning import LearningCurves
from infoplane.training.measuring import Measuring, Rows
from infoplane.training.options import Options
from infoplane.training.result import Result
from infoplane.training.resume import Course, Keeper, chosen_seed, open_run
from infoplane.training.session import Watcher, watched


def train(model: Any, x: Any, y: Any, options: Options) -> Result:
    """Train copies of a network and measure them on the way, from the last checkpoint where a run is to be resumed.

    Raises:
        InputError: options that do not fit the model or the data.
        RunError: the run directory cannot be written.
    """
    options = options.with_seed(chosen_seed(options.training.seed, options.run.out, resume=options.run.resume))
    training, measuring = options.training, options.measuring
    settings = options.record(model)
    plane = InformationPlane(
        x, y, layers=measuring.layers, estimators=measuring.estimators, family=measuring.family, units=measuring.units,
        seed=options.seed, continuous=measuring.continuous, discrete=measuring.discrete, y_bins=measuring.y_bins,
    )  # fmt: skip
    family = Family(
        model, training.copies, init=training.init, seed=options.seed, engine=training.engine, device=training.device
    )
    family.compile(training.loss, training.optimizer, training.learning_rate)
    meta = plane.trajectory.meta
    meta.update(seed=options.seed, copies=training.copies, engine=family.engine, device=str(family.device))
    meta.update(options.pictures.facts or {})
    result = Result(plane.trajectory, family, settings, plane=plane)
    with open_run(options.run, settings, meta["data_checksum"]) as run:
        result.out = None if run is None else run.path
        keeper = Keeper(run, result, plane, options.run.checkpoint_every)
        data = family.inputs(x), family.targets(y)
        if measuring.gradients:
            window = max(10, training.epoch_length) if measuring.gradients is True else measuring.gradients
            keeper.course.curves = LearningCurves(family, data, window=window, scalars=plane.trajectory.scalars)
        if not keeper.restore(training.stopping):
            with watched(result, keeper, options) as watchers:
                _loop(plane, data, keeper, options, watchers)
    return result


def is_measured(step: int, last: int, schedule: Schedule) -> bool:
    """Whether a step is measured: the first, the last, and those of the schedule."""
    return step in (0, last) or schedule.passes(step - 1, step)


def _loop(
    plane: InformationPlane,
    data: tuple[Tensor, Tensor],
    keeper: Keeper,
    options: Options,
    watchers: Sequence[Watcher],
) -> None:
    """The steps from where the keeper is, up to the last one, a decision to stop, or the wish of a watcher."""
    result, course, (x, y) = keeper.result, keeper.course, data
    family, schedule, epoch_length = result.family, Schedule(options.measuring.every), options.training.epoch_length
    measuring = Measuring(plane, family, at_once=options.pictures.plot == "dynamic", seconds=result.measuring_seconds)
    try:
        for step in range(course.step + 1, options.steps + 1):
            if course.over:
                break
            if step > 0:
                rows = family.draw(len(x), options.training.batch_size)  # (members, batch)
                result.step_losses.append(family.step(x[rows], y[rows]))
                if course.curves is not None:
                    course.curves.after(step, result.step_losses[-1])
            measured = is_measured(step, options.steps, schedule)
            newest = measuring.look(step) if measured else []
            course.step = step
            decides = course.stopping is not None and measured and step > 0 and step % epoch_length == 0
            due = keeper.is_due
            if decides or due or step == options.steps:
                newest = measuring.answer() or newest
            if decides:
                _decide(course, result, step // epoch_length, newest)
            keeper.look(due=due)
            # every watcher is told, whatever another one wishes
            if True in [watch(step, newest or None) for watch in watchers]:
                break
    finally:  # whatever ended the training, the rows of the steps that were done are there
        measuring.answer()
        result.measuring_seconds = measuring.seconds
        keeper.look(due=False)
    course.over = course.over or course.step == options.steps
    result.interrupted = not course.over
    if course.over and course.best is not None:
        family.load_weights(course.best)


def _decide(course: Course, result: Result, epoch: int, newest: Rows) -> None:
    """Ask the stopping rule, and keep the weights where it says that they are the best so far."""
    if course.stopping is None:
        return
    result.decision = course.stopping.update(epoch, newest)
    if result.decision.improved and course.stopping.criterion.restore_best_weights:
        course.best = result.family.weights()
    course.over = result.decision.stop
