"""The house's own rules: what may import what is checked by lint-imports; sizes and unsafe calls are checked here."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "infoplane"
FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_file_fits_three_hundred_lines(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_loads_code_or_mutes_warnings(file):
    text = file.read_text(encoding="utf-8")
    unsafe = (
        r"allow_pickle=True|weights_only=False|\bpickle\b|joblib\.load|yaml\.load|(?<![.\w])eval\(|(?<![.\w])exec\("
    )
    found = re.findall(rf"{unsafe}|simplefilter\(.ignore|filterwarnings\(.ignore", text)
    assert not found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_what_checks_input_is_no_assertion(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
