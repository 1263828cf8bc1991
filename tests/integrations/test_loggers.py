"""Names, and where the numbers go."""

import json

import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, RunError
from infoplane.integrations import JsonLines, Logged, TensorBoard, plain, values


@pytest.fixture
def samples():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=generator)
    return x, (x[:, 0] > 0).long()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh())


def test_one_way_of_measuring_is_named_by_its_layer(samples, model):
    rows = ip.InformationPlane(*samples).measure(model, 0)
    assert values(rows) == {
        "info/I(X;T)/0": rows[0]["i_xt"],
        "info/I(T;Y)/0": rows[0]["i_ty"],
        "info/I(X;T)/1": rows[1]["i_xt"],
        "info/I(T;Y)/1": rows[1]["i_ty"],
    }


def test_a_name_goes_on_with_what_differs(samples, model):
    x, y = samples
    labels = {"sign": y, "parity": torch.arange(200) % 2}
    splits = {"train": (x, labels), "test": (x, labels)}
    plane = ip.InformationPlane(splits, layers="1", estimators=["binned", "soft"])
    named = values(plane.measure(model, 0))
    assert len(named) == 2 * 2 * 2 * 2
    (row,) = plane.trajectory.select(split="test", label="parity", estimator="soft")
    assert named["info/I(T;Y)/1/test/parity/soft"] == row["i_ty"]


def test_what_was_not_computed_has_no_name():
    assert values([{"layer": "fc", "i_xt": None, "i_ty": 0.5}]) == {"info/I(T;Y)/fc": 0.5}
    assert values([]) == {}


def test_plain_names():
    assert plain({"info/I(T;Y)/net.0-a_b/train": 1.0, "é": 2.0}) == {"info/I_T_Y_/net.0-a_b/train": 1.0, "_": 2.0}


def test_the_log_gets_the_steps_that_the_plane_measures(samples):
    got = []
    logged = Logged(ip.InformationPlane(*samples, every=2), lambda named, step: got.append((step, named)))
    rows = {step: logged.measure(nn.Linear(4, 3), step) for step in range(4)}
    assert got == [(0, values(rows[0])), (2, values(rows[2]))]
    assert rows[1] == rows[3] == []
    assert logged.measure(nn.Linear(4, 3), 5, force=True)


def test_without_a_log_named_lines_of_json_are_written(samples, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = Logged(ip.InformationPlane(*samples)).measure(model, 7)
    assert json.loads((tmp_path / "information.jsonl").read_text()) == {"step": 7, **values(rows)}


def test_no_log(samples, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Logged(ip.InformationPlane(*samples), None).measure(model, 0)
    assert list(tmp_path.iterdir()) == []


def test_something_that_is_no_log(samples):
    with pytest.raises(InputError, match=r"log is 3: give a function log\(values, step\)"):
        Logged(ip.InformationPlane(*samples), 3)


def test_every_line_can_be_read_while_the_file_grows(tmp_path):
    file = tmp_path / "new" / "lines.jsonl"
    log = JsonLines(file)
    for step in range(3):
        log({"a": float(step), "b": float("nan")}, step)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert lines == [{"step": n, "a": float(n), "b": None} for n in range(step + 1)]
    JsonLines(file)({"a": 9.0}, 3)  # another process goes on with it
    assert len(file.read_text().splitlines()) == 4


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(RunError, match="cannot write"):
        JsonLines(tmp_path)({"a": 1.0}, 0)


@pytest.mark.extra
def test_tensorboard_has_scalars_and_the_picture(samples, model, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    plane = ip.InformationPlane(*samples, layers="(model)")
    with SummaryWriter(tmp_path) as writer:
        logged = Logged(plane, TensorBoard(writer, plane))
        logged.measure(model, 0)
        logged.measure(nn.Linear(4, 2), 10)
    events = EventAccumulator(str(tmp_path)).Reload()
    scalars = [(event.step, event.value) for event in events.Scalars("info/I_T_Y_/_model_")]
    rows = plane.trajectory.select(layer="(model)")
    assert scalars == [(row["step"], pytest.approx(row["i_ty"], rel=1e-6)) for row in rows]
    assert [event.step for event in events.Images("info/plane")] == [0, 10]
    assert events.Images("info/plane")[0].encoded_image_string.startswith(b"\x89PNG")
