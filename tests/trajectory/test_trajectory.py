import copy
import math
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.columns import COLUMNS, TRAJECTORY
from infoplane.errors import DataFileError, InputError, RunError
from infoplane.io.files import FORMAT_VERSION, read_json, sealed
from infoplane.io.jsonlines import lines_of
from infoplane.trajectory.scalars import Scalars
from infoplane.trajectory.trajectory import Trajectory, concat

NUMBERS = [column.name for column in TRAJECTORY if column.kind == "number"]


def row(step=0, layer="fc1", **more):
    usual = {"split": "all", "layer_index": 0, "copy": -1, "family": "exact", "estimator": "binned", "label": "y"}
    return {"step": step, "layer": layer} | usual | {"i_xt": 2.0, "i_ty": 0.5, "n": 100, "units": "bits"} | more


def test_missing_columns_are_none_and_the_order_is_that_of_the_columns():
    trajectory = Trajectory([{"layer": "fc1", "step": 3}])
    (only,) = trajectory
    assert tuple(only) == COLUMNS == trajectory.columns
    assert only == dict.fromkeys(COLUMNS) | {"layer": "fc1", "step": 3, "flags": ()}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (None, ()),
        ("", ()),
        ((), ()),
        ("red", ("red",)),
        ("red;saturated", ("red", "saturated")),
        (["a", "b"], ("a", "b")),
    ],
)
def test_flags_become_a_tuple(flags, expected):
    assert next(iter(Trajectory([{"flags": flags}])))["flags"] == expected


def test_an_unknown_column_is_refused_and_nothing_is_added():
    trajectory = Trajectory([row()])
    with pytest.raises(InputError, match="unknown column 'i_tx': did you mean 'i_xt'"):
        trajectory.extend([row(1), {"i_tx": 1.0}])
    assert len(trajectory) == 1


def test_rows_can_be_given_as_columns():
    trajectory = Trajectory([row(0)])
    trajectory.extend_columns({"step": [1, 1], "layer": ("a", "b"), "i_xt": [2.5, None], "flags": [("red",), ()]})
    expected = [{"step": 1, "layer": "a", "i_xt": 2.5, "flags": ("red",)}, {"step": 1, "layer": "b", "flags": ()}]
    assert trajectory.last() == [dict.fromkeys(COLUMNS) | values for values in expected]
    assert len(trajectory) == 3
    trajectory.extend_columns({})
    assert len(trajectory) == 3


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"i_tx": [1.0]}, "unknown column 'i_tx': did you mean 'i_xt'"),
        ({"i_tx": []}, "unknown column 'i_tx'"),
        ({"step": [1, 2], "i_xt": [1.0]}, "columns of one length are needed: step has 2, i_xt has 1 values"),
    ],
)
def test_wrong_columns_are_refused_and_nothing_is_added(columns, fault):
    trajectory = Trajectory([row()])
    with pytest.raises(InputError, match=fault):
        trajectory.extend_columns(columns)
    assert list(trajectory) == list(Trajectory([row()]))


def test_last_gives_the_rows_of_the_newest_step():
    trajectory = Trajectory([row(s, layer) for s in (0, 5) for layer in ("fc1", "fc2")])
    assert [(r["step"], r["layer"]) for r in trajectory.last()] == [(5, "fc1"), (5, "fc2")]
    assert [(r["step"], r["layer"]) for r in trajectory.last("fc2")] == [(5, "fc2")]
    assert Trajectory().last() == Trajectory().last("fc1") == []
    with pytest.raises(InputError, match=r"unknown layer 'fc0'.*known are fc1, fc2"):
        trajectory.last("fc0")


def test_values_that_no_file_could_hold_are_refused_and_nothing_is_added():
    trajectory = Trajectory([row()])
    for name, value, needed in [
        ("step", 1.5, "a whole number of 64 bits"),
        ("step", 2**63, "a whole number of 64 bits"),
        ("step", "3", "a whole number of 64 bits"),
        ("i_xt", "much", "a number"),
        ("layer", 3, "a text"),
        ("flags", (1,), "a text, or several,"),
    ]:
        with pytest.raises(InputError, match=re.escape(f"{name} is {value!r}: {needed} or None is needed")):
            trajectory.extend([row(1), row(2) | {name: value}])
        with pytest.raises(InputError, match=f"{name} is "):
            trajectory.append(row(1) | {name: value})
        assert list(trajectory) == list(Trajectory([row()]))


def test_numbers_of_numpy_and_torch_become_plain_ones():
    trajectory = Trajectory([row(np.int64(4), i_xt=np.float32(0.1), i_ty=torch.tensor(0.5), n=3.0)])
    (only,) = trajectory
    assert [type(only[name]) for name in ("step", "i_xt", "i_ty", "n")] == [int, float, float, int]
    assert (only["i_xt"], only["n"]) == (float(np.float32(0.1)), 3)


def test_none_nan_and_every_other_number_keep_their_bits_in_memory():
    numbers = [None, math.nan, -math.nan, -0.0, 5e-324, math.inf, None, 0.1]
    trajectory = Trajectory()
    trajectory.extend_columns({"i_xt": numbers})
    assert list(map(bits, trajectory.to_columns()["i_xt"])) == list(map(bits, numbers))
    assert len(trajectory.select(i_xt=None)) == 2
    assert np.isnan(trajectory.to_pandas()["i_xt"].to_numpy()).tolist() == [n is None or n != n for n in numbers]


def test_there_is_room_for_more_layers_than_two_bytes_can_count():
    names = [f"fc{number}" for number in range(70_000)]
    trajectory = Trajectory()
    trajectory.extend_columns({"layer": names[:66_000]})
    for name in names[66_000:66_010]:
        trajectory.append({"layer": name})
    joined = concat([Trajectory({"layer": name} for name in names[66_000:]), trajectory])
    assert trajectory.to_columns()["layer"] == names[:66_010]
    assert joined.to_columns()["layer"] == names[66_000:] + names[:66_010]
    assert len(joined.select(layer="fc66001")) == 2


def test_a_trajectory_that_was_sent_to_another_process_is_the_same():
    trajectory = Trajectory([row(flags="red"), row(1, i_ty=None)], meta={"seed": 1})
    again = copy.deepcopy(trajectory)
    again.append(row(2, "fc9"))
    assert list(again)[:2] == list(trajectory)
    assert len(trajectory) == 2


def test_select_takes_rows_by_value_and_keeps_meta():
    trajectory = Trajectory([row(s, flags=("red",) if s else ()) for s in (0, 1, 2)], meta={"seed": 3})
    assert [r["step"] for r in trajectory.select(flags="red", family="exact")] == [1, 2]
    assert trajectory.select(step=9).meta == {"seed": 3}
    with pytest.raises(InputError, match="unknown column 'steps'"):
        trajectory.select(steps=1)


def test_since_gives_the_rows_after_the_first_ones():
    trajectory = Trajectory([row(s) for s in range(4)])
    assert [r["step"] for r in trajectory.since(2)] == [2, 3]
    assert trajectory.since(4) == []
    assert trajectory.since(0) == list(trajectory)


def test_concat_joins_rows_and_keeps_what_is_true_of_all():
    both = concat([Trajectory([row()], meta={"a": 1, "b": 2}), Trajectory([row(1)], meta={"a": 1, "b": 3, "c": 4})])
    assert [r["step"] for r in both] == [0, 1]
    assert both.meta == {"a": 1}
    assert len(concat([])) == 0


CELLS = {
    **dict.fromkeys(NUMBERS, st.none() | st.floats()),
    **dict.fromkeys(("step", "layer_index", "copy", "n"), st.none() | st.integers(-(2**60), 2**60)),
    **dict.fromkeys(("layer", "label", "split"), st.none() | st.text(st.characters(exclude_categories=["Cs"]))),
    "flags": st.lists(st.text("abc=-'", min_size=1), max_size=3).map(tuple),
}


def bits(value):
    return struct.pack("<d", value) if isinstance(value, float) and not math.isnan(value) else repr(value)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional=CELLS), max_size=5))
def test_saving_and_loading_gives_the_same_bits(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("saved") / "t.csv"
    before = Trajectory(rows)
    before.save(path)
    after = Trajectory.load(path)
    assert [list(map(bits, r.values())) for r in after] == [list(map(bits, r.values())) for r in before]


def test_an_empty_cell_is_none_and_nan_stays_nan(tmp_path):
    Trajectory([row(i_xt=None, i_ty=math.nan)]).save(tmp_path / "t.csv")
    (after,) = Trajectory.load(tmp_path / "t.csv")
    assert after["i_xt"] is None
    assert math.isnan(after["i_ty"])
    assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith("0,all,fc1,0,-1,exact,binned,y,,,,,nan,")


def test_numbers_of_numpy_and_torch_are_written_as_plain_ones(tmp_path):
    values = {"step": np.int64(4), "i_xt": np.float32(0.1), "i_ty": np.float64(0.1), "h_t": torch.tensor(0.5)}
    Trajectory([row(**values)]).save(tmp_path / "t.csv")
    (after,) = Trajectory.load(tmp_path / "t.csv")
    assert (after["step"], after["i_xt"], after["i_ty"], after["h_t"]) == (4, float(np.float32(0.1)), 0.1, 0.5)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        Trajectory([row(s, i_xt=s / 3) for s in range(50)], meta={"seed": 1}).save(tmp_path / name)
    for file in ("trajectory.csv", "run.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_folder_keeps_meta_and_what_else_its_record_says(tmp_path):
    folder = tmp_path / "new" / "run"
    trajectory = Trajectory([row()], meta={"h_y": 0.8, "nothing": math.nan})
    trajectory.save(folder)
    (folder / "run.json").write_bytes(sealed(read_json(folder / "run.json") | {"note": "mine"}))
    trajectory.save(folder)
    assert read_json(folder / "run.json") == {
        "format_version": FORMAT_VERSION, "trajectory": {"h_y": 0.8, "nothing": None}, "note": "mine",
    }  # fmt: skip
    assert Trajectory.load(folder).meta == {"h_y": 0.8, "nothing": None}
    assert list(Trajectory.load(folder)) == list(trajectory)


def test_saving_leaves_nothing_half_written(tmp_path, monkeypatch):
    with pytest.raises(InputError):
        Trajectory([row()], meta={"model": object()}).save(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="not a directory"):
        Trajectory([row()]).save(tmp_path / "file" / "run")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(RunError, match="no space left on device"):
        Trajectory([row()]).save(tmp_path / "run")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_loading_what_is_not_there_is_a_data_file_error(tmp_path):
    with pytest.raises(DataFileError, match=r"run\.json: no such file"):
        Trajectory.load(tmp_path)


def test_a_run_that_has_not_ended_is_read_from_its_lines(tmp_path):
    (tmp_path / "run.json").write_text('{"format_version": 2, "trajectory": {"h_y": 1.0}}')
    rows = [row(0, i_xt=math.nan, flags=("red", "saturated")), row(1, i_xt=-math.inf)]
    (tmp_path / "trajectory.jsonl").write_bytes(b"".join(lines_of(Trajectory(rows).to_columns())) + b'{"step":2,"sp')
    scalars = [{"step": 1, "name": "loss", "split": "", "layer": "", "copy": -1, "value": 0.5}]
    (tmp_path / "scalars.jsonl").write_bytes(b"".join(lines_of(Scalars(scalars).to_columns())))
    with pytest.warns(RuntimeWarning, match=r"trajectory\.jsonl: line 3 was being written when the run stopped"):
        found = Trajectory.load(tmp_path)
    assert [list(map(bits, r.values())) for r in found] == [list(map(bits, r.values())) for r in Trajectory(rows)]
    assert found.meta == {"h_y": 1.0}
    assert list(found.scalars) == scalars
    found.save(tmp_path)  # and once there is a table, that counts
    assert len(Trajectory.load(tmp_path)) == 2


def test_pandas_table_has_the_columns_and_nan_for_none():
    table = Trajectory([row(flags=("red", "saturated")), row(1, i_ty=None)]).to_pandas()
    assert tuple(table.columns) == COLUMNS
    assert list(table["flags"]) == ["red;saturated", ""]
    assert [str(table[name].dtype) for name in ("step", "n", "i_xt", "h_t")] == ["int64", "int64", "float64", "float64"]
    assert table["i_ty"].isna().tolist() == [False, True]
    assert table["h_t"].isna().all()
    empty = Trajectory().to_pandas()
    assert tuple(empty.columns) == COLUMNS
    assert len(empty) == 0


def test_xarray_has_seven_dimensions_and_the_layers_in_order():
    pytest.importorskip("xarray")
    rows = [
        row(s, layer, layer_index=at, family=f, i_xt=100 * s + 10 * at + len(f))
        for s in (0, 5) for at, layer in enumerate(("z", "a")) for f in ("exact", "sampled")
    ]  # fmt: skip
    dataset = Trajectory(rows[:-1], meta={"seed": 1}).to_xarray()
    assert dataset.attrs == {"seed": 1, "units": "bits"}
    assert list(dataset["layer"].values) == ["z", "a"]
    assert dict(dataset.sizes) == {
        "split": 1, "label": 1, "estimator": 1, "family": 2, "copy": 1, "layer": 2, "step": 2,
    }  # fmt: skip
    one = {"split": "all", "label": "y", "estimator": "binned", "copy": -1}
    for r in rows[:-1]:
        place = one | {"family": r["family"], "layer": r["layer"], "step": r["step"]}
        assert float(dataset["i_xt"].sel(place)) == r["i_xt"]
    assert math.isnan(dataset["i_xt"].sel(one | {"family": "sampled", "layer": "a", "step": 5}))
    with pytest.raises(InputError, match="two rows have split='all', label='y'"):
        Trajectory([row(), row()]).to_xarray()


def test_without_xarray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"pip install infoplane\[xarray\]"):
        Trajectory([row()]).to_xarray()


def test_plot_passes_the_facts_on():
    figure = Trajectory([row()], meta={"measurement": "50 bins on [-1, 1]"}).plot()
    assert figure.axes[0].get_xlabel() == "I(X;T) [bits, 50 bins on [-1, 1]]"


def test_the_notebook_view_shows_the_newest_step_and_escapes_names():
    shown = Trajectory([row(0), row(7, "<script>", i_xt=1 / 3, flags=("red",))])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "0.3333" in shown
    assert "Trajectory(2 rows, 2 layers, steps 0 to 7)" in shown
    assert repr(Trajectory()) == "Trajectory(no rows)"


def test_importing_brings_none_of_the_heavy_libraries():
    program = (
        "import sys, infoplane.trajectory.trajectory, infoplane.runs, infoplane.trajectory.stopping; "
        "print(sorted({'torch', 'pandas', 'matplotlib', 'xarray', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["a.parquet", "a.nc", "a.json"])
def test_a_file_of_another_kind_is_refused_and_no_folder_of_that_name_is_made(tmp_path, name):
    with pytest.raises(InputError, match=r"save to a \.csv or a folder, or export"):
        Trajectory([{"step": 0}]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_scalar_without_its_value_is_named_with_its_file(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "trajectory.jsonl").write_text('{"step":1}\n')
    (tmp_path / "scalars.jsonl").write_text('{"step":1,"name":"loss","value":null}\n')
    with pytest.raises(DataFileError, match=r"scalars\.jsonl: value of a scalar is empty"):
        Trajectory.load(tmp_path)
