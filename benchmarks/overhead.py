"""What measuring costs beside training: share of an epoch, for three networks and several sizes of the evaluation set.

    python benchmarks/overhead.py                         # everything; minutes on a quiet machine
    python benchmarks/overhead.py --networks mlp resnet --sizes 200 --fraction 0.002   # a try

The perceptron 784-256-128-64-10 and the residual network (20 layers; 16, 32 and 64 channels at 28, 14 and 7 pixels a
side) learn Fashion-MNIST, 60 000 pictures in batches of 128. The time of an epoch is that of a stated fraction of its
batches, scaled. Every layer is measured once an epoch; of the residual network also its nine blocks alone. The rival
way, rebuilt from its description: the outputs of `nn.Linear` alone, kept whole, 20 clusters by k-means for each and for
the pictures, and counts of clusters; twice an epoch. The transformer (12 blocks, 768 wide, random weights) is held
against its own forward pass: the residual stream, tokens as samples, `soft`, four label sets. Wall time, medians, one
thread. The transformer's memory is counted in a process of its own that returns what it frees at once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
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

TRAINED, BATCH = 60_000, 128
FIXED = {"name": "binned", "bins": {"rule": "fixed", "bins": 30, "low": -3, "high": 3}}
WAYS: dict[str, Any] = {"binned, fixed bins": FIXED, "binned, bins of the range": "binned", "soft": "soft"}
CLUSTERS = 20
WORDS, TOKENS, WIDTH, TEXTS = 1000, 64, 768, 8  # TEXTS go through the transformer at a time
FREED_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # no holes in glibc's heap


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1, self.bn1, self.act1 = _conv(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU()
        self.conv2, self.bn2, self.act2 = _conv(outputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU()
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        return self.act2(inner + self.shortcut(x))


LAYERS = {"resnet": {"; of blocks": lambda _name, module: isinstance(module, Block)}}


def _conv(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


class Transformer(nn.Module):
    """Words and places, twelve blocks, and a score for every word."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(TOKENS, WIDTH)
        made = [
            nn.TransformerEncoderLayer(WIDTH, 12, 4 * WIDTH, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(12)
        ]
        self.blocks, self.head = nn.ModuleList(made), nn.Linear(WIDTH, WORDS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = self.words(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            t = block(t)
        return self.head(t)


def network(name: str) -> nn.Module:
    """A perceptron, a residual network, or the transformer."""
    torch.manual_seed(0)
    if name == "transformer":
        return Transformer()
    if name == "mlp":
        widths = [784, 256, 128, 64]
        hidden = [[nn.Linear(a, b), nn.ReLU()] for a, b in itertools.pairwise(widths)]
        return nn.Sequential(nn.Flatten(), *itertools.chain(*hidden), nn.Linear(64, 10))
    stem = [_conv(1, 16, 1), nn.BatchNorm2d(16), nn.ReLU()]
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Block(a, b) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def pictures(split: str, samples: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Fashion-MNIST (samples, 1, 28, 28) in [0, 1], and its classes."""
    data = ip.datasets.load("fashion-mnist", split=split, samples=samples, pool=False)
    return torch.from_numpy(data.x)[:, None].float() / 255, torch.from_numpy(data.y)


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """All of x once, in batches."""
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for rows in torch.randperm(len(x)).split(BATCH):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimiser.step()


@torch.no_grad()
def forward(model: nn.Module, x: torch.Tensor, size: int) -> None:
    """In batches of so many samples."""
    model.eval()
    for batch in x.split(size):
        model(batch)


@torch.no_grad()
def by_clusters(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    """I(X;T) and I(T;Y) from clusters of the outputs of every nn.Linear; how many there were."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import mutual_info_score

    outputs: dict[str, list[torch.Tensor]] = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: outputs.setdefault(name, []).append(out.clone()))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    ]
    forward(model, x, BATCH)
    for hook in hooks:
        hook.remove()

    def clusters(rows: torch.Tensor) -> Any:
        return MiniBatchKMeans(CLUSTERS, n_init=3, random_state=0).fit_predict(rows.flatten(1).numpy())

    inputs = clusters(x)
    for parts in outputs.values():
        layer = clusters(torch.cat(parts))
        mutual_info_score(inputs, layer), mutual_info_score(layer, y.numpy())
    return len(outputs)


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call."""
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def beside_an_epoch(name: str, sizes: list[int], fraction: float, repeats: int) -> None:
    """Rows of the table for a network that is trained; everything takes turns."""
    model = network(name)
    x, y = pictures("train", max(BATCH, round(TRAINED * fraction) // BATCH * BATCH))
    scale = TRAINED / len(x)
    for size in sizes:
        x_here, y_here = pictures("test", size)
        planes = {
            way + within: ip.InformationPlane(x_here, y_here, layers=layers, estimators=made)
            for within, layers in (("", "auto"), *LAYERS.get(name, {}).items())
            for way, made in WAYS.items()
        }
        layers = {way: len(plane.measure(model, -1)) for way, plane in planes.items()}  # compiles, looks at shapes
        batch = planes["soft"].trajectory.meta["recording_batch"]
        calls: dict[str, Callable[[], Any]] = {
            "epoch": lambda: train(model, x, y),
            "forward pass alone": lambda here=x_here, batch=batch: forward(model, here, batch),
            "clusters, twice": lambda here=x_here, labels=y_here: by_clusters(model, here, labels),
        }
        for way, plane in planes.items():
            calls[way] = lambda plane=plane: plane.measure(model, len(plane.trajectory))
        found: dict[str, list[float]] = {each: [] for each in calls}
        for _ in range(repeats):
            for each, call in calls.items():
                found[each].append(seconds(call))
        times = {each: statistics.median(values) for each, values in found.items()}
        epoch = times.pop("epoch") * scale
        times["clusters, twice"] *= 2
        linear = sum(isinstance(module, nn.Linear) for module in model.modules())
        pure = times["forward pass alone"]
        for way, spent in times.items():
            count = layers.get(way, linear if way == "clusters, twice" else "")
            beyond = (spent - pure * (2 if way == "clusters, twice" else 1)) / epoch
            shares = f"{spent / epoch:.2%} | {beyond:.2%}"
            print(f"| {name} | {size} | {way} | {count} | {epoch:.2f} | {spent:.3f} | {shares} |", flush=True)


def label_sets(words: torch.Tensor) -> dict[str, torch.Tensor]:
    """Four of every token: the word, its place, the word before it, and a class of words."""
    places = torch.arange(words.shape[1]).expand_as(words)
    return {"word": words, "place": places, "before": words.roll(1, 1), "class": words % 10}


def transformer(texts: int, repeats: int) -> dict[str, Any]:
    """Seconds and bytes of a forward pass and of a measurement, in this process."""
    import resource

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    model = network("transformer").eval()
    words = torch.randint(WORDS, (texts, TOKENS), generator=torch.Generator().manual_seed(0))

    def made(x: torch.Tensor) -> ip.InformationPlane:
        options = {"layers": "residual", "pool": "token", "estimators": "soft", "batch_size": TEXTS}
        return ip.InformationPlane(x, label_sets(x), **options)

    made(words[:2]).measure(model, 0)  # loads what is loaded
    plane = made(words)
    forwards, measurements = [seconds(lambda: forward(model, words, TEXTS))], []
    before = peak()
    for step in range(repeats):
        measurements.append(seconds(lambda step=step: plane.measure(model, step)))
        forwards.append(seconds(lambda: forward(model, words, TEXTS)))
    return {
        "layers": len({row["layer"] for row in plane.trajectory}),
        "forward": statistics.median(forwards[1:]),
        "measure": statistics.median(measurements),
        "memory": peak() - before,
        "layer": words.numel() * WIDTH * 4,
    }


def transformer_alone(texts: int, repeats: int, environment: dict[str, str]) -> dict[str, Any]:
    """What ``transformer`` finds in a process of its own."""
    command = [sys.executable, __file__, "--only", str(texts), "--repeats", str(repeats)]
    settings = {**os.environ, **environment}
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=settings).stdout
    return json.loads(printed.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ["mlp", "resnet", "transformer"]
    parser.add_argument("--networks", nargs="+", choices=known, default=known)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="samples to measure")
    parser.add_argument("--texts", type=int, nargs="+", default=[16, 64], help=f"texts of {TOKENS} tokens to measure")
    parser.add_argument("--fraction", type=float, default=0.02, help="of the batches of the ResNet's epoch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", type=int, help="the transformer with so many texts, in this process")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.only:
        print(json.dumps(transformer(given.only, given.repeats)))
        return
    from machine import machine

    print(f"`python benchmarks/overhead.py {' '.join(sys.argv[1:])}`\n\n{machine()}\n")
    trained = [name for name in given.networks if name != "transformer"]
    if trained:
        print(f"An epoch is {TRAINED} pictures; of the ResNet's, {given.fraction:.2%} of the batches were timed.\n")
        print("| network | measured | way | layers | epoch [s] | measuring [s] | share of it | beyond the forward |")
        print("|---|---:|---|---:|---:|---:|---:|---:|")
    for name in trained:
        beside_an_epoch(name, given.sizes, 0.5 if name == "mlp" else given.fraction, given.repeats)
    if "transformer" in given.networks:
        print("\n| tokens | layers | forward pass [s] | with measuring [s] | beyond it | extra [MB] | one layer [MB] |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
    for texts in given.texts if "transformer" in given.networks else []:
        found = transformer_alone(texts, given.repeats, {})
        found["memory"] = transformer_alone(texts, 1, FREED_AT_ONCE)["memory"]
        share = found["measure"] / found["forward"] - 1
        print(
            f"| {texts * TOKENS} | {found['layers']} | {found['forward']:.2f} | {found['measure']:.2f} | {share:.1%} "
            f"| {found['memory'] / 1e6:.1f} | {found['layer'] / 1e6:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
