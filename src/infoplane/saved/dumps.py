"""Activations that another program recorded while it trained, in ``.npz`` files -> a trajectory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import DataFileError, InputError
from infoplane.io.arrays import read_arrays
from infoplane.plane.plane import InformationPlane
from infoplane.trajectory.trajectory import Trajectory

_STEP = r"(?:epoch|step|iteration|iter)[_ -]?(?P<step>\d{1,18})"
_KEYS = (
    re.compile(rf"{_STEP}[/._-](?P<layer>.+)", re.IGNORECASE),  # epoch_0005/layer_3
    re.compile(rf"(?P<layer>.+)[/._-]{_STEP}", re.IGNORECASE),  # layer_3/step_5
    re.compile(r"[Tt]_(?P<layer>[^_]+)_(?P<step>\d{1,18})"),  # T_3_5: layer, then step
)
_FILE = re.compile(rf".*{_STEP}.*|.*?(?P<number>\d{{1,18}})", re.IGNORECASE)
_DATA = {"x": ("x", "X"), "y": ("y", "Y", "labels")}

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def measure_dump(paths: Paths, x: Any = None, y: Any = None, **options: Any) -> Trajectory:
    """The information plane of activations that another program has recorded at many steps.

    An array (samples, ...) is one layer at one step, by its name: ``epoch_0005/layer_3`` or ``layer_3/step_5``
    (``epoch``, ``step`` or ``iter``; ``/``, ``.``, ``_`` or ``-`` between), or ``T_3_5`` (layer, then step). Where
    names hold no step, as in a file for each epoch, it is the number in the file's name: ``epoch00000005.npz`` with
    ``layer_0``, ``layer_1``, ... Layers are ordered by the numbers in their names.

    Args:
        paths: one ``.npz`` file, or several, as ``numpy.savez`` writes them; pickles are never read.
        x: inputs (samples, ...), by default an array ``x`` in any of the files; without one every row is an input of
            its own.
        y: labels (samples, ...), by default an array ``y`` in any of the files.
        options: as of ``InformationPlane``; information is in its ``units``.

    Returns:
        Rows whose ``step`` is the number of the dump.

    Raises:
        DataFileError: a file is missing, damaged, too large, or holds no such arrays, with the names that it holds.
        InputError: layers or samples differ from step to step, or there is no y.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "dump.npz"
        >>> rng = np.random.default_rng(0)
        >>> layers = {f"epoch_{step}/layer_1": rng.normal(size=(50, 2)) for step in (0, 10)}
        >>> np.savez(path, y=np.arange(50) % 2, **layers)
        >>> measure_dump(path)
        Trajectory(2 rows, 1 layers, steps 0 to 10)
    """
    steps: dict[int, dict[str, np.ndarray]] = {}
    data: dict[str, Any] = {"x": x, "y": y}
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        for step, layer, array in _arrays(Path(path), data):
            if layer in steps.setdefault(step, {}):
                raise InputError(f"{path}: layer {layer} at step {step} stands twice: name each once")
            steps[step][layer] = array
    names = sorted(steps[min(steps)], key=_by_number) if steps else []
    _check(steps, names, data)
    samples = len(steps[min(steps)][names[0]])
    inputs = np.arange(samples)[:, None] if data["x"] is None else data["x"]
    # names of layers may hold dots, which names of modules must not: modules are numbered while they are measured
    places = {name: f"{number}" for number, name in enumerate(names)}
    plane = InformationPlane(inputs, data["y"], layers=list(places.values()), **options)
    for step in sorted(steps):
        plane.measure(_Replay({places[name]: steps[step][name] for name in names}), step)
    trajectory = Trajectory(meta=plane.trajectory.meta)
    trajectory.extend({**row, "layer": names[int(row["layer"])]} for row in plane.trajectory)
    return trajectory


@final
class _Replay(nn.Module):
    """A network whose layers put out, batch after batch, what was recorded."""

    def __init__(self, layers: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self._layers = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in layers.items()}
        self._at = 0
        for name in layers:
            self.add_module(name, nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        rows = slice(self._at, self._at + len(x))
        self._at = rows.stop % len(next(iter(self._layers.values())))
        for name, recorded in self._layers.items():
            x = self.get_submodule(name)(recorded[rows])
        return x


def _arrays(path: Path, data: dict[str, Any]) -> Iterator[tuple[int, str, np.ndarray]]:
    """Step, layer and array of everything recorded in one file; its x and y go into ``data`` where none is there."""
    if path.suffix.lower() != ".npz":
        raise DataFileError(
            f"{path} is no .npz file: save the arrays with numpy.savez (pickles could run code and are never read)"
        )
    in_file = _FILE.fullmatch(path.stem)
    arrays = read_arrays(path)
    recorded = False
    for name, array in arrays.items():
        role = next((role for role, names in _DATA.items() if name in names), None)
        match = next((match for key in _KEYS if (match := key.fullmatch(name))), None)
        if role is not None:
            data[role] = array if data[role] is None else data[role]
        elif match is not None:
            recorded = True
            yield int(match["step"]), match["layer"], array
        elif in_file is not None:
            recorded = True
            yield int(in_file["step"] or in_file["number"]), name, array
    if not recorded:
        raise DataFileError(
            f"{path} holds {', '.join(map(repr, list(arrays)[:8])) or 'nothing'}: name layers with their step, as "
            "'epoch_0005/layer_3' or 'T_3_5', or the file, as epoch0005.npz"
        )


def _check(steps: Mapping[int, Mapping[str, np.ndarray]], names: Sequence[str], data: Mapping[str, Any]) -> None:
    if not steps:
        raise InputError("paths is empty: give at least one .npz file")
    if data["y"] is None:
        raise InputError("there is no array y: save the labels beside the layers, or give y=")
    for step, layers in steps.items():
        if set(layers) != set(names):
            raise InputError(
                f"step {step} has the layers {', '.join(sorted(layers))}, step {min(steps)} has {', '.join(names)}"
            )
        for name, array in layers.items():
            if array.ndim == 0 or len(array) != len(data["y"]):
                raise InputError(f"step {step}, {name} has shape {array.shape}: {len(data['y'])} rows are needed, as y")


def _by_number(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer_2 before layer_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
