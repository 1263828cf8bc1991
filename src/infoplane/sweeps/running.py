"""A sweep: finished runs are left alone, the others are done on an engine, and failed ones are tried again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoplane.checks import whole_number
from infoplane.errors import RunError
from infoplane.io.files import atomic_write, json_bytes, make_folder
from infoplane.sweeps.engines import Engine, started
from infoplane.sweeps.plan import SweepPlan, read_plan
from infoplane.sweeps.progress import watch
from infoplane.sweeps.table import Sweep

_BARREN = 3  # times that workers may go away without one run being finished in between


def sweep(
    plan: str | Path | Mapping[str, Any] | SweepPlan,
    *,
    out: str | Path | None = None,
    engine: str = "loky",
    workers: int | None = None,
    retries: int = 1,
    scheduler: str | None = None,
    progress: bool | None = None,
) -> Sweep:
    """Do every run of a plan, each in a run directory of its own, and put the results into one table.

    A setting is any option of an experiment's tables: ``learning_rate``, ``network.activation``, ``network.width`` (of
    all hidden layers), ``estimator.bins``, ``data.samples``. A run that is finished in ``out`` is not done again, so
    that the same call continues a sweep that was stopped. One that is not as it was written, by its checksums, is kept
    under another name, with a warning, and done again. Ctrl-C ends the sweep; what is finished is kept and in the
    table.

    Args:
        plan: a TOML file or the same tables as a mapping. ``experiment``, a name or a TOML file, or the tables of an
            experiment; ``[sweep.grid]``, settings with lists of values, of which every combination is run;
            ``[[sweep.list]]``, settings that go together; ``seeds``, a number or a list, for each of them.
        out: the folder for all; by default ``sweeps/NAME``.
        engine: ``loky`` (processes on this machine, one thread each), ``dask``, ``ray`` or ``slurm``.
        workers: how many runs at once; by default the number of processors.
        retries: how many more times a run is tried that fails, or whose process dies; then its message is in the table.
        scheduler: the address of a Dask or Ray cluster.
        progress: show a bar; by default in a terminal or a notebook.

    Returns:
        The table of the runs. The files ``sweep.csv`` (a row a run), ``trajectories.csv`` (all rows, with the settings)
        and ``bands.csv`` (the median over the seeds in a band) are in ``out``.

    Raises:
        UnknownNameError: a setting or an engine that does not exist; before any run starts.
        InputError: a setting that does not fit; before any run starts.
        RunError: ``out`` cannot be written, or workers go away again and again.

    Example:
        >>> import infoplane as ip, tempfile
        >>> rates = {"grid": {"learning_rate": [0.1, 0.2]}}
        >>> tables = {"experiment": "warm-up", "training": {"epochs": 2}, "sweep": rates}
        >>> done = ip.sweep(tables, out=tempfile.mkdtemp(), workers=1)
        >>> done.to_pandas()[["learning_rate", "state"]].values.tolist()
        [[0.1, 'finished'], [0.2, 'finished']]
    """
    planned = plan if isinstance(plan, SweepPlan) else read_plan(plan)
    if workers is not None:
        whole_number("workers", workers, least=1, example=2)
    whole_number("retries", retries, least=0, example=1)
    folder = (Path("sweeps") / planned.name if out is None else Path(out)).resolve()
    result = Sweep(folder, planned)
    make_folder(folder)
    record = {"name": planned.name, "runs": {run.name: run.tables for run in planned.runs}}
    atomic_write(folder / "sweep.json", json_bytes(record))
    result.set_aside()
    try:
        if result.unfinished():
            place = started(
                engine,
                workers=workers or _processors(),
                scheduler=scheduler,
                slurm=planned.slurm,
                logs=folder / "slurm",
            )
            with place as chosen, watch(result, shown=progress):
                for _ in range(1 + retries):
                    _attempt(chosen, result)
    finally:
        result.save()
    return result


def _attempt(engine: Engine, sweep: Sweep) -> None:
    """Every unfinished run once. Where workers go away, what they had not finished is given to others."""
    runs, barren = sweep.unfinished(), 0
    while runs:
        try:
            errors = engine.run([{"tables": run.tables, "out": str(sweep.out / run.name)} for run in runs])
        except engine.lost as error:
            left = sweep.unfinished(runs)
            barren = barren + 1 if len(left) == len(runs) else 0
            if barren == _BARREN:
                raise RunError(f"workers went away {barren} times without finishing a run: {error}") from error
            names = {run.name for run in left}
            done = [run for run in runs if run.name not in names]
            sweep.note(done, [None] * len(done))
            runs = left
        else:
            sweep.note(runs, errors)
            return


def _processors() -> int:
    import joblib

    return joblib.cpu_count()
