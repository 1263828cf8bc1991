"""Files that nobody means well with, one function each: ``python make.py FOLDER`` writes all of them.

They claim more than they hold, unpack to far more than they are, hold code, or are damaged where it hurts. Nothing
of it is dangerous to write or to keep: the code in them only makes a folder ``ran`` beside the file.
"""

import copy
import gzip
import io
import json
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch

FILES = {}


class Trap:
    """Unpickled, it leaves a mark."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(Path(self.place).parent / "ran"),)


def file(name):
    """Registers the writer of one file, which gets the path and may return the bytes to write there."""

    def add(write):
        FILES[name] = write
        return write

    return add


def make(folder):
    """Write every file; a list of the paths."""
    paths = []
    for name, write in FILES.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = write(path)
        if isinstance(data, bytes):
            path.write_bytes(data)
        paths.append(path)
    return paths


def constant(name, data):
    file(name)(lambda path: data)


# ------------------------------------------------------------------ numpy


def npy(header, data=b"", version=1):
    text = header if isinstance(header, bytes) else repr(header).encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + b"\n" + data


def described(shape, descr="<f8"):
    return {"descr": descr, "fortran_order": False, "shape": shape}


def saved(array):
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


constant("eight-terabytes.npy", npy(described((2**40,)), bytes(16)))
constant("negative.npy", npy(described((-1, -2)), bytes(16)))
constant("no-rows-but-many.npy", npy(described((2**50, 0))))
constant("texts-of-nothing.npy", npy(described((2**50,), "<U0")))
constant("one-long-text.npy", npy(described((1,), "<U1000000000"), bytes(16)))
constant("header-of-4-gb.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"{" * 100)
constant("header-that-calls.npy", npy(b"{'descr': __import__('os').mkdir('ran'), 'fortran_order': False, 'shape': ()}"))
constant("header-of-brackets.npy", npy(b"(" * 9000))
constant("shape-of-words.npy", npy(described(("a", None)), bytes(16)))
constant("dtype-of-dtypes.npy", npy(described((1,), [("a", [("b", [("c", "<f8")])])]), bytes(8)))
constant("version-9.npy", b"\x93NUMPY\x09\x00" + bytes(50))
constant("only-magic.npy", b"\x93NUMPY")
constant("empty.npy", b"")


@file("objects.npy")
def _(path):
    np.save(path, np.array([Trap(path), 1], dtype=object), allow_pickle=True)


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as target:
        for name, data in members:
            target.writestr(name, data)


@file("objects.npz")
def _(path):
    np.savez(path, t=np.array([Trap(path), 1], dtype=object), y=np.zeros(2))


@file("bomb.npz")
def _(path):
    archive(path, [("t.npy", npy(described((300 * 2**17,)), bytes(300 * 2**20)))], zipfile.ZIP_DEFLATED)


@file("claims-a-terabyte.npz")
def _(path):
    archive(path, [("t.npy", saved(np.zeros(3))), ("y.npy", saved(np.zeros(3)))])
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 2**32 - 2)  # the unpacked size in the table of contents
    return bytes(data)


@file("same-bytes-often.npz")
def _(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("t.npy", npy(described((2**17,)), bytes(2**20)))
        for number in range(5000):  # many names in the table of contents for one member
            other = copy.copy(target.filelist[0])
            other.filename = f"t{number}.npy"
            target.filelist.append(other)


@file("lzma.npz")
def _(path):
    archive(path, [("t.npy", saved(np.zeros(3))), ("y.npy", saved(np.zeros(3)))], zipfile.ZIP_LZMA)


@file("locked.npz")
def _(path):
    archive(path, [("t.npy", saved(np.zeros(3)))])
    return path.read_bytes().replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


@file("names-that-lead-out.npz")
def _(path):
    archive(path, [("../../t.npy", saved(np.zeros(3))), ("/etc/y.npy", saved(np.arange(3)))])


@file("names-for-the-terminal.npz")
def _(path):
    names = ("t\x1b]0;owned\x07.npy", "y\x1b[2J\u202e.npy", "z\n.npy")
    archive(path, [(name, saved(np.arange(3) % 2)) for name in names])


@file("a-pickle-inside.npz")
def _(path):
    archive(path, [("t.pkl", pickle.dumps(Trap(path))), ("y.npy", saved(np.zeros(3)))])


constant("no-archive.npz", b"PK\x03\x04" + bytes(200))

# ------------------------------------------------------------------ torch and safetensors


@file("code.pt")
def _(path):
    torch.save({"t": Trap(path)}, path)


@file("a-pickle.pt")
def _(path):
    return pickle.dumps({"t": Trap(path)})


@file("a-pickle.pkl")
def _(path):
    return pickle.dumps(Trap(path))


@file("before-zip.pth")
def _(path):
    torch.save({"t": torch.zeros(2), "y": Trap(path)}, path, _use_new_zipfile_serialization=False)


def changed(path, change, method=zipfile.ZIP_STORED):
    """A state as torch saves it, with every member changed."""
    held = io.BytesIO()
    torch.save({"t": torch.arange(4.0), "y": torch.arange(3)}, held)
    with zipfile.ZipFile(held) as old:
        archive(path, [(name, change(name, old.read(name))) for name in old.namelist()], method)


@file("storage-beyond-its-bytes.pt")
def _(path):
    many = b"J" + struct.pack("<i", 2**28)
    changed(
        path,
        lambda name, data: data.replace(b"K\x04t", many + b"t").replace(b"K\x00K\x04\x85", b"K\x00" + many + b"\x85"),
    )


@file("backwards.pt")
def _(path):
    changed(path, lambda name, data: data.replace(b"K\x01\x85", b"J\xff\xff\xff\xff\x85"))


@file("grows.pt")
def _(path):
    changed(path, lambda name, data: data + bytes(10**7), zipfile.ZIP_DEFLATED)


@file("expanded.pt")
def _(path):
    torch.save({"t": torch.zeros(1).expand(10**12), "y": torch.zeros(1).expand(10**12)}, path)


@file("sparse.pt")
def _(path):
    torch.save({"t": torch.eye(3).to_sparse(), "y": torch.zeros(3)}, path)


@file("elsewhere.pt")
def _(path):
    torch.save({"t": torch.zeros(10**9, device="meta"), "y": torch.zeros(3)}, path)


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(begin, end, shape=(2,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


constant("header-without-end.safetensors", safetensors({}, length=2**63))
constant("header-too-long.safetensors", safetensors({}, length=10**8 - 1))
constant("beyond-the-file.safetensors", safetensors({"t": tensor(0, 2**40, (2**38,))}, bytes(8)))
constant("overlap.safetensors", safetensors({"t": tensor(0, 8), "y": tensor(4, 12)}, bytes(12)))
constant("backwards.safetensors", safetensors({"t": tensor(8, 0)}, bytes(8)))
constant("overflow.safetensors", safetensors({"t": tensor(0, 8, (2**62, 2**62))}, bytes(8)))
constant("no-rows-but-many.safetensors", safetensors({"t": tensor(0, 0, (2**50, 0)), "y": tensor(0, 8)}, bytes(8)))
constant("twice.safetensors", safetensors(b'{"t":%s,"t":%s}' % ((json.dumps(tensor(0, 8)).encode(),) * 2), bytes(8)))
constant("nested.safetensors", safetensors(b'{"t":' + b"[" * 10**5, bytes(8)))

# ------------------------------------------------------------------ idx


def idx(code, sides, data=b""):
    return bytes([0, 0, code, len(sides)]) + struct.pack(f">{len(sides)}I", *sides) + data


constant("cubed/train-images-idx3-ubyte", idx(8, [2**32 - 1] * 3, bytes(8)))
constant("cubed/train-labels-idx1-ubyte", idx(8, [2**32 - 1], bytes(8)))
constant("zipped/train-images-idx3-ubyte.gz", gzip.compress(idx(8, [2**20, 28, 28]) + bytes(10**6)))
constant("zipped/train-labels-idx1-ubyte.gz", gzip.compress(idx(8, [2**20]))[:-9])
constant("no-images/train-images-idx3-ubyte", idx(8, [0, 2**32 - 1, 2**32 - 1]))
constant("no-images/train-labels-idx1-ubyte", idx(8, [0]))
constant("255-dimensions.idx", idx(8, [1] * 255, bytes(1)))

# ------------------------------------------------------------------ texts

constant("one-cell.csv", b"t,y\n" + b"1" * 10**6 + b",0\n")
constant("a-long-text.csv", b"t,y\n" + b"1," + b"x" * 100_000 + b"\n" + b"1,x\n" * 200_000)
constant("a-long-word-for-a-number.csv", b"t,y\n1,2\n" + b"x" * 100_000 + b",2\n")
constant("a-quote-without-end.csv", b't,y\n"' + b"1,2\n" * 50_000)
constant("digits-without-end.csv", b"t,y\n1,2\n" + b"9" * 100_000 + b",2\n")
constant("nul.csv", b"t,y\n1,2\n\x00,\x00\n")
constant("many-columns.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\n1,2\n")
constant("utf-16.csv", "t,y\n1,2\n".encode("utf-16"))
constant("formula.csv", b"t,=cmd()\n1,0\n2,1\n1,0\n2,1\n")

EXPERIMENT = """
[data]
name = "szt"
[network]
sizes = [12, 6, 1]
[training]
epochs = 2
"""


def toml(old="", new="", more=""):
    assert old in EXPERIMENT
    return (EXPERIMENT.replace(old, new, 1) if old else EXPERIMENT).encode() + more.encode()


constant("nested.toml", b"a = " + b"[" * 10**5)
constant("dotted.toml", b".".join([b"a"] * 10**4) + b" = 1")
constant("digits.toml", toml("epochs = 2", f"epochs = {'9' * 5000}"))
constant("giant.toml", toml(more="#" * 2**21))
constant("no-tables.toml", b"data = 3\nnetwork = [1, 2]\n")
constant("network-of-petabytes.toml", toml("[12, 6, 1]", "[12, 1000000000, 1000000000]"))
constant("sizes-of-words.toml", toml("[12, 6, 1]", '["12", 6.5, true]'))
constant("activation-of-code.toml", toml("sizes", 'activation = ["os:system"]\nsizes'))
constant("writes-elsewhere.toml", toml(more='out = "elsewhere"\n'))
constant("names-code.toml", toml('"szt"', '"os:system"'))

# ------------------------------------------------------------------ what is no data

constant("matlab.mat", b"MATLAB 7.3 MAT-file" + bytes(500))
constant("formula.yaml", b"!!python/object/apply:os.mkdir ['ran']\n")


@file("endless.npy")
def _(path):
    path.symlink_to("/dev/zero")


@file("pipe.csv")
def _(path):
    os.mkfifo(path)


# ------------------------------------------------------------------ run directories

COLUMNS = (
    "step,split,layer,layer_index,copy,family,estimator,label,i_xt,i_xt_low,i_xt_high,i_xt_null,i_ty,i_ty_low,"
    "i_ty_high,i_ty_null,h_t,h_t_given_x,n,units,flags"
)
ROW = "0,train,fc1,0,-1,single,binned,y,1,,,,0.5,,,,1,0,10,bits,"


RECORD = '{"format_version": 1, "trajectory": {}}'


def run(name, record=RECORD, columns=COLUMNS, row=ROW):
    constant(f"{name}/run.json", record.encode())
    constant(f"{name}/trajectory.csv", f"{columns}\n{row}\n".encode())


run("run-nan", '{"format_version": NaN, "trajectory": {}}')
run("run-nested", '{"trajectory": ' + "[" * 10**5)
run("run-digits", '{"format_version": ' + "9" * 5000 + "}")
run("run-of-the-future", '{"format_version": 10000, "versions": {"infoplane": "99\\u001b[2J"}}')
run("run-without-tables", '{"format_version": 1, "trajectory": [1, 2]}')
run("run-of-numbers", "[1, 2, 3]")
run("run-with-other-columns", columns="=cmd(),b", row="1,2")
run("run-of-words", row=ROW.replace("0,train", "zero,train"))
run("run-of-large-numbers", row=ROW.replace("0,train", "9" * 300 + ",train"))
run("run-for-the-terminal", row=ROW.replace("fc1", "fc\x1b]0;owned\x07\u202e"))


run(
    "run-of-odd-kinds", '{"format_version": 2, "recipe": 5, "steps_done": "x", "state": 7, "files": {}, "started": [1]}'
)
run("run-that-lists-others", '{"format_version": 2, "state": "finished", "files": ["../../run.json", "/etc/hostname"]}')
constant(
    "run-that-lists-others/manifest.json",
    b'{"format_version": 2, "files": {"run.json": {"size": 1}, "../x": {}, "/etc/hostname": {"size": -1}, "a\\n": 3}}',
)
constant(
    "run-that-lists-others/checkpoint.json",
    b'{"format_version": 2, "file": "/etc/hostname", "lines": {"../../etc/passwd": {"size": 1e99}}, "sha256": 5}',
)


@file("run-linked/trajectory.csv")
def _(path):
    (path.parent / "run.json").write_text(RECORD)
    secret = path.parent.parent / "secret.txt"
    secret.write_text("not for other eyes\n")
    path.symlink_to(secret)


@file("run-piped/trajectory.csv")
def _(path):
    (path.parent / "run.json").write_text(RECORD)
    os.mkfifo(path)


@file("run-growing/trajectory.jsonl")
def _(path):
    (path.parent / "run.json").write_text(RECORD)
    return b'{"step": 1e999, "layer": ' + b"[" * 10**5 + b"\n"


if __name__ == "__main__":
    make(sys.argv[1])
