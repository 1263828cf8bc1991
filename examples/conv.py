"""Experiment 4 of the report: a small convolutional network on pictures, three copies.

python examples/conv.py [--data digits|fashion-mnist|mnist] [--epochs N] [--out DIR]
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import infoplane as ip
from infoplane.plotting import save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", choices=("digits", "fashion-mnist", "mnist"), default="digits")
parser.add_argument("--epochs", type=int, default=6000, help="steps of gradient descent")
parser.add_argument("--copies", type=int, default=3, help="copies in the family")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread

data = ip.datasets.load(args.data, samples=1000, seed=args.seed)  # x (samples, 196), pictures of 14x14
target = np.eye(10, dtype="float32")[data.y]  # (samples, classes)
result = ip.experiment(
    ip.networks.conv,
    data.x,
    target,
    epochs=args.epochs,
    copies=args.copies,
    family=("exact", "per-copy"),
    layers=["6", "8"],  # the Tanh and the Softmax
    estimators={"name": "binned", "bins": "report"},
    every="log",
    seed=args.seed,
)

correct = result.family.predict(data.x).numpy().argmax(-1) == data.y  # (members, samples)
print(f"after {result.steps} steps on {args.data}: accuracy {correct.mean():.3f}")
for row in result.trajectory.last():
    values = f"I(X;T) = {row['i_xt']:.3f} bits   I(T;Y) = {row['i_ty']:.3f} bits"
    print(f"{row['family']:>8}, layer {row['layer']}:  {values}")

args.out.mkdir(parents=True, exist_ok=True)
save(result.plot(title=f"Convolutional network, {args.data}"), args.out / "conv.png")
print(f"picture: {args.out / 'conv.png'}")
