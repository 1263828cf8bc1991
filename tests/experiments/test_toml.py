"""The tables of an experiment file: their kinds and sizes, and what is said where they are wrong."""

import copy
import dataclasses
import datetime
import inspect
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from infoplane import experiments, networks
from infoplane.errors import DataFileError, InfoplaneError, InputError, UnknownNameError
from infoplane.estimators import REGISTRY
from infoplane.experiments.toml import changed, check_tables, from_file, from_tables, read_tables
from infoplane.training.options import OF_A_TABLE, Options
from infoplane.trajectory.stopping import InformationStopping

PATH = Path("mine.toml")


def test_a_file_of_tables(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[network]\nsizes = [2, 1]\n")
    assert read_tables(path) == {"network": {"sizes": [2, 1]}}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a = ", InputError, "is not a TOML file"),
        ("a = " + "[" * 10_000, InputError, "is not a TOML file"),
        ("a = " + "9" * 5000, InputError, "is not a TOML file"),
        ("#" * (2**20 + 1), DataFileError, "larger than 1024 KiB"),
        (b"\xff", DataFileError, "cannot read the experiment"),
    ],
    ids=["no-value", "nested", "digits", "giant", "bytes"],
)
def test_a_file_that_is_none(tmp_path, text, error, message):
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(error, match=message):
        read_tables(path)
    with pytest.raises(DataFileError, match="is no file"):
        read_tables(tmp_path)
    with pytest.raises(DataFileError, match="cannot read the experiment"):
        read_tables(tmp_path / "none.toml")


def test_tables_by_name_and_kind():
    check_tables({"data": {}, "network": {}, "estimator": "ksg", "training": {}}, PATH)
    with pytest.raises(UnknownNameError, match="did you mean 'data'"):
        check_tables({"date": {}}, PATH)
    with pytest.raises(InputError, match=r"data of mine.toml is 3: a table \[data\] is needed"):
        check_tables({"data": 3}, PATH)


TABLES = {
    "data": {"name": "report-simple", "samples": 50},
    "network": {"sizes": [12, 5, 1]},
    "training": {"epochs": 2},
}


def experiment(**tables):
    return from_tables({**TABLES, **tables}, PATH)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "needs sizes"),
        ({"sizes": 3}, "network.sizes=3: it must be a list of which each is a whole number"),
        ({"sizes": [3, 1.5]}, "network.sizes.*each is a whole number"),
        ({"sizes": [3, True]}, "network.sizes.*each is a whole number"),
        ({"sizes": [3, 1], "activation": ["tanh"]}, "network.activation=.*a text"),
        ({"sizes": [3, 10**9, 10**9]}, "at most 10000 layers and 1073741824 weights"),
        ({"sizes": [1] * 20_000}, "at most 10000 layers"),
        ({"sizes": [3, 1], "size": 2}, "did you mean 'sizes'"),
        ({"name": "conv", "sizes": [3, 1]}, r"option of the network 'conv' in \[network\] 'sizes': known are none"),
        ({"name": "con"}, "unknown network.name 'con': did you mean 'conv'"),
        ({"sizes": [3, 1], "measure": 0}, "network.measure=0: it must be names of layers"),
    ],
)
def test_a_network_by_kind_and_size(table, message):
    with pytest.raises(InputError, match=message):
        experiment(network=table)


@pytest.mark.parametrize("name", networks.names())
def test_any_architecture_by_name(name):
    options = {"sizes": [12, 4, 1]} if name == "mlp" else {}
    chosen = experiment(network={"name": name, **options})
    architecture = networks.ARCHITECTURES[name].make(**options)
    assert str(chosen.network()) == str(architecture)
    assert chosen.training["layers"] == networks.activation_names(architecture)


def test_a_network_that_is_no_perceptron_trains_from_its_file(tmp_path):
    path = tmp_path / "pictures.toml"
    path.write_text(
        '[data]\nname = "digits"\nsamples = 40\ntargets = "one-hot"\n'
        '[network]\nname = "conv"\nmeasure = ["6", "8"]\n[training]\nepochs = 1\nbatch_size = 8\n'
    )
    result = experiments.load(str(path)).run(progress=False)
    assert [row["layer"] for row in result.trajectory.last()] == ["6", "8"]
    assert result.settings["model"] == "conv()"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"training": {"units": []}}, r"unknown training.units \[\]: known are bits, nats"),
        ({"training": {"units": "bit"}}, "unknown training.units 'bit': did you mean 'bits'"),
        ({"training": {"epochs": True}}, "training.epochs=True: it must be a whole number"),
        ({"training": {"epochs": 1.0}}, "training.epochs=1.0: it must be a whole number"),
        ({"training": {"seed": 10**30}}, "training.seed=1000.*it must be a whole number from 0 to"),
        ({"training": {"facts": 1.5}}, "training.facts=1.5: it must be a table"),
        ({"training": {"facts": {"i_xy": "much"}}}, "training.facts.i_xy='much': it must be a number"),
        ({"training": {"picture": "x"}}, "training.picture='x': it must be a table"),
        ({"training": {"picture": {"colour": "layer"}}}, "did you mean 'color'"),
        ({"training": {"picture": {"color": 3}}}, "training.picture.color=3: it must be 'step' or 'layer'"),
        ({"training": {"stopping": {"patience": 0.5}}}, "training.stopping.patience=0.5: it must be a whole number"),
        ({"training": {"estimators": []}}, "training.estimators=.*at least one"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate=0: it must be a number above 0"),
        ({"training": {"epoch": 2}}, "did you mean 'epochs'"),
        ({"training": {"out": "here"}}, r"unknown option of \[training\] 'out'"),
        ({"data": {"name": "report-simple", "samples": "many"}}, "data.samples='many': it must be a whole number"),
        ({"data": {"name": "report-simple", "sample": 5}}, "did you mean 'samples'"),
        ({"data": {"name": "szt", "targets": 2}}, "unknown data.targets 2"),
        ({"data": {"file": 2}}, "data.file=2: it must be the name of an .npz file"),
        ({"data": {"file": "a.npz", "samples": 2}}, r"unknown option of \[data\] beside file 'samples'"),
        ({"estimator": {"name": "ksg", "k": 1.5}}, "estimator.k=1.5: it must be a whole number"),
        ({"estimator": {"name": "ksg", "bins": 3}}, r"unknown option of \[estimator\] 'bins'"),
        ({"estimator": {"bins": ["a", 2]}}, r"estimator.bins=\['a', 2\]: it must be"),
        ({"estimator": 3}, "a table .estimator. is needed"),
        ({"name": 3}, "name=3: it must be a text"),
    ],
)
def test_a_value_is_named_by_its_key_with_what_to_type(tables, message):
    with pytest.raises(InputError, match=message):
        experiment(**tables)


def test_a_stopping_rule_stands_in_a_table():
    rule = {"rule": "report", "min_delta": 0.1}
    result = experiment(training={"epochs": 9, "batch_size": 20, "stopping": rule}).run(progress=False)
    assert result.decision.stop
    assert result.steps == 1


def test_changes_are_checked_like_a_file():
    with pytest.raises(InputError, match=r"training\.copies=0: it must be a whole number"):
        changed(experiments.load("conv"), {"training": {"copies": 0}}, PATH)
    assert changed(experiments.load("conv"), {"estimator": "binned"}, PATH).training["estimators"]["name"] == "binned"


# ---------------------------------------------------------------- depth


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 32_000 + " = 1",
        "[" + "a . " * 16 + "a]",
        "b = {" + '"a b" . ' * 20 + "a = 1}",
        "a = '''\nx.y'''\n" + "'q'." * 40 + "z = 2",
        '\\"""' * 15_000 + "a." * 40,
    ],
    ids=["dotted", "header", "quoted", "after-a-string", "open-strings"],
)
def test_a_key_of_very_many_parts_costs_nothing(tmp_path, text):
    path = tmp_path / "deep.toml"
    path.write_text(text)
    started = time.perf_counter()
    with pytest.raises(InputError, match=r"a key of more than 16 parts at about line|is not a TOML file"):
        read_tables(path)
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c.d.e.f.g.h = 1.5",
        'a = "' + "one.two." * 50 + '"',
        "# " + "more.of.it." * 50 + "\na = 1",
        "a = [" + "1.5, " * 1000 + "]",
        'a = """' + "x.y." * 50 + '""""',
    ],
    ids=["eight", "in-a-string", "in-a-comment", "numbers", "in-a-long-string"],
)
def test_real_files_are_not_too_deep(tmp_path, text):
    path = tmp_path / "fine.toml"
    path.write_text(text)
    assert "a" in read_tables(path)


# ---------------------------------------------------------------- every wrong kind at every key

DAY = datetime.date(1979, 5, 27)
ODD = (True, -1, 0, 1.5, 10**30, math.nan, math.inf, "x", "", [], [[1]], ["a", 2], {}, {"a": 1}, DAY)
FILE = {
    "name": "mine",
    "data": {"name": "report-complicated", "samples": 60, "as_published": False, "seed": 1, "targets": "zero-one"},
    "network": {
        "name": "mlp", "sizes": [12, 5, 1], "activation": "tanh", "output_activation": "tanh", "measure": ["1"],
    },
    "estimator": {
        "name": "binned", "bins": 30, "correction": "none", "nonfinite": "error", "interval": "none",
    },
    "training": {"epochs": 2, "picture": {}, "facts": {}, "layers": ["1"], "every": "log"},
}  # fmt: skip
INNER = {
    ("training", "picture"): ("color", "kind", "ceilings", "splits", "repeats", "title", "theme"),
    ("training", "facts"): ("i_xy", "h_y"),
    ("training", "stopping"): [field.name for field in dataclasses.fields(InformationStopping)],
    ("estimator", "bins"): ("rule", "bins", "low", "high", "outside"),
}


def keys():
    """Every key of a file, and those of the tables inside."""
    for table, values in FILE.items():
        yield (table,)
        if isinstance(values, dict):
            yield from ((table, key) for key in values)
    yield from ((*place, key) for place, inner in INNER.items() for key in inner)
    yield from (("training", option) for option in OF_A_TABLE)


def with_odd(tables, place, value):
    """The tables with one value put in."""
    tables = copy.deepcopy(tables)
    *folders, last = place
    inside = tables
    for folder in folders:
        if not isinstance(inside.get(folder), dict):
            inside[folder] = {}
        inside = inside[folder]
    inside[last] = value
    return tables


def is_taken_or_refused(build):
    """Anything but success, or an InfoplaneError of a line or two, is a failure."""
    message = "it was taken"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a kind of interval is of little use
        try:
            build()
        except InfoplaneError as error:
            message = str(error)
    assert 10 < len(message) < 1000


def build(tables):
    """All that is done before the first step of a training."""
    chosen = from_tables(tables, PATH)
    Options.of(chosen.training)
    if tables["data"].get("name") in ("report-simple", "report-complicated", "szt"):
        experiments.encode(chosen.data(seed=0), chosen.targets)


def test_the_file_itself_is_taken():
    build(FILE)


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__ + str(value)[:6])
def test_a_wrong_kind_at_any_key_is_taken_or_refused_in_words(value):
    for place in keys():
        is_taken_or_refused(lambda place=place: build(with_odd(FILE, place, value)))


@pytest.mark.parametrize("name", list(REGISTRY))
def test_a_wrong_kind_of_an_estimators_option_is_taken_or_refused_in_words(name):
    for option in inspect.signature(REGISTRY[name]).parameters:
        for value in ODD:
            tables = {**FILE, "estimator": {"name": name, option: value}}
            is_taken_or_refused(lambda tables=tables: from_tables(tables, PATH))


@pytest.mark.parametrize("name", ["warm-up", "six-layer", "complicated", "conv"])
def test_a_wrong_kind_in_changes_of_an_experiment_is_taken_or_refused_in_words(name):
    base = experiments.load(name)
    for place in keys():
        for value in ODD:
            tables = with_odd({}, place, value)
            is_taken_or_refused(lambda tables=tables: Options.of(changed(base, tables, PATH).training))


def test_labels_of_numbers_are_trained_on_and_measured_as_such(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    np.savez(tmp_path / "cents.npz", x=x, y=np.round(1000 * x[:, 0]).astype(int))
    np.savez(tmp_path / "prices.npz", x=x, y=x[:, 0])
    text = (
        '[data]\nfile = "cents.npz"\ntargets = "number"\n[network]\nsizes = [2, 2, 1]\n[estimator]\n'
        'name = "gaussian"\n[training]\nepochs = 1\nlearning_rate = 1e-7\ncontinuous = "y"\n'
    )
    (tmp_path / "regression.toml").write_text(text)
    assert from_file(tmp_path / "regression.toml").run().trajectory.meta["labels"] == {"y": "numbers, declared"}
    (tmp_path / "classes.toml").write_text(text.replace("cents", "prices").replace("number", "class"))
    with pytest.raises(InputError, match=r"Y looks continuous \(200 distinct values\)"):
        from_file(tmp_path / "classes.toml").run()
