"""experiment() and fit(): train copies of a network step by step, and measure every layer on the way."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from torch import Tensor, nn

from infoplane import plotting
from infoplane.errors import InfoplaneError, InputError, RunError
from infoplane.family import Family
from infoplane.plane.plane import InformationPlane
from infoplane.plane.schedule import Every, Schedule
from infoplane.runs import RunDirectory
from infoplane.training.interrupts import Interrupts
from infoplane.training.learning import LearningCurves
from infoplane.training.progress import Progress
from infoplane.training.result import Result
from infoplane.training.resume import Keeper, chosen_seed, open_run
from infoplane.training.settings import described
from infoplane.trajectory.stopping import InformationStopping
from infoplane.trajectory.trajectory import Trajectory
from infoplane.types import Units

Plot = Literal["dynamic", "once"] | None
Watcher = Callable[[int, Sequence[dict[str, Any]] | None], bool | None]  # told of every step; True ends the training

#: What changes nothing in the training, or is recorded elsewhere.
_NO_OPTIONS = ("model", "x", "y", "recipe", "resume")
_APART = ("x", "y", "out", "force", "resume", "checkpoint_every", "recipe", "progress")


def experiment(  # noqa: PLR0913 (public keywords)
    model: Any,
    x: Any,
    y: Any,
    *,
    epochs: int = 100,
    copies: int = 1,
    learning_rate: float = 0.2,
    batch_size: int = 101,
    loss: Any = "mse",
    optimizer: Any = "sgd",
    init: Literal["shared", "independent"] = "shared",
    family: str | Sequence[str] | None = None,
    estimators: Any = "binned",
    layers: Any = None,
    every: Every = 1,
    epoch_length: int = 1,
    stopping: InformationStopping | None = None,
    plot: Plot = None,
    out: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_every: float = 10.0,
    seed: int | None = 0,
    device: str = "auto",
    engine: str = "auto",
    units: Units = "bits",
    progress: bool | None = None,
    title: str | None = None,
    facts: Mapping[str, float] | None = None,
    gradients: bool | int = False,
    picture: Mapping[str, Any] | None = None,
    recipe: Sequence[Mapping[str, Any]] | None = None,
) -> Result:
    """Train ``copies`` copies of a network by stochastic gradient descent and measure every layer as they learn.

    ``model``: a module or a function that makes one; it is copied, never changed. ``x`` (samples, ...) and ``y``, the
    targets as the loss wants them (``"mse"``: of the prediction's own shape; ``"cross-entropy"``: class numbers),
    which are also the labels. An epoch is one optimiser step (``epoch_length`` of them) on a random batch of
    ``batch_size`` samples without replacement, each copy with batches of its own, as in the report. ``every``: steps
    between measurements, or ``"log"`` for about twenty a decade; step 0 (before training) and the last step are
    always measured. ``family``, ``estimators`` and ``layers`` as in ``InformationPlane``; ``init``, ``engine`` and
    ``device`` as in ``Family``. ``stopping`` is asked after every measurement. ``plot="dynamic"`` draws while
    training (in a terminal: refreshes the picture file), ``"once"`` at the end. The same ``seed`` gives the same
    result where ``model`` is a function; None draws one, which is recorded. ``facts``: what is known exactly of the
    task, in ``units``, for the picture: ``i_xy``, ``h_y``. ``picture``: options for the pictures, as of
    ``Trajectory.plot``. ``gradients``: also record loss, accuracy, and the signal and noise of every layer's gradient
    over windows of 10 steps (or an epoch, or as many as given) in ``trajectory.scalars``, see ``LearningCurves``.

    ``out``: a run directory for table, pictures and record, with a checkpoint about every ``checkpoint_every``
    seconds; ``resume=True`` goes on with the run that is there, if its settings and data are the same, and ends as if
    it had never stopped (``force=True`` begins anew in its place). ``recipe``: how the experiment is made, for the
    record. Ctrl-C, or SIGTERM, ends the training after the present step and keeps what there is; a second one ends it
    at once.

    Errors: ``InputError`` for values that do not fit, ``RunError`` where ``out`` cannot be written; an error in the
    middle carries what was measured as ``error.result``.

    >>> import infoplane as ip
    >>> data = ip.datasets.load("report-simple", samples=200)
    >>> target = 2.0 * data.y[:, None] - 1
    >>> result = ip.experiment(ip.networks.six_layer, data.x, target, epochs=3, copies=2)
    >>> len(result.trajectory.select(step=3)), result.steps
    (12, 3)
    """
    seed = chosen_seed(seed, out, resume=resume)
    settings = described({name: value for name, value in locals().items() if name not in _APART})
    _check(epochs, every, plot)
    plane = InformationPlane(x, y, layers=layers, estimators=estimators, family=family, units=units, seed=seed)
    members = Family(model, copies, init=init, seed=seed, engine=engine, device=device)
    members.compile(loss, optimizer, learning_rate)
    plane.trajectory.meta.update(seed=seed, copies=copies, engine=members.engine, device=str(members.device))
    plane.trajectory.meta.update(facts or {})
    result = Result(plane.trajectory, members, settings)
    checksum = plane.trajectory.meta["data_checksum"]
    with open_run(out, settings, checksum, recipe=recipe, force=force, resume=resume) as run:
        result.out = None if run is None else run.path
        keeper, data = Keeper(run, result, plane, checkpoint_every), (members.inputs(x), members.targets(y))
        if gradients:
            window = max(10, epoch_length) if gradients is True else gradients
            keeper.course.curves = LearningCurves(members, data, window=window, scalars=plane.trajectory.scalars)
        if not keeper.restore(stopping):
            plan = _Plan(_schedule(epochs * epoch_length, every), epoch_length, batch_size, stopping)
            _session(result, plane, data, plan, keeper, _Shown(plot, {"title": title, **(picture or {})}, progress))
    return result


@final
@dataclass(frozen=True)
class _Plan:
    """When to measure, and how to go on."""

    schedule: list[int]
    epoch_length: int
    batch_size: int
    stopping: InformationStopping | None


def _train(
    result: Result,
    plane: InformationPlane,
    data: tuple[Tensor, Tensor],
    plan: _Plan,
    keeper: Keeper,
    watchers: Sequence[Watcher],
) -> None:
    """The loop: draw, step, measure, decide, keep."""
    family, (x, y), course = result.family, data, keeper.course
    measured = set(plan.schedule)
    for step in range(course.step + 1, plan.schedule[-1] + 1):
        if course.over:
            break
        if step > 0:
            rows = family.draw(len(x), plan.batch_size)
            result.step_losses.append(family.step(x[rows], y[rows]))
            if course.curves is not None:
                course.curves.after(step, result.step_losses[-1])
        newest = None
        if step in measured:
            before = time.perf_counter()
            newest = plane.measure(family, step)
            result.measuring_seconds += time.perf_counter() - before
        course.step = step
        if course.stopping is not None and newest is not None and step > 0 and step % plan.epoch_length == 0:
            result.decision = course.stopping.update(step // plan.epoch_length, newest)
            if result.decision.improved and course.stopping.criterion.restore_best_weights:
                course.best = family.weights()
            course.over = result.decision.stop
        keeper.look()
        wishes = [watch(step, newest) for watch in watchers]
        if True in wishes:
            break
    course.over = course.over or course.step == plan.schedule[-1]
    result.interrupted = not course.over
    if course.over and course.best is not None:
        family.load_weights(course.best)


def fit(
    model: nn.Module,
    x: Any,
    y: Any,
    *,
    stopping: InformationStopping | None = None,
    epochs: int = 100,
    epoch_length: int = 10,
    **options: Any,
) -> Result:
    """Train a network until its information says stop.

    ``model`` itself is trained. An epoch is ``epoch_length`` steps; after every ``stopping.check_every`` epochs the
    layers are measured and ``stopping`` (default ``InformationStopping()``) is asked; at most ``epochs`` of them.
    ``options`` as for ``experiment`` (learning_rate, batch_size, loss, optimizer, estimators, layers, seed, ...).
    ``Result.decision`` says why it stopped. Errors as of ``experiment``.

    >>> import infoplane as ip
    >>> data = ip.datasets.load("report-simple", samples=200)
    >>> stopping = ip.InformationStopping(monitor="I(T;Y)", patience=3)
    >>> result = ip.fit(ip.networks.six_layer(), data.x, 2.0 * data.y[:, None] - 1, stopping=stopping, epochs=20)
    >>> result.decision.value <= 1
    True
    """
    for option in ("copies", "every", "init"):
        if option in options:
            raise InputError(f"fit trains one network, measured when the stopping rule looks: leave out {option!r}")
    stopping = stopping or InformationStopping()
    every = epoch_length * stopping.check_every
    options.setdefault("device", None)
    options |= {"stopping": stopping, "epochs": epochs, "epoch_length": epoch_length, "every": every}
    result = experiment(model, x, y, **options)
    model.load_state_dict(result.networks[0].state_dict())
    return result


# ---------------------------------------------------------------- around the loop


@final
@dataclass(frozen=True)
class _Shown:
    """What is to be seen of a training."""

    plot: Plot
    look: Mapping[str, Any]
    progress: bool | None


def _session(
    result: Result, plane: InformationPlane, data: tuple[Tensor, Tensor], plan: _Plan, keeper: Keeper, shown: _Shown
) -> None:
    """Train from where the keeper is to the end, or to an interruption, and leave everything in order."""
    started = time.perf_counter()
    with Interrupts() as interrupts:
        try:
            with (
                Progress(plan.schedule[-1], shown=shown.progress, done=max(keeper.course.step, 0)) as bar,
                _live_picture(shown, keeper.run, plane.trajectory) as live,
            ):
                _train(result, plane, data, plan, keeper, (bar.advance, live, lambda step, rows: interrupts.asked))
            keeper.save()
        except (InfoplaneError, KeyboardInterrupt) as error:
            error.result = result  # type: ignore[union-attr]
            result.seconds = time.perf_counter() - started
            if isinstance(error, InfoplaneError):
                with suppress(RunError):  # where nothing can be written any more, the first error says so
                    _close(result, keeper.run, shown, failure=str(error))
            raise
        result.seconds = time.perf_counter() - started
        _close(result, keeper.run, shown)


@contextmanager
def _live_picture(shown: _Shown, run: RunDirectory | None, trajectory: Trajectory) -> Iterator[Watcher]:
    """The information plane, redrawn now and then where ``plot`` is ``dynamic``."""
    if shown.plot != "dynamic":
        yield lambda step, rows: None
        return
    path = None if run is None else run.path_of("plane.png")
    live = plotting.LiveFigure(path, **{"facts": trajectory.meta, **shown.look})

    def refresh(step: int, rows: Sequence[dict[str, Any]] | None) -> None:
        if rows:
            live.update(trajectory.to_pandas)

    yield refresh
    live.close(trajectory.to_pandas if len(trajectory) else None)


def _close(result: Result, run: RunDirectory | None, shown: _Shown, failure: str | None = None) -> None:
    """Write what there is: first the table, then the pictures, and that the run is over."""
    if run is None:
        return
    result.seconds = run.seconds  # with those before an interruption
    if len(result.trajectory):
        run.write_trajectory(result.trajectory)
        if shown.plot is not None:
            figure = result.trajectory.plot(**shown.look)
            for name in ("plane.png", "plane.svg"):
                plotting.save(figure, run.path_of(name))
    state: Literal["finished", "interrupted", "failed"] = "interrupted" if result.interrupted else "finished"
    reason = result.decision.reason if result.decision is not None and result.decision.stop else None
    run.finish("failed" if failure else state, reason=failure or reason, steps=result.steps)


def _check(epochs: int, every: Every, plot: Plot) -> None:
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise InputError(f"epochs={epochs!r}: it must be a whole number of at least 1, for example epochs=1000")
    if every != "log" and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise InputError(f"every={every!r}: it must be a whole number of at least 1, or 'log'")
    if plot not in (None, "once", "dynamic"):
        raise InputError(f"plot={plot!r}: choose 'dynamic', 'once' or None")


def _schedule(steps: int, every: Every) -> list[int]:
    """The steps at which to measure, from 0 to the last one."""
    schedule = Schedule(every)
    return [0, *(step for step in range(1, steps) if schedule.passes(step - 1, step)), steps]


#: The options that ``experiment`` takes from whoever asks for one, by name.
OPTIONS = tuple(name for name in inspect.signature(experiment).parameters if name not in _NO_OPTIONS)
