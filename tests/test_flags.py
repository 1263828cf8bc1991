"""Flags: each one is raised by a small measurement, carries words and a light, and survives tables and copies."""

import ast
import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane import flags
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.counting.consistency import Bounds, flagged_layers
from infoplane.estimators.counting.readings import Reading
from infoplane.estimators.neural.critic import Scored
from infoplane.estimators.neural.infonce import InfoNCE
from infoplane.trajectory.trajectory import Trajectory
from infoplane.types import Estimate

SOURCE = Path(ip.__file__).parent
WIDE = np.random.default_rng(0).normal(size=(200, 300))
NORMAL = WIDE[:, :1]
COIN = np.random.default_rng(1).integers(0, 2, size=200)
SIGN = (NORMAL[:, 0] > 0).astype(int)
ZERO_ROW = np.where(np.arange(200)[:, None] == 0, 0, WIDE[:, :2])
QUICK = {"hidden": 8, "steps": 200, "learning_rate": 0.03}


def by(estimator, t, y, **options):
    return ip.mutual_information(t, y, estimator=estimator, **options).flags


def rows(**columns):
    """The flags of layers that follow each other, of 8 samples, from the numbers of each in bits."""
    readings = [Reading(n=8, **dict(zip(columns, each, strict=True))) for each in zip(*columns.values(), strict=True)]
    flagged = flagged_layers(readings, Bounds(1.0, h_x=2.5, h_y=1.0, floor=0.5))
    return [flag for reading in flagged for flag in reading.flags]


def of_copies(t, **options):
    """The flags of a row of a family of copies with the activations ``t`` (members, samples, units)."""
    binned = ip.estimators.Binned("distinct", **options)
    x, y = (ip.estimators.counting.samples.label_ids(ids) for ids in (np.arange(t.shape[1]), COIN[: t.shape[1]]))
    return binned.readings([binned.symbols(torch.as_tensor(t))], x, y, "exact")[0][0].flags


def in_half_precision():
    plane = ip.InformationPlane(np.arange(8.0, dtype=np.float32)[:, None], np.arange(8) % 2, layers=["0"])
    return plane.measure(torch.nn.Sequential(torch.nn.Linear(1, 1).to(torch.bfloat16)), 0)[0]["flags"]


RAISED = {
    "red": lambda: by("binned", NORMAL, COIN, bins=500),
    "amber": lambda: by("binned", NORMAL, SIGN & COIN, bins=20),
    "green": lambda: by("binned", NORMAL, COIN, bins="sign"),
    "saturated": lambda: by("binned", NORMAL, COIN, bins="distinct"),
    "undersampled": lambda: by("edge", WIDE[:, :5], COIN),
    "copies-differ": lambda: of_copies(WIDE[:150, :1].reshape(5, 30, 1)),
    "outside-bins": lambda: by("binned", 10 * NORMAL, COIN, bins="fixed"),
    "constant-units": lambda: by("binned", np.hstack([NORMAL, 0 * NORMAL]), COIN),
    "nonfinite": lambda: by("binned", np.where(NORMAL > 2, np.nan, NORMAL), COIN, nonfinite="drop-row"),
    "zero-rows": lambda: by("soft", ZERO_ROW, COIN),
    "half-precision": in_half_precision,
    "above-ceiling": lambda: by("ksg", 10 * COIN[:, None] + NORMAL, COIN),
    "above-log-n": lambda: rows(i_xt=[3.5], i_ty=[1.0]),
    "above-h-x": lambda: rows(i_xt=[2.75], i_ty=[1.0]),
    "above-h-y": lambda: rows(i_xt=[3.0], i_ty=[1.5]),
    "above-i-xt": lambda: rows(i_xt=[0.5], i_ty=[1.0]),
    "below-floor": lambda: rows(i_xt=[3.0], i_ty=[0.25]),
    "data-processing": lambda: rows(i_xt=[3.0, 3.0], i_ty=[0.75, 1.0]),
    "log-n-ceiling": lambda: InfoNCE().doubts(math.log(9.5), Scored(torch.zeros(10), torch.zeros(10))),
    "negative": lambda: by("binned", NORMAL, COIN, bins=3, correction="miller-madow"),
    "null-exceeds-half": lambda: by("binned", NORMAL, COIN, shuffles=5),
    "rate-not-reached": lambda: by("channel", NORMAL, COIN, rate=8),
    "not-converged": lambda: by("binned", NORMAL, COIN, convergence=True),
    "approximate-interval": lambda: by("binned", NORMAL, SIGN & COIN, bins=20),
    "within-chance": lambda: by("ksg", WIDE[:120, 11], COIN[:120], k=1),
    "coarse": lambda: by("binned", np.where(np.arange(200)[:, None] == 0, 1000, NORMAL), SIGN),
    "noise-exceeds-layer": lambda: by("kde", 1e-3 * NORMAL, SIGN),
    "not-learned": lambda: by("club", NORMAL, COIN, hidden=8, steps=0),
    "few-samples": lambda: by("ksg", NORMAL[:50], COIN[:50]),
    "high-dimension": lambda: by("mixed-ksg", WIDE[:, :7], COIN),
    "rank-deficient": lambda: by("gaussian", np.hstack([NORMAL, 2 * NORMAL]), COIN),
    "noiseless": lambda: by("gaussian", NORMAL, 3 * NORMAL),
    "ties": lambda: by("ksg", NORMAL.round(1), COIN),
    "lone-samples": lambda: by("ksg", NORMAL, np.where(np.arange(200) == 0, 2, COIN)),
    "ordered-samples": lambda: by("gaussian", np.sin(np.arange(200) / 9)[:, None], np.arange(200) // 25 % 2),
    "guessed-classes": lambda: by("gaussian", NORMAL, np.arange(200) * 3),
    "lossy": lambda: by("compressed", WIDE[:, :4], COIN, dimensions=1),
    "overfitted": lambda: by("usable", WIDE, COIN),
    "diverging": lambda: by("nwj", np.arange(40.0), np.arange(40.0) + 0.01, **QUICK),
    "clipped": lambda: by("smile", 10 * COIN[:, None] + NORMAL, COIN, tau=0.01, **QUICK),
}


@pytest.mark.parametrize("name", flags.FLAGS)
def test_every_flag_is_raised_and_says_what_it_means(name):
    """A new flag needs a line in ``RAISED``."""
    flag = next(flag for flag in RAISED[name]() if flag == name)
    assert flag is flags.FLAGS[name]
    assert flag.words.endswith(".")
    assert len(flag.words) > 40
    assert flag.light in (*flags.LIGHTS, "note")


def test_words_say_what_the_code_that_raises_a_flag_does():
    """Six had no words, and those of lone-samples were wrong."""
    assert "left out" in flags.LONE_SAMPLES.words
    assert "neighbour" not in flags.LONE_SAMPLES.words
    assert "6 columns" in flags.HIGH_DIMENSION.words
    assert "tau" in flags.CLIPPED.words
    assert "tenth" in flags.LOSSY.words


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_flags_are_raised_by_their_constants(file):
    """No text with the name of a flag is put into flags: ``flags.append("ties")`` would pass by a typing error."""
    if file.name == "flags.py":
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        owner = node.func if isinstance(node, ast.Call) else node.target if isinstance(node, ast.AugAssign) else None
        if owner is not None and "flags" in ast.unparse(owner):
            texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            assert texts.isdisjoint(flags.FLAGS), ast.unparse(node)


@pytest.mark.parametrize(
    ("names", "doubted"),
    [
        ((), False),
        (("green",), False),
        (("amber", "approximate-interval"), False),
        (("above-ceiling", "high-dimension"), False),
        (("undersampled",), True),
        (("null-exceeds-half",), True),
        (("red",), True),
        (("saturated",), True),
        (("green", "a flag of my own"), False),
    ],
)
def test_a_number_is_in_doubt_where_the_sample_sets_it(names, doubted):
    assert flags.in_doubt(names) is doubted


def test_an_estimate_takes_flags_by_name_and_gives_objects():
    estimate = Estimate(0.5, flags=("amber", flags.TIES))
    assert estimate.flags == ("amber", "ties")
    assert [flag.light for flag in estimate.flags] == ["amber", "amber"]


def test_an_unregistered_flag_cannot_be_raised():
    with pytest.raises(UnknownNameError, match="unknown flag 'saturatd': did you mean 'saturated'"):
        Estimate(0.5, flags=("saturatd",))


def test_a_table_of_another_version_can_be_read(tmp_path):
    trajectory = Trajectory([{"step": 0, "flags": "red;from-the-future"}])
    trajectory.save(tmp_path / "trajectory.csv")
    (row,) = Trajectory.load(tmp_path / "trajectory.csv")
    known, unknown = row["flags"]
    assert known is flags.RED
    assert unknown == "from-the-future"
    assert "does not know the flag 'from-the-future'" in unknown.words
    assert unknown.light == "note"


def test_a_flag_is_a_string_for_everything_else():
    estimate = Estimate(0.5, flags=("saturated",))
    assert "saturated" in estimate.flags
    assert json.dumps(estimate.flags) == '["saturated"]'
    assert str(estimate) == "0.5000 bits, estimate, n=0 (saturated)"
    assert repr(flags.SATURATED) == "'saturated'"
    twin = copy.deepcopy(flags.SATURATED)
    assert (twin, twin.words, twin.light) == ("saturated", flags.SATURATED.words, "red")


def test_a_flag_of_your_own_can_be_registered(monkeypatch):
    monkeypatch.setattr(flags, "FLAGS", dict(flags.FLAGS))
    mine = flags.register("too-blue", "The layer is too blue: use estimator='red'.", "red")
    assert Estimate(0.5, flags=("too-blue",)).flags[0] is mine
    assert flags.in_doubt(["too-blue"])


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [("red", "Some words.", "registered already"), ("a;b", "Some words.", "without ';'"), ("blue", "", "words")],
)
def test_a_flag_needs_a_name_of_its_own_and_words(name, words, message):
    with pytest.raises(InputError, match=message):
        flags.register(name, words)


def test_of_several_numbers_the_worst_light_stands_first_and_alone():
    merged = flags.merged([flags.GREEN, flags.TIES], [flags.NEGATIVE, flags.AMBER, flags.TIES])
    assert merged == ("amber", "ties", "negative")
