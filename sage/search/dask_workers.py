"""The workers that train candidates: Dask runs them, and the tracker remembers.

A worker writes nothing: if a process dies, no more is lost than the candidates in flight.
"""

import asyncio
import importlib.util
import logging
import os
import shlex
import shutil
import signal
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import current_process, resource_tracker
from typing import Any

import dask
from dask._task_spec import Task
from dask.utils import funcname
from distributed import Client, KilledWorker, LocalCluster, SchedulerPlugin, SpecCluster, Status
from distributed.utils import silence_logging_cmgr
from tornado.ioloop import PeriodicCallback

from sage.compute import devices
from sage.config import paths
from sage.config.run import ADDRESS, SLURM, check_workers

RETRIES = 3  # of a candidate whose process died, on clusters that are started here
SECONDS_TO_CONNECT = 10
SECONDS_TO_RENEW = 60
LOCAL = {"dashboard_address": "127.0.0.1:0"}  # for nobody on other machines to see
_LIBRARIES = "OMP", "MKL", "OPENBLAS"
SETTINGS = {
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.scheduler.worker-saturation": 1.0,  # one a process; others wait in the scheduler
    "distributed.scheduler.worker-ttl": None,  # A training that does not answer is no death.
    # Without Dask's MALLOC_TRIM_THRESHOLD_: to fetch memory anew in each step halves the speed.
    "distributed.nanny.pre-spawn-environ": {f"{one}_NUM_THREADS": 1 for one in _LIBRARIES},
    "distributed.deploy.lost-worker-timeout": "365 days",  # `_Renewal` replaces jobs, not Dask
}


class WorkerDied(RuntimeError):
    """A candidate's process died more often than it is retried."""


class LostScheduler(RuntimeError):
    """The scheduler is gone, and with it the candidates in flight."""


@dataclass(frozen=True)
class Workers:
    """Gives `submit(function, *arguments)`, and the number of candidates that can train now."""

    submit: Callable[..., Future]
    slots: Callable[[], int]


def _compute(function: Callable, *arguments) -> Future:
    outcome: Future = Future()
    try:
        outcome.set_result(function(*arguments))
    except Exception as problem:
        outcome.set_exception(problem)
    return outcome


Opener = Callable[[], AbstractContextManager[Workers]]
HERE = Workers(_compute, lambda: 1)  # trains within this process, at once


@contextmanager
def open_workers(workers: str) -> Iterator[Workers]:
    """Give workers to submit to; at the end what was started here ends, with all in flight.

    Args:
        workers: "0" trains within this process; "2" starts processes on this machine, "auto" as
            many as `devices.networks_at_once` says;
            "slurm:4x2" submits 4 Slurm jobs of 2 processes; "tcp://host:8786" joins a scheduler,
            whose workers train what they have begun to its end.

    Raises:
        ValueError: another value.
        FileNotFoundError: Slurm is not installed.
        LostScheduler: no scheduler answers at the address.
        RuntimeError: the processes do not start.
    """
    workers = check_workers(workers)
    if workers == "auto":
        workers = str(devices.networks_at_once())
    if workers == "0":
        yield HERE
        return
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        cluster: Any = workers
        count = None
        if jobs := SLURM.fullmatch(workers):
            cluster = stack.enter_context(_slurm_jobs(int(jobs[1]), int(jobs[2] or 1)))
        elif not ADDRESS.fullmatch(workers):
            count = int(workers)
            cluster = stack.enter_context(_local_cluster(count))
        joined = _Joined(cluster, count)
        stack.callback(joined.client.close)  # `with client` would lend it to all of Dask here
        yield Workers(joined.submit, joined.slots)


@contextmanager
def opened_once(workers: str) -> Iterator[Opener]:
    """Give what opens workers when it is first called, and lends the same ones until the end.

    Processes take seconds to start. Arguments and errors as `open_workers`.
    """
    with ExitStack() as stack:
        opened = cache(lambda: stack.enter_context(open_workers(workers)))
        yield lambda: nullcontext(opened())


def slurm_cluster(processes: int = 1) -> SpecCluster:
    """Return a cluster without jobs yet; its jobs have one GPU each for `processes` workers.

    Dask's own configuration (`jobqueue.slurm` in ~/.config/dask/*.yaml) comes before the defaults
    here; `.job_script()` shows the outcome. Workers have one thread, and their job's memory.
    """
    handler = signal.getsignal(signal.SIGINT)
    from dask_jobqueue import SLURMCluster  # which lets Ctrl-C end Python

    signal.signal(signal.SIGINT, handler)
    # Dask's own defaults are left out, a walltime of 30 minutes among them.
    given = dask.config.collect()

    def configured(name: str, default: Any) -> Any:
        value = dask.config.get(f"jobqueue.slurm.{name}", None, config=given)
        return default if value is None else value

    # Dask writes paths into the script as they are, without quotes. To Slurm %% is one %.
    logs = configured("log-directory", str(paths.cache() / "slurm"))
    names = shlex.quote(f"{logs.replace('%', '%%')}/%x-%J")
    directives = [f"-e {names}.err", f"-o {names}.out"]
    return SLURMCluster(
        python=configured("python", shlex.quote(sys.executable)),
        processes=processes,
        cores=processes,
        job_cpu=configured("job-cpu", configured("cores", processes)),
        memory=configured("memory", "16GB"),
        walltime=configured("walltime", "04:00:00"),
        job_extra_directives=directives + configured("job-extra-directives", ["--gres=gpu:1"]),
        job_directives_skip=[f" {logs}/", *configured("job-directives-skip", [])],
        log_directory=logs,
        worker_extra_args=[*configured("worker-extra-args", []), "--memory-limit", "0"],
        scheduler_options=LOCAL | configured("scheduler-options", {}),
        silence_logs=logging.CRITICAL,
    )


@contextmanager
def _slurm_jobs(jobs: int, processes: int) -> Iterator[SpecCluster]:
    """Give a cluster whose jobs are submitted again when they end, as at their walltime."""
    if not shutil.which("sbatch"):
        raise FileNotFoundError("sbatch is not on the PATH: slurm:JOBS needs it to submit jobs")
    with slurm_cluster(processes) as cluster:
        renewal = _Renewal(cluster, jobs)
        cluster.scheduler.add_plugin(renewal)
        cluster.sync(renewal.submit)
        visits = PeriodicCallback(renewal.visit, 1000 * SECONDS_TO_RENEW)
        cluster.loop.add_callback(visits.start)
        try:
            yield cluster
        finally:
            cluster.loop.add_callback(visits.stop)


class _Renewal(SchedulerPlugin):
    """Replaces jobs that had workers and have none at two visits; others may still be waiting.

    Dask would do so for jobs of one worker only; the workers of others are named job-0, job-1.
    """

    def __init__(self, cluster: Any, jobs: int):
        self.cluster, self.jobs = cluster, jobs
        self.begun: set[str] = set()
        self.left: set[str] = set()

    def add_worker(self, scheduler: Any, worker: str) -> None:
        self.begun.add(self._job(scheduler.workers[worker].name))

    def _job(self, name: str) -> str:
        return name if name in self.cluster.workers else name.rpartition("-")[0]

    async def submit(self) -> None:
        """Submit the jobs that are missing; raises RuntimeError if Slurm does not take them."""
        self.cluster.scale(jobs=self.jobs)
        try:
            await self.cluster
        except RuntimeError:
            for name, job in list(self.cluster.workers.items()):
                if job.job_id is None:  # Dask would take it for a job.
                    job.status = Status.failed
                    del self.cluster.workers[name]
            raise

    async def visit(self) -> None:
        working = {self._job(worker.name) for worker in self.cluster.scheduler.workers.values()}
        for job in (self.left - working) & set(self.cluster.workers):
            self.begun.discard(job)
            await self.cluster.workers.pop(job).close()
        self.left = self.begun - working
        with suppress(RuntimeError):  # The next visit tries again.
            await self.submit()


@contextmanager
def _local_cluster(count: int) -> Iterator[LocalCluster]:
    """Give a cluster of processes with one thread each, which is also torch's number of threads.

    Small networks train faster two on two cores than one on both. Dask would pause or kill a
    process by its memory, which for training is no leak, so there is no limit.
    """
    if getattr(current_process(), "_inheriting", False):
        sys.exit(1)  # A worker runs the script that it comes from; who started it is told.
    # Ctrl-C reaches every process of a terminal; those that start under this mask ignore it.
    resource_tracker.ensure_running()  # its start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        options = {"n_workers": count, "threads_per_worker": 1, "memory_limit": None}
        cluster = LocalCluster(**options, **LOCAL, silence_logs=logging.CRITICAL)
    except RuntimeError as problem:
        guard = '(a script opens workers below `if __name__ == "__main__":`)'
        told = f"{count} worker processes did not start: {problem} {guard}"
        raise RuntimeError(told) from problem
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with cluster:
        try:
            yield cluster
        finally:
            cluster.sync(_end_processes, cluster)


async def _end_processes(cluster: LocalCluster) -> None:
    """End all processes at once; Dask would wait for candidates and for processes that start."""
    nannies = list(cluster.workers.values())
    ends = asyncio.gather(*(nanny.close(timeout=0.5) for nanny in nannies), return_exceptions=True)
    await asyncio.sleep(0)  # From here on none starts its process again.
    for nanny in nannies:
        if nanny.process and nanny.process.status == Status.starting and nanny.pid:
            os.kill(nanny.pid, signal.SIGKILL)
    await ends


class _Joined:
    """A client of a cluster of `count` processes, or of a scheduler that may gain and lose some."""

    def __init__(self, cluster: Any, count: int | None):
        self.address, self.count = getattr(cluster, "scheduler_address", cluster), count
        self.seen: set[str] = set()  # addresses of processes
        self.kills, self.warned = devices.memory_kills(), False
        try:
            self.client = Client(cluster, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except OSError as problem:
            raise LostScheduler(f"no Dask scheduler answers at {self.address}") from problem
        if importlib.util.find_spec("bokeh"):
            print(f"Dask's dashboard is at {self.client.dashboard_link}")

    def slots(self) -> int:
        """Return how many can train now, and warn once if this machine's kernel kills processes."""
        with suppress(OSError):
            if self.client.status == "running":
                found = self.client.nthreads()
                self.seen |= found.keys()
                if not self.warned and self.count and len(self.seen) > self.count:  # some died
                    if told := self._kills():
                        self.warned = True
                        warnings.warn(f"worker processes died: {told}", stacklevel=2)
                return self.count or sum(found.values())
        raise self._lost()

    def _kills(self) -> str:
        """Return a sentence on processes of this machine that died for lack of memory, if any."""
        count = devices.memory_kills() - self.kills if self.count else 0
        advice = "use fewer workers, or give the container or job more memory"
        told = f"the kernel killed {count} for lack of memory since they were started: {advice}"
        return told if count else ""

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Have a worker compute this; the outcome may also be WorkerDied or LostScheduler.

        A "data producer" waits in the scheduler until a process is free; Dask would queue other
        tasks at busy processes, and hold them responsible when one of these dies.
        """
        if self.client.status != "running":
            raise self._lost()
        key = f"{funcname(function)}-{uuid.uuid4()}"  # Dask computes a key once.
        task = Task(key, function, *arguments, _data_producer=True)
        result = self._result(self.client.get({key: task}, key, sync=False))
        loop: Any = self.client.loop
        return asyncio.run_coroutine_threadsafe(result, loop.asyncio_loop)

    async def _result(self, computation: Any) -> Any:
        """Return a result, and let Dask forget it."""
        try:
            return await computation
        except KilledWorker as killed:
            times, place = killed.allowed_failures + 1, killed.last_worker.address
            told = f"the process of this candidate died {times} times, last at {place}"
            why = "for lack of memory perhaps (try fewer workers), or at a job's walltime"
            raise WorkerDied(f"{told}: {self._kills() or why}") from killed
        except CancelledError as problem:
            raise self._lost() from problem
        finally:
            computation.release()

    def _lost(self) -> LostScheduler:
        told = "all that finished is on record: start again to go on"
        return LostScheduler(f"the Dask scheduler at {self.address} is gone; {told}")
