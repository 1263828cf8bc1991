"""MNIST and Fashion-MNIST: images from IDX files on this machine, pooled to 14x14 as in the report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from infoplane.checks import choice, truth_value, whole_number
from infoplane.datasets.download import fetch_files
from infoplane.datasets.facts import label_facts
from infoplane.datasets.idx import read_idx
from infoplane.datasets.rows import draw_rows
from infoplane.errors import DataFileError, InputError
from infoplane.types import Dataset

MNIST_URLS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts it

_STEMS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_SIDE = 28
_GREY_STEP = 20  # the report's: a sum of four pixels, at most 1020, becomes 0..51


def load_mnist(
    *,
    root: str | os.PathLike[str] | None = None,
    split: str = "train",
    samples: int | None = 1000,
    pool: bool = True,
    as_published: bool = False,
    seed: int = 0,
    download: bool = False,
) -> Dataset:
    """MNIST: 60 000 (``split="train"``) or 10 000 (``"test"``) digits of 28x28 pixels, ten classes.

    ``samples`` rows are drawn at random without replacement; None takes all in their order. ``pool=True`` gives
    int64 ``(samples, 196)``, see :func:`pooled`, where ``as_published=True`` is explained too; ``pool=False`` gives
    the pixels, uint8 ``(samples, 28, 28)``. The four IDX files, gzipped or not, are looked for in ``root``, by
    default ``$INFOPLANE_DATA/mnist`` or else ``~/.cache/infoplane/mnist``; ``download=True`` first fetches those that
    are missing, over https and checked against a known SHA-256. Nothing is ever fetched without it.

    Raises:
        UnknownNameError: no such ``split``.
        InputError: another option out of its range.
        DataFileError: a file is missing, damaged or cannot be fetched; the message says where to get it from.

    Example:
        >>> try:
        ...     load_mnist(root="no-such-folder")
        ... except DataFileError as error:
        ...     print("download=True" in str(error))
        True
    """
    options = _checked(split=split, samples=samples, pool=pool, as_published=as_published)
    seed = whole_number("seed", seed, least=0, example=0)
    folder = _cache_folder() if root is None else _folder(root)
    by_hand = (
        f"put {', '.join(f'{stem}.gz' for stem in _STEMS[split])} from {MNIST_URLS[0]} into {folder} yourself, "
        "or load 'digits' or 'fashion-mnist', which need no network"
    )
    if truth_value("download", download):
        _fetch_missing(folder, by_hand)
    advice = f"pass download=True to fetch it, or root= the folder that has it, or {by_hand}"
    return _load("mnist", folder, options, seed=seed, advice=advice)


def load_fashion_mnist(
    *,
    root: str | os.PathLike[str] | None = None,
    split: str = "train",
    samples: int | None = 1000,
    pool: bool = True,
    as_published: bool = False,
    seed: int = 0,
) -> Dataset:
    """Fashion-MNIST: 60 000 (``split="train"``) or 10 000 (``"test"``) pictures of clothes, ten classes.

    Rows, shapes, options and errors are those of :func:`load_mnist`. The four IDX files are looked for in ``root``,
    by default where Debian's package dataset-fashion-mnist puts them.

    Raises:
        UnknownNameError: no such ``split``.
        InputError: another option out of its range.
        DataFileError: a file is missing or damaged; the message says where to get it from.

    Example:
        >>> try:
        ...     load_fashion_mnist(root="no-such-folder")
        ... except DataFileError as error:
        ...     print("apt-get install dataset-fashion-mnist" in str(error))
        True
    """
    options = _checked(split=split, samples=samples, pool=pool, as_published=as_published)
    seed = whole_number("seed", seed, least=0, example=0)
    folder = FASHION_FOLDER if root is None else _folder(root)
    advice = (
        "on Debian or Ubuntu type: apt-get install dataset-fashion-mnist; "
        "elsewhere pass root= the folder that has its four IDX files"
    )
    return _load("fashion-mnist", folder, options, seed=seed, advice=advice)


def pooled(images: np.ndarray, *, as_published: bool = False) -> np.ndarray:
    """Sum each 2x2 block of uint8 images ``(samples, rows, columns)`` and divide by 20: int64, one image a row.

    ``as_published=True`` adds in uint8, as the report's code does: sums wrap at 256, so that the brightest blocks
    come out dark.

    Example:
        >>> white = np.full((1, 2, 2), 255, dtype=np.uint8)
        >>> pooled(white).tolist(), pooled(white, as_published=True).tolist()
        ([[51]], [[12]])
    """
    wide = images if as_published else images.astype(np.uint16)  # a sum of four is at most 1020
    total = wide[:, 0::2, 0::2] + wide[:, 1::2, 0::2] + wide[:, 0::2, 1::2] + wide[:, 1::2, 1::2]
    return (total // _GREY_STEP).astype(np.int64).reshape(len(images), -1)  # (samples, units)


def _checked(*, split: str, samples: int | None, pool: bool, as_published: bool) -> dict[str, Any]:
    split = choice("split", split, _STEMS)
    pool, as_published = truth_value("pool", pool), truth_value("as_published", as_published)
    if as_published and not pool:
        raise InputError("as_published=True is a way of pooling and pool=False asks for none; pass pool=True")
    count = None if samples is None else whole_number("samples", samples, least=2, example=1000)
    return {"split": split, "samples": count, "pool": pool, "as_published": as_published}


def _folder(root: str | os.PathLike[str]) -> Path:
    if not isinstance(root, (str, os.PathLike)):
        raise InputError(f"root={root!r} is not the path of a folder; pass for example root='data/mnist'")
    return Path(root).expanduser()


def _cache_folder() -> Path:
    """``$INFOPLANE_DATA/mnist``, or ``~/.cache/infoplane/mnist`` where the variable is not set."""
    chosen = os.environ.get("INFOPLANE_DATA")
    return (Path(chosen) if chosen else Path("~/.cache/infoplane")).expanduser() / "mnist"


def _fetch_missing(folder: Path, by_hand: str) -> None:
    """Fetch those of MNIST's four files that the folder has neither gzipped nor plain."""
    missing = {
        name: digest
        for name, digest in MNIST_SHA256.items()
        if not any(os.path.lexists(folder / form) for form in (name, name.removesuffix(".gz")))
    }
    try:
        fetch_files(folder, missing, base_urls=MNIST_URLS)
    except DataFileError as error:
        raise DataFileError(f"{error}; {by_hand}") from error


def _load(name: str, folder: Path, options: dict[str, Any], *, seed: int, advice: str) -> Dataset:
    images_path, labels_path = (_find(folder, stem, name, advice) for stem in _STEMS[options["split"]])
    images, y = read_idx(images_path), read_idx(labels_path)
    if images.dtype != np.uint8 or images.shape[1:] != (_SIDE, _SIDE):
        raise DataFileError(
            f"{images_path}: holds {images.dtype} of shape {images.shape}, "
            f"expected uint8 of shape (samples, {_SIDE}, {_SIDE}); {advice}"
        )
    if y.dtype != np.uint8 or y.shape != images.shape[:1]:
        raise DataFileError(
            f"{labels_path}: holds {y.dtype} of shape {y.shape}, expected uint8 of shape ({len(images)},), "
            f"a label for each image of {images_path}; {advice}"
        )
    if len(images) < 2:
        raise DataFileError(f"{images_path}: holds {len(images)} images, at least 2 are needed; {advice}")
    rows = draw_rows(len(images), options["samples"], seed=seed, source=f"{name!r} ({options['split']})")
    x = pooled(images[rows], as_published=options["as_published"]) if options["pool"] else images[rows]
    y = y[rows].astype(np.int64)
    details = {
        "seed": seed,
        "options": {"root": str(folder), **options},
        "source": f"{images_path}, {labels_path}",
        "facts": label_facts(y),
    }
    return Dataset(name, x, y, details)


def _find(folder: Path, stem: str, dataset: str, advice: str) -> Path:
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise DataFileError(f"{dataset!r}: the folder {folder} cannot be read ({error.strerror}); {advice}") from error
    for name in (f"{stem}.gz", stem):
        if name in names:
            return folder / name
    raise DataFileError(f"{dataset!r}: neither {stem}.gz nor {stem} is in {folder}; {advice}")
