"""The pages on adding things hold all that there is to add: written into a copy of the sources, it works everywhere."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("src", "docs", "tests/house")  # of modules


def pieces(page):
    """The blocks of a page that have a file for a title, in order: (file, text)."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r'^```\w+ title="(.*?)"\n(.*?)^```', text, flags=re.MULTILINE | re.DOTALL)


def add(file, text):
    """A new file as it stands; lines for an old one into the list, table or call that their comment names."""
    if not file.exists():
        file.write_text(text, encoding="utf-8")
        return
    whole = file.read_text(encoding="utf-8")
    for piece in re.split(r"\n\n+(?=\S| {4}\S)", text.strip("\n")):
        place = re.search(r"# in (\w+)", piece)
        if place is None:  # an import, before the first one of the package
            whole = re.sub(r"^(?=from infoplane)", f"{piece}\n", whole, count=1, flags=re.MULTILINE)
        else:
            entry = re.sub(r"  # in \w+", "", piece)
            whole, count = re.subn(
                rf"^({place[1]}\b.*[\[({{]\n)", rf"\g<1>{entry}\n", whole, count=1, flags=re.MULTILINE
            )
            assert count == 1, f"{file.name} has no {place[1]}"
    file.write_text(whole, encoding="utf-8")


@pytest.fixture
def copy(tmp_path):
    """A copy of what a commit holds of the package, its tests and its documentation."""
    skipped = shutil.ignore_patterns("*.egg-info", "*.png", "data")
    for folder in ("src", "tests", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skipped)
    for file in ("pyproject.toml", "mkdocs.yml"):
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def python(*arguments, cwd):
    """What a run of Python prints, in a copy of the sources."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(cwd / folder) for folder in PLACES)}
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_an_estimator_is_one_file_one_registry_line_and_one_row(copy):
    blocks = pieces("adding-an-estimator.md")
    assert [file for file, _ in blocks] == [
        "src/infoplane/estimators/winner.py",
        "src/infoplane/estimators/__init__.py",
        "tests/estimators/cases.py",
    ]
    for file, text in blocks:
        add(copy / file, text)
    tests = [f"tests/{name}.py" for name in ("estimators/test_contract", "house/test_public_face")]
    chosen = ["-k", "winner or has_a_row or room or names"]
    printed = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *chosen, cwd=copy)
    assert re.search(r"\b\d+ passed", printed)
    python("-m", "doctest", blocks[0][0], cwd=copy)
    assert "winner" not in python("-c", "import test_architecture; print(*test_architecture.modules())", cwd=copy)
    assert "winner" in python("-m", "infoplane.cli", "list", "estimators", cwd=copy).splitlines()
    table = python("-c", "import registries; print(registries.BLOCKS['estimators']())", cwd=copy)
    assert "of equal ones the first | the outputs of a classifier: what its decision alone knows |" in table


def registries():
    """The hook of the site."""
    spec = importlib.util.spec_from_file_location("registries", ROOT / "docs" / "registries.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_estimator_says_on_the_site_what_it_is_for():
    rows = registries().BLOCKS["estimators"]().splitlines()[2:]
    assert len(rows) > 15
    for row in rows:
        name, summary, purpose, labels = (cell.strip() for cell in row.strip("|").split("|"))
        assert summary, name
        assert purpose, f'the docstring of {name} needs a paragraph that begins with "For"'
        assert labels.startswith("classes")


def test_what_stands_for_a_registry_on_the_pages_is_known():
    module = registries()
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    assert {name for text in texts for name in module.MARKER.findall(text)} == set(module.BLOCKS)
    lines = re.findall(r'^ +- "(\w+: pages)"$', (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(lines) == set(module.NAVIGATION)
    for entry in (page for make in module.NAVIGATION.values() for page in make()):
        assert all((ROOT / "docs" / page).exists() for page in entry.values())
