"""For the site: what its pages say of a registry is made from the registry, whenever the site is built.

mkdocs.yml names this file under ``hooks``. In the navigation ``estimators: pages`` and ``replications: pages`` stand
for a page of each name; in a page a line ``<!-- from the registry: WHAT -->`` stands for what ``BLOCKS`` writes.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infoplane import replications
from infoplane.estimators import REGISTRY
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.rules import RULES

PAGES = Path(__file__).parent
MARKER = re.compile(r"^<!-- from the registry: (.+) -->$", flags=re.MULTILINE)


def page_of(name: str, kind: type[Estimator]) -> str | None:
    """The page of an estimator in docs/estimators: its own, or that of the folder of its file; None without one."""
    for stem in (name, kind.__module__.split(".")[-2]):
        if (PAGES / "estimators" / f"{stem}.md").exists():
            return f"{stem}.md"
    return None


def words_of(kind: type[Estimator]) -> tuple[str, str]:
    """What an estimator is and what it is for: the summary of its docstring, and a paragraph that begins with "For"."""
    summary, *others = (" ".join(part.split()) for part in (inspect.getdoc(kind) or "").split("\n\n"))
    purpose = next((text for text in others if text.startswith("For ")), "")
    return first_sentence(summary), first_sentence(purpose).removeprefix("For ")


def estimators_table() -> str:
    """A row an estimator: its page, what it is, what it is for, and which labels it takes."""
    rows = ["| estimator | what it is | use it for | labels |", "|---|---|---|---|"]
    for name, kind in REGISTRY.items():
        summary, purpose = words_of(kind)
        target = page_of(name, kind) or f"../api/estimators.md#{kind.__module__}.{kind.__name__}"
        labels = "classes, numbers" if kind.continuous else "classes"
        rows.append(f"| [`{name}`]({target}) | {summary} | {purpose} | {labels} |")
    return "\n".join(rows)


def first_sentence(docstring: str) -> str:
    """What a docstring says first, in Markdown."""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph)[0].rstrip(".").replace("``", "`")


def bin_rules_table() -> str:
    """A row a bin rule: its name, how it cuts, and what it looks at before."""
    rows = ["| `bins=` | how it cuts | looks at |", "|---|---|---|"]
    looks = {"nothing": "nothing", "extremes": "the smallest and largest values", "rows": "all values"}
    rows += [
        f'| `"{name}"` | {first_sentence(inspect.getdoc(kind) or "")} | {looks[kind().sees]} |'
        for name, kind in RULES.items()
    ]
    return "\n".join(rows)


def estimators_reference() -> str:
    """The class of every estimator, for mkdocstrings."""
    return "\n\n".join(
        f"::: {kind.__module__}.{kind.__name__}\n    options: {{members: false}}" for kind in REGISTRY.values()
    )


def floors_table() -> str:
    """The rooms of the package by floor, the lowest first, each with what it says of itself."""
    contracts = tomllib.loads((PAGES.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = [floor.split(" | ") for floor in reversed(contracts["contracts"][0]["layers"])]
    rows = ["| floor | room | |", "|---|---|---|"]
    for number, room in ((number, room) for number, rooms in enumerate(floors, start=1) for room in rooms):
        package = PAGES.parent / "src" / "infoplane" / room
        file = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        name = f"{room}/" if package.is_dir() else file.name
        rows.append(f"| {number} | `{name}` | {first_sentence(docstring)} |")
    return "\n".join(rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "estimators": estimators_table,
    "floors": floors_table,
    "bin rules": bin_rules_table,
    "classes of estimators": estimators_reference,
}


def estimators_pages() -> list[dict[str, str]]:
    """The navigation through the estimators, each page once, under its own name or that of its folder."""
    pages: dict[str, str] = {}
    for name, kind in REGISTRY.items():
        page = page_of(name, kind)
        if page is not None:
            pages.setdefault(page, page.removesuffix(".md"))
    return [{title: f"estimators/{page}"} for page, title in pages.items()]


def replications_pages() -> list[dict[str, str]]:
    """The navigation through the published claims."""
    return [{name: f"replications/{name}.md"} for name in replications.names()]


NAVIGATION: dict[str, Callable[[], list[dict[str, str]]]] = {
    "estimators: pages": estimators_pages,
    "replications: pages": replications_pages,
}


def navigation(entries: list[Any]) -> list[Any]:
    """The navigation with the pages of the registries in place of what stands for them."""
    whole: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            whole.append({title: navigation(to) if isinstance(to, list) else to for title, to in entry.items()})
        else:
            whole += NAVIGATION[entry]() if entry in NAVIGATION else [entry]
    return whole


def text_with_blocks(markdown: str) -> str:
    """A page with the blocks that its markers stand for."""
    return MARKER.sub(lambda marker: BLOCKS[marker[1]](), markdown)


def on_config(config: Any) -> Any:
    """Called by mkdocs once."""
    config.nav = navigation(config.nav)
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return text_with_blocks(markdown)
