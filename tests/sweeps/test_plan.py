"""What a sweep's tables ask for, and what is refused before anything starts."""

import datetime
import math
import re

import numpy as np
import pytest

from infoplane.errors import DataFileError, InfoplaneError, InputError, UnknownNameError
from infoplane.sweeps.plan import _readable, read_plan

TABLES = {
    "data": {"name": "report-simple", "samples": 100},
    "network": {"sizes": [12, 6, 6, 1], "output_activation": "tanh"},
    "training": {"epochs": 2, "seed": 3},
}
TEXT = """
name = "both"
seeds = 2
[data]
name = "report-simple"
[network]
sizes = [12, 5, 1]
[sweep.grid]
network.activation = ["tanh", "relu"]
data.samples = [50, 100]
[[sweep.list]]
learning_rate = 0.1
copies = 1
[[sweep.list]]
learning_rate = 0.3
estimator = { name = "binned", bins = "unit" }
"""


def plan_of(seeds=None, **sweep):
    return planned(seeds, sweep)


def planned(seeds, sweep):
    return read_plan({**TABLES, "sweep": sweep, **({} if seeds is None else {"seeds": seeds})})


def test_every_case_of_the_list_with_every_point_of_the_grid_for_every_seed(tmp_path):
    (tmp_path / "both.toml").write_text(TEXT)
    plan = read_plan(tmp_path / "both.toml")
    assert plan.name == "both"
    assert len(plan.runs) == 2 * 2 * 2 * 2
    assert plan.settings[-1] == "seed"
    found = {(run.settings["learning_rate"], run.settings["activation"], run.settings["samples"], run.settings["seed"])
             for run in plan.runs}  # fmt: skip
    assert found == {(a, b, c, d) for a in (0.1, 0.3) for b in ("tanh", "relu") for c in (50, 100) for d in (0, 1)}
    last = plan.runs[-1].tables
    assert last["estimator"] == {"name": "binned", "bins": "unit"}
    assert last["training"] == {"learning_rate": 0.3, "seed": 1}
    assert last["data"] == {"name": "report-simple", "samples": 100}


def test_names_say_the_settings_and_differ_where_anything_does():
    grid = {"learning_rate": [0.1, 0.2], "estimator.bins": [10, "width", {"rule": "fixed", "bins": 5}]}
    names = [run.name for run in plan_of(grid=grid).runs]
    assert re.fullmatch(r"bins-10_learning_rate-0\.1_[0-9a-f]{8}", names[0])
    assert re.fullmatch(r"bins-fixed-5_learning_rate-0\.2_[0-9a-f]{8}", names[-1])
    assert names == [run.name for run in plan_of(grid=grid).runs]
    longer = read_plan({**TABLES, "training": {"epochs": 3}, "sweep": {"grid": grid}})
    assert not {run.name for run in longer.runs} & set(names)
    wide = plan_of(grid={"network.sizes": [[12, *[7] * count, 1] for count in (90, 91)]})
    assert len({run.name for run in wide.runs if len(run.name) <= 128}) == 2


def test_a_name_keeps_the_sign_of_a_number_and_of_its_exponent():
    names = [run.name.rpartition("_")[0] for run in plan_of(grid={"learning_rate": [1e20, 1e-20, 0.5]}).runs]
    assert names == ["learning_rate-1e20", "learning_rate-1e-20", "learning_rate-0.5"]
    assert (_readable(-0.5), _readable(-1e20), _readable([-1, 2.0])) == ("-0.5", "-1e20", "-1-2.0")


def test_the_file_of_the_data_is_part_of_the_name(tmp_path):
    tables = {**TABLES, "data": {"file": str(tmp_path / "data.npz"), "targets": "class"}}
    names = []
    for value in (0.0, 0.0, 1.0):
        np.savez(tmp_path / "data.npz", x=np.full((4, 12), value), y=np.arange(4) % 2)
        names.append(read_plan(tables).runs[0].name)
    assert names[0] == names[1] != names[2]
    (tmp_path / "data.npz").unlink()
    with pytest.raises(DataFileError, match=r"data\.npz"):
        read_plan(tables)


def test_width_is_the_units_of_every_hidden_layer():
    plan = plan_of(grid={"width": [3, 9]})
    assert [run.tables["network"]["sizes"] for run in plan.runs] == [[12, 3, 3, 1], [12, 9, 9, 1]]
    with pytest.raises(InputError, match="needs sizes"):
        read_plan({"experiment": "warm-up", "network": {"width": 3}})


def test_seeds_begin_with_the_experiments_own_or_are_said():
    assert [run.settings["seed"] for run in plan_of(2).runs] == [3, 4]
    assert [run.settings["seed"] for run in plan_of([8, 1]).runs] == [8, 1]
    assert plan_of().settings == []


def test_an_experiment_by_name_or_file_is_the_base(tmp_path):
    grid = {"grid": {"estimator.bins": [5, "unit"]}}
    runs = read_plan({"experiment": "six-layer", "training": {"epochs": 3}, "sweep": grid}).runs
    assert [run.tables["estimator"]["bins"] for run in runs] == [5, "unit"]
    (tmp_path / "base.toml").write_text('[data]\nname = "szt"\n[network]\nsizes = [12, 4, 1]\n[training]\nepochs = 9\n')
    (tmp_path / "sweep.toml").write_text('experiment = "base.toml"\n[training]\ncopies = 2\n[sweep.grid]\nwidth=[2, 3]')
    runs = read_plan(tmp_path / "sweep.toml").runs
    assert runs[1].tables["training"] == {"epochs": 9, "copies": 2}
    assert runs[1].tables["network"]["sizes"] == [12, 3, 1]
    with pytest.raises(InputError, match=r"\[network\].*needs sizes"):
        read_plan({"experiment": "six-layer", "network": {"activation": "relu"}})


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"grid": {"learning_rat": [1]}}, "did you mean 'learning_rate'"),
        ({"grid": {"training.epoch": [1]}}, "did you mean 'epochs'"),
        ({"grid": {"network.activaton": ["tanh"]}}, "did you mean 'activation'"),
        ({"grid": {"activation": ["tahn"]}}, "did you mean 'tanh'"),
        ({"grid": {"data.sample": [5]}}, "did you mean 'samples'"),
        ({"grid": {"data.name": ["report-simpel"]}}, "did you mean 'report-simple'"),
        ({"grid": {"estimator.name": ["bined"]}}, "did you mean 'binned'"),
        ({"grid": {"bins": ["unti"]}}, "did you mean 'unit'"),
        ({"gird": {}}, "did you mean 'grid'"),
        ({"grid": {"out": ["/"]}}, "unknown setting 'out'"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest_one(sweep, message):
    with pytest.raises(UnknownNameError, match=message):
        plan_of(**sweep)


@pytest.mark.parametrize(
    ("seeds", "sweep", "message"),
    [
        (None, {"grid": {"epochs": 5}}, "give a list of values"),
        (None, {"grid": {"epochs": []}}, "give a list of values"),
        (None, {"grid": {"epochs": [1]}, "list": [{"epochs": 2}]}, "set twice"),
        (None, {"grid": {"epochs": [1], "training.epochs": [2]}}, "set twice"),
        (2, {"grid": {"seed": [1]}}, "set twice"),
        (None, {"grid": {"epochs": [1, 1]}}, "two runs"),
        (0, {}, "at least 1"),
        (10**12, {}, "at most"),
        (None, {"grid": {"epochs": list(range(1, 1000)), "seed": list(range(1000))}}, "999000 runs"),
        (None, {"grid": 3}, "have to be tables"),
        (None, {"list": {"epochs": 3}}, "have to be tables"),
        (None, {"list": [3]}, "have to be tables"),
        (None, 3, "have to be tables"),
        ("3", {}, "how many"),
        (None, {"grid": {"loss": [len]}}, "no plain value"),
    ],
)
def test_settings_that_cannot_be_used_are_named(seeds, sweep, message):
    with pytest.raises(InputError, match=message):
        planned(seeds, sweep)


def test_an_unknown_table_is_an_error():
    with pytest.raises(UnknownNameError, match="did you mean 'seeds'"):
        read_plan({**TABLES, "seed": 3})


ODD = (True, -1, 0, 1.5, 10**30, math.nan, "x", "", [], [[1]], ["a", 2], {}, {"a": 1}, datetime.date(1979, 5, 27))
SETTINGS = ("epochs", "training.units", "training.facts", "network.sizes", "width", "network.name", "data.samples",
            "data.name", "estimator.bins", "estimator.name", "bins", "seed", "learning_rate")  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__ + str(value)[:6])
def test_a_wrong_kind_anywhere_is_taken_or_refused_in_words(value):
    whole = {**TABLES, "name": "n", "seeds": 1, "slurm": {}, "sweep": {}}
    cases = [{**whole, key: value} for key in (*whole, "experiment", "estimator")]
    cases += [{**whole, "sweep": {place: value}} for place in ("grid", "list")]
    cases += [{**whole, "sweep": {"list": [value]}}]
    cases += [{**whole, "seeds": 2, "training": {"seed": value}}]
    for setting in SETTINGS:
        cases += [{**whole, "seeds": [1], "sweep": {"grid": {setting: values}}} for values in (value, [value])]
        cases += [{**whole, "sweep": {"list": [{setting: value}]}}]
    for tables in cases:
        message = "it was taken"
        try:
            read_plan(tables)
        except InfoplaneError as error:
            message = str(error)
        assert 10 < len(message) < 3000
