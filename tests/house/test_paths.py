"""What benchmarks, examples and pages import of the package is where they say, also where no test runs them."""

import ast
import functools
import json
import re
from pathlib import Path

import pytest

import infoplane as ip

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


def python_of(path):
    """The Python of a program, a notebook or a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        source = "\n".join("".join(cell["source"]) for cell in cells)
        return re.sub(r"^%.*$", "", source, flags=re.MULTILINE)  # commands of the notebook itself
    if path.suffix == ".md":
        return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    return text


@functools.cache
def names_of(module):
    """What a module of the package defines or imports; None where there is no such module."""
    path = SOURCE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return None
    names = {name.stem for name in path.glob("*") if name.stem != "__pycache__"} if path.is_dir() else set()
    if module == "infoplane":
        return names | set(ip.__all__)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def imports(text):
    """(module, name) of everything that is imported of the package; name None for a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name.split(".")[0] == "infoplane")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "infoplane":
            yield from ((node.module, alias.name) for alias in node.names)


FILES = [
    *sorted((ROOT / "benchmarks").glob("*.py")),
    *sorted((ROOT / "examples").glob("*.py")),
    *sorted((ROOT / "examples").glob("*.ipynb")),
    *sorted((ROOT / "docs").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_is_imported_is_there(file):
    for module, name in imports(python_of(file)):
        names = names_of(module)
        assert names is not None, f"{file.name} imports {module}, which is no module"
        assert name is None or name in names, f"{file.name} imports {name} from {module}, which has no such name"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_of_the_reference_shows_is_there(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"^::: (infoplane[\w.]*)|\]\[(infoplane[\w.]*)\]", text, flags=re.MULTILINE):
        module, _, name = "".join(path).rpartition(".")
        known = names_of(module) if names_of("".join(path)) is None else {name}
        assert known is not None, f"{page.name} names {''.join(path)}"
        assert name in known, f"{page.name} names {''.join(path)}"


def test_files_that_pages_and_comments_name_are_there():
    added = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("adding-*.md"))
    known = {*re.findall(r'title="(.*?)[",]', added), "tests/estimators/test_winner.py"}
    for file in [*FILES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *SOURCE.rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        for path in re.findall(r"\b(?:src|tests|benchmarks|examples)/[\w/-]+\.(?:py|md|toml|csv)\b", text):
            assert path in known or (ROOT / path).exists(), f"{file.relative_to(ROOT)} names {path}"
