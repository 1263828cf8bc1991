"""The package where nothing can be written: as a container or another user's installation has it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import infoplane as ip

PROGRAM = """
import os
import infoplane
from infoplane.estimators.counting import kernels
place = os.path.dirname(infoplane.__file__)
assert place.startswith(os.environ["HERE"]), place
try:
    open(os.path.join(place, "x"), "w")
    raise SystemExit("the installation can be written")
except PermissionError:
    pass
import torch
t = torch.arange(12.0).reshape(6, 2)
comparison = infoplane.compare(t, torch.tensor([0, 0, 0, 1, 1, 1]), estimators="binned")
print(comparison)
"""


def as_whom_modes_count():
    """What to put before a command so that modes count for it: root without the rights that go past them."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv, "root needs setpriv (util-linux) for this test"
    return [setpriv, "--inh-caps=-all", "--bounding-set=-all"]


def test_the_package_works_where_nothing_can_be_written(tmp_path):
    place = tmp_path / "site"
    shutil.copytree(Path(ip.__file__).parent, place / "infoplane", ignore=shutil.ignore_patterns("__pycache__"))
    home = tmp_path / "home"
    home.mkdir()
    folders = [path for path in place.rglob("*") if path.is_dir()]
    for folder in (*folders, place, home):
        folder.chmod(0o555)
    kept = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment = kept | {
        "HOME": str(home),
        "PYTHONPATH": str(place),
        "HERE": str(place),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment["MPLCONFIGDIR"] = str(tmp_path)  # matplotlib has a fallback of its own, and warns of it
    try:
        command = [*as_whom_modes_count(), sys.executable, "-c", PROGRAM]
        result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        for folder in (place, home, *folders):
            folder.chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert "binned" in result.stdout
