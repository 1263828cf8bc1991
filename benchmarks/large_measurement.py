"""One measurement of many samples, spread over processes: memory and time a sample.

    python benchmarks/large_measurement.py                                   # 10 million samples, 1 and 2 processes
    python benchmarks/large_measurement.py --samples 200000 --processes 1 2  # a try

Every process makes its own part of the data (12 normal numbers a sample, a label from two of them), so that no process
ever has it all. The network is the report's, 12-10-7-5-4-3-1 with tanh, six layers measured. Two bin rules: fixed ones
need one pass over the samples, those from the smallest to the largest value two.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from torch import distributed

import infoplane as ip

LAYERS = ["1", "3", "5", "7", "9", "11"]
RULES = {"fixed": {"rule": "fixed", "bins": 30, "low": -1, "high": 1}, "layer": 30}
BLOCK = 65536  # samples that are made at a time, each block from a seed of its own


def samples(part: slice) -> tuple[np.ndarray, np.ndarray]:
    """The part's samples, the same whoever makes them; parts begin at a multiple of 4096."""
    x = np.empty((part.stop - part.start, 12), dtype=np.float32)
    for block in range(part.start // BLOCK, -(-part.stop // BLOCK)):
        made = np.random.default_rng(block).standard_normal((BLOCK, 12), dtype=np.float32)
        first, last = max(block * BLOCK, part.start), min((block + 1) * BLOCK, part.stop)
        x[first - part.start : last - part.start] = made[first - block * BLOCK : last - block * BLOCK]
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64)


def peak() -> int:
    """Bytes of memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def one_process(total: int, rule: str) -> None:
    """What each process does; prints its line."""
    torch.set_num_threads(1)
    if "WORLD_SIZE" in os.environ:
        distributed.init_process_group("gloo")
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    torch.manual_seed(0)
    model = ip.networks.six_layer()
    warm = np.zeros((4096, 12), dtype=np.float32)
    ip.InformationPlane(warm, np.arange(4096) % 2, estimators="binned").measure(model, 0)  # compiles
    x, y = samples(ip.ShardedPlane.part(total))
    before = peak()
    started = time.perf_counter()
    plane = ip.ShardedPlane(x, y, layers=LAYERS, estimators={"name": "binned", "bins": RULES[rule]})
    between = time.perf_counter()
    rows = plane.measure(model, 0)
    ended = time.perf_counter()
    line = {
        "rank": rank,
        "samples": len(x),
        "bytes": peak() - before,
        "prepare": between - started,
        "measure": ended - between,
        "values": [[row["i_xt"], row["i_ty"]] for row in rows],
    }
    print(json.dumps(line), flush=True)
    if distributed.is_initialized():
        distributed.destroy_process_group()


def started(total: int, rule: str, processes: int) -> list[dict]:
    """The lines of all processes, the first one's first."""
    command = [sys.executable]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command += ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        command += ["--master-addr", "127.0.0.1", "--master-port", str(port)]
    command += [__file__, "--samples", str(total), "--rule", rule]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted(
        (json.loads(line) for line in printed.splitlines() if line.startswith("{")), key=lambda it: it["rank"]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rule", choices=RULES, help="what one process measures; without, all of it is started")
    given = parser.parse_args()
    if given.rule:
        one_process(given.samples, given.rule)
        return
    print(f"{os.cpu_count()} processors, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| bins | processes | seconds before the first | seconds | µs a sample | bytes a sample in process 0 | others |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for rule in RULES:
        values = []
        for processes in given.processes:
            first, *others = started(given.samples, rule, processes)
            seconds = first["measure"]
            each = 1e6 * seconds / given.samples
            more = f"{max(one['bytes'] / one['samples'] for one in others):.0f}" if others else ""
            print(
                f"| {rule} | {processes} | {first['prepare']:.1f} | {seconds:.1f} | {each:.2f} "
                f"| {first['bytes'] / given.samples:.0f} | {more} |",
                flush=True,
            )
            values.append(first["values"])
        if any(one != values[0] for one in values):
            raise SystemExit(f"the values differ between numbers of processes: {values}")
    print(f"\n{given.samples} samples; the values are the same, to the last bit, whatever the number of processes.")


if __name__ == "__main__":
    main()
