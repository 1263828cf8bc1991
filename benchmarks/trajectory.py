"""How much a trajectory's rows weigh, and how long tables, selections, files and a step's rows take.

    python benchmarks/trajectory.py [--rows 50000]

Beside the columns of infoplane stands the former way, rows as tuples, in the same process and on the same rows. Times
are medians of CPU time, of 7 repeats in milliseconds and of 2000 in microseconds; memory is what tracemalloc counts
while the rows are added, and, for the columns, the sizes of the arrays with the room that they keep free.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from machine import machine, median_seconds

from infoplane.columns import COLUMNS, KINDS
from infoplane.trajectory.trajectory import Trajectory

LAYERS = 5


def columns_of(step: int) -> dict[str, list[Any]]:
    """The rows of a step as a measurement hands them over: five layers, with intervals, without shuffles."""
    value = [step / 3 + layer / 7 for layer in range(LAYERS)]
    texts = {"split": "all", "family": "exact", "estimator": "binned", "label": "y", "units": "bits"}
    numbers = ("i_xt", "i_xt_low", "i_xt_high", "i_ty", "i_ty_low", "i_ty_high", "h_t", "h_t_given_x")
    return {
        "step": [step] * LAYERS,
        "layer": [f"fc{layer}" for layer in range(LAYERS)],
        "layer_index": list(range(LAYERS)),
        "copy": [-1] * LAYERS,
        "n": [4096] * LAYERS,
        "flags": [("red",) if (step + layer) % 3 == 0 else () for layer in range(LAYERS)],
        **{name: [text] * LAYERS for name, text in texts.items()},
        **{name: [v / (at + 3) for v in value] for at, name in enumerate(numbers)},
    }


def milliseconds(action: Callable[[], Any], repeats: int = 7) -> float:
    return 1e3 * median_seconds(action, repeats=repeats)


def bytes_of(action: Callable[[], Any]) -> int:
    gc.collect()
    tracemalloc.start()
    kept = action()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return used


def as_tuples(steps: int) -> list[tuple[Any, ...]]:
    rows = []
    for step in range(steps):
        columns = columns_of(step)
        rows += zip(*(columns.get(name, [None] * LAYERS) for name in COLUMNS), strict=True)
    return rows


def as_columns(steps: int) -> Trajectory:
    trajectory = Trajectory()
    for step in range(steps):
        trajectory.extend_columns(columns_of(step))
    return trajectory


def table_of_tuples(rows: list[tuple[Any, ...]]) -> Any:
    import pandas

    table = {}
    for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if KINDS[name] == "flags":
            table[name] = pandas.Series([";".join(flags) for flags in values], dtype=object)
        elif KINDS[name] == "text":
            table[name] = pandas.Series(list(values), dtype=object)
        elif KINDS[name] == "whole" and None not in values:
            table[name] = pandas.Series(list(values), dtype="int64")
        else:
            table[name] = pandas.Series([None if v is None else float(v) for v in values], dtype="float64")
    return pandas.DataFrame(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    steps = parser.parse_args().rows // LAYERS
    heavy, light = bytes_of(lambda: as_tuples(steps)), bytes_of(lambda: as_columns(steps))
    tuples, trajectory = as_tuples(steps), as_columns(steps)
    count, at = len(trajectory), COLUMNS.index("layer")
    arrays = sum(sys.getsizeof(trajectory._store[name].array) for name in COLUMNS)
    path = Path(tempfile.mkdtemp()) / "trajectory.csv"
    trajectory.save(path)
    grown, step = Trajectory(), columns_of(7)
    chosen = milliseconds(lambda: [row for row in tuples if row[at] == "fc2"])
    old = {
        "bytes a row": f"{heavy / count:.0f}",
        "`to_pandas`, ms": f"{milliseconds(lambda: table_of_tuples(tuples)):.0f}",
        "`select` one layer, ms": f"{chosen:.1f}",
    }
    new = {
        "bytes a row": f"{light / count:.0f} (the arrays: {arrays / count:.0f})",
        "`to_pandas`, ms": f"{milliseconds(trajectory.to_pandas):.1f}",
        "`select` one layer, ms": f"{milliseconds(lambda: trajectory.select(layer='fc2'), 99):.2f}",
        "`select` one step, ms": f"{milliseconds(lambda: trajectory.select(step=7)):.2f}",
        f"load {path.stat().st_size / 1e6:.1f} MB of CSV, ms": f"{milliseconds(lambda: Trajectory.load(path)):.0f}",
        "save it, ms": f"{milliseconds(lambda: trajectory.save(path), 3):.0f}",
        "add the five rows of a step, µs": f"{1e3 * milliseconds(lambda: grown.extend_columns(step), 2000):.1f}",
    }
    print(f"{machine()}\n{count} rows of {len(COLUMNS)} columns\n")
    print("| | columns | rows as tuples |\n|---|---:|---:|")
    for name, figure in new.items():
        print(f"| {name} | {figure} | {old.get(name, '')} |")


if __name__ == "__main__":
    main()
