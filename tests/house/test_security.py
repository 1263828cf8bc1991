"""What infoplane promises to those who read other people's files: see SECURITY.md."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infoplane import experiments
from infoplane.errors import InfoplaneError

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    path
    for folder in ("examples", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".md", ".ipynb") and path.is_file()
)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")  # all but the end of a line


def python(*arguments, cwd, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300, **options)


COMMANDS = """
import json, sys
from infoplane import cli
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["infoplane", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        print("exit", end.code or 0)
"""


def infoplane(*commands, cwd, flags=()):
    """What one process prints for several command lines, one after the other."""
    return python(*flags, "-c", COMMANDS, json.dumps(commands), cwd=cwd)


@pytest.mark.parametrize("path", [*TEXTS, ROOT / "README.md"], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_shown_to_users_loads_code_from_files(path):
    text = path.read_text(encoding="utf-8")
    unsafe = r"allow_pickle=True|weights_only=False|import pickle|pickle\.load|joblib\.load|dill\.load|yaml\.load\("
    assert not re.findall(unsafe, text)


def test_there_is_a_way_to_report_and_a_statement_of_what_is_trusted():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert {"## Report", "## Versions", "## What is trusted"} <= set(re.findall("^## .*", text, re.MULTILINE))


MODULE = "from pathlib import Path\nPath('imported').touch()\ndef make(): Path('called').touch()\n"
TOML = """
name = "mine"
[data]
name = "szt"
[network]
sizes = [12, 3, 1]
activation = "tanh"
output_activation = "tanh"
measure = ["1"]
[estimator]
name = "binned"
bins = "report"
[training]
epochs = 1
loss = "mse"
optimizer = "sgd"
init = "shared"
family = "sampled"
every = "log"
engine = "auto"
device = "auto"
units = "bits"
"""


@pytest.mark.parametrize("setting", [line.partition(" ")[0] for line in TOML.splitlines() if '"' in line])
def test_an_experiment_file_imports_nothing(setting, tmp_path, monkeypatch):
    """A "module:function" in it is an unknown name, never code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "sly.py").write_text(MODULE)
    replaced = re.sub(rf'^{setting} = .*"$', f'{setting} = "sly:make"', TOML, flags=re.MULTILINE)
    assert "sly" in replaced or setting == "measure"
    (tmp_path / "mine.toml").write_text(replaced.replace('measure = ["1"]', f'measure = ["{setting}"]'))
    with pytest.raises(InfoplaneError):
        experiments.load("mine.toml").run(progress=False)
    assert "sly" not in sys.modules
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "sly.py"]


@pytest.mark.parametrize("option", ["out", "force"])
def test_an_experiment_file_does_not_say_where_results_go(option, tmp_path):
    (tmp_path / "mine.toml").write_text(f'{TOML}{option} = "elsewhere"\n')
    with pytest.raises(InfoplaneError, match=f"unknown option of .training. '{option}'"):
        experiments.load(str(tmp_path / "mine.toml"))


def test_importing_asks_nothing_of_the_network_and_writes_nothing(tmp_path):
    code = (
        "import sys\n"
        "def guard(event, arguments):\n"
        "    assert not event.startswith(('socket.', 'urllib.')), (event, arguments)\n"
        "sys.addaudithook(guard)\n"
        "import infoplane, infoplane.cli\n"
        "infoplane.datasets.load, infoplane.experiments.load\n"
    )
    done = python("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())


MODEL = """
import torch
from torch import nn
def make():
    model = nn.Sequential()
    model.add_module("fc\\x1b]0;owned\\x07\\u202e", nn.Linear(3, 2))
    model.add_module("act\\x1b[31m", nn.Tanh())
    return model
"""


def test_names_put_no_control_characters_on_a_terminal(tmp_path):
    (tmp_path / "sly.py").write_text(MODEL)
    code = (
        "import infoplane, sly, torch\n"
        "x = torch.randn(40, 3)\n"
        "plane = infoplane.InformationPlane(x, (x[:, 0] > 0).long())\n"
        "plane.measure(sly.make(), 0)\n"
        "plane.trajectory.save('run')\n"
    )
    assert python("-c", code, cwd=tmp_path).returncode == 0
    done = infoplane(
        ("list", "layers", "sly:make", "--input", "3"),
        ("plot", "run"),
        ("plot", "run", "--out", "a\x1b[31m.svg"),
        ("list", "layers", "sly:make\x1b[31m", "--input", "3"),
        ("estimate", "none\x1b[31m.npz"),
        cwd=tmp_path,
    )
    assert re.findall("exit .", done.stdout) == ["exit 0", "exit 0", "exit 0", "exit 2", "exit 2"]
    assert "fc]0;owned" in done.stdout
    assert not CONTROL.findall(done.stdout + done.stderr)


def test_the_command_line_says_the_same_without_assertions(tmp_path):
    """Nothing that checks input is an assertion, which python -O leaves out."""
    (tmp_path / "bad.csv").write_text("t,y\n0,x\n1\n")
    commands = (("estimate", "bad.csv"), ("list", "planets"), ("plot", "none"), ("run", "warm-up", "--epochs", "-1"))
    with_them, without = (infoplane(*commands, cwd=tmp_path, flags=flags) for flags in ((), ("-O",)))
    assert without.stdout.split() == ["exit", "2"] * 4
    assert without.stderr == with_them.stderr


@pytest.mark.slow
def test_tests_pass_without_assertions_in_the_sources():
    """pytest keeps the assertions of tests, also under -O."""
    chosen = ("io/test_arrays.py", "io/test_files.py", "experiments/test_experiment.py", "estimators/test_binned.py")
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore:assertions not in test modules")
    done = python("-O", "-m", "pytest", *options, *(ROOT / "tests" / name for name in chosen), cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.extra
def test_what_the_environment_is_made_of_can_be_said():
    pytest.importorskip("cyclonedx_py")
    done = python("-m", "cyclonedx_py", "environment", "--pyproject", ROOT / "pyproject.toml", cwd=ROOT)
    said = json.loads(done.stdout)
    assert said["metadata"]["component"]["name"] == "infoplane"
    versions = {part["name"].lower(): part["version"] for part in said["components"]}
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert {"torch", "numpy", "numba", "typer"} <= set(versions)
    assert versions["numpy"] == pins["numpy"]
