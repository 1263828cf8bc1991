"""The same layer under the usual bin rules and estimators, of a ReLU and of a tanh network: the numbers of a page.

python docs/pictures/make_compare.py [--steps N] [--seeds N] [--out PICTURE]

Trains both networks in some copies on the task of Shwartz-Ziv and Tishby, prints two tables in markdown, medians over
the copies, and draws the ReLU layer of the copy whose spread is the median.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import infoplane as ip
from infoplane.comparison.table import PUBLISHED_RULES
from infoplane.plotting import save

SIZES = [12, 10, 7, 5, 4, 3, 2]
LAYER = "9"  # the activation of the fifth layer, three units

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=34_000, help="of Adam on 256 patterns; 34 000 are 2500 epochs")
parser.add_argument("--seeds", type=int, default=10, help="copies, each with a start of its own")
parser.add_argument("--out", type=Path, default=Path(__file__).parent / "compare.png")
args = parser.parse_args()
torch.set_num_threads(1)  # small networks are several times faster on one thread


def network(activation):
    """Weights from a normal distribution of standard deviation 1 / sqrt(inputs), no offsets."""
    made = ip.networks.mlp(SIZES, activation)
    for layer in made[::2]:
        torch.nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        torch.nn.init.zeros_(layer.bias)
    return made


def trained(activation, data):
    """Copies of the network, trained on 85 % of the patterns."""
    family = ip.Family(lambda: network(activation), args.seeds, init="independent", seed=0)
    family.compile("cross-entropy", "adam", learning_rate=4e-4)
    seen = torch.randperm(data.n, generator=torch.Generator().manual_seed(0))[: int(0.85 * data.n)]
    x, y = torch.from_numpy(data.x)[seen], torch.from_numpy(data.y)[seen]
    for _ in range(args.steps):
        rows = family.draw(len(x), 256)
        family.step(x[rows], y[rows])
    return family


def main():
    data = ip.datasets.load("szt")
    rules = [{"name": "binned", "bins": rule} for rule in (*PUBLISHED_RULES, "distinct")]
    lines, spreads = {}, []
    for activation in ("relu", "tanh"):
        family = trained(activation, data)
        layers = family.activations(data.x, [LAYER])[LAYER]  # (members, samples, units)
        right = (family.predict(data.x).argmax(-1).numpy() == data.y).mean()
        each = [ip.compare(layer, data.y, x=data.x, estimators=rules) for layer in layers]
        lines[activation] = np.median([[row.i_xt for row in one.rows] for one in each], axis=0)
        found = [one.spread()["published bin rules"] for one in each]
        i_xt, i_ty = (np.array([one[what] for one in found]) for what in ("i_xt", "i_ty"))
        spreads.append(  # medians, and from the smallest to the largest
            f"| {activation} | {right:.3f} | {np.median(i_xt):.2f} ({i_xt.min():.2f} to {i_xt.max():.2f}) | "
            f"{np.median(i_ty):.2f} ({i_ty.min():.2f} to {i_ty.max():.2f}) |"
        )
        if activation == "relu":
            middle = int(np.argsort(i_xt)[len(i_xt) // 2])
            save(ip.compare(layers[middle], data.y, x=data.x).plot(title="One ReLU layer of three units"), args.out)
            names = [row.measurement for row in each[0].rows]
    print("| network | accuracy | spread of I(X;T) [bits] | spread of I(T;Y) [bits] |\n|---|---|---|---|")
    print("\n".join(spreads))
    print("\n| bins | I(X;T) of relu [bits] | I(X;T) of tanh [bits] |\n|---|---|---|")
    for name, relu, tanh in zip(names, lines["relu"], lines["tanh"], strict=True):
        print(f"| {name} | {relu:.2f} | {tanh:.2f} |")


main()
