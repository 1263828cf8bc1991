"""Several splits, a schedule and a budget in the user's own loop; tokens, conditions and channels as samples."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
import infoplane.plane.plane
from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.networks import Family, six_layer
from infoplane.plane.schedule import Pace


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=400)


@pytest.fixture(scope="module")
def splits(data):
    return {"train": (data.x[:250], data.y[:250]), "test": (data.x[250:], data.y[250:])}


def without(rows, *columns):
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]


@pytest.mark.parametrize("estimators", ["binned", ["binned", "kde"]])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_rows_are_those_of_a_plane_for_each_split(splits, estimators, copies):
    model = six_layer() if copies == 1 else Family(six_layer, copies, init="independent", seed=1)
    kind = "per-copy" if len(estimators) == 2 else ("exact", "sampled")
    options = {"estimators": estimators, "family": kind, "seed": 3, "shuffles": 2}
    both = ip.InformationPlane(splits, **options)
    rows = both.measure(model, 5) + both.measure(model, 6)
    alone = {name: ip.InformationPlane(*pair, **options) for name, pair in splits.items()}
    expected = [row for step in (5, 6) for plane in alone.values() for row in plane.measure(model, step)]
    assert without(rows, "split") == without(expected, "split")
    per_step = len(rows) // 4
    assert [row["split"] for row in rows] == (["train"] * per_step + ["test"] * per_step) * 2
    assert len(both.trajectory) == len(rows)


def test_one_pair_of_arrays_is_the_split_all(splits):
    plane = ip.InformationPlane(*splits["train"])
    assert {row["split"] for row in plane.measure(six_layer(), 0)} == {"all"}
    assert "splits" not in plane.trajectory.meta


def test_meta_holds_the_first_split_and_each_by_name(splits):
    meta = ip.InformationPlane(splits).trajectory.meta
    alone = {name: ip.InformationPlane(*pair).trajectory.meta for name, pair in splits.items()}
    assert meta == alone["train"] | {"splits": meta["splits"]}
    for name, facts in meta["splits"].items():
        of_all = ("measurement", "estimators", "units", "recording_batch")
        assert facts == {key: value for key, value in alone[name].items() if key not in of_all}
    assert [facts["n"] for facts in meta["splits"].values()] == [250, 150]
    named_all = ip.InformationPlane({"all": splits["train"], "test": splits["test"]}).trajectory.meta
    assert named_all["splits"].keys() == {"all", "test"}


def test_a_split_is_a_panel_and_survives_a_file(splits, tmp_path):
    plane = ip.InformationPlane(splits, layers="*1")
    for step in range(2):
        plane.measure(six_layer(), step)
    plane.trajectory.save(tmp_path / "run")
    loaded = ip.Trajectory.load(tmp_path / "run")
    assert loaded.meta["splits"] == plane.trajectory.meta["splits"]
    titles = [axes.get_title("left") for axes in loaded.plot().axes]
    assert [title for title in titles if title] == ["train", "test"]


def test_a_null_network_stands_beside_its_own_split(splits):
    plane, untrained = ip.InformationPlane(splits, layers="11"), six_layer()
    plane.take_as_null(untrained)
    train, test = plane.measure(untrained, 0)
    assert (train["i_xt_null"], test["i_xt_null"]) == (train["i_xt"], test["i_xt"])
    assert train["i_xt"] != test["i_xt"]


def test_groups_go_by_split(splits):
    groups = np.arange(150) // 5
    plane = ip.InformationPlane(splits, layers="11", shuffles=3, groups={"test": groups})
    alone = ip.InformationPlane(*splits["test"], layers="11", shuffles=3, groups=groups)
    model = six_layer()
    (_, test), (expected,) = plane.measure(model, 0), alone.measure(model, 0)
    assert test["i_ty_null"] == expected["i_ty_null"]
    with pytest.raises(InputError, match=r"groups go by split here: .* names among train, test"):
        ip.InformationPlane(splits, shuffles=3, groups=groups)


def test_an_error_names_the_split_and_records_nothing(splits):
    x, y = splits["test"]
    plane = ip.InformationPlane(splits | {"test": (np.where(np.arange(150)[:, None] == 3, np.inf, x), y)}, layers="1")
    with pytest.raises(NonFiniteError, match=r"layer '1', step 4, split 'test': 1 of 150 rows"):
        plane.measure(nn.Sequential(nn.Linear(12, 2), nn.Identity()), 4)
    assert len(plane.trajectory) == 0
    assert plane.measuring_seconds == 0


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((5, 2)), None, r"y is missing: InformationPlane\(x, y\), or"),
        ({"train": (np.zeros((5, 2)), np.arange(5))}, np.arange(5), "y was given beside it"),
        ({}, None, "the table of splits is empty"),
        ({"train": np.zeros((5, 2))}, None, "split 'train' is ndarray: every split is a name and a pair"),
        ({3: (np.zeros((5, 2)), np.arange(5))}, None, "split 3 is tuple: every split is a name and a pair"),
        ({"test": (np.zeros((5, 2)), np.arange(4))}, None, "split 'test': x has 5 samples, y has 4 samples"),
    ],
)
def test_splits_that_do_not_fit(x, y, message):
    with pytest.raises(InputError, match=message):
        ip.InformationPlane(x, y)


def test_a_schedule_leaves_steps_out_unless_forced(splits):
    plane, model = ip.InformationPlane(*splits["test"], every=10, layers="11"), six_layer()
    found = {step: len(plane.measure(model, step, force=step == 17)) for step in range(25)}
    assert [step for step, rows in found.items() if rows] == [0, 10, 17, 20]
    assert [row["step"] for row in plane.trajectory] == [0, 10, 17, 20]
    log = ip.InformationPlane(*splits["test"], every="log", layers="11")
    assert [step for step in range(17) if log.measure(model, step)] == [*range(11), 12, 13, 15, 16]


def test_a_share_of_the_wall_time(splits, monkeypatch):
    now = [0.0]

    def measured(x):
        now[0] += 1.0  # each measurement takes one second
        return x

    model = nn.Sequential(nn.Linear(12, 2), nn.Tanh())
    model.register_forward_pre_hook(lambda module, inputs: measured(inputs))
    monkeypatch.setattr(infoplane.plane.plane, "Pace", partial(Pace, clock=lambda: now[0]))
    plane = ip.InformationPlane(*splits["test"], max_share=0.1)
    for step in range(100):
        plane.measure(model, step)
        now[0] += 1.0  # and each step of the training one more
    steps = sorted({row["step"] for row in plane.trajectory})
    assert steps == [0, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert plane.measuring_seconds == len(steps)
    assert plane.measure(model, 100) == []
    assert plane.measure(model, 100, force=True)
    assert plane.measuring_seconds == len(steps) + 1


def test_the_seconds_are_those_of_the_clock(splits):
    plane = ip.InformationPlane(*splits["test"])
    assert plane.measuring_seconds == 0
    plane.measure(six_layer(), 0)
    assert 0 < plane.measuring_seconds < 60


@pytest.mark.parametrize(("option", "value"), [("every", 0), ("max_share", 10)])
def test_wrong_pace(splits, option, value):
    with pytest.raises(InputError, match=f"{option}={value}: it must be"):
        ip.InformationPlane(splits, **{option: value})


def test_x_changed_in_place_is_an_error_that_names_it():
    x, y = torch.randn(3000, 8), torch.arange(3000) % 2
    model = nn.Sequential(nn.Linear(8, 2), nn.Tanh())
    plane = ip.InformationPlane({"train": (x.clone(), y), "test": (x, y)})
    plane.measure(model, 0)
    x[1234, 5] += 1  # one number of 24 000
    with pytest.raises(InputError, match=r"x of split 'test' was changed in place .*\(seen at step 1\).*x\.clone\(\)"):
        plane.measure(model, 1)
    assert {row["step"] for row in plane.trajectory} == {0}
    x[1234, 5] -= 1


@pytest.mark.parametrize("change", [np.random.default_rng(0).shuffle, lambda x: np.multiply(x, 2, out=x)])
def test_a_shared_array_that_was_shuffled_or_scaled(change):
    x, y = np.random.default_rng(1).normal(size=(3000, 8)), np.arange(3000) % 2
    plane = ip.InformationPlane(x, y)
    change(x)
    with pytest.raises(InputError, match="x was changed in place"):
        plane.measure(nn.Linear(8, 2), 0)


def test_what_changes_no_number_is_no_change():
    x, y = torch.randn(500, 8), torch.arange(500) % 2
    x[3, 3] = float("nan")
    for made in (x, x.T.contiguous().T, x.to(torch.bfloat16), x > 0, x.clone().requires_grad_()):
        plane = ip.InformationPlane(made, y, layers="0", estimators={"name": "binned", "nonfinite": "own-cell"})
        with torch.no_grad():
            made.copy_(made.clone())
        assert plane.measure(nn.Sequential(nn.Linear(8, 2)), 0)
    with torch.inference_mode():
        inside = torch.randn(500, 8)
    assert ip.InformationPlane(inside, y).measure(nn.Linear(8, 2), 0)


class Reader(nn.Module):
    """A small transformer over whole numbers."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(4, 4)
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.block(self.words(x)).mean(1))


@pytest.fixture
def texts():
    torch.manual_seed(0)
    return torch.randint(4, (60, 5)), torch.arange(60) % 2


def test_tokens_are_samples(texts):
    x, y = texts
    torch.manual_seed(1)
    model = Reader()
    distinct = {"name": "binned", "bins": "distinct"}
    plane = ip.InformationPlane(
        x, {"token": x, "text": y}, layers=["words", "block", "head"], pool="token", estimators=distinct
    )
    rows = {(row["layer"], row["label"]): row for row in plane.measure(model, 0)}
    assert {row["n"] for row in rows.values()} == {300}
    shares = torch.bincount(x.flatten()) / 300
    h_token = float(-(shares * shares.log2()).sum())
    assert rows["words", "token"]["i_ty"] == pytest.approx(h_token, abs=1e-6)  # an embedding knows which token it is
    assert rows["words", "token"]["h_t"] == pytest.approx(h_token, abs=1e-6)
    t = ip.record(model, x, "block")["block"]
    alone = ip.mutual_information(t.flatten(0, 1), x.flatten(), estimator="binned", bins="distinct")
    assert rows["block", "token"]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    head = ip.record(model, x, "head")["head"]
    repeated = ip.mutual_information(head, y, estimator="binned", bins="distinct")
    assert rows["head", "text"]["i_ty"] == pytest.approx(repeated.value, abs=1e-9)


def test_the_input_of_a_token_is_its_text(texts):
    x, y = texts
    plane = ip.InformationPlane(x, y, layers="words", pool="token", estimators={"name": "binned", "bins": "distinct"})
    (row,) = plane.measure(Reader(), 0)
    texts_of = np.unique(x.numpy(), axis=0, return_inverse=True)[1].repeat(5)
    alone = ip.mutual_information(x.flatten()[:, None].float(), texts_of, estimator="binned", bins="distinct")
    assert row["i_xt"] == pytest.approx(alone.value, abs=1e-9)


def test_shuffles_keep_the_tokens_of_a_text_together(texts):
    x, y = texts
    plane = ip.InformationPlane(x, y, pool="token", shuffles=3)
    members = plane._splits[0]._question.shuffles.members
    assert [group.tolist() for group in members] == [list(range(5 * text, 5 * text + 5)) for text in range(60)]
    pairs = ip.InformationPlane(x, y, pool="token", shuffles=3, groups=np.arange(60) // 2)
    assert len(pairs._splits[0]._question.shuffles.members) == 30
    assert all(row["i_ty_null"] is not None for row in plane.measure(Reader(), 0))


def test_tokens_that_do_not_fit(texts):
    x, y = texts
    with pytest.raises(InputError, match="pool='token' and x has shape"):
        ip.InformationPlane(torch.randn(60), y, pool="token")
    with pytest.raises(InputError, match=r"labels have shape \(60, 4\), and the tokens \(60, 5\)"):
        ip.InformationPlane(x, {"token": x, "next": x[:, 1:]}, pool="token")


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("bins", ["report", "quantile", "layer"])
def test_the_mean_over_a_condition_is_the_conditional_information(copies, bins):
    """I(X;T|Y) = sum p(y) I(X;T|Y=y) = I(X;T) - I(T;Y), where T depends on X alone and X says Y."""
    data = ip.datasets.load("report-simple", samples=400)
    model = ip.networks.six_layer() if copies == 1 else ip.Family(ip.networks.six_layer, copies, init="independent")
    plane = ip.InformationPlane(
        data.x, data.y, given="y", layers=["1", "9"], estimators={"name": "binned", "bins": bins}
    )
    rows = plane.measure(model, 0)
    table = {(row["layer"], row["label"]): row for row in rows}
    assert [row["label"] for row in rows] == ["y", "y", "y=0", "y=0", "y=1", "y=1"]
    for layer in ("1", "9"):
        whole, each = table[layer, "y"], [table[layer, f"y={value}"] for value in (0, 1)]
        mean = sum(row["n"] * row["i_xt"] for row in each) / whole["n"]
        assert mean == pytest.approx(whole["i_xt"] - whole["i_ty"], abs=1e-9)
        assert all(row["i_ty"] is None for row in each)
        assert sum(row["n"] for row in each) == whole["n"] == 400 * copies


@pytest.mark.parametrize("estimator", ["ksg", "soft", "kde"])
def test_other_labels_under_a_condition(estimator):
    torch.manual_seed(0)
    x = torch.randn(200, 3)
    y = {"colour": np.array(["red", "blue"] * 100), "side": (x[:, 0] > 0).long()}
    plane = ip.InformationPlane(x, y, given="colour", layers="0", estimators=estimator)
    model = nn.Sequential(nn.Linear(3, 2))
    rows = plane.measure(model, 0)
    assert [row["label"] for row in rows] == ["colour", "side", "side|colour=blue", "side|colour=red"]
    t, keep = ip.record(model, x, "0")["0"], torch.arange(200) % 2 == 1
    alone = ip.mutual_information(t[keep], y["side"][keep], estimator=estimator)
    assert rows[2]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    assert rows[2]["n"] == 100


def test_conditions_that_do_not_fit():
    x, y = torch.randn(9, 3), np.array([0] * 5 + [1] * 3 + [2])
    with pytest.raises(UnknownNameError, match="unknown label set 'digit'"):
        ip.InformationPlane(x, y, given="digit")
    with pytest.raises(InputError, match="y=2 has 1 sample: give 'y' labels with at least 2 samples each"):
        ip.InformationPlane(x, y, given="y")


def test_channels_and_the_information_that_pooling_leaves():
    torch.manual_seed(0)
    x, y = torch.randn(300, 1, 6, 6), torch.arange(300) % 3
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 3))
    options = {
        "layers": "0",
        "estimators": {"name": "binned", "bins": {"rule": "fixed", "bins": 4, "low": -2, "high": 2}},
    }
    (whole,) = ip.InformationPlane(x, y, **options).measure(model, 0)
    channels = ip.InformationPlane(x, y, pool="channel", **options).measure(model, 0)
    assert [row["layer"] for row in channels] == ["0[0]", "0[1]", "0[2]"]
    for row in channels:  # the bins are the same, so that a channel's code is a function of the whole row's
        assert row["i_xt"] <= whole["i_xt"] + 1e-9
        assert row["i_ty"] <= whole["i_ty"] + 1e-9
    t = ip.record(model, x, "0")["0"][:, 1].flatten(1)
    alone = ip.mutual_information(
        t, y, **{"estimator": "binned", "bins": {"rule": "fixed", "bins": 4, "low": -2, "high": 2}}
    )
    assert channels[1]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    (mean,) = ip.InformationPlane(x, y, pool={"0": "mean"}, **options).measure(model, 0)
    assert mean["h_t"] < whole["h_t"]


# ---------------------------------------------------------------- labels: missing, ignored, declared


def _linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh())


def test_samples_without_a_label_are_left_out_and_counted():
    x, gone = torch.randn(200, 3), np.arange(200) % 4 == 1
    names = np.array([None if g else str(k % 2) for k, g in enumerate(gone)], dtype=object)
    with pytest.raises(InputError, match=r"y has no label in 50 of 200 samples"):
        ip.InformationPlane(x, names)
    plane = ip.InformationPlane(x, names, missing="drop", groups=np.arange(200) // 2, shuffles=2)
    there = ip.InformationPlane(x[~gone], names[~gone], groups=(np.arange(200) // 2)[~gone], shuffles=2)
    assert plane.measure(_linear(), 0) == there.measure(_linear(), 0)
    assert plane.trajectory.meta["left_out"] == 50
    assert plane.trajectory.meta["labels"] == {"y": "2 classes"}
    numbers = np.where(gone, -100, np.arange(200) % 2)
    ignoring = ip.InformationPlane(x, numbers, ignore_index=-100)
    assert [row["i_ty"] for row in ignoring.measure(_linear(), 0)] == [
        row["i_ty"] for row in there.measure(_linear(), 0)
    ]


def test_tokens_that_losses_ignore_are_no_samples():
    ids = torch.arange(160).reshape(20, 8) % 7
    tags = ids % 3
    tags[:, 0] = tags[:, -1] = -100
    x = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with pytest.raises(InputError, match="y holds -100 in 40 of 160 places"):
        ip.InformationPlane(x, tags, pool="token")
    plane = ip.InformationPlane(x, tags, pool="token", ignore_index=-100)
    inside = ip.InformationPlane({**x, "attention_mask": (tags >= 0).to(ids.dtype)}, tags, pool="token")
    for fact in ("n", "h_y"):
        assert plane.trajectory.meta[fact] == inside.trajectory.meta[fact]
    assert plane.trajectory.meta["n"] == 120


def test_label_sets_are_declared_by_name():
    x = torch.randn(300, 3)
    labels = {"age": (400 + 100 * x[:, 0]).round().to(torch.int64), "sex": torch.arange(300) % 2}
    guessed = ip.InformationPlane(x, labels, estimators="gaussian").measure(_linear(), 0)
    assert ["guessed-classes" in row["flags"] for row in guessed] == [True, False] * 2
    plane = ip.InformationPlane(x, labels, estimators="gaussian", continuous="age")
    rows = plane.measure(_linear(), 0)
    assert not any("guessed-classes" in row["flags"] for row in rows)
    assert plane.trajectory.meta["labels"]["age"] == "numbers, declared"
    truth = ip.mutual_information(_linear()[0](x).detach(), labels["age"], estimator="gaussian", continuous="y")
    assert rows[0]["i_ty"] == pytest.approx(truth.value)
    cut = ip.InformationPlane(x, labels, continuous="age", y_bins=4)
    assert cut.trajectory.meta["labels"] == {
        "age": "numbers, cut into 4 classes",
        "sex": "2 classes, guessed from numbers: continuous='sex' to override",
    }
    with pytest.raises(InputError, match="unknown variable in continuous= 'height'"):
        ip.InformationPlane(x, labels, continuous="height")


@pytest.mark.parametrize("step", [0.5, "epoch 1", float("nan"), True, None, 2**63, torch.tensor([1, 2])])
def test_a_step_is_a_whole_number_before_anything_is_measured(step):
    plane = ip.InformationPlane(torch.randn(20, 3), torch.arange(20) % 2)
    with pytest.raises(InputError, match=r"step=.*: it must be a whole number of 64 bits"):
        plane.measure(_linear(), step)
    assert len(plane.trajectory) == 0
    with pytest.raises(InputError, match="step="):
        plane.trajectory.scalars.add(step, "loss", 0.5)


@pytest.mark.parametrize("step", [2.0, np.int32(2), np.float32(2), torch.tensor(2), torch.tensor([2.0])])
def test_whole_steps_of_any_type_are_kept_as_such(step, tmp_path):
    plane = ip.InformationPlane(torch.randn(20, 3), torch.arange(20) % 2)
    plane.measure(_linear(), step)
    plane.trajectory.save(tmp_path / "kept")
    assert {row["step"] for row in ip.Trajectory.load(tmp_path / "kept")} == {2}


def test_what_inputs_tell_about_labels_is_known_where_inputs_come_again():
    x = torch.arange(400)[:, None] % 4
    y = (x[:, 0] > 1).long()
    assert ip.InformationPlane(x.float(), y).trajectory.meta["i_xy"] == pytest.approx(1)
    random = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    assert "i_xy" not in ip.InformationPlane(random, y).trajectory.meta  # 1 bit by the counts, and 0 in truth
    tokens = torch.arange(400).reshape(4, 100) % 3
    assert "i_xy" not in ip.InformationPlane(tokens, tokens, pool="token").trajectory.meta
