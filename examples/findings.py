"""What the report's code did beside what it meant to do: six findings and its extended estimator, measured.

python examples/findings.py [--epochs N] [--conv-epochs N] [--copies J] [--seed S] [--out DIR]

Prints two tables in markdown, and saves a picture for each of the first finding and the extended estimator.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import infoplane as ip
from infoplane.classic import published_loss
from infoplane.datasets.mnist import pooled
from infoplane.plotting import save
from infoplane.trajectory.trajectory import concat

TANH = ["1", "3", "5", "7", "9", "11"]  # the six layers that the report looks at
REPORT_BINS = {"name": "binned", "bins": "report"}


def plus_minus(data):
    return (2 * data.y[:, None] - 1).astype("float32")  # (samples, 1)


def six_layer(data, **options):
    facts = {"i_xy": data.details["facts"]["i_xy_bits"]}  # of the task, known exactly: drawn as a ceiling
    settings = {"layers": TANH, "estimators": REPORT_BINS, "copies": 5, "progress": False, "facts": facts}
    return ip.experiment(ip.networks.six_layer, data.x, plus_minus(data), **{**settings, **options})


def accuracies(result, data):
    """The share of right answers of every copy, in per cent: lowest and highest."""
    output = result.family.predict(data.x).numpy()  # (members, samples, classes or 1)
    answers = output.argmax(-1) if output.shape[-1] > 1 else output[..., 0] > 0
    right = 100 * (answers == data.y).mean(axis=1)
    return f"{right.min():.1f} to {right.max():.1f} %"


def last_layer(result, family="exact"):
    return next(row for row in reversed(result.trajectory.last()) if row["family"] in (family, "single"))


def broadcasting_loss(args):
    """Finding 1: experiments 2 and 4 with both losses."""
    simple = ip.datasets.load("report-simple", seed=args.seed)
    digits = ip.datasets.load("digits", samples=1000, seed=args.seed)
    runs, shown = {}, []
    for name, loss in (("published loss", published_loss), ("element by element", "mse")):
        runs[name] = six_layer(simple, loss=loss, epochs=args.epochs, family=("exact", "sampled"), seed=args.seed)
        rows = ({**row, "split": name} for row in runs[name].trajectory.select(family="exact"))
        shown.append(ip.Trajectory(rows, meta=runs[name].trajectory.meta))
    save(concat(shown).plot(title="Six layers, five copies, two losses"), args.out / "finding-1-loss.png")
    conv = [
        ip.experiment(
            ip.networks.conv, digits.x, np.eye(10, dtype="float32")[digits.y], epochs=args.conv_epochs, copies=3,
            loss=loss, layers=["6", "8"], estimators=REPORT_BINS, every=args.conv_epochs, seed=args.seed,
            progress=False,
        )
        for loss in (published_loss, "mse")
    ]  # fmt: skip
    majority = 100 * np.bincount(simple.y).max() / simple.n
    yield (f"accuracy (majority {majority:.1f} %)", *(accuracies(run, simple) for run in runs.values()))
    yield ("I(T;Y) of the output", *(f"{last_layer(run)['i_ty']:.3f}" for run in runs.values()))
    sampled, exact = (last_layer(runs["published loss"], family)["i_xt"] for family in ("sampled", "exact"))
    yield ("I(X;T) of that output, in the first column's run", f"sampled: {sampled:.3f}", f"exact: {exact:.3f}")
    yield ("accuracy of experiment 4 on digits", *(accuracies(run, digits) for run in conv))
    yield ("I(T;Y) of its Softmax", *(f"{last_layer(run)['i_ty']:.3f}" for run in conv))


def complicated_labels(args):
    """Finding 2: the labels of experiment 3."""
    both = [ip.datasets.load("report-complicated", as_published=how, seed=args.seed) for how in (True, False)]
    same = [100 * np.mean(data.y == (data.x[:, 0] <= 1)) for data in both]
    first = [ip.mutual_information(data.x[:, 0], data.y, bins="distinct").value for data in both]
    runs = [six_layer(data, epochs=min(200, args.epochs), every=200, seed=args.seed) for data in both]
    yield ("labels that say whether the first input is at most 1", *(f"{share:.1f} %" for share in same))
    yield ("information of the first input about the label", *(f"{bits:.3f}" for bits in first))
    yield (
        f"accuracy after {runs[0].steps} steps",
        *(accuracies(run, data) for run, data in zip(runs, both, strict=True)),
    )


def wrapped_pixels(args):
    """Finding 3: 2x2 pooling in eight bits, on the pictures that this machine has."""
    white = np.full((1, 2, 2), 255, dtype=np.uint8)
    yield ("four white pixels, of 51", *(str(pooled(white, as_published=how)[0, 0]) for how in (True, False)))
    for name in ("mnist", "fashion-mnist"):
        try:
            wrapped, right = (ip.datasets.load(name, as_published=how, seed=args.seed).x for how in (True, False))
        except ip.errors.DataFileError:
            yield (f"wrong pixels of {name}", "not on this machine", "")
            continue
        wrong = 100 * np.mean((wrapped != right)[right > 0])
        yield (f"wrong pixels of {name}, of those that are not 0", f"{wrong:.1f} %", "0 %")


def ceilings(args):
    """Finding 4: what the first layers' numbers are numbers of."""
    data = ip.datasets.load("report-simple", seed=args.seed)
    result = six_layer(data, copies=1, epochs=args.epochs, every=args.epochs, seed=args.seed)
    for number, layer in enumerate(TANH[:2], start=1):
        rows = list(result.trajectory.select(layer=layer))
        values = " and ".join(f"{row['i_xt']:.3f}" for row in rows)
        flag = "flagged saturated" if all("saturated" in row["flags"] for row in rows) else "not flagged"
        bound = f"at most log2 N = {result.trajectory.meta['log2_n']:.3f}, {flag}"
        yield (f"I(X;T) of layer {number}, untrained and trained", values, bound)
    exact = data.details["facts"]["i_xy_bits"]
    yield ("I(T;Y) of layer 1, trained", f"{rows[-1]['i_ty']:.3f}", f"I(X;Y) = {exact:.4f}: the rest is memorised")


def stopping_rule(args):
    """Finding 5: at which look training stops, over five seeds."""
    rules = {
        f"the published rule, beta {beta}": ip.InformationStopping(rule="report", beta=beta, min_delta=0.1)
        for beta in (1, 2)
    }
    rules["the same quantity against its best value"] = ip.InformationStopping(min_delta=0.1)
    rules["I(T;Y) alone, patience 10"] = ip.InformationStopping(monitor="I(T;Y)", patience=10)
    most = max(2, args.epochs // 10)
    for name, rule in rules.items():
        looks, right = [], []
        for seed in range(args.seed, args.seed + 5):
            data = ip.datasets.load("report-simple", seed=seed)
            result = six_layer(data, copies=1, stopping=rule, epoch_length=10, every=10, epochs=most, seed=seed)
            looks.append(result.steps // 10)
            right.append(100 * np.mean((result.family.predict(data.x)[0, :, 0].numpy() > 0) == data.y))
        found = f"stops at look {', '.join(map(str, looks))}; accuracy {min(right):.1f} to {max(right):.1f} %"
        yield (name, *((found, "") if rule.rule == "report" else ("", found)))


def disturbed_training(args):
    """Finding 6: what measuring does to the weights that training ends at."""
    data = ip.datasets.load("report-simple", seed=args.seed)
    x, y = torch.tensor(data.x).float(), torch.tensor(plus_minus(data))
    ends = []
    for measuring in (False, True):
        stream = np.random.default_rng(args.seed)  # as in the report, for batches and draws of copies alike
        family = ip.Family(ip.networks.six_layer, copies=5, seed=args.seed)
        family.compile("mse")
        for _ in range(args.epochs):
            rows = np.stack([stream.permutation(data.n)[:101] for _ in range(5)])  # (members, batch)
            family.step(x[rows], y[rows])
            if measuring:
                stream.integers(5, size=data.n)  # one copy for each sample
        ends.append(family.weights())
    here = [six_layer(data, epochs=args.epochs, every=every, seed=args.seed) for every in (1, args.epochs)]
    gaps = [
        max(float((one[name] - other[name]).abs().max()) for name in one)
        for one, other in (ends, [run.family.weights() for run in here])
    ]
    yield ("largest change of a weight by measuring", *(f"{gap:.2f}" if gap else "0" for gap in gaps))


FINDINGS = [
    broadcasting_loss, complicated_labels, wrapped_pixels, ceilings, stopping_rule, disturbed_training,
]  # fmt: skip


def extended_estimator(args):
    """One run of a family, its I(X;T) by layer in all three ways of reading the copies."""
    data = ip.datasets.load("report-simple", seed=args.seed)
    kinds = ("sampled", "exact", "per-copy")
    early = min(100, args.epochs)
    result = six_layer(data, copies=args.copies, epochs=args.epochs, every=10, family=kinds, seed=args.seed)
    title = f"Six layers, {args.copies} copies, in three ways"
    save(result.plot(title=title), args.out / "extended-estimator.png")
    for kind in kinds:
        for step in sorted({0, early, args.epochs}):
            rows = result.trajectory.select(step=step, family=kind)
            yield (kind, str(step), *(f"{row['i_xt']:.2f}" for row in rows))


def line(cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3000, help="steps of gradient descent, six layers")
    parser.add_argument("--conv-epochs", type=int, default=6000, help="steps of experiment 4")
    parser.add_argument("--copies", type=int, default=50, help="copies in the table of the extended estimator")
    parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the pictures")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)  # small networks are several times faster on one thread
    args.out.mkdir(parents=True, exist_ok=True)
    line(("finding", "bits unless a unit is named", "as published", "correct"))
    line(["---"] * 4)
    for number, finding in enumerate(FINDINGS, start=1):
        for cells in finding(args):
            line((str(number), *cells))
    print(f"\nI(X;T) of {args.copies} copies, one initialisation, log2 J = {np.log2(args.copies):.2f}:\n")
    line(("family", "step", *(f"layer {number}" for number in range(1, 7))))
    line(["---"] * 8)
    for cells in extended_estimator(args):
        line(cells)


if __name__ == "__main__":
    main()
