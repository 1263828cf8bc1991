"""The pictures and tables of the page on reading a plane: one family of tanh networks, and one of ReLU networks.

python docs/pictures/make_reading.py [--steps N] [--copies J] [--out FOLDER]

Both learn the task of Shwartz-Ziv and Tishby, and are measured under the estimators of ``phases.panel()``, under bins
of each unit's own range, and on shuffled inputs and labels. Prints the tables in markdown.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import infoplane as ip
from infoplane.companions.bottleneck import ib_curve
from infoplane.plotting import curves, save, text_plane

SIZES = [12, 10, 7, 5, 4, 3, 2]
LAYERS = ["1", "3", "5", "7", "9"]  # the activations
UNIT = {"name": "binned", "bins": "unit"}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=4000, help="of Adam on 256 patterns")
parser.add_argument("--copies", type=int, default=5, help="each with a start of its own")
parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of the pictures")
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread
data = ip.datasets.load("szt")


def trained(activation):
    """A trajectory of copies, with their losses and gradients."""
    return ip.experiment(
        lambda: ip.networks.mlp(SIZES, activation), data.x, data.y, epochs=args.steps, copies=args.copies,
        init="independent", loss="cross-entropy", optimizer="adam", learning_rate=0.004, batch_size=256,
        layers=LAYERS, estimators=[*ip.phases.panel(), UNIT], family="single", every="log", gradients=16, seed=0,
    ).trajectory  # fmt: skip


def table_of_rules(name, trajectory):
    """Gain and loss of the fourth layer under every estimator."""
    print(f"\n| {name}, fourth layer | gained [bits] | lost [bits] |\n|---|---|---|")
    for label, facts in trajectory.meta["estimators"].items():
        phase = ip.phases(trajectory, estimator=label)["7"]
        corrected = ", Miller-Madow" if facts["correction"] != "none" else ""
        cells = (f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in (phase.gained, phase.lost))
        print(f"| {facts['measurement']}{corrected} | {' | '.join(cells)} |")


def table_of_phases(trajectory):
    print("\n| layer | peak at step | gained [bits] | lost [bits] | verdict |\n|---|---|---|---|---|")
    for phase in ip.phases(trajectory):
        gained, lost = (f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in (phase.gained, phase.lost))
        print(f"| {phase.layer} | {phase.peak}{' (in doubt)' * phase.doubted} | {gained} | {lost} | {phase.verdict} |")


def table_of_noise():
    """What phases() makes of curves that are noise around a constant: how often a loss is seen, by either way."""
    random, found = np.random.default_rng(0), []
    for copies in (1, 3, 5, 10):
        losses, naive = [], []
        for _ in range(2000):
            values = random.normal(0, 0.3, size=(copies, 40))
            change = ip.phases.Change.of(range(40), values).lost
            at_peak = values[:, values.mean(0).argmax()] - values[:, -1]
            losses.append(change.value >= 0.1 and (change.low is None or change.low > 0))
            mean = ip.phases.Mean.of(at_peak)
            naive.append(mean.value >= 0.1 and (mean.low is None or mean.low > 0))
        found.append(f"| {copies} | {np.mean(losses):.0%} | {np.mean(naive):.0%} |")
    print("\n| repeats | called a loss | read at their own peak |\n|---|---|---|\n" + "\n".join(found))


def table_of_nulls():
    """I(T;Y) of an untrained network, and on shuffled labels, by the number of bins."""
    network = ip.networks.mlp(SIZES, "tanh")
    print("\n| bins | I(T;Y), untrained [bits] | on shuffled labels [bits] |\n|---|---|---|")
    for bins in (5, 30, 200):
        plane = ip.InformationPlane(
            data.x[:1000], data.y[:1000], layers="3", shuffles=5, estimators=ip.phases.panel(bins)[0]
        )
        (row,) = plane.measure(network, 0)
        print(f"| {bins} | {row['i_ty']:.3f} | {row['i_ty_null']:.3f} |")


def main():
    torch.manual_seed(0)
    tanh, relu = trained("tanh"), trained("relu")
    fixed, *others = tanh.meta["estimators"]
    first = tanh.select(estimator=fixed)
    panel = ip.Trajectory([row for row in tanh if row["estimator"] in (fixed, *others[:-1])], meta=tanh.meta)
    panel.scalars = tanh.scalars
    curve = ib_curve(data.x, data.y, points=600)
    save(first.plot(ib_curve=curve), args.out / "reading-plane.png")
    save(ip.phases(panel).plot(), args.out / "reading-phases.png")
    known = {"scalars": tanh.scalars.to_pandas(), "facts": tanh.meta}
    save(curves(first.to_pandas(), **known), args.out / "reading-curves.png")
    for name, trajectory in (("tanh", tanh), ("ReLU", relu)):
        table_of_rules(name, trajectory)
    table_of_phases(panel)
    table_of_noise()
    table_of_nulls()
    print("\n" + text_plane(first.to_pandas(), width=72, height=16))


main()
