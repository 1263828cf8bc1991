"""Experiment 1 of the report: a network of two layers, 12-5-1, on the simple task.

python examples/warm_up.py [--epochs N] [--out DIR]
"""

import argparse
from pathlib import Path

import torch

import infoplane as ip
from infoplane.plotting import save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=300, help="steps of gradient descent")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread

data = ip.datasets.load("report-simple", seed=args.seed)
target = data.y[:, None].astype("float32")  # (samples, 1), labels 0 and 1
result = ip.experiment(
    ip.networks.warm_up,
    data.x,
    target,
    epochs=args.epochs,
    layers=["1", "3"],  # the two Tanh
    estimators={"name": "binned", "bins": "report"},
    facts={"i_xy": data.details["facts"]["i_xy_bits"]},  # of the task, known exactly: drawn as a ceiling
    seed=args.seed,
)

correct = (result.family.predict(data.x)[0].numpy() > 0.5) == target
print(f"after {result.steps} steps: accuracy {correct.mean():.3f}")
for row in result.trajectory.last():
    print(f"layer {row['layer']:>2}:  I(X;T) = {row['i_xt']:.3f} bits   I(T;Y) = {row['i_ty']:.3f} bits")

args.out.mkdir(parents=True, exist_ok=True)
save(result.plot(title="Warm-up: 12-5-1", color="layer"), args.out / "warm-up.png")
print(f"picture: {args.out / 'warm-up.png'}")
