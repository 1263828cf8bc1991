import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import infoplane as ip
from infoplane.errors import DataFileError, InputError, NonFiniteError
from infoplane.networks import six_layer, warm_up
from infoplane.saved.checkpoints import measure_checkpoints, read_state

X = torch.randn(60, 12, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def states(count=3):
    torch.manual_seed(1)
    return [warm_up() for _ in range(count)]


def rows(trajectory):
    return list(trajectory)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 12, bias=False), nn.Linear(12, 12, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x)))


def test_the_same_rows_as_measuring_in_the_loop(tmp_path):
    plane = ip.InformationPlane(X, Y, estimators=["binned", "gaussian"], units="nats")
    for step, model in zip((2, 10, 100), states(), strict=True):
        plane.measure(model, step)
        torch.save(model.state_dict(), tmp_path / f"net-{step}.pt")
    options = {"estimators": ["binned", "gaussian"], "units": "nats"}
    found = measure_checkpoints(warm_up, tmp_path / "net-*.pt", X, Y, **options)
    assert rows(found) == rows(plane.trajectory)
    files = [tmp_path / f"net-{step}.pt" for step in (2, 10, 100)]
    assert found.meta["checkpoints"] == {str(s): str(f) for s, f in zip((2, 10, 100), files, strict=True)}
    reversed_list = measure_checkpoints(warm_up, files[::-1], X, Y, **options)
    assert rows(reversed_list) == rows(found)
    given = measure_checkpoints(warm_up, str(tmp_path / "*"), X, Y, steps=[5, 6, 7], **options)  # 2, 10, 100
    assert [row | {"step": 0} for row in given] == [row | {"step": 0} for row in found]
    found.save(tmp_path / "run")
    assert ip.Trajectory.load(tmp_path / "run").meta["checkpoints"] == found.meta["checkpoints"]


@pytest.mark.parametrize(
    "content",
    [
        lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda state: {"model": state},
        lambda state: {"model_state_dict": state},
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"state_dict": {f"module._orig_mod.{name}": value for name, value in state.items()}},
        lambda state: {name: value.double() for name, value in state.items()},
        lambda state: {"model": state, "loss": np.float64(0.3), "epoch": np.int64(3), "best": np.bool_(True)},
        lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()} | {"scale": X[0]}},
        lambda state: {f"net.inner.{name}": value for name, value in state.items()},
        lambda state: {"n_averaged": torch.tensor(3), **{f"module.{name}": value for name, value in state.items()}},
    ],
    ids=[
        "state_dict",
        "model",
        "model_state_dict",
        "module.",
        "wrappers",
        "float64",
        "numpy",
        "prefix",
        "steps",
        "averaged",
    ],
)
def test_what_trainers_save_around_a_state(tmp_path, content):
    (model,) = states(1)
    torch.save(content(model.state_dict()), tmp_path / "3.pth")
    plane = ip.InformationPlane(X, Y)
    assert rows(measure_checkpoints(warm_up, tmp_path / "3.pth", X, Y)) == plane.measure(model, 3)


def test_several_splits_and_a_schedule(tmp_path):
    for step, model in enumerate(states()):
        torch.save(model.state_dict(), tmp_path / f"{step}.pt")
    found = measure_checkpoints(warm_up, tmp_path / "*.pt", {"a": (X[:40], Y[:40]), "b": (X[40:], Y[40:])}, every=2)
    assert {(row["split"], row["step"]) for row in found} == {("a", 0), ("b", 0), ("a", 2), ("b", 2)}
    assert list(found.meta["checkpoints"]) == ["0", "2"]


def test_safetensors_and_wrapped_factories(tmp_path):
    (model,) = states(1)
    save_file({f"_orig_mod.{name}": value for name, value in model.state_dict().items()}, tmp_path / "4.safetensors")
    expected = ip.InformationPlane(X, Y).measure(model, 4)
    assert rows(measure_checkpoints(warm_up, tmp_path / "4.safetensors", X, Y)) == expected
    assert rows(measure_checkpoints(lambda: nn.DataParallel(warm_up()), [tmp_path / "4.safetensors"], X, Y)) == expected


def test_one_name_of_a_shared_tensor_is_enough(tmp_path):
    model = Tied()
    save_file({"first.weight": model.first.weight.detach()}, tmp_path / "1.safetensors")
    found = measure_checkpoints(Tied, tmp_path / "1.safetensors", X, Y)
    assert rows(found) == ip.InformationPlane(X, Y).measure(model, 1)


def test_a_child_that_is_called_module_keeps_its_name(tmp_path):
    def make():
        net = nn.Sequential()
        net.add_module("module", nn.Linear(12, 2))
        return net

    torch.save(make().state_dict(), tmp_path / "1.pt")
    assert {row["layer"] for row in measure_checkpoints(make, tmp_path / "1.pt", X, Y)} == {"module"}


@pytest.mark.parametrize(
    ("name", "step"),
    [("net-7.pt", 7), ("resnet18_0100.pt", 100), ("epoch=3-step=1200.pt", 1200), ("step_50-val_loss=0.25.pt", 50),
     ("v1.2-9.pt", 9), ("12.pt", 12), ("epoch=4-loss=0.25.pt", 4)],
)  # fmt: skip
def test_the_step_in_a_name(tmp_path, name, step):
    torch.save(warm_up().state_dict(), tmp_path / name)
    assert measure_checkpoints(warm_up, tmp_path / name, X, Y).last()[0]["step"] == step


def test_steps_that_are_not_clear(tmp_path):
    for name in ("a-1.pt", "b-1.pt", "best.pt"):
        torch.save(warm_up().state_dict(), tmp_path / name)
    with pytest.raises(InputError, match=r"a-1.pt and .*b-1.pt are both of step 1: give steps"):
        measure_checkpoints(warm_up, tmp_path / "*-1.pt", X, Y)
    with pytest.raises(InputError, match=r"'best.pt' holds no step"):
        measure_checkpoints(warm_up, tmp_path / "best.pt", X, Y)
    with pytest.raises(InputError, match="steps has 1 values for 3 files"):
        measure_checkpoints(warm_up, tmp_path / "*.pt", X, Y, steps=[1])
    with pytest.raises(InputError, match=r"steps holds 0.5"):
        measure_checkpoints(warm_up, tmp_path / "best.pt", X, Y, steps=[0.5])
    with pytest.raises(InputError, match="paths is empty"):
        measure_checkpoints(warm_up, [], X, Y)


def test_a_state_of_another_network_is_named_with_its_file(tmp_path):
    torch.save(six_layer().state_dict(), tmp_path / "1.pt")
    with pytest.raises(InputError, match=r"1.pt does not fit.*4.weight is unexpected.* and \d+ more"):
        measure_checkpoints(warm_up, tmp_path / "1.pt", X, Y)
    state = warm_up().state_dict()
    del state["2.bias"]
    state["2.other"], state["0.weight"] = torch.zeros(1), torch.zeros(5, 3)
    torch.save(state, tmp_path / "2.pt")
    expected = r"2.bias is missing, 2.other is unexpected, 0.weight has shape \(5, 3\) for \(5, 12\)"
    with pytest.raises(InputError, match=rf"2.pt does not fit .*: {expected}"):
        measure_checkpoints(warm_up, tmp_path / "2.pt", X, Y)
    state = warm_up().state_dict()
    torch.save(state | {"module.0.bias": state["0.bias"]}, tmp_path / "3.pt")
    with pytest.raises(InputError, match=r"3.pt holds '0.bias' twice"):
        measure_checkpoints(warm_up, tmp_path / "3.pt", X, Y)


def test_a_diverged_state_names_layer_and_step(tmp_path):
    state = warm_up().state_dict()
    state["0.weight"].fill_(torch.nan)
    torch.save(state, tmp_path / "8.pt")
    with pytest.raises(NonFiniteError, match=r"layer '0'.*step 8"):
        measure_checkpoints(warm_up, tmp_path / "8.pt", X, Y)


class Hostile:
    """Opened without care, a file with this would write another file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_nothing_in_a_file_is_run(tmp_path):
    torch.save({"state_dict": warm_up().state_dict(), "more": Hostile(tmp_path / "run")}, tmp_path / "1.pt")
    with pytest.raises(DataFileError, match=r"1.pt .*running code from the file"):
        read_state(tmp_path / "1.pt")
    assert not (tmp_path / "run").exists()


def test_damaged_files(tmp_path):
    torch.save(warm_up().state_dict(), tmp_path / "1.pt")
    save_file(warm_up().state_dict(), tmp_path / "1.safetensors")
    for name in ("1.pt", "1.safetensors"):
        whole = (tmp_path / name).read_bytes()
        for length in (0, 5, len(whole) // 2, len(whole) - 1):
            (tmp_path / f"cut{name[1:]}").write_bytes(whole[:length])
            with pytest.raises(DataFileError, match=rf"cut{name[1:]} \({length} bytes\) is truncated, damaged"):
                read_state(tmp_path / f"cut{name[1:]}")
    with (
        zipfile.ZipFile(tmp_path / "1.pt") as old,
        zipfile.ZipFile(tmp_path / "z.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            new.writestr(member, old.read(member) + bytes(10**6))
    with pytest.raises(DataFileError, match=r"z.pt \(\d+ bytes\)"):
        read_state(tmp_path / "z.pt")


def test_what_is_no_state(tmp_path):
    for name, content, message in [
        ("a.pt", torch.zeros(3), "it holds Tensor"),
        ("b.pt", {"lr": 0.1}, "'lr' is a float"),
        ("c.pt", {}, "no state dictionary"),
        ("d.pt", {"state_dict": {"w": torch.zeros(2, device="meta")}}, "'w' is a"),
    ]:
        torch.save(content, tmp_path / name)
        with pytest.raises(DataFileError, match=message):
            read_state(tmp_path / name)
    (tmp_path / "e.bin").touch()
    (tmp_path / "f.pt").mkdir()
    for path, message in [("e.bin", "ends in '.bin'"), ("f.pt", "is no file"), ("g.pt", "is missing")]:
        with pytest.raises(DataFileError, match=message):
            read_state(tmp_path / path)
    with pytest.raises(DataFileError, match="no file matches"):
        measure_checkpoints(warm_up, tmp_path / "net*.pt", X, Y)


def test_files_are_looked_for_before_anything_is_measured(tmp_path):
    torch.save(warm_up().state_dict(), tmp_path / "1.pt")
    made = []
    with pytest.raises(DataFileError, match=r"2.pt is missing"):
        measure_checkpoints(lambda: made.append(1), [tmp_path / "1.pt", tmp_path / "2.pt"], X, Y)
    assert not made


def test_copies_under_the_names_of_the_network_are_chosen(tmp_path):
    model, average = states(2)
    both = {f"model.{name}": value for name, value in model.state_dict().items()}
    both |= {f"ema_model.{name}": value for name, value in average.state_dict().items()}
    torch.save({"state_dict": both, "state_dict_ema": average.state_dict()}, tmp_path / "step=3.ckpt")
    wanted = [ip.InformationPlane(X, Y).measure(each, 3) for each in (model, average)]
    for prefix, which in (("model.", 0), ("model", 0), ("ema_model.", 1), ("state_dict_ema", 1)):
        found = measure_checkpoints(warm_up, tmp_path / "step=3.ckpt", X, Y, prefix=prefix)
        assert rows(found) == wanted[which]
    with pytest.raises(InputError, match=r"2 times: choose with prefix='model\.' or prefix='ema_model\.'"):
        measure_checkpoints(warm_up, tmp_path / "step=3.ckpt", X, Y)
    with pytest.raises(InputError, match=r"model\.0\.weight is unexpected"):
        measure_checkpoints(warm_up, tmp_path / "step=3.ckpt", X, Y, prefix="other.")
