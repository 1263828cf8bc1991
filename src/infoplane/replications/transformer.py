"""A small transformer of characters, and the text it reads: the Python standard library's own source."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import InputError

CHARACTERS = 96  # printable ASCII and the end of a line
WIDTH, HEADS, BLOCKS, CONTEXT = 64, 4, 4, 64


def text(wanted: int) -> Tensor:
    """The first ``wanted`` characters of the standard library's modules in alphabetical order, as whole numbers.

    Raises:
        InputError: this Python comes without its source.
    """
    pieces = [np.zeros(0, np.uint8)]
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        marks = np.frombuffer(path.read_bytes(), np.uint8)
        pieces.append(marks[(marks == 10) | (marks >= 32) & (marks < 127)])
        if sum(map(len, pieces)) >= wanted:
            break
    marks = np.concatenate(pieces)[:wanted].astype(np.int64)
    if len(marks) < wanted:
        raise InputError(
            f"{sysconfig.get_path('stdlib')} holds {len(marks)} characters of source and {wanted} are needed: use a "
            "Python that has its standard library as .py files"
        )
    return torch.from_numpy(np.where(marks == 10, CHARACTERS - 1, marks - 32))


@final
class Embedding(nn.Module):
    """Characters (rows, CONTEXT) -> a vector for each and for its place, (rows, CONTEXT, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.characters, self.places = nn.Embedding(CHARACTERS, WIDTH), nn.Embedding(CONTEXT, WIDTH)

    def forward(self, characters: Tensor) -> Tensor:
        return self.characters(characters) + self.places.weight


@final
class TransformerBlock(nn.Module):
    """Attention to what came before, then two linear layers, each added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.look, self.gather = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, t: Tensor) -> Tensor:
        question, key, value = self.look(self.first(t)).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(question, key, value, is_causal=True)  # (rows, heads, ...)
        t = t + self.gather(seen.transpose(1, 2).flatten(2))
        return t + self.think(self.second(t))


@final
class Transformer(nn.Module):
    """Characters -> logits of the next ones, (rows, CONTEXT, CHARACTERS)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = Embedding()
        self.blocks = nn.Sequential(*(TransformerBlock() for _ in range(BLOCKS)))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CHARACTERS))

    def forward(self, characters: Tensor) -> Tensor:
        return self.head(self.blocks(self.embedding(characters)))
