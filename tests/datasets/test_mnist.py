"""MNIST and Fashion-MNIST: from files to pooled rows, and what is said where the files are not there."""

from __future__ import annotations

import gzip
import re
import struct

import numpy as np
import pytest

from infoplane import datasets
from infoplane.datasets import mnist
from infoplane.errors import DataFileError, InputError, UnknownNameError

BOTH = ["mnist", "fashion-mnist"]
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def as_idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_set(folder, *, n=40, packed=True, side=28, labels=None):
    draw = np.random.default_rng(0)
    for images_name, labels_name in FILES.values():
        images = draw.integers(0, 256, size=(n, side, side), dtype=np.uint8)
        y = draw.integers(0, 10, size=labels or n, dtype=np.uint8)
        for name, array in ((images_name, images), (labels_name, y)):
            content = as_idx(array)
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return images, y  # of the test split


def slow_pool(image, modulus):
    """One image, pixel by pixel; sums are taken modulo ``modulus``."""
    return [
        sum(int(image[2 * r + i, 2 * c + j]) for i in (0, 1) for j in (0, 1)) % modulus // 20
        for r in range(14)
        for c in range(14)
    ]


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("packed", [True, False])
def test_pixels_and_labels_come_back(tmp_path, name, packed):
    images, y = write_set(tmp_path, packed=packed)
    data = datasets.load(name, root=tmp_path, split="test", samples=None, pool=False)
    assert data.x.dtype == np.uint8
    assert np.array_equal(data.x, images)
    assert data.y.dtype == np.int64
    assert np.array_equal(data.y, y)
    assert str(tmp_path) in data.details["source"]


@pytest.mark.parametrize(("as_published", "modulus"), [(False, 2**16), (True, 256)])
def test_pooling_is_the_sum_of_four_and_wraps_only_as_published(tmp_path, as_published, modulus):
    images, _ = write_set(tmp_path)
    data = datasets.load("mnist", root=str(tmp_path), split="test", samples=None, as_published=as_published)
    assert data.x.dtype == np.int64
    assert data.x.shape == (40, 196)
    assert data.x.tolist() == [slow_pool(image, modulus) for image in images]


def test_a_draw_keeps_images_and_labels_together(tmp_path):
    images, y = write_set(tmp_path)
    labels = {image.tobytes(): label for image, label in zip(images, y, strict=True)}
    data = datasets.load("mnist", root=tmp_path, split="test", samples=25, pool=False, seed=9)
    assert len({image.tobytes() for image in data.x}) == 25
    assert all(labels[image.tobytes()] == label for image, label in zip(data.x, data.y, strict=True))
    again = datasets.load("mnist", root=tmp_path, split="test", samples=25, pool=False, seed=9)
    assert again.checksum() == data.checksum()


@pytest.mark.parametrize("name", BOTH)
def test_options_out_of_range_are_named(tmp_path, name):
    write_set(tmp_path)
    with pytest.raises(InputError, match=r"samples=41 is more than the 40 rows of '.*mnist' \(train\)"):
        datasets.load(name, root=tmp_path, samples=41)
    with pytest.raises(UnknownNameError, match="unknown split 'tets': did you mean 'test'"):
        datasets.load(name, root=tmp_path, split="tets")
    with pytest.raises(InputError, match="pool='yes': it must be True or False"):
        datasets.load(name, root=tmp_path, pool="yes")
    with pytest.raises(InputError, match="as_published=True is a way of pooling"):
        datasets.load(name, root=tmp_path, pool=False, as_published=True)
    with pytest.raises(InputError, match="root=3 is not the path of a folder"):
        datasets.load(name, root=3)


@pytest.mark.parametrize("name", BOTH)
def test_an_unreadable_root_is_named(tmp_path, name):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for root in (tmp_path / "absent", tmp_path / "file", tmp_path / "loop"):
        with pytest.raises(DataFileError, match=re.escape(f"the folder {root} cannot be read")):
            datasets.load(name, root=root)


def test_files_that_are_not_what_their_name_says(tmp_path):
    write_set(tmp_path, side=8)
    with pytest.raises(DataFileError, match=r"holds uint8 of shape \(40, 8, 8\), expected uint8 of shape"):
        datasets.load("mnist", root=tmp_path)
    write_set(tmp_path, n=1)
    with pytest.raises(DataFileError, match="holds 1 images, at least 2 are needed"):
        datasets.load("mnist", root=tmp_path, samples=None)
    write_set(tmp_path, labels=39)
    with pytest.raises(DataFileError, match=r"holds uint8 of shape \(39,\), expected uint8 of shape \(40,\)"):
        datasets.load("mnist", root=tmp_path)
    whole = (tmp_path / "train-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(whole[:-100])
    with pytest.raises(DataFileError, match=r"train-images-idx3-ubyte\.gz: the gzip stream is truncated or damaged"):
        datasets.load("mnist", root=tmp_path)


def test_where_mnist_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("INFOPLANE_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    write_set(tmp_path / "data" / "mnist")
    assert datasets.load("mnist", samples=2).n == 2
    monkeypatch.delenv("INFOPLANE_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache" / "infoplane" / "mnist").mkdir(parents=True)
    write_set(tmp_path / ".cache" / "infoplane" / "mnist", n=30)
    assert datasets.load("mnist", samples=None).n == 30


def test_missing_mnist_says_what_to_do_and_fetches_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "fetch_files", lambda *args, **options: pytest.fail("fetched without being asked"))
    with pytest.raises(DataFileError) as caught:
        datasets.load("mnist", root=tmp_path)
    for words in ("download=True", "train-images-idx3-ubyte.gz", mnist.MNIST_URLS[0], str(tmp_path), "'digits'"):
        assert words in str(caught.value)


def test_download_fetches_the_missing_files_with_their_pins(tmp_path, monkeypatch):
    server, root = tmp_path / "server", tmp_path / "root"
    server.mkdir()
    root.mkdir()
    write_set(server, n=20)
    (root / "train-labels-idx1-ubyte").write_bytes(as_idx(np.zeros(20, dtype=np.uint8)))
    asked = {}

    def fetch(folder, sha256, *, base_urls):
        asked.update(sha256)
        for name in sha256:
            (folder / name).write_bytes((server / name).read_bytes())

    monkeypatch.setattr(mnist, "fetch_files", fetch)
    assert datasets.load("mnist", root=root, samples=None, download=True).n == 20
    assert set(asked) == set(mnist.MNIST_SHA256) - {"train-labels-idx1-ubyte.gz"}
    assert all(len(bytes.fromhex(digest)) == 32 for digest in asked.values())


def test_download_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(mnist, "MNIST_URLS", ("https://127.0.0.1:1/mnist/", "http://127.0.0.1:1/mnist/"))
    with pytest.raises(DataFileError) as caught:
        datasets.load("mnist", root=tmp_path / "data", download=True)
    assert "refused" in str(caught.value)
    assert "unknown url type: http" in str(caught.value)
    assert f"from https://127.0.0.1:1/mnist/ into {tmp_path / 'data'} yourself" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_addresses_are_https():
    assert all(url.startswith("https://") and url.endswith("/") for url in mnist.MNIST_URLS)


def test_missing_fashion_mnist_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "FASHION_FOLDER", tmp_path / "absent")
    with pytest.raises(DataFileError, match="apt-get install dataset-fashion-mnist"):
        datasets.load("fashion-mnist")


@pytest.mark.debian
@pytest.mark.usefixtures("fashion_mnist")
def test_fashion_mnist_of_debian_is_the_published_set():
    train = datasets.load("fashion-mnist", samples=None, pool=False)
    test = datasets.load("fashion-mnist", split="test", samples=None, pool=False)
    assert train.x.shape == (60_000, 28, 28)
    assert test.x.shape == (10_000, 28, 28)
    assert np.bincount(train.y).tolist() == [6000] * 10
    assert np.bincount(test.y).tolist() == [1000] * 10
    assert train.details["facts"]["h_y_bits"] == pytest.approx(np.log2(10))
    assert train.x.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert train.x.std() / 255 == pytest.approx(0.3530, abs=5e-5)


@pytest.mark.debian
@pytest.mark.usefixtures("fashion_mnist")
def test_pooling_of_fashion_mnist():
    pixels = datasets.load("fashion-mnist", samples=50, pool=False, seed=2)
    right = datasets.load("fashion-mnist", samples=50, seed=2)
    wrapped = datasets.load("fashion-mnist", samples=50, as_published=True, seed=2)
    assert right.x.tolist() == [slow_pool(image, 2**16) for image in pixels.x]
    assert wrapped.x.tolist() == [slow_pool(image, 256) for image in pixels.x]
    assert np.array_equal(right.y, wrapped.y)
    assert np.array_equal(right.y, pixels.y)
    assert right.x.max() > 12 >= wrapped.x.max()
