"""One of two processes that train and measure together: python ranks.py RANK FOLDER. What it sees goes to FOLDER."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import infoplane as ip
from infoplane.errors import InputError

SAMPLES = torch.randn(45, 6, generator=torch.Generator().manual_seed(1))
LABELS = (SAMPLES[:, 0] * SAMPLES[:, 1] > 0).long()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 2))


def dense() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 2))


def plane() -> ip.InformationPlane:
    return ip.InformationPlane(SAMPLES, LABELS, estimators=["binned", "soft"], seed=4)


def tensors(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def trained_in_parallel(rank: int, folder: Path, *, measured: bool) -> dict[str, Tensor]:
    """DistributedDataParallel with a sampler that pads; the first process measures all samples, the other goes on."""
    model = DistributedDataParallel(network())
    torch.manual_seed(5 + rank)  # for dropout
    measurement = plane()
    sampler = DistributedSampler(range(len(SAMPLES)), seed=3)
    loader = DataLoader(TensorDataset(SAMPLES, LABELS), batch_size=8, sampler=sampler)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        if measured and rank == 0:
            measurement.measure(model, epoch)
            save_file(tensors(model.module), folder / f"weights-{epoch}.safetensors")
    if measured and rank == 0:
        names = list(ip.record(torch.compile(model, backend="eager"), SAMPLES))
        (folder / "parallel.json").write_text(json.dumps({"rows": list(measurement.trajectory), "names": names}))
    return tensors(model.module)


def sharded() -> nn.Module:
    model, mesh = dense(), init_device_mesh("cpu", (2,))
    fully_shard(model[2], mesh=mesh)
    return fully_shard(model, mesh=mesh)


def trained(model: nn.Module, measure: Callable[[int], object] = lambda step: None) -> dict[str, Tensor]:
    """Measures where it hurts most: between the backward pass and the optimiser's step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(SAMPLES), LABELS).backward()
        measure(step)
        optimizer.step()
    return {name: getattr(p, "full_tensor", lambda p=p: p)().detach() for name, p in model.named_parameters()}


def trained_in_shards() -> dict[str, object]:
    measurement, model = plane(), sharded()
    untouched = [type(parameter).__name__ for parameter in model.parameters()]
    before = measurement.measure(model, -1)
    kinds = [type(parameter).__name__ for parameter in model.parameters()]
    watched, unwatched, whole = (
        trained(model, lambda step: measurement.measure(model, step)),
        trained(sharded()),
        dense(),
    )
    reference = plane()
    reference.measure(whole, -1)
    expected = trained(whole, lambda step: reference.measure(whole, step))
    return {
        "rows": list(measurement.trajectory),
        "reference": list(reference.trajectory),
        "first": len(before),
        "kinds": [untouched, kinds],
        "as without measuring": all(torch.equal(watched[name], unwatched[name]) for name in unwatched),
        "as in one process": all(torch.equal(watched[name], expected[name]) for name in expected),
        "errors of families": [
            error_of(lambda: ip.Family(model, 3)),
            error_of(lambda: ip.Family(model, 3, init="independent")),
            error_of(lambda: ip.Family(sharded, 3)),
            error_of(lambda: ip.Family.from_modules([model])),
        ],
        "error of a clock": error_of(lambda: ip.InformationPlane(SAMPLES, LABELS, max_share=0.1).measure(model, 0)),
        "copies": ip.Family(dense, 3).copies,
    }


def error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except InputError as error:
        return str(error)
    return "no error"


def main(rank: int, folder: Path) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    runs = [trained_in_parallel(rank, folder, measured=measured) for measured in (True, False)]
    same = all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    found = {"parallel training as without measuring": same, **trained_in_shards()}
    (folder / f"rank-{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
