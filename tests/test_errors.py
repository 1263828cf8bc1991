"""The errors: which builtin ones they are too, how they survive a process, and what an unknown name is told."""

import pickle

import pytest

from infoplane import errors


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InputError, ValueError),
        (errors.NonFiniteError, ValueError),
        (errors.RecordingError, RuntimeError),
        (errors.DataFileError, OSError),
        (errors.RunError, OSError),
        (errors.UnknownNameError, KeyError),
    ],
)
def test_an_error_is_one_of_infoplane_and_one_of_python(error, builtin):
    assert issubclass(error, errors.InfoplaneError)
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("binnd", "unknown estimator 'binnd': did you mean 'binned'? known are binned, kde"),
        ("zzz", "unknown estimator 'zzz': known are binned, kde"),
        (None, "unknown estimator None: known are binned, kde"),
    ],
)
def test_an_unknown_name_is_told_the_nearest_one_and_all_others(name, message):
    assert str(errors.UnknownNameError("estimator", name, {"kde": 1, "binned": 2})) == message


def test_the_initials_of_a_name_are_meant_for_it():
    names = ("layers", "learning_rate", "batch_size", "gaussian-copula")
    for short, long in (("lr", "learning_rate"), ("bs", "batch_size"), ("gc", "gaussian-copula")):
        assert f"did you mean {long!r}?" in str(errors.UnknownNameError("option", short, names))


def test_a_message_survives_the_way_to_another_process():
    error = pickle.loads(pickle.dumps(errors.InputError("copies=0: give at least 1")))
    assert (type(error), str(error)) == (errors.InputError, "copies=0: give at least 1")
