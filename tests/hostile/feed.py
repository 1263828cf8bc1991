"""Gives every file of a folder to every reader: ``python feed.py FOLDER`` prints one line of JSON a meal.

Memory is limited to 3 GB above what the imports take, and a meal to 20 seconds; no process may be started and no
connection made.
"""

import contextlib
import io
import json
import resource
import signal
import sys
import warnings
from pathlib import Path

import torch  # noqa: F401

from infoplane import cli, experiments, runs
from infoplane.datasets.idx import read_idx
from infoplane.datasets.mnist import load_mnist
from infoplane.io.arrays import read_arrays
from infoplane.saved.checkpoints import read_state
from infoplane.trajectory.trajectory import Trajectory

SECONDS = 20
ROOM = 3 * 2**30
FORBIDDEN = ("os.system", "subprocess.Popen", "os.exec", "os.fork", "socket.connect")


class TooSlow(BaseException):
    pass


def own_data(path):
    tables = {"data": {"file": path.name}, "network": {"sizes": [3, 2, 1]}}
    return experiments.from_tables(tables, path.with_suffix(".toml")).data(seed=0)


def command(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        cli.app([str(argument) for argument in arguments], standalone_mode=False)
    return said.getvalue()


OF_FILES = {
    "arrays": read_arrays,
    "state": read_state,
    "idx": read_idx,
    "trajectory": Trajectory.load,
    "experiment": experiments.from_file,
    "data of an experiment": own_data,
    "infoplane estimate": lambda path: command("estimate", path),
}
OF_FOLDERS = {
    "mnist": lambda path: load_mnist(root=path),
    "trajectory": Trajectory.load,
    "verify": runs.verify,
    "overview": runs.overview,
    "infoplane plot": lambda path: command("plot", path, "--out", path.parent / "plane.svg"),
    "infoplane export": lambda path: command("export", path, "--out", path.parent / "table.csv"),
    "infoplane verify": lambda path: command("verify", path),
    "infoplane list runs": lambda path: command("list", "runs", path),
}


def guard(event, arguments):
    if event.startswith(FORBIDDEN) or (event == "os.mkdir" and Path(str(arguments[0])).name == "ran"):
        raise RuntimeError(f"not allowed: {event} {arguments}")


def too_slow(signal_number, frame):
    raise TooSlow


def out_of_memory(error):
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def meal(name, reader, path):
    """What came of it."""
    found = {"reader": name, "file": str(path), "error": None, "said": ""}
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = reader(path)
        found["said"] = result if isinstance(result, str) else repr(result)[:1000]
    except BaseException as error:
        found |= {"error": [kind.__name__ for kind in type(error).__mro__], "said": str(error)}
        found["memory"] = out_of_memory(error)
    finally:
        signal.alarm(0)
    return found


def main(folder):
    signal.signal(signal.SIGALRM, too_slow)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + ROOM, in_use + ROOM))
    sys.addaudithook(guard)
    for path in sorted(Path(folder).rglob("*")):
        for name, reader in (OF_FOLDERS if path.is_dir() else OF_FILES).items():
            print(json.dumps(meal(name, reader, path)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
