"""Every flag that an estimator can raise has words."""

import ast
from pathlib import Path

import infoplane
from infoplane.report.words import FLAG_WORDS, in_words

SOURCE = Path(infoplane.__file__).parent


def raised_flags():
    """Texts that the source appends to a list called flags, or adds to one as a tuple."""
    for file in (SOURCE / "estimators").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("flags.append"):
                yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))
            if isinstance(node, ast.AugAssign) and ast.unparse(node.target).endswith("flags"):
                yield from (part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)
                            and isinstance(part.value, str))  # fmt: skip


def test_every_flag_has_words():
    found = set(raised_flags())
    assert len(found) > 10
    assert found <= set(FLAG_WORDS), sorted(found - set(FLAG_WORDS))


def test_an_unknown_flag_is_shown_without_words():
    assert in_words("red")
    assert in_words("a flag of my own") == ""
