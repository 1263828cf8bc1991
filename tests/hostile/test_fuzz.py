"""Files that were whole, with bits flipped, bytes cut out, put in or moved: every reader reads them or says why not."""

import gzip
import io
import struct
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from infoplane import experiments, runs
from infoplane.datasets.idx import read_idx
from infoplane.errors import InfoplaneError
from infoplane.io.arrays import read_arrays
from infoplane.saved.checkpoints import read_state
from infoplane.trajectory.trajectory import Trajectory

T = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])

EXPERIMENT = b"""
name = "mine"
[data]
name = "szt"
values = "-1+1"
targets = "plus-minus"
[network]
sizes = [12, 6, 1]
activation = "tanh"
measure = ["1"]
[estimator]
name = "binned"
bins = {count = 30, range = [-1.0, 1.0]}
[training]
epochs = 2
every = "log"
"""
IDX = bytes([0, 0, 8, 3]) + struct.pack(">3I", 4, 2, 2) + bytes(16)


def written(save, *what, **named):
    held = io.BytesIO()
    save(held, *what, **named)
    return held.getvalue()


def torch_saved(value):
    held = io.BytesIO()
    torch.save(value, held)
    return held.getvalue()


TENSORS = {"t": torch.from_numpy(T.copy()), "y": torch.from_numpy(Y)}
CSV = b"t0,t1,animal\n0.5,1,cat\n-1e3,nan,dog\n"

#: Reader and whole file of each kind.
WHOLE = {
    "a.npy": (read_arrays, written(np.save, T)),
    "a.npz": (read_arrays, written(np.savez, t=T, y=Y)),
    "packed.npz": (read_arrays, written(np.savez_compressed, t=T, y=Y)),
    "a.csv": (read_arrays, CSV),
    "a.safetensors": (read_arrays, save(TENSORS)),
    "a.pt": (read_arrays, torch_saved(TENSORS)),
    "state.pt": (read_state, torch_saved({"state_dict": TENSORS, "epoch": 3})),
    "state.safetensors": (read_state, save(TENSORS)),
    "images": (read_idx, IDX),
    "images.gz": (read_idx, gzip.compress(IDX, mtime=0)),
    "mine.toml": (experiments.from_file, EXPERIMENT),
}

PIECES = (
    b"",
    b"\x00" * 8,
    b"\xff" * 8,
    b"[" * 3000,
    b"9" * 400,
    b"-1",
    b"nan",
    b"\n",
    b",",
    b'"',
    b"PK\x01\x02",
    b"\x1b[2J",
)


def mutations():
    """Some of: a bit flipped, a stretch cut out, a piece put in, a stretch put elsewhere, the end cut off."""
    at = st.floats(0, 1, exclude_max=True)
    one = st.one_of(
        st.tuples(st.just("flip"), at, st.integers(0, 7)),
        st.tuples(st.just("cut"), at, st.integers(1, 40)),
        st.tuples(st.just("put"), at, st.sampled_from(PIECES) | st.binary(max_size=12)),
        st.tuples(st.just("move"), at, at),
        st.tuples(st.just("end"), at, st.none()),
    )
    return st.lists(one, min_size=1, max_size=4)


def mutated(data, changes):
    data = bytearray(data)
    for kind, share, more in changes:
        at = int(share * len(data))
        if kind == "flip" and data:
            data[at] ^= 1 << more
        elif kind == "cut":
            del data[at : at + more]
        elif kind == "put":
            data[at:at] = more
        elif kind == "move":
            to = int(more * len(data))
            data[to : to + 8] = data[at : at + 8]
        elif kind == "end":
            del data[at:]
    return bytes(data)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def read(reader, path):
    """Read it or refuse it with a message that is no longer than a page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of the header of an npy file, which numpy parses as a literal
        try:
            reader(path)
            said = ""
        except InfoplaneError as error:
            said = str(error)
    assert len(said) < 2000


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=300)
@given(changes=mutations())
def test_a_changed_file_is_read_or_refused(place, name, changes):
    reader, whole = WHOLE[name]
    (place / name).write_bytes(mutated(whole, changes))
    read(reader, place / name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory, and the bytes of its files."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    experiments.load("warm-up").run(epochs=3, out=folder, progress=False)
    return folder, {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".png"}


def look(folder):
    for reader in (Trajectory.load, runs.verify, runs.overview):
        read(reader, folder)


@settings(max_examples=150)
@given(which=st.integers(0, 20), changes=mutations())
def test_a_changed_run_is_read_or_refused(run, which, changes):
    folder, whole = run
    name = sorted(whole)[which % len(whole)]
    (folder / name).write_bytes(mutated(whole[name], changes))
    try:
        look(folder)
    finally:
        (folder / name).write_bytes(whole[name])


#: Values of the wrong kind, for settings.
ODD = ("0", "-1", "1.5", "true", '""', '"os:system"', "[]", "[[1]]", "{}", "{a = 1}", "1979-05-27", "nan", '["a", 2]')


@settings(max_examples=300)
@given(line=st.integers(0, 100), value=st.sampled_from(ODD))
def test_a_setting_of_the_wrong_kind_is_refused(place, line, value):
    lines = EXPERIMENT.decode().splitlines()
    settable = [number for number, text in enumerate(lines) if " = " in text]
    at = settable[line % len(settable)]
    lines[at] = f"{lines[at].partition(' = ')[0]} = {value}"
    (place / "odd.toml").write_text("\n".join(lines))
    read(experiments.from_file, place / "odd.toml")
