"""Experiment 3 of the report: the complicated task, as its code computed it and as its formula reads.

python examples/complicated.py [--epochs N] [--copies J] [--out DIR]
"""

import argparse
from pathlib import Path

import torch

import infoplane as ip
from infoplane.plotting import save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=200, help="steps of gradient descent")
parser.add_argument("--copies", type=int, default=5, help="copies in the family")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the pictures")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread
args.out.mkdir(parents=True, exist_ok=True)

for as_published, name in ((True, "complicated-as-published"), (False, "complicated")):
    data = ip.datasets.load("report-complicated", as_published=as_published, seed=args.seed)
    first = ip.mutual_information(data.x[:, 0], data.y, bins="distinct")
    print(f"\n{name}: the first of twelve inputs alone tells {first.value:.3f} bits of the label")
    target = (2 * data.y[:, None] - 1).astype("float32")  # (samples, 1), labels -1 and +1
    result = ip.experiment(
        ip.networks.six_layer,
        data.x,
        target,
        epochs=args.epochs,
        copies=args.copies,
        layers=["1", "3", "5", "7", "9", "11"],  # the six Tanh
        estimators={"name": "binned", "bins": "report"},
        facts={"i_xy": data.details["facts"]["i_xy_bits"]},  # of the task, known exactly: drawn as a ceiling
        seed=args.seed,
    )
    correct = (result.family.predict(data.x).numpy() > 0) == (target > 0)  # (members, samples, 1)
    print(f"after {result.steps} steps: accuracy {correct.mean():.3f}")
    for row in result.trajectory.last():
        print(f"layer {row['layer']:>2}:  I(X;T) = {row['i_xt']:.3f} bits   I(T;Y) = {row['i_ty']:.3f} bits")
    save(result.plot(title=name.replace("-", " ")), args.out / f"{name}.png")
    print(f"picture: {args.out / name}.png")
