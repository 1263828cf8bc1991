"""What a replication is made of: a claim, the parts that are computed for it, the checks, and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from infoplane.replications.verdict import Check

# papers that more than one claim is from, as its page lists them
GOLDFELD_2019 = "Goldfeld et al. (2019), Estimating information flow in deep neural networks, ICML, arXiv:1810.05728"
NOTHNAGEL_2026 = "Nothnagel and Geiger (2026), Information plane analysis of binary neural networks, arXiv:2605.03636"
SAXE_2018 = "Saxe et al. (2018), On the information bottleneck theory of deep learning, ICLR"

Data = Mapping[str, Any]  #: a part's name -> what the part gave: numbers, lists and tables of these, as JSON holds them


@final
@dataclass(frozen=True)
class Setting:
    """How a claim is replicated: on how many seeds, and in the quick version or not."""

    seeds: int
    quick: bool = False


@final
@dataclass(frozen=True)
class Part:
    """A piece of work that ends in numbers: a function of a module, so that another process can run it.

    ``function(folder, **options)`` gives a table that JSON can hold; ``folder`` (or None) is the part's own place for
    what lets an interrupted computation go on. Two parts with the same function and options are the same part.
    """

    function: Callable[..., Mapping[str, Any]]
    options: Mapping[str, Any]

    @property
    def key(self) -> str:
        """A name for files, the same for the same work."""
        options = "-".join(f"{name}={value}" for name, value in sorted(self.options.items()))
        module = self.function.__module__.rpartition(".")[2]
        name = f"{module}.{self.function.__name__}-{options}"
        return "".join(mark if mark.isalnum() or mark in "._=-" else "_" for mark in name)


Parts = Callable[[Setting], Mapping[str, Part]]  #: a setting -> what has to be computed in it, by name


def one_part_each(
    function: Callable[..., Mapping[str, Any]], kinds: Mapping[str, Mapping[str, Any]], *, quick: int | None = None
) -> Parts:
    """The parts of a claim that does one thing to several kinds: ``function(folder, seeds=..., **options)`` for each.

    The quick version has the first ``quick`` kinds only, or all of them.

    Example:
        >>> parts = one_part_each(print, {"plain": {"decay": 0.0}, "decayed": {"decay": 0.1}})
        >>> {name: dict(part.options) for name, part in parts(Setting(seeds=3)).items()}
        {'plain': {'seeds': 3, 'decay': 0.0}, 'decayed': {'seeds': 3, 'decay': 0.1}}
    """

    def parts(setting: Setting) -> Mapping[str, Part]:
        chosen = list(kinds.items())[: quick if setting.quick else None]
        return {name: Part(function, {"seeds": setting.seeds, **options}) for name, options in chosen}

    return parts


@final
@dataclass(frozen=True)
class Claim:
    """A published claim that a computation can decide.

    ``parts``: what has to be computed in a ``Setting``, by name; ``checks``: from the parts' numbers, the sentences
    that are judged; ``contrast``: in words, the rule under which the claim fails, which ``picture`` draws beside it.
    ``seeds`` of the whole version; ``quick`` of the quick one, 0 where it is left out there. ``silent`` says what the
    replication does not show.
    """

    name: str
    title: str
    statement: str
    method: str
    contrast: str
    silent: str
    sources: tuple[str, ...]
    seeds: int
    quick: int
    parts: Parts
    checks: Callable[[Data], list[Check]]
    picture: Callable[[Data], Any]
