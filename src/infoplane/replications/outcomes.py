"""Claims + a setting -> outcomes: every part is computed once, kept as soon as it is there, and judged at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from infoplane import __version__
from infoplane.checks import whole_number
from infoplane.io.files import atomic_write, json_bytes, make_folder, read_json
from infoplane.replications.claim import Claim, Data, Part, Setting
from infoplane.replications.verdict import Judged, Word, claim_verdict, judge

Progress = Callable[[str, float], None]  #: gets the key of a part that is done, and the seconds it took


@final
@dataclass(frozen=True)
class Outcome:
    """A claim with its verdict. ``costs``: each part's seconds, those of a part that other claims use too among them.

    They are seconds of one processor core, so that a busy machine says the same; what was done before an interruption
    is not counted.
    """

    claim: Claim
    verdict: Word
    checks: tuple[Judged, ...]
    costs: Mapping[str, float]
    seeds: int
    quick: bool
    data: Data

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return sum(self.costs.values())

    def record(self) -> dict[str, Any]:
        """Everything but the data, as JSON holds it."""
        return {
            "name": self.claim.name,
            "title": self.claim.title,
            "verdict": self.verdict,
            "seeds": self.seeds,
            "quick": self.quick,
            "seconds": round(self.seconds, 1),
            "checks": [asdict(check) for check in self.checks],
            "infoplane": __version__,
        }

    def plot(self) -> Any:
        """The claim's picture: what was measured, and beside it the rule under which the claim fails."""
        return self.claim.picture(self.data)


def replicate(
    claims: Sequence[Claim],
    *,
    seeds: int | None = None,
    quick: bool = False,
    out: str | Path | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Compute what the claims need and judge them.

    ``seeds``: of every claim, in place of its own number; ``quick``: the small version, of those claims that have
    one. ``out``: a folder that keeps every part, so that a second call goes on where the first one ended, and that
    gets ``verdicts.json``. ``workers`` processes of one thread each share the parts; with 1, this process does all.

    Raises:
        InputError: seeds or workers below 1.
        RunError: ``out`` cannot be written.
    """
    workers = whole_number("workers", workers, least=1, example=2)
    if seeds is not None:
        seeds = whole_number("seeds", seeds, least=1, example=10)
    folder = None if out is None else Path(out)
    if folder is not None:
        make_folder(folder / "parts")
    chosen = [claim for claim in claims if claim.quick or not quick]
    counts = [seeds or (claim.quick if quick else claim.seeds) for claim in chosen]
    wanted = [claim.parts(Setting(count, quick)) for claim, count in zip(chosen, counts, strict=True)]
    done = _compute({part.key: part for parts in wanted for part in parts.values()}, folder, workers, progress)
    outcomes = []
    for claim, count, parts in zip(chosen, counts, wanted, strict=True):
        data = {name: done[part.key]["data"] for name, part in parts.items()}
        judged = tuple(judge(check) for check in claim.checks(data))
        costs = {part.key: done[part.key]["seconds"] for part in parts.values()}
        outcomes.append(Outcome(claim, claim_verdict(judged), judged, costs, count, quick, data))
    if folder is not None:
        atomic_write(folder / "verdicts.json", json_bytes({"claims": [outcome.record() for outcome in outcomes]}))
    return outcomes


def _compute(
    parts: Mapping[str, Part], folder: Path | None, workers: int, progress: Progress | None
) -> dict[str, dict[str, Any]]:
    """Key -> {"seconds", "data"}; the parts that a folder already holds, from this version, are read."""
    kept = {key: read_json(_file(folder, key)) for key in parts if folder is not None and _file(folder, key).exists()}
    done = {key: part for key, part in kept.items() if part.get("infoplane") == __version__}
    rest = [part for key, part in parts.items() if key not in done]
    for key, result in _results(rest, folder, workers):
        done[key] = result
        if progress is not None:
            progress(key, result["seconds"])
    return done


def _results(parts: list[Part], folder: Path | None, workers: int) -> Iterable[tuple[str, dict[str, Any]]]:
    if workers == 1 or len(parts) < 2:
        return (_work(part, folder) for part in parts)
    from joblib import Parallel, delayed

    return Parallel(n_jobs=workers, return_as="generator_unordered")(delayed(_work)(part, folder) for part in parts)


def _work(part: Part, folder: Path | None) -> tuple[str, dict[str, Any]]:
    """One part, in whatever process; written before it is reported, so that nothing done is lost."""
    import torch

    torch.set_num_threads(1)
    place = None
    if folder is not None:
        place = folder / "parts" / part.key
        make_folder(place)
    began = time.process_time()
    data = part.function(place, **part.options)
    result = {"infoplane": __version__, "seconds": time.process_time() - began, "data": data}
    if folder is not None:
        atomic_write(_file(folder, part.key), json_bytes(result))
    return part.key, json.loads(json_bytes(result))


def _file(folder: Path | None, key: str) -> Path:
    return Path(folder or ".") / "parts" / f"{key}.json"
