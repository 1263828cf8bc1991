"""experiment() and fit(): options as keywords, which is how a person asks; everything behind takes option objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from infoplane.errors import InputError
from infoplane.plane.schedule import Every
from infoplane.training.loop import train
from infoplane.training.options import (
    MeasuringOptions,
    Options,
    PictureOptions,
    Plot,
    RunOptions,
    TrainingOptions,
)
from infoplane.training.result import Result
from infoplane.trajectory.stopping import InformationStopping
from infoplane.types import Units


def experiment(  # noqa: PLR0913
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
    continuous: str | None = None,
    discrete: str | None = None,
    y_bins: int | None = None,
    progress: bool | None = None,
    title: str | None = None,
    facts: Mapping[str, float] | None = None,
    gradients: bool | int = False,
    picture: Mapping[str, Any] | None = None,
    recipe: Sequence[Mapping[str, Any]] | None = None,
) -> Result:
    """Train copies of a network by stochastic gradient descent and measure every layer as they learn.

    Ctrl-C, or SIGTERM, ends the training after the present step and keeps what there is; a second one ends it at once.
    The options are explained one by one at ``infoplane.training.options``: ``TrainingOptions``, ``MeasuringOptions``,
    ``PictureOptions`` and ``RunOptions``.

    Args:
        model: a module or a function that makes one; it is copied, never changed.
        x: the inputs, (samples, ...).
        y: the targets, as the loss wants them (``"mse"``: of the prediction's own shape; ``"cross-entropy"``: class
            numbers), which are also the labels.
        epochs: how many epochs; an epoch is ``epoch_length`` optimiser steps.
        copies: how many copies of the network are trained as one family.
        learning_rate: for an optimiser that is given by name.
        batch_size: samples of a step, drawn without replacement, for each copy its own.
        loss: ``"mse"``, ``"cross-entropy"`` or a function (prediction, target) -> number.
        optimizer: ``"sgd"``, ``"adam"`` or a function parameters -> optimiser.
        init: ``"shared"`` or ``"independent"`` start of the copies.
        family: how copies become one number: ``"exact"``, ``"sampled"``, ``"per-copy"``, ``"single"``, or several.
        estimators: a name, a table with name and options, an estimator, or several of them.
        layers: which layers, as of ``InformationPlane``.
        every: steps from one measurement to the next, or ``"log"``; the first and the last step are always measured.
        epoch_length: optimiser steps of an epoch.
        stopping: an ``InformationStopping`` that is asked after every measurement.
        plot: ``"dynamic"`` draws while training, ``"once"`` at the end.
        out: a run directory for table, pictures, record and checkpoints.
        force: begin anew in the place of the run that is in ``out``.
        resume: continue the run that is in ``out``; it ends as if it had never stopped.
        checkpoint_every: seconds from one checkpoint to the next, about.
        seed: the same one gives the same result where ``model`` is a function; None draws one and records it.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, or None: where the model is.
        engine: how the copies are computed, as of ``Family``.
        units: ``"bits"`` or ``"nats"``.
        continuous: ``"y"`` where the labels are numbers, whole ones too; as of ``InformationPlane``.
        discrete: ``"y"`` where they are classes, however many there are.
        y_bins: cuts labels of numbers into so many classes of equal share.
        progress: show a bar; None for "in a terminal or a notebook".
        title: of the pictures.
        facts: what is known exactly of the task, in ``units``, for the pictures: ``i_xy``, ``h_y``.
        gradients: also record loss, accuracy, and signal and noise of the gradients in ``trajectory.scalars``.
        picture: further options of the pictures, as of ``Trajectory.plot``.
        recipe: how the experiment is made, in words, for the record.

    Returns:
        The trajectory, the trained copies, and how the training went.

    Raises:
        InputError: a value that does not fit.
        RunError: ``out`` cannot be written, or is no run of this training.
        InfoplaneError: in the middle of the training; what was measured until then is its ``result``.

    Example:
        >>> import infoplane as ip
        >>> data = ip.datasets.load("report-simple", samples=200)
        >>> target = 2.0 * data.y[:, None] - 1
        >>> result = ip.experiment(ip.networks.six_layer, data.x, target, epochs=3, copies=2)
        >>> len(result.trajectory.select(step=3)), result.steps
        (12, 3)
    """
    options = Options(
        training=TrainingOptions(
            epochs=epochs, epoch_length=epoch_length, copies=copies, init=init, learning_rate=learning_rate,
            batch_size=batch_size, loss=loss, optimizer=optimizer, stopping=stopping, seed=seed, device=device,
            engine=engine,
        ),
        measuring=MeasuringOptions(
            estimators=estimators, layers=layers, family=family, every=every, units=units, gradients=gradients,
            continuous=continuous, discrete=discrete, y_bins=y_bins,
        ),
        pictures=PictureOptions(plot=plot, title=title, facts=facts, picture=picture),
        run=RunOptions(
            out=None if out is None else Path(out), force=force, resume=resume, checkpoint_every=checkpoint_every,
            progress=progress, recipe=recipe,
        ),
    )  # fmt: skip
    return train(model, x, y, options)


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

    After every ``stopping.check_every`` epochs the layers are measured and the rule is asked. ``Result.decision`` says
    why it stopped.

    Args:
        model: this network itself is trained.
        x: the inputs, (samples, ...).
        y: the targets, which are also the labels.
        stopping: the rule; None for ``InformationStopping()``.
        epochs: at most so many.
        epoch_length: optimiser steps of an epoch.
        options: the others of ``ip.experiment`` (learning_rate, batch_size, loss, optimizer, estimators, layers, ...).

    Raises:
        InputError: a value that does not fit, or an option that the rule decides: ``copies``, ``every``, ``init``.
        RunError: as of ``ip.experiment``.

    Example:
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
    rule = stopping or InformationStopping()
    settings = {"device": None, **options, "stopping": rule, "epochs": epochs, "epoch_length": epoch_length}
    result = train(model, x, y, Options.of(settings).measured_at_looks())
    model.load_state_dict(result.networks[0].state_dict())
    return result
