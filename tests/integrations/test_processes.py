"""Several processes: one measures, all know; real ones, over gloo."""

from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing, nn

from infoplane.errors import InputError
from infoplane.integrations.processes import on_first_process


def test_one_process_measures_itself():
    assert on_first_process(lambda: 3, nn.Linear(1, 1)) == 3


def join(rank, place):
    distributed.init_process_group("gloo", init_method=f"file://{place}/meeting", rank=rank, world_size=2)


def measure(rank, place):
    join(rank, place)
    found = on_first_process(lambda: {"from": rank}, nn.Linear(1, 1))
    sharded = nn.Linear(2, 2)
    sharded.weight.placements = ("stands for a shard",)
    try:
        on_first_process(lambda: None, sharded)
        told = ""
    except InputError as error:
        told = str(error)
    torch.save((found, told), f"{place}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_all_processes_know_what_the_first_one_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where the new processes find this file
    multiprocessing.spawn(measure, args=(str(tmp_path),), nprocs=2)
    for rank in (0, 1):
        found, told = torch.load(tmp_path / f"{rank}.pt")
        assert found == {"from": 0}
        assert told.startswith("weight is sharded over the processes")
