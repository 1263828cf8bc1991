"""The same work is the same part, in the whole version and in the quick one."""

from infoplane import replications
from infoplane.replications.claim import Part, Setting, one_part_each


def work(folder, **options):
    return options


def test_the_same_work_is_the_same_part():
    claim = replications.load("linear")
    keys = {claim.parts(Setting(seeds))["students"].key for seeds in (3, 3, 4)}
    assert keys == {f"linear.train-decay=0.0-seeds={seeds}" for seeds in (3, 4)}


def test_a_key_names_a_file_whatever_the_options_are():
    assert Part(work, {"b": "8-bit tanh/x", "a": 1}).key == "test_claim.work-a=1-b=8-bit_tanh_x"


def test_one_part_for_each_kind_and_fewer_in_the_quick_version():
    parts = one_part_each(work, {"loud": {"noise": 1.0}, "still": {"noise": 0.0}}, quick=1)
    whole = parts(Setting(3))
    assert {name: part.function(None, **part.options) for name, part in whole.items()} == {
        "loud": {"seeds": 3, "noise": 1.0},
        "still": {"seeds": 3, "noise": 0.0},
    }
    assert list(parts(Setting(2, quick=True))) == ["loud"]
