"""A convolutional network on Fashion-MNIST in a plain loop: every layer, train and test planes, three estimators.

python examples/fashion.py [--epochs N] [--train N] [--samples N] [--out DIR]

The pictures come from Debian's package dataset-fashion-mnist. One line in the loop measures.
"""

import argparse
from pathlib import Path

import torch
from torch import nn

import infoplane as ip
from infoplane import plotting

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--train", type=int, default=5000, help="pictures to train on")
parser.add_argument("--samples", type=int, default=1000, help="pictures of either split to measure")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the pictures")
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread
torch.manual_seed(0)


def pictures(split, samples):
    """Pictures (samples, 1, 28, 28) in [0, 1], and their classes."""
    try:
        data = ip.datasets.load("fashion-mnist", split=split, samples=samples, pool=False)
    except ip.errors.DataFileError as error:
        parser.error(str(error))
    return torch.from_numpy(data.x)[:, None].float() / 255, torch.from_numpy(data.y)


x, y = pictures("train", args.train)
test = pictures("test", args.samples)
model = nn.Sequential()
for at, (inputs, outputs) in enumerate([(1, 8), (8, 16)], 1):
    model.add_module(f"conv{at}", nn.Conv2d(inputs, outputs, 3, padding=1))
    model.add_module(f"bn{at}", nn.BatchNorm2d(outputs))
    model.add_module(f"relu{at}", nn.ReLU())
    model.add_module(f"pool{at}", nn.MaxPool2d(2))
model.add_module("flat", nn.Flatten())
model.add_module("fc3", nn.Linear(784, 64))
model.add_module("relu3", nn.ReLU())
model.add_module("drop", nn.Dropout(0.25))
model.add_module("fc4", nn.Linear(64, 10))
optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

plane = ip.InformationPlane(
    {"train": (x[: args.samples], y[: args.samples]), "test": test},
    estimators=["binned", "kde", "soft"],
)
plane.measure(model, step=0)
steps = 0
for epoch in range(1, args.epochs + 1):
    model.train()
    for rows in torch.randperm(len(x)).split(128):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimiser.step()
        steps += 1
    plane.measure(model, step=steps)
    with torch.no_grad():
        correct = (model.eval()(test[0]).argmax(1) == test[1]).float().mean()
    print(f"epoch {epoch}: accuracy {correct:.3f} on test pictures")

print(f"\nmeasuring took {plane.measuring_seconds:.1f} s. After {steps} steps, in bits:")
print("  layer    I(X;T) binned    kde   soft    I(T;Y) binned    kde   soft   (test, and what is doubtful)")
last = {(row["layer"], row["split"], row["estimator"]): row for row in plane.trajectory.last()}
for layer in dict.fromkeys(row["layer"] for row in plane.trajectory):
    rows = [last[layer, "test", estimator] for estimator in ("binned", "kde", "soft")]
    numbers = "    ".join("".join(f"{row[name]:8.2f}" for row in rows) for name in ("i_xt", "i_ty"))
    print(f"{layer:>7} {numbers}   {', '.join(sorted({flag for row in rows for flag in row['flags']}))}")

args.out.mkdir(parents=True, exist_ok=True)
table = plane.trajectory.to_pandas()
shown = table[table.layer.isin(["relu1", "relu2", "relu3", "fc4"])]
plotting.save(plotting.plane(shown, facts=plane.trajectory.meta), args.out / "fashion.png")
soft = plane.trajectory.select(estimator="soft").to_pandas()
plotting.save(plotting.profile(soft, facts=plane.trajectory.meta), args.out / "fashion-depth.png")
print(f"pictures: {args.out / 'fashion.png'}, fashion-depth.png")
