"""experiment() and fit(): train copies of a network step by step, and measure every layer on the way."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from torch import Tensor, nn

from infoplane import plotting
from infoplane.budget import Every, Schedule
from infoplane.errors import InfoplaneError, InputError
from infoplane.networks import Family
from infoplane.plane import InformationPlane
from infoplane.progress import Progress
from infoplane.result import Result
from infoplane.runs import RunDirectory
from infoplane.stopping import InformationStopping
from infoplane.trajectory import Trajectory
from infoplane.types import Units

Plot = Literal["dynamic", "once"] | None
Watcher = Callable[[int, list[dict[str, Any]] | None], None]


def experiment(
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
    seed: int = 0,
    device: str = "auto",
    engine: str = "auto",
    units: Units = "bits",
    progress: bool | None = None,
    title: str | None = None,
    facts: Mapping[str, float] | None = None,
    picture: Mapping[str, Any] | None = None,
) -> Result:
    """Train ``copies`` copies of a network by stochastic gradient descent and measure every layer as they learn.

    ``model``: a module or a function that makes one; it is copied, never changed. ``x`` (samples, ...) and ``y``, the
    targets as the loss wants them (``"mse"``: of the prediction's own shape; ``"cross-entropy"``: class numbers),
    which are also the labels. An epoch is one optimiser step (``epoch_length`` of them) on a random batch of
    ``batch_size`` samples without replacement, each copy with batches of its own, as in the report. ``every``: steps
    between measurements, or ``"log"`` for about twenty a decade; step 0 (before training) and the last step are
    always measured. ``family``, ``estimators`` and ``layers`` as in ``InformationPlane``; ``init``, ``engine`` and
    ``device`` as in ``Family``. ``stopping`` is asked after every measurement. ``plot="dynamic"`` draws while
    training (in a terminal: refreshes the picture file), ``"once"`` at the end. ``out``: a run directory for table,
    pictures and record. Ctrl-C ends the training and keeps what there is. The same ``seed`` gives the same result
    where ``model`` is a function. ``facts``: what is known exactly of the task, in ``units``, for the picture:
    ``i_xy``, ``h_y``. ``picture``: options for the pictures, as of ``Trajectory.plot``.

    Errors: ``InputError`` for values that do not fit, ``RunError`` where ``out`` cannot be written (before training);
    an error while measuring carries what was measured as ``error.result``.

    >>> import infoplane as ip
    >>> data = ip.datasets.load("report-simple", samples=200)
    >>> target = 2.0 * data.y[:, None] - 1
    >>> result = ip.experiment(ip.networks.six_layer, data.x, target, epochs=3, copies=2)
    >>> len(result.trajectory.select(step=3)), result.steps
    (12, 3)
    """
    settings = _said(locals())
    look = {"title": title, **(picture or {})}
    _check(epochs, every, plot)
    plane = InformationPlane(x, y, layers=layers, estimators=estimators, family=family, units=units, seed=seed)
    members = Family(model, copies, init=init, seed=seed, engine=engine, device=device)
    members.compile(loss, optimizer, learning_rate)
    plane.trajectory.meta.update(seed=seed, copies=copies, engine=members.engine, device=str(members.device))
    plane.trajectory.meta.update(facts or {})
    checksum = plane.trajectory.meta["data_checksum"]
    run = None
    if out is not None:
        run = RunDirectory.create(out, settings=settings, data_checksum=checksum, seed=seed, force=force)
    result = Result(plane.trajectory, members, settings, out=run and run.path)
    plan = _Plan(_schedule(epochs * epoch_length, every), epoch_length, batch_size, stopping)
    started = time.perf_counter()
    try:
        with (
            Progress(plan.schedule[-1], shown=progress) as bar,
            _live_picture(plot, run, look, plane.trajectory) as live,
        ):
            _train(result, plane, (members.inputs(x), members.targets(y)), plan, (bar.advance, live))
    except KeyboardInterrupt:
        result.interrupted = True
    except InfoplaneError as error:
        error.result = result  # type: ignore[attr-defined]
        _close(result, run, started, (plot, look), failure=str(error))
        raise
    _close(result, run, started, (plot, look))
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
    result: Result, plane: InformationPlane, data: tuple[Tensor, Tensor], plan: _Plan, watchers: Sequence[Watcher]
) -> None:
    """The loop: draw, step, measure, decide."""
    family, (x, y) = result.family, data
    measured = set(plan.schedule)
    stopping = None if plan.stopping is None else plan.stopping.start()
    best: dict[str, Tensor] | None = None
    for step in range(plan.schedule[-1] + 1):
        if step > 0:
            rows = family.draw(len(x), plan.batch_size)
            result.step_losses.append(family.step(x[rows], y[rows]))
        newest = None
        if step in measured:
            before = time.perf_counter()
            newest = plane.measure(family, step)
            result.measuring_seconds += time.perf_counter() - before
        for watch in watchers:
            watch(step, newest)
        if stopping is None or newest is None or step == 0 or step % plan.epoch_length:
            continue
        result.decision = stopping.update(step // plan.epoch_length, newest)
        if result.decision.improved and plan.stopping and plan.stopping.restore_best_weights:
            best = family.weights()
        if result.decision.stop:
            break
    if best is not None:
        family.load_weights(best)


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
    ``Result.decision`` says why it stopped.

    >>> import infoplane as ip
    >>> data = ip.datasets.load("report-simple", samples=200)
    >>> stopping = ip.InformationStopping(monitor="I(T;Y)", patience=3)
    >>> result = ip.fit(ip.networks.six_layer(), data.x, 2.0 * data.y[:, None] - 1, stopping=stopping, epochs=20)
    >>> result.decision.value <= 1
    True
    """
    for option in ("copies", "every", "init"):
        if option in options:
            raise InputError(
                f"fit trains one network and measures it when the stopping rule looks: leave out {option!r}"
            )
    stopping = stopping or InformationStopping()
    every = epoch_length * stopping.check_every
    options.setdefault("device", None)
    result = experiment(
        model, x, y, stopping=stopping, epochs=epochs, epoch_length=epoch_length, every=every, **options
    )
    model.load_state_dict(result.networks[0].state_dict())
    return result


# ---------------------------------------------------------------- around the loop


@contextmanager
def _live_picture(
    plot: Plot, run: RunDirectory | None, look: Mapping[str, Any], trajectory: Trajectory
) -> Iterator[Watcher]:
    """The information plane, redrawn now and then where ``plot`` is ``dynamic``."""
    if plot != "dynamic":
        yield lambda step, rows: None
        return
    path = None if run is None else run.path_of("plane.png")
    live = plotting.LiveFigure(path, **{"facts": trajectory.meta, **look})

    def refresh(step: int, rows: list[dict[str, Any]] | None) -> None:
        if rows:
            live.update(trajectory.to_pandas)

    yield refresh
    live.close(trajectory.to_pandas if len(trajectory) else None)


def _close(
    result: Result,
    run: RunDirectory | None,
    started: float,
    picture: tuple[Plot, Mapping[str, Any]],
    failure: str | None = None,
) -> None:
    """Write what there is: first the table, then the pictures, and that the run is over."""
    result.seconds = time.perf_counter() - started
    if run is None:
        return
    plot, look = picture
    if len(result.trajectory):
        run.write_trajectory(result.trajectory)
        if plot is not None:
            figure = result.trajectory.plot(**look)
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


def _said(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments as a record that JSON can hold."""
    plain = (str, int, float, bool, type(None))

    def shown(value: Any) -> Any:
        if isinstance(value, plain):
            return value
        if isinstance(value, dict):
            return {str(key): shown(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [shown(one) for one in value]
        if isinstance(value, np.ndarray):
            return value.tolist()
        named = getattr(value, "__qualname__", None)  # a repr would hold an address, which differs from run to run
        return f"{value.__module__}.{named}" if named else repr(value)

    return {name: shown(value) for name, value in given.items() if name not in ("x", "y", "out", "force", "progress")}


#: The options that ``experiment`` takes, by name.
OPTIONS = tuple(inspect.signature(experiment).parameters)[3:]
