"""What is packed for those who build or test from source is all that is needed for it."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKED = ("src", "tests", "docs", "examples", "benchmarks")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")


def files_of(folder, root):
    return {path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.is_file()}


def test_an_sdist_holds_the_tests_and_all_that_they_read(tmp_path):
    copy = tmp_path / "copy"
    for name in PACKED:
        shutil.copytree(ROOT / name, copy / name, ignore=LEFT_OUT)
    alone = {path.name for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")}
    for name in alone:
        shutil.copy(ROOT / name, copy)
    program = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=copy, timeout=300, check=True)
    with tarfile.open(tmp_path / built.stdout.splitlines()[-1]) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    needed = alone.union(*(files_of(name, copy) for name in PACKED))
    assert {name for name in needed - packed if ".egg-info" not in name} == set()
