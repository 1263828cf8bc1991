"""A TOML file of an experiment -> its tables, of the kinds and sizes that an experiment can have."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoplane.errors import DataFileError, InputError, UnknownNameError

#: The tables of an experiment, and what is in each.
TABLES = {
    "data": "name (a dataset) with its options, or file (an .npz with arrays x and y); targets",
    "network": "sizes, activation, output_activation; measure (names of layers)",
    "estimator": "name with its options, e.g. bins",
    "training": "epochs, copies, learning_rate, batch_size, loss, optimizer, init, family, every, seed, ...",
}
_LARGEST = 2**20  # bytes of a file
_MOST_WEIGHTS = 2**30


def read_tables(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Errors: ``DataFileError`` for a file that is missing or larger than an experiment can be, ``InputError`` for one
    that is not TOML.
    """
    source = Path(path)
    try:
        if source.exists() and not (source.is_file() and source.stat().st_size <= _LARGEST):
            raise DataFileError(f"{path} is no file, or larger than {_LARGEST >> 10} KiB: name a TOML file")
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except DataFileError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"cannot read the experiment {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from error


def check_tables(tables: Mapping[str, Any], path: Path) -> None:
    """``InputError`` for a table that no experiment has (``UnknownNameError``), or for what is no table."""
    for key, value in tables.items():
        if key not in TABLES:
            raise UnknownNameError(f"table of {path.name}", key, TABLES)
        if not isinstance(value, Mapping) and not (key == "estimator" and isinstance(value, str)):
            raise InputError(f"{key} of {path} is {value!r}: a table [{key}] is needed, with {TABLES[key]}")


def check_network(table: Mapping[str, Any], path: Path) -> None:
    """``InputError`` for the table of a network of the wrong kind, or of more weights than a machine holds."""
    known = ("sizes", "activation", "output_activation", "measure")
    for option in table:
        if option not in known:
            raise UnknownNameError(f"option of [network] in {path.name}", option, known)
    if "sizes" not in table:
        raise InputError(f"[network] of {path} needs sizes, for example sizes = [12, 10, 7, 5, 4, 3, 1]")
    sizes = table["sizes"]
    if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
        raise InputError(f"sizes of {path} is {sizes!r}: give whole numbers of units, for example [12, 5, 1]")
    for name in ("activation", "output_activation"):
        if not isinstance(table.get(name, ""), str):
            raise InputError(f"{name} of {path} is {table[name]!r}: give a name such as 'tanh'")
    weights = sum(inputs * outputs for inputs, outputs in itertools.pairwise(sizes))
    if weights > _MOST_WEIGHTS:
        raise InputError(f"sizes of {path} make {weights} weights and may make {_MOST_WEIGHTS}: give fewer units")
