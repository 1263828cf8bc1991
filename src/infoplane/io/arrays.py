"""Files of numbers -> named arrays: npz, npy, csv, pt and safetensors, without running anything that a file says.

Sizes are compared with the length of the file, and with a limit, before memory is asked for.
"""

from __future__ import annotations

import math
import os
import string
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.io.delimited import read_delimited
from infoplane.io.limits import MAX_BYTES, check_archive, check_file, check_shape, check_size, check_sums

if TYPE_CHECKING:
    from torch import Tensor

#: Kinds of numpy numbers and texts that are data.
_KINDS = "biufcUS"
_LONGEST_HEADER = 10_000  # bytes, of an npy file: as numpy itself allows

Arrays = dict[str, np.ndarray]


def read_arrays(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Arrays:
    """The arrays of a data file, by name.

    ``.npz``: its members; ``.npy``: one array with the name of the file; ``.csv``: its columns, as pandas and
    spreadsheets write them, of which ``t0, t1, ...`` become one array ``t`` (samples, units), or one array with the
    name of the file where there is no line of names; one column may hold texts; ``.pt``: a tensor or a dict of tensors;
    ``.safetensors``: its tensors. Half precision of tensors becomes float32.

    Raises:
        DataFileError: the file is missing, damaged, larger than ``max_bytes`` when unpacked, of another kind, or holds
            Python objects, which could only be had by running code from the file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "layer.npz"
        >>> np.savez(path, t=np.zeros((3, 2)), y=np.array(["a", "b", "a"]))
        >>> {name: array.shape for name, array in read_arrays(path).items()}
        {'t': (3, 2), 'y': (3,)}
    """
    source = Path(path)
    reader = _READERS.get(source.suffix.lower())
    if reader is None:
        raise DataFileError(
            f"{path} ends in {source.suffix!r}; files that end in {', '.join(_READERS)} are read: save the arrays with "
            "numpy.savez, or the tensors with safetensors"
        )
    try:
        check_file(source, max_bytes=max_bytes)
        return reader(source, max_bytes)
    except DataFileError:
        raise
    except OSError as error:
        raise DataFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except MemoryError as error:
        raise DataFileError(f"{path} needs more memory than there is: save fewer samples or units") from error
    except Exception as error:  # zipfile, zlib, struct, numpy, safetensors: whatever a damaged file leads to
        raise DataFileError(
            f"{path} ({source.stat().st_size} bytes) is truncated, damaged or no {source.suffix[1:]} file ({error}): "
            "copy or save it again"
        ) from error


def _read_npy(path: Path, max_bytes: int) -> Arrays:
    with open(path, "rb") as file:
        return {path.stem: _array(file, path.stat().st_size, path, max_bytes)}


def _read_npz(path: Path, max_bytes: int) -> Arrays:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        check_archive(path, archive, max_bytes)
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                arrays[name] = _array(file, member.file_size, path, max_bytes, name=name)
    return arrays


def _array(file: IO[bytes], length: int, path: Path, max_bytes: int, *, name: str | None = None) -> np.ndarray:
    """The array in an open npy file of ``length`` bytes, which may be the member ``name`` of an archive."""
    place = str(path) if name is None else f"{path}, array {name!r}"
    shape, dtype = _npy_header(file)
    if dtype.hasobject or dtype.kind not in _KINDS:
        raise DataFileError(
            f"{place} holds {dtype}, numbers or texts are needed (Python objects are never loaded, since that could "
            'run code): save it as numbers or texts, for example with .astype(float) or .astype("U")'
        )
    # before anything is allocated: a header of a few bytes may claim terabytes
    expected = file.tell() + math.prod(shape) * dtype.itemsize
    if expected != length:
        raise DataFileError(
            f"{place} has {length} bytes, and {shape} of {dtype} need {expected}: it is truncated or damaged, save it "
            "again"
        )
    check_shape(path, shape, dtype.itemsize, max_bytes)
    file.seek(0)
    array = np.lib.format.read_array(file, allow_pickle=False)
    file.read(1)  # the end of a member of an archive: its checksum is compared here
    return np.asarray(array)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format version {version}, 1.0 and 2.0 are read")
    begin = file.tell()
    size = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if size > _LONGEST_HEADER:
        raise ValueError(f"a header of {size} bytes, at most {_LONGEST_HEADER} are read")
    file.seek(begin)  # numpy reads the length again
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {shape}")
    return shape, dtype


def _read_csv(path: Path, max_bytes: int) -> Arrays:
    return gathered(read_delimited(path, max_bytes=max_bytes), path.stem)


def gathered(columns: Mapping[str, np.ndarray], unnamed: str) -> Arrays:
    """Columns of numbers ``t0, t1, ...`` (also ``t_0``, ``t.0``, ``t[0]``) as one array (samples, columns).

    Columns that are named by numbers alone become the array ``unnamed``; other columns stay as they are.

    Example:
        >>> three = {"t0": np.zeros(2), "t1": np.ones(2), "y": np.array(["a", "b"])}
        >>> {name: array.shape for name, array in gathered(three, "file").items()}
        {'t': (2, 2), 'y': (2,)}
    """
    groups: dict[str, list[str]] = {}
    for name, column in columns.items():
        base = _without_number(name) if column.dtype.kind in "if" else name
        groups.setdefault(base or unnamed, []).append(name)
    arrays: Arrays = {}
    for base, names in groups.items():
        if all(name.isdecimal() for name in names) or (len(names) > 1 and base not in columns):
            arrays[base] = np.stack([columns[name] for name in names], axis=1)
        else:
            arrays |= {name: columns[name] for name in names}
    return arrays


def _without_number(name: str) -> str:
    """What stands before the number at the end of a name, in time linear in its length, as no regex has it."""
    numbered = name.removesuffix("]")
    base = numbered.rstrip(string.digits)
    if base == numbered:
        return name
    return base[:-1] if base.endswith(("_", ".", "[", " ")) else base


def _read_pt(path: Path, max_bytes: int) -> Arrays:
    import torch

    with zipfile.ZipFile(path) as archive:  # what torch.save has written since torch 1.6
        check_archive(path, archive, max_bytes)
        check_sums(archive)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise DataFileError(
            f"{path} is damaged, or holds more than tensors, which could only be had by running code from the file "
            f"({type(error).__name__}): save it as torch.save({{'t': t, 'y': y}}, path) or as safetensors"
        ) from error
    tensors = content if isinstance(content, dict) else {path.stem: content}
    for name, value in tensors.items():
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.device.type != "cpu":
            raise DataFileError(
                f"{path}: {name!r} is a {type(value).__name__}, a dense tensor is needed: save a dict of tensors, as "
                "torch.save({'t': t, 'y': y}, path)"
            )
    return _numbers(path, tensors, max_bytes)


def _read_safetensors(path: Path, max_bytes: int) -> Arrays:
    from safetensors.torch import load_file

    return _numbers(path, load_file(path), max_bytes)


def _numbers(path: Path, tensors: Mapping[Any, Tensor], max_bytes: int) -> Arrays:
    for tensor in tensors.values():
        check_shape(path, tensor.shape, tensor.element_size(), max_bytes)
    check_size(path, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()), max_bytes)
    return {str(name): _array_of(tensor) for name, tensor in tensors.items()}


def _array_of(tensor: Tensor) -> np.ndarray:
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.is_floating_point() and plain.element_size() < 4:  # numpy has no bfloat16 and no 8 bits
        plain = plain.float()
    return plain.numpy()


_READERS: dict[str, Callable[[Path, int], Arrays]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".csv": _read_csv,
    ".pt": _read_pt,
    ".pth": _read_pt,
    ".safetensors": _read_safetensors,
}


def choose(arrays: Mapping[str, np.ndarray], **wanted: str | None) -> dict[str, str]:
    """Which array is t, which y, which x: role -> name of the array.

    A name may be several with commas, columns that make up one variable (see ``variable``). What is not ``wanted`` is
    the array of that name; t and y may also be the only two arrays left, and t is then the wider one, else the first.

    Raises:
        InputError: it is not clear which array is t or y.
        UnknownNameError: a name that no array has.

    Example:
        >>> choose({"labels": np.zeros(5), "layer": np.zeros((5, 3))}, t=None, y=None, x=None)
        {'t': 'layer', 'y': 'labels'}
    """
    chosen = {role: name for role, name in wanted.items() if name is not None}
    for name in chosen.values():
        variable(arrays, name)
    chosen |= {role: role for role in wanted if role not in chosen and role in arrays}
    taken = {part for name in chosen.values() for part in (name, *name.split(","))}
    left = [name for name in arrays if name not in taken]
    missing = [role for role in ("t", "y") if role in wanted and role not in chosen]
    if missing and len(left) == len(missing):
        widest = sorted(left, key=lambda name: (arrays[name].dtype.kind in "USO", -_width(arrays[name])))
        return chosen | dict(zip(missing, widest, strict=True))
    if missing:
        elsewhere = ", or the file that holds the labels with --labels" if "y" in missing else ""
        raise InputError(
            f"which array is {' and which is '.join(missing)}? There are {', '.join(map(repr, arrays)) or 'none'}: "
            f"name {' and '.join(f'--{role}' for role in missing)}{elsewhere}"
        )
    return chosen


def variable(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The array of that name; of several names with commas, their columns side by side (samples, columns)."""
    if name in arrays:
        return arrays[name]
    parts = [part.strip() for part in name.split(",")]
    for part in parts:
        if part not in arrays:
            raise UnknownNameError("array", part, arrays)
    columns = [arrays[part].reshape(len(arrays[part]), -1) for part in parts]
    if len({len(column) for column in columns}) > 1:
        raise InputError(f"the arrays {name} have {[len(c) for c in columns]} samples: they must have as many each")
    return np.concatenate(columns, axis=1)


def _width(array: np.ndarray) -> int:
    return math.prod(array.shape[1:])
