"""For the site: docstrings as Markdown. Examples, written with >>>, become blocks of code; roles are left out."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

#: Lines from one that begins with >>> to the next empty line, all indented alike.
_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent).+)*", flags=re.MULTILINE)
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=`)")


def markdown(text: str) -> str:
    """``text`` with every example between fences, and without roles."""
    text = _ROLE.sub("", text)
    return _EXAMPLE.sub(lambda found: f"{found['indent']}```pycon\n{found[0]}\n{found['indent']}```", text)


class Doctests(Extension):
    """What mkdocs.yml names."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Every docstring that was read from the sources."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
