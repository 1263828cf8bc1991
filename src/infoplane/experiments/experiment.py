"""An experiment: data, network, targets and options under one name, which can be run again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, final

import attrs
import numpy as np
from torch import nn

from infoplane import datasets
from infoplane.checks import arguments, choice
from infoplane.errors import InputError
from infoplane.networks import ARCHITECTURES
from infoplane.training.loop import train
from infoplane.training.options import Options
from infoplane.training.result import Result
from infoplane.training.resume import chosen_seed
from infoplane.training.settings import described
from infoplane.types import NATS_PER, Dataset

Targets = Literal["zero-one", "plus-minus", "one-hot", "class", "number"]
TARGETS: tuple[Targets, ...] = ("zero-one", "plus-minus", "one-hot", "class", "number")


@final
@dataclass(frozen=True)
class Experiment:
    """A named experiment. ``data`` and ``network`` make it; ``training`` are the options of ``ip.experiment``.

    ``targets`` says how class labels become what the network is trained for: ``zero-one`` and ``plus-minus``
    (samples, 1) numbers for two classes, ``one-hot`` (samples, classes), ``class`` (samples,) whole numbers; or that
    labels are numbers, ``number`` (samples, 1).

    Example:
        >>> import infoplane as ip
        >>> ip.experiments.load("warm-up").run(epochs=2, copies=3).family.copies
        3
    """

    name: str
    title: str
    data: Callable[..., Dataset]
    network: Callable[[], nn.Module]
    targets: Targets
    training: Mapping[str, Any] = field(default_factory=dict)
    recipe: tuple[Mapping[str, Any], ...] = ()  # how it was made, in words: for ``resume``

    def run(self, **options: Any) -> Result:
        """Train and measure; ``options`` (as of ``ip.experiment``) go before the experiment's own.

        Raises:
            InputError: an option that does not exist or does not fit.
            RunError: the run directory cannot be written.
        """
        settings = {"title": self.title, "recipe": self.recipe or None, **self.training, **options}
        asked = Options.of(settings)
        asked = asked.with_seed(chosen_seed(asked.training.seed, asked.run.out, resume=asked.run.resume))
        dataset = self.data(seed=asked.seed)
        known = dataset.details.get("facts", {}).get("i_xy_bits")
        if known is not None and "facts" not in settings:
            scale = NATS_PER["bits"] / NATS_PER[asked.measuring.units]
            asked = asked.with_facts({"i_xy": known * scale})
        return train(self.network, dataset.x, encode(dataset, self.targets), asked)

    def on(self, dataset: str, **options: Any) -> Experiment:
        """The same experiment on another dataset, by name."""
        recipe = (*self.recipe, {"dataset": dataset, "options": described(options)}) if self.recipe else ()
        data = dataset_source(dataset, options)
        return replace(self, data=data, title=f"{self.title}, {dataset}", recipe=recipe)


@final
@attrs.frozen(repr=False)
class NamedNetwork:
    """An architecture of ``infoplane list networks`` with its options; called, it makes the network.

    Example:
        >>> NamedNetwork("mlp", {"sizes": [12, 5, 1]})
        mlp(sizes=[12, 5, 1])
    """

    name: str
    options: Mapping[str, Any]

    def __call__(self) -> nn.Module:
        return ARCHITECTURES[self.name].make(**self.options)

    def __repr__(self) -> str:  # stands in the record of a run
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"


def dataset_source(name: str, options: Mapping[str, Any], where: str = "data") -> Callable[..., Dataset]:
    """A function of a seed that loads a dataset; a seed among the options goes before it.

    Raises:
        UnknownNameError: no such dataset, or no such option of it.
        InputError: an option of the wrong kind.
    """
    loader = datasets.loader(choice(f"{where}.name", name, datasets.names()))
    checked = arguments(loader, options, where)
    return lambda seed=0: datasets.load(name, **{"seed": seed, **checked})


def encode(dataset: Dataset, targets: Targets) -> np.ndarray:
    """Targets for a loss from the dataset's class numbers, or numbers.

    Raises:
        InputError: targets for two classes, and a dataset of more.
    """
    y = dataset.y
    if targets == "number":
        return y.astype(np.float32)[:, None]
    classes = dataset.classes
    if targets == "class":
        return y
    if targets == "one-hot":
        return np.eye(classes, dtype=np.float32)[y]
    if classes != 2:
        raise InputError(
            f"targets={targets!r} is for two classes, {dataset.name} has {classes}: use 'one-hot' or 'class'"
        )
    return (y if targets == "zero-one" else 2 * y - 1).astype(np.float32)[:, None]
