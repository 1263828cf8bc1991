"""The information curve of every layer of a convolutional network, before and after training.

python examples/information_curve.py [--epochs N] [--samples N] [--out DIR]

The pictures come from Debian's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist).
"""

import argparse
from pathlib import Path

import torch
from torch import nn

import infoplane as ip
from infoplane.plotting import information_curves, save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--samples", type=int, default=2000, help="pictures that are measured; three times as many train")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(0)
args.out.mkdir(parents=True, exist_ok=True)

data = ip.datasets.load("fashion-mnist", samples=4 * args.samples)  # 14 x 14 pixels
x, y = torch.tensor(data.x, dtype=torch.float32).view(-1, 1, 14, 14) / 255, torch.tensor(data.y)
train, test = slice(args.samples, None), slice(args.samples)
network = nn.Sequential(
    *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    *(nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10)),
)
names = {"2": "conv 1", "6": "conv 2", "10": "hidden", "11": "output"}


def curves(when: str) -> dict:
    layers = ip.record(network, x[test], layers=list(names))
    return {f"{names[layer]}, {when}": ip.information_curve(t, y[test]) for layer, t in layers.items()}


before = curves("untrained")
optimizer = torch.optim.Adam(network.parameters(), 1e-3)
for _ in range(args.epochs):
    for batch in torch.randperm(len(x[train])).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[train][batch]), y[train][batch]).backward()
        optimizer.step()
after = curves("trained")

print("layer                I(T;Y) at 2 bits of I(X;T)")
for name, curve in (before | after).items():
    print(f"{name:20} {curve.at_rate(2)}")
shown = {name: curve for name, curve in (before | after).items() if not name.startswith("conv 1")}
save(
    information_curves(shown, title=f"Fashion-MNIST, {args.samples} test pictures"), args.out / "information-curve.png"
)
print(f"picture: {args.out / 'information-curve.png'}")
