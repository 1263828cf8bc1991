"""Saved states of one network -> a trajectory. Nothing that a file says is run: only tensors are read from it."""

from __future__ import annotations

import glob
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar
from torch import Tensor, nn

from infoplane.errors import DataFileError, InputError
from infoplane.io.limits import check_sums
from infoplane.plane.plane import InformationPlane
from infoplane.recording.select import unwrap
from infoplane.saved.factories import made_by
from infoplane.trajectory.trajectory import Trajectory

_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt")
_ENTRIES = ("state_dict", "model_state_dict", "model")  # where trainers keep the network beside other things
_WRAPPERS = ("module.", "_orig_mod.")
_NUMBER = re.compile(r"(?<![\d.])\d+(?!\.?\d)")  # a whole number, no part of a decimal one
_NAMED_STEP = re.compile(r"step[^\d.]{0,2}(\d+)", re.IGNORECASE)
_NAMES_SHOWN = 6
_NUMPYS_SCALARS: list[Any] = [
    scalar,
    np.dtype,
    *{type(np.dtype(code)) for code in np.typecodes["AllInteger"] + "?efdg"},
]

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def measure_checkpoints(
    factory: Callable[[], nn.Module],
    paths: Paths,
    x: Any,
    y: Any = None,
    *,
    steps: Sequence[int] | None = None,
    prefix: str | None = None,
    **options: Any,
) -> Trajectory:
    """The information plane of a training that is over, from the states of the network that it saved.

    One network takes one state after the other and is measured. "module." and "_orig_mod." of wrappers are taken off
    the names in a state, and a prefix that all names of the network share there, as "model." in a LightningModule;
    values take the network's type.

    Args:
        factory: makes the network; a function without arguments.
        paths: files, globs (matches are ordered by the numbers in their names), or a list of these: ``.safetensors``,
            and ``.pt``, ``.pth`` or ``.ckpt`` of ``torch.save`` or Lightning, with a state dictionary or one under
            "state_dict", "model_state_dict" or "model".
        x: inputs (samples, ...), or splits.
        y: labels (samples,).
        steps: a step for each file; by default the number after "step" in the file's name, or the last whole number
            there.
        prefix: what stands before the network's names in the state, where several networks do (``"ema_model."``), or
            the file's entry that is the state (``"state_dict_ema"``).
        options: as of ``InformationPlane``; information is in its ``units``.

    Returns:
        The rows in the order of the steps; ``meta["checkpoints"]`` says which file was measured at which.

    Raises:
        DataFileError: a file is missing, damaged or holds more than tensors and plain values.
        InputError: a state does not fit the network, with its names, or the steps are not clear.

    Example:
        >>> import tempfile, torch
        >>> from infoplane.networks import warm_up
        >>> folder = tempfile.mkdtemp()
        >>> for step in (0, 10):
        ...     torch.save(warm_up().state_dict(), f"{folder}/net-{step}.pt")
        >>> trajectory = measure_checkpoints(warm_up, f"{folder}/*.pt", torch.randn(50, 12), torch.arange(50) % 2)
        >>> trajectory
        Trajectory(8 rows, 4 layers, steps 0 to 10)
    """
    files = _files(paths)
    at = _steps(files, steps)
    plane = InformationPlane(x, y, **options)
    model = unwrap(made_by(factory))
    measured: dict[str, str] = {}
    for step in sorted(at):
        _load(model, read_state(at[step], prefix), at[step], prefix)
        if plane.measure(model, step):  # a step that the options leave out has no rows
            measured[str(step)] = str(at[step])
    plane.trajectory.meta["checkpoints"] = measured
    return plane.trajectory


def read_state(path: str | os.PathLike[str], entry: str | None = None) -> dict[str, Any]:
    """The state dictionary in a ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt`` file, its tensors in main memory.

    ``entry`` is tried before the usual ones, where a file holds it.

    Raises:
        DataFileError: the file is missing, damaged, of another kind, or without a state dictionary.
    """
    source = _file(path)
    try:
        content = _read_safetensors(source) if source.suffix.lower() == ".safetensors" else _read_torch(source)
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except Exception as error:  # zipfile, the unpickler, safetensors: whatever a damaged or hostile file leads to
        raise DataFileError(
            f"{path} ({source.stat().st_size} bytes) is truncated, damaged, or holds objects that could only be had by "
            f"running code from the file ({type(error).__name__}): save it as torch.save(model.state_dict(), path)"
        ) from error
    entries: Mapping[Any, Any] = content if isinstance(content, dict) else {}
    inner: Mapping[Any, Any] = next(
        (entries[name] for name in (entry, *_ENTRIES) if isinstance(entries.get(name), Mapping)), entries
    )
    wrong = [name for name, value in inner.items() if not _is_state(name, value)]
    if not inner or wrong:
        holds = f"{wrong[0]!r} is a {type(inner[wrong[0]]).__name__}" if wrong else f"it holds {type(content).__name__}"
        raise DataFileError(
            f"{path} holds no state dictionary ({holds}): save it as torch.save(model.state_dict(), path), or as "
            "torch.save({'state_dict': model.state_dict(), ...}, path)"
        )
    return dict(inner)


def _file(path: str | os.PathLike[str]) -> Path:
    """The path, if it is a file of a kind that is read."""
    source = Path(path)
    if source.suffix.lower() not in _ENDINGS:
        raise DataFileError(
            f"{path} ends in {source.suffix!r}; states in {', '.join(_ENDINGS)} are read: save it with "
            "torch.save(model.state_dict(), 'net-100.pt') or safetensors.torch.save_file"
        )
    if not source.is_file():
        raise DataFileError(f"{path} is {'no file' if source.exists() else 'missing'}: name the file of a state")
    return source


def _is_state(name: object, value: object) -> bool:
    if not isinstance(name, str):
        return False
    if isinstance(value, Tensor):
        return value.device.type == "cpu" and value.layout == torch.strided and not value.is_quantized
    return name.endswith("_extra_state")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)


def _read_torch(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:  # what torch.save has written since torch 1.6, without compression
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise ValueError("the archive unpacks to more than the length of the file")
        check_sums(archive)
    with torch.serialization.safe_globals(_NUMPYS_SCALARS):  # a loss beside the state
        return torch.load(path, map_location="cpu", weights_only=True)


def _files(paths: Paths) -> list[Path]:
    """All files, globs replaced by what they match."""
    files: list[Path] = []
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        text = os.fspath(path)
        # net[1].pt is a file where there is one of that name
        pattern = glob.has_magic(text) and not os.path.exists(text)
        matches = sorted(glob.glob(text, recursive=True), key=_by_number) if pattern else [text]
        if not matches:
            raise DataFileError(f"no file matches {text!r} in {Path.cwd()}: correct the folder or the pattern")
        files += map(_file, matches)
    if not files:
        raise InputError("paths is empty: give the files of at least one state, for example 'runs/net-*.pt'")
    return files


def _by_number(path: str) -> list[tuple[int, str]]:
    """A key that sorts net-2 before net-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path)]


def _steps(files: Sequence[Path], steps: Sequence[int] | None) -> dict[int, Path]:
    """Step -> file."""
    for step in () if steps is None else steps:
        if step != int(step) or step < 0:
            raise InputError(f"steps holds {step!r}: give whole numbers from 0 up, one for each file")
    numbers = [_step_in(file) for file in files] if steps is None else [int(step) for step in steps]
    if len(numbers) != len(files):
        raise InputError(f"steps has {len(numbers)} values for {len(files)} files: give one for each, in their order")
    twice = [step for step, count in Counter(numbers).items() if count > 1]
    if twice:
        same = [str(file) for file, step in zip(files, numbers, strict=True) if step == twice[0]]
        raise InputError(f"{' and '.join(same[:2])} are both of step {twice[0]}: give steps=[...], one for each file")
    return dict(zip(numbers, files, strict=True))


def _step_in(file: Path) -> int:
    named, numbers = _NAMED_STEP.findall(file.stem), _NUMBER.findall(file.stem)
    if not named and not numbers:
        raise InputError(f"the name {file.name!r} holds no step: give steps=[...], one for each file")
    return int((named or numbers)[-1])


def _load(model: nn.Module, state: Mapping[str, Any], path: Path, prefix: str | None) -> None:
    """Load a state that fits the network name by name and shape by shape, or say what does not fit."""
    wanted = model.state_dict()
    values: dict[str, Any] = {}
    for name, value in _without_prefix(state, wanted, path, prefix).items():
        while name not in wanted and name.startswith(_WRAPPERS):
            name = name.partition(".")[2]
        if name in values:
            raise InputError(
                f"{path} holds {name!r} twice, with and without the name of a wrapper: save the state again"
            )
        values[name] = value
    # tied weights stand in the network under several names and in a safetensors file under one of them
    shared = {_place(wanted[name]) for name in values if name in wanted} - {None}
    missing = [name for name in wanted if name not in values and _place(wanted[name]) not in shared]
    problems = [f"{name} is missing" for name in missing]
    problems += [f"{name} is unexpected" for name in values if name not in wanted]
    problems += list(_other_shapes(values, wanted))
    if problems:
        more = f" and {len(problems) - _NAMES_SHOWN} more" if len(problems) > _NAMES_SHOWN else ""
        raise InputError(
            f"{path} does not fit the network that factory made: {', '.join(problems[:_NAMES_SHOWN])}{more}; make the "
            "network that was saved"
        )
    model.load_state_dict(values, strict=False)  # names are checked above: of shared tensors one name is enough


def _without_prefix(
    state: Mapping[str, Any], wanted: Mapping[str, Any], path: Path, prefix: str | None
) -> Mapping[str, Any]:
    """The part of a state that is of this network: names with the prefix asked for, or with the one that fits."""
    if any(name in wanted for name in state) and not prefix:
        return state
    last = min(wanted, default="")  # any name of the network: what stands before it in the state may be the prefix
    before = [name.removesuffix(last) for name in state if name.endswith(f".{last}")]
    fitting = [each for each in before if all(each + name in state for name in wanted)]
    if prefix is not None:
        fitting = [each for each in (prefix, f"{prefix}.") if any(name.startswith(each) for name in state)][-1:]
    if len(fitting) > 1:
        choices = " or ".join(f"prefix={each!r}" for each in fitting)
        raise InputError(f"{path} holds this network's names {len(fitting)} times: choose with {choices}")
    if not fitting:
        return state
    return {name.removeprefix(fitting[0]): value for name, value in state.items() if name.startswith(fitting[0])}


def _place(value: object) -> tuple[int, torch.Size] | None:
    """What two names of one shared tensor have in common; None for what cannot be shared."""
    return (value.data_ptr(), value.shape) if isinstance(value, Tensor) and value.numel() else None


def _other_shapes(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterable[str]:
    for name, value in values.items():
        needed = wanted.get(name)
        if isinstance(value, Tensor) and isinstance(needed, Tensor) and value.shape != needed.shape:
            yield f"{name} has shape {tuple(value.shape)} for {tuple(needed.shape)}"
