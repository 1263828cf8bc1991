"""Every option of a plane is checked once, and an error says what to type."""

import pytest

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.plane.options import PlaneOptions, chosen_estimators, chosen_families


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": "bit"}, "did you mean 'bits'"),
        ({"pool": "flaten"}, "did you mean 'flatten'"),
        ({"batch_size": 0}, "batch_size"),
        ({"shuffles": -1}, r"shuffles=-1: it must be a whole number of at least 0"),
        ({"shuffles": 2.5}, r"shuffles=2\.5: it must be a whole number"),
        ({"subsample": 1}, r"subsample=1: it must be a whole number of at least 2, for example subsample=2000"),
        ({"subsample": True}, "subsample=True"),
        ({"every": 0}, "every=0"),
        ({"max_share": 2}, "max_share=2"),
    ],
)
def test_what_does_not_fit_is_named(options, message):
    with pytest.raises(InputError, match=message):
        PlaneOptions(**options)


def test_options_are_values():
    assert PlaneOptions(shuffles=3) == PlaneOptions(shuffles=3) != PlaneOptions()
    with pytest.raises(AttributeError):
        PlaneOptions().shuffles = 3


def test_one_estimator_or_several():
    binned = ip.estimators.Binned("report")
    assert chosen_estimators(binned) == (binned,)
    assert [estimator.name for estimator in chosen_estimators(["binned", {"name": "kde"}])] == ["binned", "kde"]
    with pytest.raises(InputError, match="estimators is empty"):
        chosen_estimators([])


def test_the_family_suits_the_estimators():
    counting, others = chosen_estimators("binned"), chosen_estimators(["binned", "kde"])
    assert chosen_families(None, counting) == ("exact",)
    assert chosen_families(None, others) == ("per-copy",)
    assert chosen_families(["exact", "single"], counting) == ("exact", "single")
    with pytest.raises(InputError, match="'kde' counts no symbols, so family='sampled' is not defined"):
        chosen_families("sampled", others)
    with pytest.raises(UnknownNameError, match="did you mean 'exact'"):
        chosen_families("exakt", counting)
    with pytest.raises(InputError, match="family is empty"):
        chosen_families((), counting)
