"""Where the runs of a sweep are done: on this machine, on a Dask or Ray cluster, or as jobs of SLURM.

Every engine calls ``run_task`` once for each task, on any worker, and all of them write to one file system. loky, Dask
and Ray are used through joblib; SLURM, which joblib does not know, through submitit.
"""

from __future__ import annotations

import abc
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from infoplane.errors import InputError, UnknownNameError
from infoplane.sweeps.process import release, run_task

ENGINES = ("loky", "dask", "ray", "slurm")
_SECONDS = 30  # until a worker of a Dask cluster has to be there

Task = Mapping[str, Any]


class Engine(abc.ABC):
    """A way of doing many runs; ``lost`` are the exceptions that say that workers went away."""

    lost: tuple[type[BaseException], ...] = ()

    @abc.abstractmethod
    def run(self, tasks: Sequence[Task]) -> list[str | None]:
        """What went wrong in each run, or None."""


@contextmanager
def started(
    name: str, *, workers: int, scheduler: str | None, slurm: Mapping[str, Any], logs: Path
) -> Iterator[Engine]:
    """An engine by name, which is stopped afterwards unless it was there before.

    Raises:
        UnknownNameError: no such engine.
        InputError: its package, or SLURM, is not there, or it takes no scheduler.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    if scheduler is not None and name not in ("dask", "ray"):
        raise InputError(f"the engine {name} has no scheduler to connect to: leave it out, or choose dask or ray")
    try:
        if name == "loky":
            with _loky(workers) as engine:
                yield engine
        elif name == "dask":
            with _dask(workers, scheduler) as engine:
                yield engine
        elif name == "ray":
            with _ray(workers, scheduler) as engine:
                yield engine
        else:
            yield _Slurm(workers, slurm, logs)
    finally:
        release()


@final
class _Joblib(Engine):
    """Any backend of joblib; ``parent`` is this process where the workers are its children and have to go with it."""

    def __init__(
        self,
        backend: str,
        workers: int,
        lost: tuple[type[BaseException], ...],
        parent: int | None = None,
        **options: Any,
    ) -> None:
        self._backend, self._workers, self._options = backend, workers, options
        self.lost, self._parent = lost, parent

    def run(self, tasks: Sequence[Task]) -> list[str | None]:
        import joblib

        with joblib.parallel_config(backend=self._backend, n_jobs=self._workers, **self._options):
            return joblib.Parallel(batch_size=1)(joblib.delayed(run_task)(task, self._parent) for task in tasks)


@contextmanager
def _loky(workers: int) -> Iterator[Engine]:
    from joblib.externals.loky import BrokenProcessPool, get_reusable_executor

    parent = os.getpid() if workers > 1 else None  # one worker is this process
    try:
        yield _Joblib("loky", workers, (BrokenProcessPool,), parent, inner_max_num_threads=1)
    finally:
        if parent is not None:
            get_reusable_executor().shutdown(wait=True, kill_workers=True)


@contextmanager
def _dask(workers: int, scheduler: str | None) -> Iterator[Engine]:
    try:
        from dask.distributed import Client, LocalCluster
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise _missing("dask", "dask and distributed") from error
    if scheduler is not None:
        try:
            client = Client(scheduler)
            client.wait_for_workers(1, timeout=_SECONDS)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler with a worker answers at {scheduler!r}: {error}") from error
        with client:
            yield _Joblib("dask", workers, (KilledWorker,), client=client)
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield _Joblib("dask", workers, (KilledWorker,), client=client)


@contextmanager
def _ray(workers: int, scheduler: str | None) -> Iterator[Engine]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise _missing("ray", "ray") from error
    ours, handler = not ray.is_initialized(), signal.getsignal(signal.SIGTERM)
    try:
        if ours:
            local: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False} if scheduler is None else {}
            try:
                ray.init(address=scheduler or "local", log_to_driver=False, **local)
            except (OSError, ValueError) as error:
                raise InputError(f"no Ray cluster answers at {scheduler!r}: {error}") from error
        register_ray()
        yield _Joblib("ray", workers, (ray.exceptions.RayError,))
    finally:
        if ours:
            ray.shutdown()
            if handler is not None and threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray leaves one behind that ends the process


@final
class _Slurm(Engine):
    """An array of jobs, one a run."""

    def __init__(self, workers: int, options: Mapping[str, Any], logs: Path) -> None:
        try:
            import submitit
        except ImportError as error:
            raise _missing("slurm", "submitit") from error
        said = {"cluster": "slurm", **options}
        cluster = said.pop("cluster")
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise InputError(
                "this machine has no sbatch, so it is in no SLURM cluster: log in to one, or leave out slurm"
            )
        self._executor = submitit.AutoExecutor(folder=logs, cluster=cluster)
        try:
            self._executor.update_parameters(name="infoplane", slurm_array_parallelism=workers, **said)
        except NameError as error:  # what submitit raises for an unknown option
            raise InputError(f"[slurm]: {error}") from error

    def run(self, tasks: Sequence[Task]) -> list[str | None]:
        jobs = self._executor.map_array(run_task, tasks)
        try:
            return [_outcome(job) for job in jobs]
        except BaseException:
            for job in jobs:
                job.cancel()
            raise


def _outcome(job: Any) -> str | None:
    from submitit.core.utils import FailedJobError, UncompletedJobError

    try:
        return job.result()
    except (FailedJobError, UncompletedJobError) as error:
        return f"job {job.job_id} failed: {str(error).strip().splitlines()[0]}"


def _missing(engine: str, package: str) -> InputError:
    return InputError(f"the engine {engine} needs {package}: pip install infoplane[scale]")
