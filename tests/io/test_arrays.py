"""Reading files of arrays: what is read is what was written, and a bad file is one clear error."""

import io
import os
import time
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.io.arrays import choose, gathered, read_arrays, variable

T = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


def same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_npz_and_npy_as_they_were_saved(tmp_path):
    arrays = {"t": T, "y": Y, "names": np.array(["a", "bb"]), "by columns": np.asfortranarray(T), "none": T[:0]}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "small.NPZ", **arrays)
    same(read_arrays(tmp_path / "plain.npz"), arrays)
    same(read_arrays(tmp_path / "small.NPZ.npz"), arrays)
    np.save(tmp_path / "layer.npy", T)
    same(read_arrays(str(tmp_path / "layer.npy")), {"layer": T})


def test_tensors_and_half_precision_as_float32(tmp_path):
    half = torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16)
    tensors = {"t": torch.from_numpy(T.copy()).requires_grad_(), "half": half, "y": torch.from_numpy(Y)}
    expected = {"t": T, "half": np.array([[1.5, -2.0]], dtype=np.float32), "y": Y}
    torch.save(tensors, tmp_path / "both.pt")
    same(read_arrays(tmp_path / "both.pt"), expected)
    torch.save(tensors["y"], tmp_path / "labels.pth")
    same(read_arrays(tmp_path / "labels.pth"), {"labels": Y})
    save_file({"half": half, "y": tensors["y"]}, tmp_path / "both.safetensors")
    found = read_arrays(tmp_path / "both.safetensors")
    same({name: found[name] for name in ("half", "y")}, {name: expected[name] for name in ("half", "y")})


def csv(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_columns_by_name(tmp_path):
    path = csv(tmp_path, "\ufefft0,t1, size ,animal\n0.5,1,3,cat\n-1e3,nan,4,1\n\n")
    expected = {
        "t": np.array([[0.5, 1.0], [-1000.0, np.nan]]),
        "size": np.array([3, 4]),
        "animal": np.array(["cat", "1"]),
    }
    same(read_arrays(path), expected)


def test_csv_without_names_is_one_array(tmp_path):
    same(read_arrays(csv(tmp_path, "1,2\n3,4.5\n", "layer.csv")), {"layer": np.array([[1, 2], [3, 4.5]])})
    same(read_arrays(csv(tmp_path, "0,1\n3,4\n", "layer.csv")), {"layer": np.array([[3, 4]])})  # names of pandas
    same(read_arrays(csv(tmp_path, "0\n1\n", "y.csv")), {"y": np.array([[0], [1]])})


def test_gathered_leaves_what_is_no_series():
    column = np.zeros(2)
    same(gathered({"x1": column, "y": column}, "f"), {"x1": column, "y": column})
    same(gathered({"t": column, "t0": column}, "f"), {"t": column, "t0": column})
    same(gathered({"u[0]": column, "u[1]": column + 1}, "f"), {"u": np.array([[0.0, 1.0]] * 2)})


def test_names_of_columns_take_time_linear_in_their_length():
    column, begun = np.zeros(2), time.process_time()
    long = "1" * 50_000 + "x" + "2" * 50_000
    assert list(gathered({long: column, "t.0": column, "t.1": column}, "f")) == [long, "t"]
    assert time.process_time() - begun < 1  # 30 s and more where the time grows with its square


def test_files_that_are_not_there_or_not_known(tmp_path):
    with pytest.raises(DataFileError, match=r"cannot read .*none\.npz: no such file"):
        read_arrays(tmp_path / "none.npz")
    with pytest.raises(DataFileError, match="is no file"):
        read_arrays(folder(tmp_path / "folder.npz"))
    with pytest.raises(DataFileError, match=r"ends in '\.mat'; files that end in \.npz"):
        read_arrays(tmp_path / "a.mat")
    (tmp_path / "empty.npy").touch()
    with pytest.raises(DataFileError, match="is empty"):
        read_arrays(tmp_path / "empty.npy")


def folder(path):
    path.mkdir()
    return path


def test_python_objects_are_refused_and_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    objects = np.array([Trap(), 1], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", t=objects)
    torch.save({"t": Trap()}, tmp_path / "a.pt")
    for name, message in (("a.npy", "astype"), ("a.npz", "array 't' holds object"), ("a.pt", "safetensors")):
        with pytest.raises(DataFileError, match=message):
            read_arrays(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_structured_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(2, dtype=[("a", float)]))
    with pytest.raises(DataFileError, match="numbers or texts are needed"):
        read_arrays(tmp_path / "a.npy")


def test_what_is_no_dict_of_tensors_is_refused(tmp_path):
    torch.save({"t": [1, 2]}, tmp_path / "a.pt")
    with pytest.raises(DataFileError, match="'t' is a list, a dense tensor is needed"):
        read_arrays(tmp_path / "a.pt")


def npy_of(shape):
    """A header that promises more than there is."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + b"\0" * 16


def test_a_header_is_compared_with_the_file_before_memory_is_asked_for(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy_of((2**40,)))
    with pytest.raises(DataFileError, match=r"has 144 bytes, and \(1099511627776,\) of float64 need 8796093022336"):
        read_arrays(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("t.npy", npy_of((2**30, 2**30)))
    with pytest.raises(DataFileError, match=r"array 't' has \d+ bytes"):
        read_arrays(tmp_path / "a.npz")


def test_sizes_above_the_limit_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", t=np.zeros(10_000))
    torch.save({"t": torch.zeros(1).expand(10**9)}, tmp_path / "a.pt")
    csv(tmp_path, "t\n" + "1\n" * 5000)
    for name in ("a.npz", "a.pt", "table.csv"):
        with pytest.raises(DataFileError, match="raise max_bytes"):
            read_arrays(tmp_path / name, max_bytes=5000)
    assert read_arrays(tmp_path / "a.npz", max_bytes=81_000)["t"].shape == (10_000,)


def test_an_archive_that_grows_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.npy", bytes(2**28 + 1))
    with pytest.raises(DataFileError, match="500 times as much"):
        read_arrays(tmp_path / "a.npz")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Files of every kind with the same array."""
    place = tmp_path_factory.mktemp("whole")
    np.savez(place / "a.npz", t=T)
    np.savez_compressed(place / "b.npz", t=T)
    np.save(place / "t.npy", T)
    torch.save({"t": torch.from_numpy(T.copy())}, place / "a.pt")
    save_file({"t": torch.from_numpy(T.copy())}, place / "a.safetensors")
    return place


@pytest.mark.parametrize("name", ["a.npz", "b.npz", "t.npy", "a.pt", "a.safetensors"])
@settings(max_examples=40)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_one_clear_error(whole, name, share):
    data = (whole / name).read_bytes()
    cut = whole / f"cut-{name}"
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataFileError, match=f"cut-{name}"):
        read_arrays(cut)


@pytest.mark.parametrize("name", ["a.npz", "b.npz", "a.pt"])
@settings(max_examples=100)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_an_error_or_harmless(whole, name, at, bit):
    data = bytearray((whole / name).read_bytes())
    data[at % len(data)] ^= 1 << bit
    flipped = whole / f"flipped-{name}"
    flipped.write_bytes(data)
    try:
        found = read_arrays(flipped)
    except DataFileError:
        return
    assert all(array.tobytes() == T.tobytes() for array in found.values())


def test_choosing_by_role_by_name_or_what_is_left():
    wide, narrow, words = np.zeros((4, 3)), np.zeros(4), np.array(list("abcd"))
    none = {"t": None, "y": None, "x": None}
    assert choose({"t": wide, "y": narrow, "x": wide}, **none) == {"t": "t", "y": "y", "x": "x"}
    assert choose({"labels": narrow, "layer": wide}, **none) == {"t": "layer", "y": "labels"}
    assert choose({"label": words, "unit": narrow}, **none) == {"t": "unit", "y": "label"}
    assert choose({"first": narrow, "second": narrow}, **none) == {"t": "first", "y": "second"}
    assert choose({"y": narrow, "layer": wide}, **none) == {"t": "layer", "y": "y"}
    assert choose({"a": wide, "b": wide, "c": narrow}, **none | {"t": "b", "x": "a"}) == {"t": "b", "x": "a", "y": "c"}
    assert choose({"a": narrow, "b": narrow, "c": words}, **none | {"t": "a,b"}) == {"t": "a,b", "y": "c"}
    with pytest.raises(
        InputError, match="which array is t and which is y\\? There are 'a', 'b', 'c': name --t and --y"
    ):
        choose({"a": wide, "b": wide, "c": narrow}, **none)
    with pytest.raises(UnknownNameError, match="did you mean 'layer'"):
        choose({"layer": wide, "y": narrow}, **none | {"t": "layr"})


def test_several_arrays_side_by_side():
    arrays = {"a": np.zeros(4), "b": np.ones((4, 2)), "a,b": np.zeros(1), "short": np.zeros(3)}
    np.testing.assert_array_equal(variable(arrays, "b, a"), [[1, 1, 0]] * 4)
    assert variable(arrays, "a,b").shape == (1,)
    with pytest.raises(InputError, match=r"\[4, 3\] samples"):
        variable(arrays, "a,short")
