"""What an experiment leaves: the trajectory, the trained copies, and how the training went."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.companions.curves import Curves
from infoplane.errors import InputError
from infoplane.family import Family
from infoplane.plane.plane import InformationPlane
from infoplane.trajectory.stopping import Decision
from infoplane.trajectory.trajectory import Trajectory


@final
@dataclass
class Result:
    """What an experiment leaves.

    ``trajectory``: what every layer knew at every measured step. ``family``: the trained copies. ``decision``: what
    the stopping rule said last, where there was one. ``interrupted``: whether Ctrl-C ended the training. ``seconds``
    in all, ``measuring_seconds`` of them for the information. ``out``: the run directory. ``settings``: what was
    asked for. ``plane``: what measured.

    >>> import infoplane as ip
    >>> result = ip.experiments.load("warm-up").run(epochs=5)
    >>> result.steps, result.losses.shape, len(result.networks)
    (5, (5, 1), 1)
    """

    trajectory: Trajectory
    family: Family
    settings: dict[str, Any]
    out: Path | None = None
    decision: Decision | None = None
    interrupted: bool = False
    seconds: float = 0.0
    measuring_seconds: float = 0.0
    step_losses: list[Tensor] = field(default_factory=list, repr=False)
    plane: InformationPlane | None = field(default=None, repr=False)

    @property
    def losses(self) -> np.ndarray:
        """The loss of every copy on its batch before each step, (steps, copies)."""
        return torch.stack(self.step_losses).cpu().numpy() if self.step_losses else np.empty((0, self.family.copies))

    @property
    def networks(self) -> list[nn.Module]:
        """The trained copies as ordinary modules."""
        return self.family.modules()

    @property
    def steps(self) -> int:
        """Optimiser steps done."""
        return len(self.step_losses)

    def plot(self, **options: Any) -> Any:
        """The information plane; options as in ``Trajectory.plot``."""
        return self.trajectory.plot(**options)

    def curves(self, *, snr: Any = None, split: str | None = None) -> Curves:
        """The information curves of every layer and copy as trained; options as in ``InformationPlane.curves``."""
        if self.plane is None:
            raise InputError("this result has no data to measure on: it was not made by an experiment")
        return self.plane.curves(self.family, self.steps, snr=snr, split=split)

    def _repr_html_(self) -> str:
        ended = "interrupted" if self.interrupted else "done"
        said = f"{self.steps} steps {ended}, {self.family.copies} copies, {self.seconds:.1f} s"
        reason = f"; {html.escape(self.decision.reason)}" if self.decision is not None and self.decision.stop else ""
        return f"<p>{said}{reason}</p>{self.trajectory._repr_html_()}"
