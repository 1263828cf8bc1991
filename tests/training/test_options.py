"""Options are objects: each value is checked once, and keywords, signatures and pages tell of the same ones."""

import contextlib
import datetime
import inspect
import json
import math
import subprocess
import sys

import attrs
import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InfoplaneError, InputError, UnknownNameError
from infoplane.estimators.binned import Binned
from infoplane.training.options import CHECKS, GROUPS, OF_A_TABLE, Options, check_table, names_of

KEYWORDS = {
    name: parameter
    for name, parameter in inspect.signature(ip.experiment).parameters.items()
    if name not in ("model", "x", "y")
}
FIELDS = {field.name: field for group in GROUPS.values() for field in attrs.fields(group)}


def test_the_keywords_are_the_options_with_the_same_defaults():
    assert set(KEYWORDS) == set(FIELDS)
    assert {name: parameter.default for name, parameter in KEYWORDS.items()} == {
        name: field.default for name, field in FIELDS.items()
    }


@pytest.mark.parametrize("name", list(FIELDS))
def test_every_option_is_told_where_it_is_and_in_the_help_of_experiment(name):
    (group,) = (group for group in GROUPS.values() if name in names_of(group))
    assert f"\n        {name}: " in group.__doc__
    assert f"\n        {name}: " in ip.experiment.__doc__


def test_options_cannot_be_changed():
    options = Options.of({"epochs": 3})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.training.epochs = 4
    assert options.with_seed(9).training.epochs == 3
    assert (options.with_seed(9).seed, options.seed) == (9, 0)


def test_numbers_of_other_libraries_become_pythons():
    options = Options.of({"epochs": np.int64(3), "copies": torch.tensor(2), "learning_rate": np.float32(0.5)})
    assert (
        json.dumps([options.training.epochs, options.training.copies, options.training.learning_rate]) == "[3, 2, 0.5]"
    )


def test_objects_of_the_user_pass_through():
    loss, estimator, module = nn.L1Loss(), Binned(5), nn.Tanh()
    options = Options.of({"loss": loss, "estimators": [estimator, "kde"], "layers": [module, "fc"], "out": "a/b"})
    assert options.training.loss is loss
    assert options.measuring.estimators[0] is estimator
    assert options.measuring.layers[0] is module
    assert options.run.out.name == "b"


def test_the_record_says_what_was_asked_for_and_not_where_it_is_kept():
    record = Options.of({"epochs": 3, "out": "here", "resume": True}).record(ip.networks.warm_up)
    assert set(record) == {"model", *OF_A_TABLE} - {"checkpoint_every", "progress"}
    assert record["model"] == "infoplane.networks.architectures.warm_up"
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0: it must be a whole number of at least 1"),
        ({"epochs": 10**30}, "epochs=1000000.*to 1000000000, for example epochs=1000"),
        ({"learning_rate": math.nan}, "learning_rate=nan: it must be a number above 0"),
        ({"plot": "always"}, "unknown plot 'always': known are dynamic, once"),
        ({"gradients": 1}, "gradients=1: it must be a whole number of at least 2"),
        ({"every": "linear"}, "every='linear': it must be a whole number of steps of at least 1, or 'log'"),
        ({"loss": 3}, "loss=3: it must be a name .cross-entropy, mse. or a function"),
        ({"loss": "msee"}, "unknown loss 'msee': did you mean 'mse'"),
        ({"family": ["exact", "all"]}, "unknown family 'all'"),
        ({"stopping": True}, "stopping=True: it must be an ip.InformationStopping"),
        ({"stopping": {"monitor": "I(T;Z)"}}, r"I\(T;Z\)|Z"),
        ({"device": ""}, "device='': it must be a device"),
        ({"force": 1}, "force=1: it must be True or False"),
        ({"checkpoint_every": -1}, "checkpoint_every=-1: it must be a number of at least 0"),
        ({"out": 3}, "out=3: it must be the folder of a run"),
        ({"epoch": 3}, "unknown option 'epoch': did you mean 'epochs'"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_type(options, message):
    with pytest.raises(InputError, match=message):
        Options.of(options)


def test_a_table_has_its_name_before_each_key():
    check_table({"epochs": 3}, "training")
    with pytest.raises(UnknownNameError, match=r"unknown training\.init 'same'"):
        check_table({"init": "same"}, "training")
    with pytest.raises(UnknownNameError, match=r"option of \[training\] 'force'"):
        check_table({"force": True}, "training")


ODD = (True, -1, 0, 1.5, 10**30, math.nan, "x", "", [], [[1]], ["a", 2], {}, {"a": 1}, datetime.date(1979, 5, 27), b"x")


@pytest.mark.parametrize("name", list(CHECKS))
def test_any_value_of_any_option_is_taken_or_refused_in_words(name):
    for value in ODD:
        message = "it was taken"
        try:
            Options.of({name: value})
        except InfoplaneError as error:
            message = str(error)
        assert 10 < len(message) < 1000


@pytest.mark.parametrize("option", [name for name in OF_A_TABLE if name not in ("epochs", "progress")])
def test_any_value_that_is_taken_can_be_trained_with_or_is_refused_in_words(option):
    data = ip.datasets.load("report-simple", samples=40)
    target = 2.0 * data.y[:, None] - 1
    for value in ODD:
        options = {"epochs": 1, "batch_size": 8, "progress": False, option: value}
        try:
            Options.of(options)
        except InputError:
            continue
        if option == "copies" or (option == "epoch_length" and value is not True):
            continue
        with contextlib.suppress(InfoplaneError):
            ip.experiment(ip.networks.warm_up, data.x, target, **options)


def test_the_command_line_does_not_import_options_for_its_help():
    code = (
        "import sys; from typer.testing import CliRunner; from infoplane.cli import app\n"
        "assert CliRunner().invoke(app, ['run', '--help']).exit_code == 0\n"
        "print({'torch', 'infoplane.training'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
