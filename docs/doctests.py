"""For the site: the examples of docstrings, which Python writes with >>>, become blocks of code in Markdown."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

#: Lines from one that begins with >>> to the next empty line, all indented alike.
_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent).+)*", flags=re.MULTILINE)


def fenced(text: str) -> str:
    """``text`` with every example between fences."""
    return _EXAMPLE.sub(lambda found: f"{found['indent']}```pycon\n{found[0]}\n{found['indent']}```", text)


class Doctests(Extension):
    """What mkdocs.yml names."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Every docstring that was read from the sources."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
