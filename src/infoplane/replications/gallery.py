"""Outcomes -> pages in markdown: one a claim, with its picture, and an overview with all verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infoplane.io.files import atomic_write, make_folder
from infoplane.replications.outcomes import Outcome
from infoplane.replications.verdict import Judged

_HEAD = """| statistic | threshold | measured (95 % interval) | seeds | verdict |
| --- | --- | ---: | ---: | --- |"""
_INDEX = """# Published claims, replicated

Every claim is computed anew, on networks small enough for two processor cores, and judged by a rule: a statistic
over seeds, its 95 % bootstrap interval over seeds, and a threshold, in bits at most half of an effect that an earlier
trial had shown. A claim *holds* where the whole interval of every one of its checks lies on the right side of the
threshold, it *does not hold* where the whole interval of one lies on the wrong side, and else it is *undecided*. Beside
each claim stands the rule of measuring under which it fails. All verdicts, numbers and pictures here are made by

    infoplane replicate --all{quick} --docs docs/replications

and a single one by `infoplane replicate NAME`; `--quick` runs the small versions.
"""


def write_pages(outcomes: Sequence[Outcome], folder: str | Path) -> list[Path]:
    """``NAME.md`` and ``NAME.png`` for each claim, and ``index.md``; returns what was written.

    Raises:
        RunError: the folder cannot be written.
    """
    place = Path(folder)
    make_folder(place)
    written = [place / "index.md"]
    atomic_write(written[0], index(outcomes).encode())
    for outcome in outcomes:
        page = place / f"{outcome.claim.name}.md"
        draw(outcome, page.with_suffix(".png"))
        atomic_write(page, _page(outcome).encode())
        written += [page, page.with_suffix(".png")]
    return written


def draw(outcome: Outcome, path: Path) -> None:
    """Save a claim's picture."""
    import matplotlib.pyplot as plt

    from infoplane import plotting

    figure: Any = outcome.plot()
    plotting.save(figure, path)
    plt.close(figure)


def index(outcomes: Sequence[Outcome]) -> str:
    """The overview in markdown: verdicts, and what each costs."""
    quick = " --quick" if any(outcome.quick for outcome in outcomes) else ""
    lines = [_INDEX.format(quick=quick), "| claim | | verdict | checks that hold | seeds | seconds of one core |",
             "| --- | --- | --- | ---: | ---: | ---: |"]  # fmt: skip
    for outcome in outcomes:
        name, own = outcome.claim.name, [check for check in outcome.checks if not check.contrast]
        right = sum(check.verdict == "holds" for check in own)
        cells = (f"[{name}]({name}.md)", outcome.claim.title, f"**{outcome.verdict}**", f"{right} of {len(own)}",
                 str(outcome.seeds), f"{outcome.seconds:.0f}")  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    costs = {key: seconds for outcome in outcomes for key, seconds in outcome.costs.items()}
    lines.append(
        f"\nTogether {sum(costs.values()):.0f} seconds of one core, shared by two: claims that are about the same "
        "networks train them once, and each of them is listed with the whole cost."
    )
    return "\n".join(lines) + "\n"


def _page(outcome: Outcome) -> str:
    claim = outcome.claim
    quick = " --quick" if outcome.quick else ""
    rows = "\n".join(_row(check) for check in outcome.checks)
    sources = "\n".join(f"- {source}" for source in claim.sources)
    return f"""# {claim.title}

Verdict: **{outcome.verdict}**, with {outcome.seeds} seeds, in {outcome.seconds:.0f} seconds of one core.

The claim: {claim.statement} {claim.method}

The rule under which it fails: {claim.contrast}

![{claim.title}]({claim.name}.png)

{_HEAD}
{rows}

Made by

    infoplane replicate {claim.name}{quick}

## What it does not show

{claim.silent}

## Sources

{sources}
"""


def _row(check: Judged) -> str:
    text = f"*beside it:* {check.text}" if check.contrast else check.text
    cells = (text, check.condition, check.formatted, str(check.seeds), check.verdict)
    return f"| {' | '.join(cells)} |"
