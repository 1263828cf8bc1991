"""What the README and the pages show is run: Python blocks as they stand, commands with few steps."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def missing(page):
    """Optional packages that a page needs and that are not here, from its first line: <!-- needs lightning keras -->"""
    first = page.read_text(encoding="utf-8").partition("\n")[0]
    named = first.removeprefix("<!-- needs").removesuffix("-->").split() if first.startswith("<!-- needs") else []
    return [package for package in named if importlib.util.find_spec(package) is None]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_the_python_on_the_pages_runs(page, tmp_path, monkeypatch):
    if missing(page):
        pytest.skip(f"{page.name} needs {', '.join(missing(page))}")
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    exec(compile("\n".join(blocks(page, "python")), page.name, "exec"), {"__name__": "__main__"})


def commands(page):
    lines = "".join(blocks(page, "console")).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("infoplane ")]


@pytest.mark.slow
def test_the_commands_on_the_pages_run(tmp_path):
    """In the order of the pages, with the files that they show, and a few steps for each training."""
    for page in [page for page in PAGES if not missing(page)]:
        for number, text in enumerate(blocks(page, "toml")):
            name = re.search(r'^name = "(.*)"', text, flags=re.MULTILINE)
            (tmp_path / f"{name[1] if name else number}.toml").write_text(text, encoding="utf-8")
        for command in commands(page):
            few = ["--epochs", "5"] if command[1] == "run" else []
            result = subprocess.run(
                [sys.executable, "-m", "infoplane.cli", *command[1:], *few],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode == 0, f"{page.name}: {shlex.join(command)}\n{result.stderr}"


@pytest.mark.slow
def test_the_demo_command(tmp_path):
    result = subprocess.run(
        ["bash", str(ROOT / "dev"), "demo", "--epochs", "20", "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert {"trajectory.csv", "plane.png", "plane.svg", "run.json"} <= {p.name for p in (tmp_path / "demo").iterdir()}
    assert "demo/plane.png" in result.stdout


def test_links_between_the_pages_lead_somewhere():
    for page in PAGES:
        prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#:]+)\)", prose):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "./dev demo" in text
    assert "./dev test" in text
    assert "./dev test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
