"""Mutation testing of the counting: how many small changes of the source do the tests notice?

python benchmarks/mutation.py entropy --sample 50
python benchmarks/mutation.py symbols --sample 60

Needs ``pip install cosmic-ray``. Works on a copy of the sources and tests, with the compiled loops run as plain Python,
after checking that the tests pass so. A random sample of all mutants, seed 0; not counted are decorators and
annotations, which never run. Surviving ones are printed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = {
    "entropy": "test_entropy.py -k 'not extreme and not one_cell'",
    "symbols": "test_symbols.py",
}
NEVER_RUN = re.compile(r"\s*(@|def |\w+: [\w |\[\], .]+$|.*\) -> )")


def config(module: str) -> str:
    tests = re.sub(r"(test_\w+\.py)", r"tests/estimators/counting/\1", TESTS[module])
    return (
        f'[cosmic-ray]\nmodule-path = "src/infoplane/estimators/counting/{module}.py"\n'
        "timeout = 60.0\nexcluded-modules = []\n"
        f'test-command = "{sys.executable} -m pytest -q -x -p no:cacheprovider {tests}"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
    )


def keep_sample(session: Path, source: list[str], size: int) -> int:
    """Leave a random sample of the mutants in the session; how many there were."""
    with sqlite3.connect(session) as base:
        rows = base.execute("select job_id, start_pos_row, operator_name, occurrence from mutation_specs").fetchall()
        run = sorted((row for row in rows if not NEVER_RUN.match(source[row[1] - 1])), key=lambda row: row[1:])
        kept = {row[0] for row in random.Random(0).sample(run, min(size, len(run)))}
        for table in ("mutation_specs", "work_items"):
            base.executemany(f"delete from {table} where job_id = ?", [(r[0],) for r in rows if r[0] not in kept])  # noqa: S608
    return len(run)


def report(session: Path, module: str, of: int) -> None:
    with sqlite3.connect(session) as base:
        rows = base.execute(
            "select test_outcome, start_pos_row, operator_name, diff from work_results "
            "join mutation_specs using (job_id)"
        ).fetchall()
    killed = sum(outcome == "KILLED" for outcome, *_ in rows)
    print(f"{module}.py: {killed} of {len(rows)} mutants killed ({100 * killed / len(rows):.0f} %), of {of} in all")
    for outcome, row, operator, diff in sorted(rows, key=lambda row: row[1]):
        if outcome != "KILLED":
            changed = [line for line in diff.splitlines() if line.startswith(("+ ", "+\t"))]
            print(f"  survived: line {row}, {operator.split('/')[-1]}: {' '.join(changed)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("module", choices=sorted(TESTS))
    parser.add_argument("--sample", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("src", "tests", "benchmarks"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / "mutation.toml").write_text(config(given.module), encoding="utf-8")
        environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"}
        session = copy / "mutation.sqlite"
        command = [str(Path(sys.executable).parent / "cosmic-ray")]
        arguments = ["mutation.toml", session.name]
        subprocess.run([*command, "baseline", arguments[0]], cwd=copy, env=environment, check=True)
        subprocess.run([*command, "init", *arguments], cwd=copy, env=environment, check=True)
        source = (copy / "src" / "infoplane" / "estimators" / "counting" / f"{given.module}.py").read_text(
            encoding="utf-8"
        )
        of = keep_sample(session, source.splitlines(), given.sample)
        subprocess.run([*command, "exec", *arguments], cwd=copy, env=environment, check=True)
        report(session, given.module, of)


if __name__ == "__main__":
    main()
