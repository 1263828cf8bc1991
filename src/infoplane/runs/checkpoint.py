"""A checkpoint: tensors in ``checkpoint-STEP-SUM.safetensors``, and ``checkpoint.json``, which names that file.

The tensors are written first, under a name of their own, and count from the moment that ``checkpoint.json`` names
them; the tensors before them are deleted after that. So there is a whole pair at every moment.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from infoplane.errors import DataFileError, RunError
from infoplane.io.files import FORMAT_VERSION, atomic_write, read_json, reading, sealed
from infoplane.runs.names import file_in

if TYPE_CHECKING:
    from torch import Tensor

POINTER = "checkpoint.json"
TENSORS = re.compile(r"checkpoint-\d{1,18}-[0-9a-f]{8}\.safetensors")

_MAX_BYTES = 64 * 2**30


@final
@dataclass(frozen=True)
class Checkpoint:
    """A moment that a training can go on from.

    ``tensors``: weights, optimiser, random streams, by name. ``facts``: what else must be known, in values that JSON
    has a form for. ``lines``: of each growing file its ``size`` in bytes and ``sha256`` at that moment.
    """

    step: int
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]
    lines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Put the checkpoint into the folder, in the place of the one before.

    Raises:
        RunError: it cannot be written; the one before is as it was.
    """
    from safetensors.torch import save

    content = save({key: tensor.detach().cpu().contiguous() for key, tensor in checkpoint.tensors.items()})
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"checkpoint-{checkpoint.step}-{sha256[:8]}.safetensors"
    pointer = {
        "format_version": FORMAT_VERSION,
        "step": checkpoint.step,
        "file": name,
        "size": len(content),
        "sha256": sha256,
        "facts": checkpoint.facts,
        "lines": checkpoint.lines,
    }
    text = sealed(pointer)
    before = set(_tensor_files(folder))
    atomic_write(folder / name, content)
    try:
        atomic_write(folder / POINTER, text)
    except RunError:
        if folder / name not in before:
            (folder / name).unlink(missing_ok=True)
        raise
    for earlier in before - {folder / name}:
        earlier.unlink(missing_ok=True)


def _tensor_files(folder: Path) -> list[Path]:
    return [file for file in folder.glob("checkpoint-*.safetensors") if TENSORS.fullmatch(file.name)]


def read_pointer(folder: Path) -> dict[str, Any]:
    """What ``checkpoint.json`` says, with entries of the right kind.

    Raises:
        DataFileError: none there, or one that no run writes.
    """
    path = folder / POINTER
    found = read_json(path)
    kinds = {"file": str, "size": int, "sha256": str, "step": int, "facts": dict, "lines": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(found.get(name), kind)]
    if not wrong and not TENSORS.fullmatch(found["file"]):
        wrong = ["file"]
    for name, sizes in found["lines"].items() if not wrong else ():
        if not isinstance(sizes, dict) or not isinstance(sizes.get("size"), int) or "sha256" not in sizes:
            wrong.append(f"lines of {name}")
    if wrong:
        raise DataFileError(f"{path}: {', '.join(wrong)} is missing or damaged: restore the run from a copy")
    return found


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint in the folder, or None where there is none; its size and checksum are compared first.

    Raises:
        DataFileError: it is damaged.
    """
    if not (folder / POINTER).exists():
        return None
    pointer = read_pointer(folder)
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = file_in(folder, pointer["file"])
    content = _content(path, pointer["size"])
    if hashlib.sha256(content).hexdigest() != pointer["sha256"]:
        raise DataFileError(f"{path} is not as it was written (its checksum differs): restore it from a copy")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise DataFileError(f"{path} is no safetensors file ({error}): restore it from a copy") from error
    return Checkpoint(pointer["step"], tensors, pointer["facts"], pointer["lines"])


def _content(path: Path, size: int) -> bytes:
    with reading(path):
        found = path.stat().st_size
        if found != size or found > _MAX_BYTES:
            raise DataFileError(f"{path} has {found} bytes, {size} were written: restore it from a copy")
        return path.read_bytes()


def remove_leftovers(folder: Path) -> None:
    """Delete tensors that ``checkpoint.json`` does not name: the run was stopped before it could."""
    named = read_pointer(folder)["file"] if (folder / POINTER).exists() else None
    for file in _tensor_files(folder):
        if file.name != named:
            file.unlink(missing_ok=True)
