"""One measurement of all layers by every estimator, beside a training epoch: CPU time, peak memory, sanity.

    python benchmarks/rivals.py > benchmarks/rivals.md               # both networks, every estimator
    python benchmarks/rivals.py --estimators binned kde --repeats 1  # a try

The networks: a perceptron 784-64-32-10, and a convolutional one. Fashion-MNIST, 10 000 pictures to train on (batches of
128), 2 000 others to measure. Every estimator has a process of its own; there the epoch, the forward pass alone and the
measurement take turns, after two epochs of training.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn

import infoplane as ip
from infoplane.estimators import estimator as make

TRAINED = ("usable", "infonce", "nwj", "smile", "mine", "club")  # they fit networks or classifiers of their own
CHEAPER = ("renyi null=0", "renyi alpha=2 null=0")  # without the shuffled labels that rivals do not have
NETWORKS = ("mlp", "cnn")
LONG = 20.0  # CPU seconds of a measurement that is made once only

HEAD = """# One measurement beside a training epoch

`{command}`, {machine}.

A perceptron 784-64-32-10, and a convolutional network (conv8-BN-ReLU-pool-conv16-BN-ReLU-pool-fc64-ReLU-Dropout-fc10),
trained for two epochs on 10 000 pictures of Fashion-MNIST in batches of 128. Measured are all layers (5 and 9), I(X;T)
and I(T;Y) in bits, on 2 000 other pictures. CPU time, one thread: the medians of an epoch, a forward pass of the
measured pictures and a measurement that take turns; each estimator in a process of its own. The peak is that of the
whole process with Python, torch and the data; "added" is what the measurement put on top of the training's own peak.
"""
NOTES = """
"kept": no I(X;T) above log2(2000) = 10.97, no I(T;Y) above H(Y) = 3.32, and none in the last layer below what the
network's own answers know of the label. Otherwise: how many of the layers are outside, and whether each of these rows
has a flag; in parentheses all flags of the measurement. Estimators marked "trains" fit classifiers or networks of their
own.

Part of the time goes into doubt: `soft` and `renyi` also measure shuffled labels (`null=0` does not), `ksg` and
`compressed` also half of the samples, to see whether there is noise that bounds them, `kde` gives both bounds, `noisy`
an interval. What depends on the input alone (its distances, basis, cells) is worked out at the first measurement, which
is not counted, and serves all layers and steps.
"""


def network(name: str) -> nn.Module:
    """The perceptron, or convolutions with batch normalisation and dropout."""
    if name == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
        )
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 10)),
    )


def pictures(split: str, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Fashion-MNIST (samples, 1, 28, 28) in [0, 1], and its ten classes."""
    data = ip.datasets.load("fashion-mnist", split=split, samples=samples, pool=False)
    return torch.from_numpy(data.x)[:, None].float() / 255, torch.from_numpy(data.y)


def train_an_epoch(model: nn.Module, optimiser: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor) -> None:
    """Batches of 128 in a new order."""
    model.train()
    for rows in torch.randperm(len(x)).split(128):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimiser.step()


def peak() -> int:
    """Bytes of memory that this process had at most."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_seconds(call: Callable[[], Any]) -> float:
    """Of one call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def measured(name: str, estimator: str, samples: tuple[int, int], repeats: int) -> dict[str, Any]:
    """Medians of CPU seconds, bytes, and what can be said of the values; or why there are none."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = pictures("train", samples[0])
    x_here, y_here = pictures("test", samples[1])
    model = network(name)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    epochs = [cpu_seconds(lambda: train_an_epoch(model, optimiser, x, y)) for _ in range(2)]
    before = peak()
    plane = ip.InformationPlane(x_here, y_here, estimators=with_options(estimator))
    try:
        first = cpu_seconds(lambda: plane.measure(model, 0))  # compiles what is compiled, and loads packages
    except ip.InfoplaneError as error:
        return {"error": str(error)}
    found = {"before": before, "peak": peak(), **sanity(plane, model, x_here, y_here)}
    forwards, measurements = [], [first] if first > LONG else []
    for step in range(1, 1 + (repeats if not measurements else 0)):
        epochs.append(cpu_seconds(lambda: train_an_epoch(model, optimiser, x, y)))
        forwards.append(cpu_seconds(lambda: forward(model, x_here)))
        measurements.append(cpu_seconds(lambda step=step: plane.measure(model, step)))
    forwards = forwards or [cpu_seconds(lambda: forward(model, x_here)) for _ in range(3)]
    times = {"epoch": epochs[1:], "forward": forwards, "measure": measurements}
    return found | {key: statistics.median(each) for key, each in times.items()}


def with_options(text: str) -> Any:
    """The estimator that "soft null=0" means."""
    name, *options = text.split()
    return make(name, **{key: json.loads(value) for key, value in (one.split("=") for one in options)})


@torch.no_grad()
def forward(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What every measurement needs."""
    return model.eval()(x)


def sanity(plane: ip.InformationPlane, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
    """The values against log2 N, H(Y) and what the network's own answers know about the label, [bits]."""
    rows = list(plane.trajectory)
    shares = y.bincount() / len(y)
    log_n, h_y = math.log2(len(x)), float(-(shares * shares.log2()).sum())
    answers = forward(model, x).argmax(1)[:, None].double()
    floor = ip.mutual_information(answers, y, estimator="binned", bins="distinct").value

    def outside(row: dict[str, Any]) -> bool:
        above = (row["i_xt"] is not None and row["i_xt"] > log_n + 1e-6) or row["i_ty"] > h_y + 1e-6
        return above or (row is rows[-1] and row["i_ty"] < floor - 1e-6)

    strange = [row for row in rows if outside(row)]
    return {
        "layers": len(rows),
        "i_xt": [row["i_xt"] for row in rows],
        "i_ty": [row["i_ty"] for row in rows],
        "log_n": log_n,
        "h_y": h_y,
        "floor": floor,
        "flags": sorted({flag for row in rows for flag in row["flags"]}),
        "strange": len(strange),
        "unflagged": [row["layer"] for row in strange if not row["flags"]],
    }


def in_a_process(name: str, estimator: str, samples: tuple[int, int], repeats: int) -> dict[str, Any]:
    """The same in a fresh process."""
    command = [sys.executable, __file__, "--only", name, "--estimators", estimator]
    command += ["--samples", *map(str, samples), "--repeats", str(repeats)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(printed.splitlines()[-1])


def line(name: str, estimator: str, found: dict[str, Any]) -> str:
    """A row of the table."""
    kind = f"`{estimator}`" + (" (trains)" if estimator in TRAINED else "")
    if "error" in found:
        return f"| {name} | {kind} | | | | | | | | {found['error'].partition(':')[0]} |"
    beyond = found["measure"] - found["forward"]
    highest = [max((one for one in found[key] if one is not None), default=None) for key in ("i_xt", "i_ty")]
    shown = " | ".join("" if one is None else f"{one:.2f}" for one in highest)
    if found["unflagged"]:
        verdict = f"NOT flagged: {', '.join(found['unflagged'])}"
    else:
        verdict = f"{found['strange']} outside, all flagged" if found["strange"] else "kept"
    flags = f" ({', '.join(found['flags'])})" if found["flags"] else ""
    memory = f"{found['peak'] / 1e6:.0f} | {(found['peak'] - found['before']) / 1e6:.0f}"
    return (
        f"| {name} | {kind} | {1000 * found['measure']:.1f} | {beyond / found['epoch']:.3f} | {memory} "
        f"| {shown} | {found['i_ty'][-1]:.2f} | {verdict}{flags} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimators", nargs="+", default=[*ip.estimators(), *CHEAPER], metavar="NAME")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--samples", type=int, nargs=2, default=(10_000, 2_000), metavar=("TRAIN", "MEASURE"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=NETWORKS, help="one network and estimator, in this process")
    given = parser.parse_args()
    samples = (given.samples[0], given.samples[1])
    if given.only:
        print(json.dumps(measured(given.only, given.estimators[0], samples, given.repeats)))
        return
    from machine import machine

    print(HEAD.format(command=shlex.join(["python", "benchmarks/rivals.py", *sys.argv[1:]]), machine=machine()))
    print(
        "| network | estimator | measurement [ms] | beyond the forward pass, of an epoch | peak [MB] | of it, added ",
        end="",
    )
    print(
        "| largest I(X;T) | largest I(T;Y) | I(T;Y), last layer | ceilings and floor |\n|---|---|"
        + "---:|" * 7
        + "---|"
    )
    for name in given.networks:
        for estimator in given.estimators:
            print(line(name, estimator, in_a_process(name, estimator, samples, given.repeats)), flush=True)
    print(NOTES)


if __name__ == "__main__":
    main()
