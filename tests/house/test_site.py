"""The documentation site: it builds without a warning, needs no other machine, and names everything that is public."""

import html.parser
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import infoplane as ip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built pages."""
    for package in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


class Loaded(html.parser.HTMLParser):
    """The addresses that a browser loads by itself with a page."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        loads = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
        if tag == "link" and given.get("rel") != "canonical":
            self.addresses.append(given.get("href", ""))
        elif tag in loads and given.get(loads[tag]):
            self.addresses.append(given[loads[tag]])


@pytest.mark.slow
@pytest.mark.extra
def test_no_page_loads_anything_from_another_machine(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert not [address for address in loaded.addresses if re.match(r"(\w+:)?//", address)], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet.name


@pytest.mark.slow
@pytest.mark.extra
def test_every_public_name_is_in_the_reference(site):
    inventory = zlib.decompress((site / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    described = {line.split()[0] for line in inventory.splitlines()}
    for name, (module, attribute) in ip._PUBLIC.items():
        there = getattr(ip, name)
        places = {module, f"{module}.{attribute}", f"{getattr(there, '__module__', '')}.{attribute}"}
        places |= {place for place in described if attribute is None and place.startswith(f"{module}.")}
        assert places & described, f"docs/api says nothing of ip.{name}"


@pytest.mark.slow
@pytest.mark.extra
def test_examples_of_docstrings_are_code_and_the_site_holds_no_sources(site):
    page = (site / "api" / "measuring.html").read_text(encoding="utf-8")
    assert "<blockquote>" not in page
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    assert not list(site.rglob("*.py"))
    for reference in (site / "api").glob("*.html"):
        assert not re.search(r":(attr|class|data|func|meth|mod):", reference.read_text(encoding="utf-8"))


def pieces():
    """The titled blocks of the page on adding an estimator, by file."""
    text = (ROOT / "docs" / "adding-an-estimator.md").read_text(encoding="utf-8")
    return dict(re.findall(r'^```\w+ title="(.*?)"\n(.*?)^```', text, flags=re.MULTILINE | re.DOTALL))


def python(*arguments, cwd):
    """What a run of Python prints, in a copy of the sources."""
    environment = {**os.environ, "PYTHONPATH": str(cwd / "src")}
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_estimator_that_the_page_adds_keeps_the_contract(tmp_path):
    """One file, one registry line and one row, written into a copy of the sources (with what is compiled of them)."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    found = pieces()
    file, registry, cases = found
    (tmp_path / file).write_text(found[file], encoding="utf-8")

    imported, _, entry = found[registry].partition("\n\n")
    text = (tmp_path / registry).read_text(encoding="utf-8").replace("\n#: Every", f"{imported}\n\n#: Every")
    (tmp_path / registry).write_text(re.sub(r"(REGISTRY.*= \{\n)", rf"\1{entry}", text), encoding="utf-8")

    row = (tmp_path / cases).read_text(encoding="utf-8").replace("CASES = [\n", f"CASES = [\n{found[cases]}")
    (tmp_path / cases).write_text(row, encoding="utf-8")

    contract = ["tests/estimators/test_contract.py", "-k", "winner or has_a_row"]
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *contract, cwd=tmp_path)
    assert re.search(r"\b4 passed", said)
    python("-m", "doctest", file, cwd=tmp_path)
