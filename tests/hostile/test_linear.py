"""Every reader of text takes time that grows with the length of a file, and not with its square, whatever is in it."""

import contextlib
import time

import pytest

from infoplane.errors import InfoplaneError
from infoplane.experiments.toml import from_file
from infoplane.io.arrays import read_arrays
from infoplane.io.files import read_json
from infoplane.trajectory.trajectory import Trajectory

LENGTH = 100_000  # where the time grows with the square, tens of seconds and more
TEXTS = {
    "experiment.toml": (
        "a" + ".a" * (LENGTH // 2) + " = 1",
        "a = " + "[" * LENGTH + "]" * LENGTH,
        "a = " + "{a=" * LENGTH + "1" + "}" * LENGTH,
        "".join(f"a{i}.b.c.d.e.f.g.h = 1\n" for i in range(LENGTH // 20)),
        "".join(f"[a.b.c.d.e.f.g{i}]\n" for i in range(LENGTH // 20)),
        "[[a]]\n" * (LENGTH // 6),
        'a = "' + "\\\\" * (LENGTH // 2) + '"',
        '"' * LENGTH,
        "a = " + "1_" * (LENGTH // 2) + "1",
        "a" * LENGTH + " = 1",
    ),
    "table.csv": (
        "a," + "1" * (LENGTH // 2) + "x" + "2" * (LENGTH // 2) + "\n1,2\n",
        ",".join(f"t{i}" for i in range(LENGTH // 8)) + "\n" + "1," * (LENGTH // 8 - 1) + "1\n",
        "a,b\n" + '""' * (LENGTH // 2) + ",1\n",
        "a,b\n1," + "1" * LENGTH + "\n",
    ),
    "run.json": (
        '{"a": ' + "[" * LENGTH + "]" * LENGTH + "}",
        '{"a": ' + "1" * LENGTH + "}",
        "{" + ",".join(f'"k{i}": 1' for i in range(LENGTH // 10)) + "}",
    ),
    "trajectory.csv": ('"' * LENGTH, ',"' * LENGTH, "step," * LENGTH),
}
READERS = {
    "experiment.toml": from_file,
    "table.csv": read_arrays,
    "run.json": read_json,
    "trajectory.csv": Trajectory.load,
}
CASES = [(name, number) for name, texts in TEXTS.items() for number in range(len(texts))]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_time_grows_with_the_length_of_a_file(tmp_path, name, number):
    path = tmp_path / name
    path.write_text(TEXTS[name][number])
    begun = time.process_time()
    with contextlib.suppress(InfoplaneError):
        READERS[name](path)
    assert time.process_time() - begun < 3
