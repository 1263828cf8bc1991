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
    """The blocks of a page that have a file for a title, in order: (file and place, text)."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r'^```\w+ title="(.*?)"\n(.*?)^```', text, flags=re.MULTILINE | re.DOTALL)


def add(folder, title, text):
    """A new file as it stands; into one that exists with the imports, before a table or into it, as the title says."""
    name, _, place = title.partition(", ")
    file = folder / name
    if not place:
        assert not file.exists()
        file.write_text(text, encoding="utf-8")
        return
    where, _, table = place.rpartition(" ")
    start, new = {
        "with the": (r"()(?=^from infoplane)", text),
        "before": (rf"()(?=(?:^#.*\n)*^{table}\b)", f"{text}\n\n"),
        "in": (rf"(^{table}\b.*[\[({{]\n(?: +{{\n)?)", text),
    }[where]
    whole, count = re.subn(start, lambda found: found[1] + new, file.read_text(encoding="utf-8"), count=1, flags=re.M)
    assert count == 1, f"{name} has nothing that reads {place}"
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
    assert [title for title, _ in blocks] == [
        "src/infoplane/estimators/winner.py",
        "src/infoplane/estimators/registry.py, with the imports",
        "src/infoplane/estimators/registry.py, in REGISTRY",
        "tests/estimators/cases.py, in CASES",
    ]
    for title, text in blocks:
        add(copy, title, text)
    tests = [f"tests/{name}.py" for name in ("estimators/test_contract", "house/test_public_face")]
    chosen = ["-k", "winner or has_a_row or room or names"]
    printed = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *chosen, cwd=copy)
    assert re.search(r"\b\d+ passed", printed)
    python("-m", "doctest", blocks[0][0], cwd=copy)
    assert "winner" not in python("-c", "import test_architecture; print(*test_architecture.modules())", cwd=copy)
    listed = python("-m", "infoplane.cli", "list", "estimators", cwd=copy).splitlines()
    assert "winner" in [line.split()[0] for line in listed]
    table = python("-c", "import registries; print(registries.BLOCKS['estimators']())", cwd=copy)
    assert "of equal ones the first | the outputs of a classifier: what its decision alone knows |" in table


#: Everything that the page on other things adds, used once.
USED = """
from typer.testing import CliRunner
import infoplane as ip
from infoplane import cli
from infoplane.trajectory.trajectory import Trajectory

def run(*words):
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output

assert "parity" in run("list", "datasets").split()
data = ip.datasets.load("parity", bits=4)
assert data.x.shape == (16, 4) and data.details["facts"]["h_y_bits"] == 1
estimate = ip.mutual_information(2 * data.x[:, :1] - 1, data.x[:, 0].astype(int), bins="saturated")
assert abs(estimate.value - 1) < 1e-12 and estimate.details["measurement"] == "saturated beyond 0.9"
assert "bottleneck" in run("list", "networks")
assert len(ip.networks.ARCHITECTURES["bottleneck"].make(width=3)) == 8
rows = [{"step": 0, "layer": f"fc{n}", "layer_index": n, "i_xt": 3.0, "i_ty": 0.5} for n in (0, 1)]
Trajectory(rows).save("run")
assert "bars" in run("plot", "--help")
assert run("plot", "run", "--kind", "bars") == "wrote run/bars.png\\n"
assert run("count", "run") == "2 rows\\n"
assert "count" in run("--help")
assert "chance" in run("list", "replications")
assert "holds" in run("replicate", "chance", "--quick", "--workers", "1", "--out", "claims")
"""


@pytest.mark.slow
def test_other_things_are_what_their_page_says_and_nothing_else(copy):
    for title, text in pieces("adding-things.md"):
        add(copy, title, text)
    python("-c", USED, cwd=copy)
    contract = ("tests/estimators/test_contract.py", "-k", "saturated")
    assert re.search(
        r"\b2 passed|\b3 passed", python("-m", "pytest", "-q", "-p", "no:cacheprovider", *contract, cwd=copy)
    )
    table = python("-c", "import registries; print(registries.BLOCKS['bin rules']())", cwd=copy)
    assert (
        '| `"saturated"` | Three symbols a unit: at least `most`, at most `-most`, or between them | nothing |' in table
    )


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
