"""The report's stopping rule: as published, mended, and one that waits for what the last layer knows of the label.

python examples/stopping.py [--epochs N] [--out DIR]
"""

import argparse
from pathlib import Path

import torch

import infoplane as ip
from infoplane.plotting import curves, save

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=200, help="looks at most; there are 10 steps from one to the next")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread

data = ip.datasets.load("report-simple", seed=args.seed)
target = (2 * data.y[:, None] - 1).astype("float32")  # (samples, 1), labels -1 and +1
rules = {
    "as published": ip.InformationStopping(rule="report", min_delta=0.1),
    "mended": ip.InformationStopping(min_delta=0.1),  # the same quantity, I(T;Y) - I(X;T), against its best value
    "I(T;Y), patience 10": ip.InformationStopping(monitor="I(T;Y)", patience=10, restore_best_weights=True),
}
for name, rule in rules.items():
    torch.manual_seed(args.seed)
    network = ip.networks.six_layer()
    result = ip.fit(
        network,
        data.x,
        target,
        stopping=rule,
        epochs=args.epochs,
        epoch_length=10,
        layers=["1", "3", "5", "7", "9", "11"],  # the six Tanh; the rule looks at the last
        estimators={"name": "binned", "bins": "report"},
        facts={"i_xy": data.details["facts"]["i_xy_bits"]},  # of the task, known exactly: drawn as a ceiling
        seed=args.seed,
    )
    accuracy = ((network(torch.tensor(data.x).float()).detach().numpy() > 0) == (target > 0)).mean()
    print(f"\n{name}: {result.steps} steps, accuracy {accuracy:.3f}")
    print(f"  {result.decision.reason}")

args.out.mkdir(parents=True, exist_ok=True)
picture = curves(result.trajectory.to_pandas(), facts=result.trajectory.meta, title=f"Until it stops: {name}")
save(picture, args.out / "stopping.png")
print(f"\npicture: {args.out / 'stopping.png'}")
