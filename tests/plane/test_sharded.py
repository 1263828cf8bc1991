"""A measurement spread over processes against the one of a single process, number for number."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.plane.sharded import ShardedPlane

RULES = [
    {"name": "binned", "bins": 30},
    {"name": "binned", "bins": {"rule": "unit", "bins": 8}},
    {"name": "binned", "bins": {"rule": "fixed", "bins": 16, "low": -0.5, "high": 0.5}},
    {"name": "binned", "bins": "width", "correction": "miller-madow"},
    {"name": "binned", "bins": "distinct"},
]
SAMPLES, BATCH = 2500, 256  # the last batch is not full, and the parts differ in length


def data():
    random = np.random.default_rng(0)
    x = random.normal(size=(SAMPLES, 6)).astype(np.float32)
    x[1000:1500] = x[:500]  # equal inputs that two processes hold
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def network():
    torch.manual_seed(0)
    made = ip.networks.mlp([6, 5, 4, 1], "relu", "tanh")
    with torch.no_grad():
        made[0].weight[0], made[0].bias[0] = 0, -1  # a unit that never changes
    return made


def rows_of(plane):
    return [plane.measure(network(), step=3), plane.trajectory.meta]


def single():
    return rows_of(ip.InformationPlane(*data(), estimators=RULES, batch_size=BATCH))


def test_one_process_reads_in_pieces_what_a_plane_reads():
    rows, meta = single()
    found, facts = rows_of(ShardedPlane(*data(), estimators=RULES, batch_size=BATCH))
    assert found == rows
    assert {name: meta[name] for name in facts} == facts
    assert any("constant-units" in row["flags"] for row in found)


def test_parts_are_whole_batches_of_all_samples(monkeypatch):
    for size in (1, 2, 3, 7):
        places = [(rank, size) for rank in range(size)]
        parts = []
        for place in places:
            monkeypatch.setattr("infoplane.plane.sharded._place_of", lambda group, place=place: place)
            parts.append(range(SAMPLES)[ShardedPlane.part(SAMPLES, batch_size=BATCH)])
        assert [row for part in parts for row in part] == list(range(SAMPLES))
        assert all(part.start % BATCH == 0 for part in parts)


def test_a_memory_mapped_file_is_read(tmp_path):
    x, y = data()
    np.save(tmp_path / "x.npy", x)
    plane = ShardedPlane(np.load(tmp_path / "x.npy", mmap_mode="r"), y, batch_size=BATCH)
    assert plane.measure(network(), 0) == ip.InformationPlane(x, y, batch_size=BATCH).measure(network(), 0)


@pytest.mark.parametrize("bad", [{"name": "binned", "bins": "quantile"}, "kde"])
def test_what_needs_all_activations_is_refused(bad):
    with pytest.raises(ip.errors.InputError, match="in one place"):
        ShardedPlane(*data(), estimators=bad)


def test_samples_that_do_not_fit_are_refused():
    x, y = data()
    with pytest.raises(ip.errors.InputError, match="process 0 has 2500 samples and 7 labels"):
        ShardedPlane(x, y[:7])
    with pytest.raises(ip.errors.InputError, match="class"):
        ShardedPlane(x, np.eye(2)[y])


def test_a_row_that_is_not_finite_is_an_error_or_a_cell_of_its_own():
    x, y = data()
    x[2100, 0] = np.inf
    with pytest.raises(ip.errors.NonFiniteError, match="layer '0', step 0: 1 of 2500 rows"):
        ShardedPlane(x, y, batch_size=BATCH).measure(network(), 0)
    own = {"name": "binned", "nonfinite": "own-cell"}
    found = ShardedPlane(x, y, estimators=own, batch_size=BATCH).measure(network(), 0)
    assert found == ip.InformationPlane(x, y, estimators=own, batch_size=BATCH).measure(network(), 0)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_torchrun_gives_the_numbers_of_a_single_process(processes, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command += ["--master-addr", "127.0.0.1", "--master-port", str(port), __file__, str(tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows, _ = single()
    assert list(ip.Trajectory.load(tmp_path / "rows.csv")) == list(ip.Trajectory(rows))


def main(folder):
    """What each process of torchrun does."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    x, y = data()
    part = ShardedPlane.part(len(x), batch_size=BATCH)
    plane = ShardedPlane(x[part], y[part], estimators=RULES, batch_size=BATCH)
    rows = plane.measure(network(), step=3)
    if torch.distributed.get_rank() == 0:
        ip.Trajectory(rows).save(os.path.join(folder, "rows.csv"))
    elif rows or len(plane.trajectory):
        raise SystemExit("only process 0 counts")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
