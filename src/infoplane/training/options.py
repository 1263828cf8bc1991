"""What a training may be asked for, as four frozen objects whose values are checked when they are made.

``ip.experiment`` and ``ip.fit`` fill them from keywords; ``[training]`` of a TOML file, the command line and sweeps
from names and values. Each option has one check, a function of the name that the caller knows it by (``epochs``,
``training.epochs``) and of the value, so that every message says what to type where the caller is.

attrs holds them rather than pydantic: the messages are our own, networks, losses and estimators pass through as they
are, nothing is converted silently (True is no whole number), and it is small and pure Python (.6 MB beside 9.6 MB).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, final

import attrs
import torch
from torch import nn

from infoplane import plotting
from infoplane.checks import arguments, choice, real_number, refusal, truth_value, whole_number
from infoplane.estimators import REGISTRY, Estimator, estimator
from infoplane.estimators.counting.labels import Declared
from infoplane.family.choice import ENGINES
from infoplane.family.losses import LOSSES
from infoplane.family.optimizers import OPTIMIZERS
from infoplane.plane.schedule import Every
from infoplane.recording.select import Layers
from infoplane.training.settings import described
from infoplane.trajectory.stopping import InformationStopping
from infoplane.types import FAMILIES, NATS_PER, Units

Check = Callable[[str, Any], Any]  # the option's name, as the caller knows it, and its value -> the value to use
Plot = Literal["dynamic", "once"] | None

_MOST = 10**9  # steps or samples: beyond what any machine does, and small enough for every counter
_MOST_COPIES = 10**6
_MOST_SEED = 2**64 - 1  # what torch's generators take


# ---------------------------------------------------------------- checks that only options need


def _or_none(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def _one_of(known: Sequence[str]) -> Check:
    return lambda name, value: choice(name, value, known)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refusal(name, value, "a text", 'give it in quotes, for example "mine"')
    return value


def _table(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal(name, value, "a table of names and values")
    return value


def _name_or_function(known: Sequence[str]) -> Check:
    def check(name: str, value: Any) -> Any:
        if isinstance(value, str):
            return choice(name, value, known)
        if not callable(value):
            raise refusal(
                name, value, f"a name ({', '.join(sorted(known))}) or a function", f'for example "{known[0]}"'
            )
        return value

    return check


def _steps_or_log(name: str, value: Any) -> Every:
    if value == "log" and isinstance(value, str):
        return "log"
    if isinstance(value, str):
        raise refusal(name, value, "a whole number of steps of at least 1, or 'log'")
    return whole_number(name, value, least=1, most=_MOST, example=10)


def _stopping(name: str, value: Any) -> InformationStopping:
    """A table is what a TOML file, or the record of a run, says of a rule."""
    if isinstance(value, Mapping):
        table = {key: setting for key, setting in value.items() if key != "class"}
        return InformationStopping(**arguments(InformationStopping, table, name))
    if not isinstance(value, InformationStopping):
        raise refusal(name, value, "an ip.InformationStopping, or a table of its options")
    return value


def _estimators(name: str, value: Any) -> Any:
    """Names, tables and instances; each is made once here, so that what is wrong with it is said before training."""
    several = value if isinstance(value, list | tuple) else [value]
    if not several:
        raise refusal(name, value, "at least one estimator", "for example 'binned'")
    for single in several:
        if isinstance(single, Estimator):
            continue
        table = {"name": single} if isinstance(single, str) else single
        if not isinstance(table, Mapping):
            raise refusal(
                name, single, "an estimator", "give its name, a table with its name and options, or an object"
            )
        options = dict(table)
        kind = choice(f"{name}.name", options.pop("name", "binned"), REGISTRY)
        # an option of all of them, also where it is not in their signature
        policy = {"nonfinite": options.pop("nonfinite")} if "nonfinite" in options else {}
        estimator(kind, **policy, **arguments(REGISTRY[kind], options, name))
    return value


def _layers(name: str, value: Any) -> Layers:
    several = value if isinstance(value, list | tuple) else [value]
    if not (value is None or callable(value) or all(isinstance(layer, str | nn.Module) for layer in several)):
        raise refusal(name, value, "names of layers", "for example ['1', '3']")
    return cast(Layers, value)


def _families(name: str, value: Any) -> Any:
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list | tuple) or not several:
        raise refusal(name, value, "one or more names", f"of {', '.join(FAMILIES)}")
    for kind in several:
        choice(name, kind, FAMILIES)
    return value


def _variables(name: str, value: Any) -> Any:
    Declared.of(["y"], continuous=_text(name, value))
    return value


def _device(name: str, value: Any) -> Any:
    if not (value is None or isinstance(value, str | torch.device)) or value == "":
        raise refusal(name, value, "a device", "give 'auto', 'cpu', 'cuda' or 'mps'")
    return value


def _window(name: str, value: Any) -> bool | int:
    return value if isinstance(value, bool) else whole_number(name, value, least=2, most=_MOST, example=10)


def _facts(name: str, value: Any) -> Mapping[str, float]:
    table = _table(name, value)
    for fact, number in table.items():
        real_number(f"{name}.{fact}", number, example=0.5)
    return table


def _picture(name: str, value: Any) -> Mapping[str, Any]:
    arguments(plotting.plane, _table(name, value), name)
    return cast(Mapping[str, Any], value)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise refusal(name, value, "the folder of a run", "for example 'runs/first'")
    return Path(value)


# ---------------------------------------------------------------- the options


def _option(default: Any, check: Check) -> Any:
    """A field of an option object; whatever is put into it passes its check."""
    convert: Any = attrs.Converter(lambda value, field: check(field.name, value), takes_field=True)
    return attrs.field(default=default, converter=convert, metadata={"check": check})


@final
@attrs.frozen(kw_only=True)
class TrainingOptions:
    """How the copies are trained.

    Args:
        epochs: how many epochs. An epoch is ``epoch_length`` optimiser steps, not a pass over the samples.
        epoch_length: optimiser steps of an epoch.
        copies: how many copies of the network are trained as one family.
        init: ``"shared"``, all copies start from the same weights, or ``"independent"``, as of ``Family``.
        learning_rate: for an optimiser that is given by name.
        batch_size: samples of a step, drawn without replacement, for each copy its own, as in the report.
        loss: ``"mse"``, ``"cross-entropy"``, or a function (prediction, target) -> number.
        optimizer: ``"sgd"``, ``"adam"``, or a function parameters -> optimiser.
        stopping: asked after every measurement at the end of an epoch; a table holds the options of one.
        seed: the same one gives the same result where the model is a function; None draws one, which is recorded.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``, or None: where the model is.
        engine: how the copies are computed, as of ``Family``.

    Raises:
        InputError: a value of the wrong kind or out of its range.

    Example:
        >>> TrainingOptions(epochs=0)
        Traceback (most recent call last):
        infoplane.errors.InputError: epochs=0: it must be a whole number of at least 1, for example epochs=1000
    """

    epochs: int = _option(100, partial(whole_number, least=1, most=_MOST, example=1000))
    epoch_length: int = _option(1, partial(whole_number, least=1, most=_MOST, example=10))
    copies: int = _option(1, partial(whole_number, least=1, most=_MOST_COPIES, example=5))
    init: Literal["shared", "independent"] = _option("shared", _one_of(("shared", "independent")))
    learning_rate: float = _option(0.2, partial(real_number, above=0, example=0.2))
    batch_size: int = _option(101, partial(whole_number, least=1, most=_MOST, example=101))
    loss: Any = _option("mse", _name_or_function(tuple(LOSSES)))
    optimizer: Any = _option("sgd", _name_or_function(tuple(OPTIMIZERS)))
    stopping: InformationStopping | None = _option(None, _or_none(_stopping))
    seed: int | None = _option(0, _or_none(partial(whole_number, least=0, most=_MOST_SEED, example=1)))
    device: Any = _option("auto", _device)
    engine: str = _option("auto", _one_of(ENGINES))


@final
@attrs.frozen(kw_only=True)
class MeasuringOptions:
    """What is measured of the layers, and when.

    Args:
        estimators: a name, a table with a name and options, an estimator, or several of them.
        layers: which layers, as of ``InformationPlane``; None for all that are recorded by default.
        family: ``"exact"``, ``"sampled"``, ``"per-copy"``, ``"single"`` or several: how copies become one number.
        every: steps from one measurement to the next, or ``"log"`` for about twenty a decade. Step 0, before training,
            and the last step are always measured.
        units: ``"bits"`` or ``"nats"``.
        continuous: ``"y"`` where the labels are numbers, whole ones too; as of ``InformationPlane``.
        discrete: ``"y"`` where they are classes, however many there are.
        y_bins: cuts labels of numbers into so many classes of equal share.
        gradients: also record loss, accuracy, and signal and noise of every layer's gradient in
            ``trajectory.scalars``, over windows of 10 steps (or of an epoch, if it is longer), or of as many as given.

    Raises:
        InputError: a value of the wrong kind or out of its range.
    """

    estimators: Any = _option("binned", _estimators)
    layers: Any = _option(None, _layers)
    family: str | Sequence[str] | None = _option(None, _or_none(_families))
    every: Every = _option(1, _steps_or_log)
    units: Units = _option("bits", _one_of(tuple(NATS_PER)))
    continuous: str | None = _option(None, _or_none(_variables))
    discrete: str | None = _option(None, _or_none(_variables))
    y_bins: int | None = _option(None, _or_none(partial(whole_number, least=2, most=_MOST, example=10)))
    gradients: bool | int = _option(False, _window)


@final
@attrs.frozen(kw_only=True)
class PictureOptions:
    """What is drawn.

    Args:
        plot: ``"dynamic"`` draws while training (in a terminal: into the picture file), ``"once"`` at the end.
        title: of the pictures.
        facts: what is known exactly of the task, in ``units``, for the pictures: ``i_xy``, ``h_y``.
        picture: further options of the pictures, as of ``Trajectory.plot``.

    Raises:
        InputError: a value of the wrong kind, or an option that pictures do not have.
    """

    plot: Plot = _option(None, _or_none(_one_of(("dynamic", "once"))))
    title: str | None = _option(None, _or_none(_text))
    facts: Mapping[str, float] | None = _option(None, _or_none(_facts))
    picture: Mapping[str, Any] | None = _option(None, _or_none(_picture))

    @property
    def look(self) -> dict[str, Any]:
        """Options for ``Trajectory.plot``."""
        return {"title": self.title, **(self.picture or {})}


@final
@attrs.frozen(kw_only=True)
class RunOptions:
    """Where a training is kept, and what is seen of it; nothing here changes a number.

    Args:
        out: a run directory for table, pictures and record.
        force: begin anew in the place of the run that is there.
        resume: continue the run that is there, if its settings and data are the same.
        checkpoint_every: seconds from one checkpoint to the next, about.
        progress: show a bar; None for "in a terminal or a notebook".
        recipe: how the experiment is made, in words, for the record.

    Raises:
        InputError: a value of the wrong kind or out of its range.
    """

    out: Path | None = _option(None, _or_none(_path))
    force: bool = _option(False, truth_value)
    resume: bool = _option(False, truth_value)
    checkpoint_every: float = _option(10.0, partial(real_number, least=0, example=10))
    progress: bool | None = _option(None, _or_none(truth_value))
    recipe: Sequence[Mapping[str, Any]] | None = _option(None, lambda name, value: value)


@final
@attrs.frozen(kw_only=True)
class Options:
    """Everything that a training may be asked for.

    Example:
        >>> options = Options.of({"epochs": 3, "units": "nats"})
        >>> options.training.epochs, options.measuring.units, options.run.out
        (3, 'nats', None)
    """

    training: TrainingOptions = attrs.field(factory=TrainingOptions)
    measuring: MeasuringOptions = attrs.field(factory=MeasuringOptions)
    pictures: PictureOptions = attrs.field(factory=PictureOptions)
    run: RunOptions = attrs.field(factory=RunOptions)

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> Options:
        """Options by name, all groups in one table.

        Raises:
            UnknownNameError: a name that no option has.
            InputError: a value of the wrong kind or out of its range.
        """
        for name in keywords:
            choice("option", name, CHECKS)
        return cls(**{
            group: kind(**{name: keywords[name] for name in names_of(kind) if name in keywords})
            for group, kind in GROUPS.items()
        })  # fmt: skip

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.training.epochs * self.training.epoch_length

    @property
    def seed(self) -> int:
        """The seed, once there is one."""
        return cast(int, self.training.seed)

    def with_seed(self, seed: int) -> Options:
        """The same options with a seed that is drawn or read from a record."""
        return attrs.evolve(self, training=attrs.evolve(self.training, seed=seed))

    def with_facts(self, facts: Mapping[str, float]) -> Options:
        """The same options, with what is known exactly of the task."""
        return attrs.evolve(self, pictures=attrs.evolve(self.pictures, facts=facts))

    def measured_at_looks(self) -> Options:
        """The same options, measured just when the stopping rule looks."""
        rule = self.training.stopping
        every = self.training.epoch_length * (1 if rule is None else rule.check_every)
        return attrs.evolve(self, measuring=attrs.evolve(self.measuring, every=every))

    def record(self, model: Any) -> dict[str, Any]:
        """What the run's record says was asked for: the model, and all but where the run is kept."""
        groups = (self.training, self.measuring, self.pictures)
        values = {name: getattr(group, name) for group in groups for name in names_of(type(group))}
        return described({"model": model, **values})


def names_of(group: type[Any]) -> list[str]:
    """The names of the options of a group, in order.

    Example:
        >>> names_of(PictureOptions)
        ['plot', 'title', 'facts', 'picture']
    """
    return [field.name for field in attrs.fields(group)]


GROUPS: dict[str, type[Any]] = {
    "training": TrainingOptions,
    "measuring": MeasuringOptions,
    "pictures": PictureOptions,
    "run": RunOptions,
}
#: The check of every option, by name.
CHECKS: dict[str, Check] = {
    field.name: field.metadata["check"] for group in GROUPS.values() for field in attrs.fields(group)
}
#: What a TOML file may say in ``[training]``: where a run is kept is said by who runs it.
OF_A_TABLE = [name for name in CHECKS if name not in ("out", "force", "resume", "recipe")]


def check_table(table: Mapping[str, Any], where: str, *, known: Sequence[str] = OF_A_TABLE) -> None:
    """The options of a table, each by its full name in the messages.

    Raises:
        UnknownNameError: a name that is not in ``known``.
        InputError: a value of the wrong kind or out of its range.

    Example:
        >>> check_table({"units": "bit"}, "training")
        Traceback (most recent call last):
        infoplane.errors.UnknownNameError: unknown training.units 'bit': did you mean 'bits'? known are bits, nats
    """
    for name, value in table.items():
        choice(f"option of [{where}]", name, known)
        CHECKS[name](f"{where}.{name}", value)
