"""The report's procedure, slow and readable: what infoplane's numbers are tested and timed against.

    every sample alone through the network -> float32 bin edges -> one symbol per row -> counted shares -> bits

With ``edges`` e_0 < ... < e_m a value becomes ``edges[digitize(value) - 1]``: the edge below it. A value under e_0 has
index -1, which is the last edge, so that it meets the values at or above e_m; NaN does too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

import infoplane as ip
from infoplane.estimators.counting.samples import input_ids, label_ids
from infoplane.training.measuring import Measuring

Array = np.ndarray


@torch.no_grad()
def layers_of_one(network: nn.Sequential, row: Array, recorded: Sequence[int]) -> list[Array]:
    """The outputs of the modules numbered ``recorded`` for a single sample ``row``, each (units,)."""
    activation = torch.from_numpy(row[None]).to(next(network.parameters()).dtype)
    outputs = []
    for number, module in enumerate(network):
        activation = module(activation)
        if number in recorded:
            outputs.append(activation.numpy().ravel())
    return outputs


def layers_of_all(
    copies: Sequence[nn.Sequential], x: Array, recorded: Sequence[int], draws: Sequence[int] | None = None
) -> list[Array]:
    """Every sample alone through one copy: number ``draws[i]`` for sample i, else the first. (samples, units) each."""
    which = [0] * len(x) if draws is None else draws
    per_sample = [layers_of_one(copies[copy], row, recorded) for copy, row in zip(which, x, strict=True)]
    return [np.stack(outputs) for outputs in zip(*per_sample, strict=True)]


def digitised(t: Array, edges: Array) -> Array:
    """Each value replaced by the edge below it; the edges in float32, the values as they are."""
    short = np.asarray(edges, dtype=np.float32)
    return short[np.digitize(t, short) - 1]


def row_symbols(rows: Array) -> Array:
    """One comparable symbol per row, its bytes."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    return flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()


def entropy(symbols: Array) -> float:
    """In bits, of the shares of equal symbols."""
    _, counts = np.unique(symbols, return_counts=True)
    shares = counts / len(symbols)
    return float(-np.sum(shares * np.log2(shares)))


def entropy_given(symbols: Array, condition: Array) -> float:
    """H(symbols | condition) in bits: one entropy for each value of the condition, weighted by its share."""
    values, which, counts = np.unique(condition, return_inverse=True, return_counts=True)
    return sum(counts[v] / len(symbols) * entropy(symbols[which == v]) for v in range(len(values)))


def layer_information(t: Array, x: Array, y: Array, edges: Array) -> tuple[float, float]:
    """I(X;T) and I(T;Y) in bits of one layer's activations ``t`` (samples, units), inputs ``x`` and labels ``y``."""
    symbols = row_symbols(digitised(t, edges))
    h_t = entropy(symbols)
    return h_t - entropy_given(symbols, row_symbols(x)), h_t - entropy_given(symbols, row_symbols(y))


def report_information(
    copies: Sequence[nn.Sequential],
    x: Array,
    y: Array,
    edges: Array,
    *,
    recorded: Sequence[int],
    draws: Sequence[int] | None = None,
) -> list[tuple[float, float]]:
    """I(X;T) and I(T;Y) in bits of every recorded layer: one step's whole measurement."""
    return [layer_information(t, x, y, edges) for t in layers_of_all(copies, x, recorded, draws)]


# ---------------------------------------------------------------- the benchmark


def report_step(
    networks: Sequence[nn.Sequential], solvers: Sequence[torch.optim.Optimizer], x: Array, y: Array
) -> None:
    """One step of stochastic gradient descent of every copy, each on its own random batch of 101 samples."""
    loss = nn.MSELoss()
    for network, solver in zip(networks, solvers, strict=True):
        batch = np.random.permutation(len(x))[:101]
        dtype = next(network.parameters()).dtype
        solver.zero_grad()
        loss(network(torch.from_numpy(x[batch]).to(dtype)), torch.from_numpy(y[batch]).to(dtype)).backward()
        solver.step()


LAYERS = ("1", "3", "5", "7", "9", "11")
RECORDED = tuple(int(name) for name in LAYERS)
EDGES = np.linspace(-1, 1, 50)
STEPS = 32  # measured together at most, as in a training


def alternate(copies: int, kind: str, *, rounds: int, steps: int) -> tuple[float, float]:
    """CPU seconds of one measured step: the rebuild's and infoplane's, medians over rounds in which both take turns."""
    data = ip.datasets.load("report-simple")
    target = 2.0 * data.y[:, None] - 1
    family = ip.Family(ip.networks.six_layer, copies)
    family.compile("mse", "sgd", 0.2)
    plane = ip.InformationPlane(
        data.x, target, layers=list(LAYERS), family=kind, estimators={"name": "binned", "bins": "report"}
    )
    networks = family.modules()
    solvers = [torch.optim.SGD(network.parameters(), lr=0.2) for network in networks]
    inputs, targets = family.inputs(data.x), family.targets(target)

    measuring = Measuring(plane, family, at_once=False, seconds=0.0)

    def ours() -> None:
        for step in range(steps):
            rows = family.draw(len(inputs), 101)
            family.step(inputs[rows], targets[rows])
            measuring.look(step)
        measuring.answer()

    def theirs() -> None:
        report_step(networks, solvers, data.x, target)
        draws = np.random.randint(copies, size=len(data.x))
        report_information(networks, data.x, data.y, EDGES, recorded=RECORDED, draws=draws)

    ours()
    theirs()
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        before = time.process_time()
        theirs()
        between = time.process_time()
        ours()
        times.append((between - before, (time.process_time() - between) / steps))
    slow, fast = zip(*times, strict=True)
    return statistics.median(slow), statistics.median(fast)


def separate_step(copies: int, *, repeats: int) -> float:
    """CPU seconds of one training step of the copies as separate modules, the usual way."""
    from machine import median_seconds

    data = ip.datasets.load("report-simple")
    target = 2.0 * data.y[:, None] - 1
    networks = ip.Family(ip.networks.six_layer, copies).modules()
    solvers = [torch.optim.SGD(network.parameters(), lr=0.2) for network in networks]
    return median_seconds(lambda: report_step(networks, solvers, data.x, target), repeats=repeats)


def gpu_seconds(copies: int, kind: str, *, steps: int) -> float | None:
    """Wall-clock seconds of one measured step on a GPU, or None where there is none."""
    if not torch.cuda.is_available():
        return None
    data = ip.datasets.load("report-simple")
    target = 2.0 * data.y[:, None] - 1
    settings = {"copies": copies, "family": kind, "layers": list(LAYERS), "device": "cuda", "progress": False}
    bins = {"name": "binned", "bins": "report"}
    ip.experiment(ip.networks.six_layer, data.x, target, epochs=20, estimators=bins, **settings)
    return (
        ip.experiment(ip.networks.six_layer, data.x, target, epochs=steps, estimators=bins, **settings).seconds / steps
    )


def largest_difference(copies: int, *, steps: int) -> float:
    """Between both procedures, in bits, on the same weights and draws along a training in float64."""
    data = ip.datasets.load("report-simple")
    target = 2.0 * data.y[:, None] - 1
    family = ip.Family(ip.networks.six_layer().double(), copies)
    family.compile("mse", "sgd", 0.2)
    plane = ip.InformationPlane(
        data.x, target, layers=list(LAYERS), family="sampled", estimators={"name": "binned", "bins": "report"}, seed=7
    )
    draws = torch.Generator().manual_seed(7)
    inputs, targets = family.inputs(data.x), family.targets(target)
    worst = 0.0
    for step in range(steps):
        rows = family.draw(len(inputs), 101)
        family.step(inputs[rows], targets[rows])
        if step % 10:
            continue
        measured = plane.measure(family, step)
        which = [0] * len(data.x) if copies == 1 else torch.randint(copies, (len(data.x),), generator=draws).tolist()
        slow = report_information(family.modules(), data.x, data.y, EDGES, recorded=RECORDED, draws=which)
        for row, (i_xt, i_ty) in zip(measured, slow, strict=True):
            worst = max(worst, abs(row["i_xt"] - i_xt), abs(row["i_ty"] - i_ty))
    return worst


def split(copies: int, *, repeats: int) -> tuple[float, ...]:
    """CPU seconds of the parts of one exact measured step: train, forward, symbols, counts, rows."""
    from machine import median_seconds  # beside this file, which the tests load from elsewhere

    data = ip.datasets.load("report-simple")
    target = 2.0 * data.y[:, None] - 1
    family = ip.Family(ip.networks.six_layer, copies)
    family.compile("mse", "sgd", 0.2)
    plane = ip.InformationPlane(data.x, target, layers=list(LAYERS), estimators={"name": "binned", "bins": "report"})
    (estimator,) = plane.estimators
    inputs, targets = family.inputs(data.x), family.targets(target)
    x, y = input_ids(data.x), label_ids(data.y)
    kind = "exact" if copies > 1 else "single"

    def train() -> None:
        rows = family.draw(len(inputs), 101)
        family.step(inputs[rows], targets[rows])

    for _ in range(200):
        train()
    layers = list(family.activations(inputs, list(LAYERS)).values())
    symbols = estimator.layers(layers)
    times = [
        median_seconds(train, repeats=repeats),
        median_seconds(lambda: family.activations(inputs, list(LAYERS), lend=True), repeats=repeats),
        median_seconds(lambda: estimator.layers(layers), repeats=repeats),
        median_seconds(lambda: estimator.count(symbols, x, y, kind), repeats=repeats),
    ]
    measuring = Measuring(plane, family, at_once=False, seconds=0.0)

    def measure() -> None:
        for step in range(STEPS):
            measuring.look(step)
        measuring.answer()

    whole = median_seconds(measure, repeats=max(repeats // STEPS, 9)) / STEPS
    return (*times, whole - sum(times[1:]))


def main() -> None:
    from machine import machine

    torch.set_num_threads(1)
    print("python benchmarks/report_pipeline.py\n")
    print(f"{machine()}\n")
    print(
        "| copies | family | rebuild of the report [ms a step] | infoplane [ms a step] | times faster | on a GPU [ms] |"
    )
    print("|---|---|---|---|---|---|")
    for copies, kind in ((1, "exact"), (5, "sampled"), (5, "exact"), (50, "sampled"), (50, "exact")):
        slow, fast = alternate(copies, kind, rounds=9, steps=100 if copies < 50 else 20)
        gpu = gpu_seconds(copies, kind, steps=200)
        shown = "one network" if copies == 1 else kind
        there = "not measured" if gpu is None else f"{1e3 * gpu:.2f}"
        print(f"| {copies} | {shown} | {1e3 * slow:.0f} | {1e3 * fast:.2f} | {slow / fast:.0f} | {there} |")
    print("\n| copies | train | forward | symbols | counts | rows | information / step | / step of separate modules |")
    print("|---|---|---|---|---|---|---|---|")
    for copies in (1, 5, 50):
        repeats = 200 if copies < 50 else 40
        parts, separate = split(copies, repeats=repeats), separate_step(copies, repeats=repeats)
        numbers = " | ".join(f"{1e3 * part:.3f}" for part in parts)
        information = sum(parts[1:])
        print(f"| {copies} | {numbers} | {information / parts[0]:.1f} | {information / separate:.1f} |")
    print("\n(CPU milliseconds; the rebuild reads a family by sampling, whatever infoplane does.)\n")
    for copies in (1, 5):
        worst = largest_difference(copies, steps=200)
        print(f"Largest difference between both in float64, {copies} copies, 20 measured steps: {worst:.1e} bits")


if __name__ == "__main__":
    main()
