"""Two real processes over gloo: DistributedDataParallel and fully_shard."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import nn

pytestmark = pytest.mark.slow

RANKS = Path(__file__).with_name("ranks.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes of ranks.py left behind."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(RANKS)]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for rank in (0, 1)
    ]
    try:
        said = [rank.communicate(timeout=180)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(said)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in (0, 1)]


def test_one_process_measures_what_it_would_measure_alone(folder: Path) -> None:
    ranks = runpy.run_path(str(RANKS))
    parallel = json.loads((folder / "parallel.json").read_text())
    assert parallel["names"] == ["0", "1", "2", "4"]
    plane = ranks["plane"]()
    for epoch in range(3):
        model: nn.Module = ranks["network"]()
        model.load_state_dict(load_file(folder / f"weights-{epoch}.safetensors"))
        plane.measure(model, epoch)
    assert json.loads(json.dumps(list(plane.trajectory))) == parallel["rows"]
    assert {row["n"] for row in parallel["rows"]} == {45}  # the sampler pads to 46


def test_measuring_in_one_process_does_not_change_the_training_of_both(found: list[dict[str, Any]]) -> None:
    assert all(rank["parallel training as without measuring"] for rank in found)


def test_a_sharded_network_is_measured_by_all_processes_as_one_process_would(found: list[dict[str, Any]]) -> None:
    for rank in found:
        assert rank["first"] == 10
        assert len(rank["rows"]) == 50
        assert rank["rows"] == rank["reference"]


def test_shards_stay_shards_and_train_on_bitwise(found: list[dict[str, Any]]) -> None:
    for rank in found:
        assert rank["kinds"] == [["DTensor"] * 6] * 2
        assert rank["as without measuring"]
        assert rank["as in one process"]


def test_families_and_clocks_refuse_sharded_networks(found: list[dict[str, Any]]) -> None:
    for rank in found:
        for text in rank["errors of families"]:
            assert text.startswith("FSDP models cannot be copied; pass a model_factory")
        assert rank["error of a clock"].startswith("max_share asks each process for its own clock")
        assert rank["copies"] == 3
