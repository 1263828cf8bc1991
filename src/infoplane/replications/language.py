"""A language model expands, then lets go of the current token: Conklin et al. (2026), on a laptop.

A transformer of 216 544 parameters learns to predict the next character of the Python standard library's own source,
which every machine with Python has. On held-out text the outputs of its embedding and of its last block are held
against three labels of each character: the character itself, the next one, and the pair of it with the one before;
soft entropy with 100 codewords, less its value on shuffled labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from infoplane.estimators import estimator
from infoplane.estimators.counting.samples import label_variable
from infoplane.family import Family
from infoplane.replications.claim import Claim, Data, Part, Setting
from infoplane.replications.courses import follow, log_spaced
from infoplane.replications.pictures import BLUE, GREEN, PURPLE, VERMILION, course, panels, scale_in_bits
from infoplane.replications.transformer import BLOCKS, CHARACTERS, CONTEXT, Transformer, text
from infoplane.replications.verdict import Check, largest, smallest

LEARNED, HELD_OUT, BATCH = 2_000_000, 24_576, 32  # characters, characters, rows of CONTEXT characters
RATE, STEPS, POINTS = 2e-3, 1000, 24
LAYERS = {"embedding": "embedding", "last": f"blocks.{BLOCKS - 1}"}
LABELS = {"token": "the character", "next": "the next one", "bigram": "the pair with the one before"}


def train(folder: Path | None, *, seed: int) -> Mapping[str, Any]:
    """Informations in bits of one seed at log-spaced steps, by layer and label."""
    characters = text(LEARNED + HELD_OUT + 1)
    family = Family(Transformer, seed=seed)
    family.compile(
        lambda logits, y: nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()),
        lambda parameters: torch.optim.AdamW(parameters, lr=RATE),
    )
    held_out = characters[LEARNED - 1 :]  # one before the first
    before, token, following = (held_out[k : HELD_OUT + k] for k in range(3))
    labels = {"token": token, "next": following, "bigram": before * CHARACTERS + token}
    variables = {name: label_variable(label.numpy()) for name, label in labels.items()}
    soft, here = estimator("soft", codewords=100), torch.arange(CONTEXT)

    def step() -> None:
        places = family.draw(LEARNED - CONTEXT, BATCH)[..., None] + here  # (1, rows, CONTEXT)
        family.step(characters[places], characters[places + 1])

    def measure(number: int) -> dict[str, Any]:
        outputs = family.activations(token.view(-1, CONTEXT), [*LAYERS.values(), "head"])
        loss = nn.functional.cross_entropy(outputs["head"].flatten(0, 2), following)
        row: dict[str, Any] = {"step": number, "loss": float(loss) / np.log(2)}
        for layer, place in LAYERS.items():
            prepared = soft.prepare(outputs[place].flatten(0, 2))
            for name, variable in variables.items():
                estimate = soft.about_label(prepared, variable)
                row[f"{layer} {name}"], row[f"{layer} {name} null"] = estimate.value, estimate.details["null"]
        return row

    return follow(family, step, measure, log_spaced(STEPS, POINTS), folder)


def parts(setting: Setting) -> Mapping[str, Part]:
    return {str(seed): Part(train, {"seed": seed}) for seed in range(setting.seeds)}


def checks(data: Data) -> list[Check]:
    fall, growth, moved, early = (np.array(each) for each in zip(*map(after_peak, data.values()), strict=True))
    return [
        Check("smallest loss of the token after its peak, last block, bits", smallest, [fall], above=0.15),
        Check("smallest growth of next character / token since that peak, last block", smallest, [growth], above=0.15),
        Check("largest range of the token in the embedding, bits", largest, [moved], below=0.3),
        Check("smallest loss of the token after its peak, embedding, bits", smallest, [early], above=0.15,
              contrast=True),
    ]  # fmt: skip


def after_peak(seed: Mapping[str, Any]) -> tuple[float, ...]:
    """Of one seed: the token's loss, the growth of next / token, and the range and the loss in the embedding."""
    token, following, embedded = (excess(seed, name) for name in ("last token", "last next", "embedding token"))
    collapse = int(token.argmin())
    peak = collapse + int(token[collapse:].argmax())
    ratio = following / token
    return (
        token[peak] - token[-1],
        ratio[-1] / ratio[peak] - 1,
        embedded.max() - embedded.min(),
        embedded.max() - embedded[-1],
    )


def excess(seed: Mapping[str, Any], name: str) -> np.ndarray:
    """Soft information less that of shuffled labels, (checkpoints,)."""
    return np.array(seed[name]) - np.array(seed[f"{name} null"])


def picture(data: Data) -> Any:
    figure, (left, middle, right) = panels(
        "last block", "next character / token, last block", "embedding: no phases (fails)"
    )
    steps = next(iter(data.values()))["step"]

    def over_seeds(name: str) -> np.ndarray:
        return np.stack([excess(seed, name) for seed in data.values()], 1)

    for name, colour, style in (("token", VERMILION, "-"), ("next", BLUE, "--"), ("bigram", GREEN, ":")):
        course(left, steps, over_seeds(f"last {name}"), LABELS[name], colour, style)
        course(right, steps, over_seeds(f"embedding {name}"), LABELS[name], colour, style)
    course(middle, steps, over_seeds("last next") / over_seeds("last token"), "", PURPLE)
    for panel in (left, right):
        scale_in_bits(panel, "soft information above its null [bits]", most=2.4)
        panel.legend(fontsize=8)
    middle.set(ylabel="ratio")
    for panel in (left, middle, right):
        panel.set(xlabel="step (0 drawn at 0.5)")
    return figure


CLAIM = Claim(
    name="language",
    title="A language model first expands, then lets go of the current token",
    statement="In the last block of a language model the current token first gains, then loses information, while "
    "that about the next token grows relative to it.",
    method="216 544 parameters (4 blocks of width 64), 2 million characters of the Python standard library's source, "
    "AdamW 2e-3, 1000 steps of 32 x 64 characters; soft entropy with 100 codewords on 24 576 held-out characters.",
    contrast="Measured in the same way at the embedding there are no phases: the token only gains, a little.",
    silent="The collapse in the first steps, where all outputs point one way, is not in the published story. "
    "Information about the next character alone need not rise after the peak. One small model and one kind of text.",
    sources=(
        "Conklin et al. (2026), Learning is forgetting: LLM training as lossy compression, ICLR, arXiv:2604.07569",
        "Conklin (2025), arXiv:2505.23960, for soft entropy",
    ),
    seeds=3,
    quick=0,
    parts=parts,
    checks=checks,
    picture=picture,
)
