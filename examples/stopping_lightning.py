"""Stopping by information in Lightning, against stopping by the validation loss: steps saved, accuracy lost.

python examples/stopping_lightning.py [--seeds N] [--epochs N] [--train N] [--samples N] [--out DIR]

The same convolutional network on Fashion-MNIST as in fashion.py. Every seed is trained twice from the same weights and
with the same batches, and looked at after every epoch: once Lightning's EarlyStopping watches the validation loss, once
InformationStopping what the last layer knows of the label, I(T;Y) of the soft estimator, on the same validation
pictures. Both have the same patience. Then either network is tried on pictures that no rule has seen.
"""

import argparse
import logging
import statistics
from pathlib import Path

import lightning.pytorch as L
import matplotlib.pyplot as plt
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import infoplane as ip
from infoplane import plotting
from infoplane.integrations.lightning import InformationPlaneCallback

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", type=int, default=10)
parser.add_argument("--epochs", type=int, default=25, help="at most")
parser.add_argument("--train", type=int, default=1000, help="pictures to train on")
parser.add_argument("--samples", type=int, default=1000, help="pictures to validate on, and as many to test on")
parser.add_argument("--patience", type=int, default=3, help="looks without improvement")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
args = parser.parse_args()
torch.set_num_threads(1)
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def pictures(split, samples):
    """Pictures (samples, 1, 28, 28) in [0, 1], and their classes."""
    try:
        data = ip.datasets.load("fashion-mnist", split=split, samples=samples, pool=False)
    except ip.errors.DataFileError as error:
        parser.error(str(error))
    return torch.from_numpy(data.x)[:, None].float() / 255, torch.from_numpy(data.y)


class Clothes(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 10)),
        )

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, _):
        self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def run(seed, callback):
    """Train until the callback says stop; the trainer, and the accuracy on test pictures."""
    torch.manual_seed(seed)
    model = Clothes()
    trainer = L.Trainer(
        max_epochs=args.epochs, callbacks=[callback], accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1, num_sanity_val_steps=0,
    )  # fmt: skip
    batches = DataLoader(TensorDataset(*train), 64, shuffle=True, generator=torch.Generator().manual_seed(seed))
    trainer.fit(model, batches, DataLoader(TensorDataset(*validation), 1000))
    with torch.no_grad():
        right = model.eval()(test[0]).argmax(1) == test[1]
    return trainer, float(right.float().mean())


train = pictures("train", args.train)
validation, test = (tuple(part.split(args.samples)[at] for part in pictures("test", 2 * args.samples)) for at in (0, 1))
found = []
print("| seed | steps, by loss | steps, by information | accuracy, by loss | accuracy, by information |")
print("|---:|---:|---:|---:|---:|")
for seed in range(args.seeds):
    by_loss, accuracy = run(seed, EarlyStopping("val_loss", patience=args.patience))
    plane = ip.InformationPlane(*validation, layers="net.12", estimators="soft")
    rule = ip.InformationStopping(monitor="I(T;Y)", patience=args.patience)
    by_information, other = run(seed, InformationPlaneCallback(plane, stopping=rule))
    found.append((by_loss.global_step, by_information.global_step, accuracy, other))
    print(f"| {seed} | {found[-1][0]} | {found[-1][1]} | {accuracy:.3f} | {other:.3f} |", flush=True)
if args.seeds > 1:
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    print(f"| median | {medians[0]:.0f} | {medians[1]:.0f} | {medians[2]:.3f} | {medians[3]:.3f} |")
    saved = [1 - info / loss for loss, info, *_ in found]
    lost = [loss - info for *_, loss, info in found]
    spread = statistics.stdev(lost)
    print(f"\nsteps saved: {statistics.mean(saved):.0%} on average, from {min(saved):.0%} to {max(saved):.0%}")
    print(f"accuracy lost: {statistics.mean(lost):.4f} on average, {spread:.4f} the standard deviation over the seeds")

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, name, at in zip(axes, ("steps", "test accuracy"), (0, 2), strict=True):
    ax.plot([row[at] for row in found], [row[at + 1] for row in found], "o", color="tab:blue")
    low, high = (pick(row[at + side] for row in found for side in (0, 1)) for pick in (min, max))
    ax.plot([low, high], [low, high], ":", color="grey")
    ax.set(xlabel=f"{name}, stopped by validation loss", ylabel=f"{name}, stopped by I(T;Y)")
args.out.mkdir(parents=True, exist_ok=True)
plotting.save(figure, args.out / "stopping-lightning.png")
print(f"picture: {args.out / 'stopping-lightning.png'}")
