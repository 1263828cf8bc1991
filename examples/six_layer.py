"""Experiment 2 of the report: six layers on the simple task, with one network and with a family of five copies.

python examples/six_layer.py [--epochs N] [--copies J] [--out DIR]
"""

import argparse
from pathlib import Path

import torch

import infoplane as ip
from infoplane.plotting import save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=1000, help="steps of gradient descent")
parser.add_argument("--copies", type=int, default=5, help="copies in the family")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the pictures")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread

data = ip.datasets.load("report-simple", seed=args.seed)
target = (2 * data.y[:, None] - 1).astype("float32")  # (samples, 1), labels -1 and +1
args.out.mkdir(parents=True, exist_ok=True)

for copies, name in ((1, "six-layer-1-copy"), (args.copies, f"six-layer-{args.copies}-copies")):
    result = ip.experiment(
        ip.networks.six_layer,
        data.x,
        target,
        epochs=args.epochs,
        copies=copies,
        family=("exact", "sampled"),  # the report's own procedure is "sampled"
        layers=["1", "3", "5", "7", "9", "11"],  # the six Tanh
        estimators={"name": "binned", "bins": "report"},
        facts={"i_xy": data.details["facts"]["i_xy_bits"]},  # of the task, known exactly: drawn as a ceiling
        seed=args.seed,
    )
    correct = (result.family.predict(data.x).numpy() > 0) == (target > 0)  # (members, samples, 1)
    print(f"\n{copies} x six layers after {result.steps} steps: accuracy {correct.mean():.3f}")
    for row in result.trajectory.last():
        values = f"I(X;T) = {row['i_xt']:.3f} bits   I(T;Y) = {row['i_ty']:.3f} bits"
        print(f"{row['family']:>8}, layer {row['layer']:>2}:  {values}")
    save(result.plot(title=f"Six layers, {copies} x"), args.out / f"{name}.png")
    print(f"picture: {args.out / name}.png")
