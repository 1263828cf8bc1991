"""The documentation site: it builds without a warning, needs no other machine, and names everything that is public."""

import html.parser
import os
import re
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
        attributes = dict(attrs)
        loads = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
        if tag == "link" and attributes.get("rel") != "canonical":
            self.addresses.append(attributes.get("href", ""))
        elif tag in loads and attributes.get(loads[tag]):
            self.addresses.append(attributes[loads[tag]])


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
