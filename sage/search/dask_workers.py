"""The workers that train candidates: Dask is the engine, and the tracker is its memory.

Whoever explores submits evaluations here and records what comes back; a worker writes nothing. So any process
may die at any moment, and takes with it no more than the candidates in flight.
"""

import importlib.util
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import uuid
from asyncio import gather, sleep
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker

import dask
from dask._task_spec import Task
from dask.utils import funcname
from distributed import Client, KilledWorker, LocalCluster, SpecCluster, Status
from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.utils import silence_logging_cmgr
from tornado.ioloop import PeriodicCallback

from sage.compute import devices
from sage.config import paths
from sage.config.run import ADDRESS, SLURM, check_workers

RETRIES = 3  # of a candidate whose process died, on clusters that we start
SECONDS_TO_CONNECT = 10
SECONDS_TO_RENEW = 60
SETTINGS = {
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.scheduler.worker-saturation": 1.0,  # one candidate per process, others wait in the scheduler
    "distributed.scheduler.worker-ttl": None,  # a training that keeps its process from answering is no death
    # Not Dask's MALLOC_TRIM_THRESHOLD_: to return memory at once, and fetch it anew each step, halves the speed.
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1
    ),
    "distributed.deploy.lost-worker-timeout": "365 days",  # not Dask but `_Renewal` replaces jobs
}


class WorkerDied(RuntimeError):
    """The process of a candidate died, more often than it is retried."""


class LostScheduler(RuntimeError):
    """The scheduler is gone, and with it the candidates in flight."""


@dataclass(frozen=True)
class Workers:
    """`submit(function, *arguments)`, and how many candidates can train at this moment."""

    submit: Callable[..., Future]
    slots: Callable[[], int]


def _compute(function: Callable, *arguments) -> Future:
    outcome: Future = Future()
    try:
        outcome.set_result(function(*arguments))
    except Exception as problem:
        outcome.set_exception(problem)
    return outcome


HERE = Workers(_compute, lambda: 1)  # trains within this process, at once


@contextmanager
def open_workers(workers: str) -> Iterator[Workers]:
    """Workers to submit to. Leaving the context ends what it started, whatever is in flight.

    Args:
        workers: "0" to train within this process; "2" or "auto" for processes of this machine; "slurm:4x2" for 4
            Slurm jobs of 2 processes; "tcp://host:8786" to join a scheduler, whose workers train what they have
            begun to its end.

    Raises:
        ValueError: another value. FileNotFoundError: Slurm is not installed. LostScheduler: nobody at the address.
        RuntimeError: the processes do not start.
    """
    check_workers(workers)
    if workers == "0":
        yield HERE
        return
    with dask.config.set(SETTINGS), silence_logging_cmgr(logging.CRITICAL):
        if ADDRESS.fullmatch(workers):
            with _joined(workers) as found:
                yield found
        elif jobs := SLURM.fullmatch(workers):
            with (
                _slurm_jobs(*(int(number or 1) for number in jobs.groups())) as cluster,
                _joined(cluster) as found,
            ):
                yield found
        else:
            count = devices.networks_at_once() if workers == "auto" else int(workers)
            with _local_cluster(count) as cluster, _joined(cluster, slots=lambda: count) as found:
                yield found


def slurm_cluster(processes: int = 1) -> SpecCluster:
    """A cluster without jobs yet, whose Slurm jobs have one GPU each, shared by `processes` workers.

    What Dask's own configuration (`jobqueue.slurm` in ~/.config/dask/*.yaml) leaves open has defaults here;
    the outcome is in `.job_script()`. A worker always has one thread and no limit of memory but its job's.
    """
    given = (
        dask.config.collect()
    )  # without the defaults of dask_jobqueue, a walltime of 30 minutes among them

    def configured(name: str, default):
        value = dask.config.get(f"jobqueue.slurm.{name}", None, config=given)
        return default if value is None else value

    return _slurm_class()(
        processes=processes,
        cores=processes,
        job_cpu=configured("job-cpu", configured("cores", processes)),
        memory=configured("memory", "16GB"),
        walltime=configured("walltime", "04:00:00"),
        job_extra_directives=configured("job-extra-directives", ["--gres=gpu:1"]),
        log_directory=configured("log-directory", str(paths.cache() / "slurm")),
        worker_extra_args=[*configured("worker-extra-args", []), "--memory-limit", "0"],
        scheduler_options={"dashboard_address": "127.0.0.1:0"}
        | configured("scheduler-options", {}),
        silence_logs=logging.CRITICAL,
    )


def _slurm_class() -> type[SpecCluster]:
    """Dask's cluster of Slurm jobs, imported without what that does to Ctrl-C: it would end Python."""
    handler = signal.getsignal(signal.SIGINT)
    from dask_jobqueue import SLURMCluster

    signal.signal(signal.SIGINT, handler)
    return SLURMCluster


@contextmanager
def _slurm_jobs(jobs: int, processes: int) -> Iterator[SpecCluster]:
    """Jobs that are submitted again when they end, at their walltime for instance."""
    if not shutil.which("sbatch"):
        raise FileNotFoundError(
            "sbatch is not on the PATH: slurm:JOBS works where Slurm jobs can be submitted"
        )
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
    """Replaces jobs of which no worker is left at two visits; one that never had a worker may still be waiting.

    Dask itself would notice it only of jobs with one worker, which has the job's name; others have name-0, name-1.
    """

    def __init__(self, cluster: SpecCluster, jobs: int):
        self.cluster, self.jobs, self.begun, self.left = cluster, jobs, set(), set()

    def add_worker(self, scheduler, worker: str) -> None:
        self.begun.add(self._job(scheduler.workers[worker].name))

    def _job(self, name: str) -> str:
        return name if name in self.cluster.workers else name.rpartition("-")[0]

    async def submit(self) -> None:
        """Submit the jobs that are missing. Raises RuntimeError if Slurm does not take them."""
        self.cluster.scale(jobs=self.jobs)
        try:
            await self.cluster
        except RuntimeError:
            for name, job in list(self.cluster.workers.items()):
                if job.job_id is None:  # which Dask would take for a job
                    job.status = Status.failed
                    del self.cluster.workers[name]
            raise

    async def visit(self) -> None:
        working = {self._job(worker.name) for worker in self.cluster.scheduler.workers.values()}
        for job in (self.left - working) & set(self.cluster.workers):
            self.begun.discard(job)
            await self.cluster.workers.pop(job).close()
        self.left = self.begun - working
        with suppress(RuntimeError):  # not now, but perhaps at the next visit
            await self.submit()


@contextmanager
def _local_cluster(count: int) -> Iterator[LocalCluster]:
    """Processes of one thread each, which is also torch's number of threads there.

    Small networks train faster two on two cores than one on both. Dask would pause or kill a process by its
    memory, which for training is no leak: it has no limit here.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)  # a worker that runs the script it comes from; who started it says so
    # Ctrl-C reaches every process of a terminal; what starts under this mask, now or later, leaves it to us.
    resource_tracker.ensure_running()  # its start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as problem:
        guard = '(a script opens workers below `if __name__ == "__main__":`)'
        raise RuntimeError(
            f"{count} worker processes did not start: {problem} {guard}"
        ) from problem
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with cluster:
        try:
            yield cluster
        finally:
            cluster.sync(_end_processes, cluster)


async def _end_processes(cluster: LocalCluster) -> None:
    """Dask alone would wait 5 seconds for candidates in flight, and longer for a process that is starting again."""
    nannies = list(cluster.workers.values())
    ends = gather(*(nanny.close(timeout=0.5) for nanny in nannies), return_exceptions=True)
    await sleep(0)  # from here on none starts its process again
    for nanny in nannies:
        if nanny.process and nanny.process.status == Status.starting and nanny.pid:
            os.kill(nanny.pid, signal.SIGKILL)
    await ends


@contextmanager
def _joined(
    cluster: SpecCluster | str, slots: Callable[[], int] | None = None
) -> Iterator[Workers]:
    """The workers of a cluster or of the scheduler at an address."""
    address = cluster if isinstance(cluster, str) else cluster.scheduler_address
    try:
        client = Client(cluster, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except OSError as problem:
        raise LostScheduler(f"no Dask scheduler answers at {address}") from problem
    if importlib.util.find_spec("bokeh"):
        print(f"Dask's dashboard is at {client.dashboard_link}")
    with closing(client):  # `with client` would lend it to all of Dask in this thread
        yield Workers(
            partial(_submit, client, address), slots or partial(_threads, client, address)
        )


def _lost(address: str) -> LostScheduler:
    return LostScheduler(
        f"the Dask scheduler at {address} is gone; all that finished is on record: start again to go on"
    )


def _threads(client: Client, address: str) -> int:
    """Threads of all workers that a scheduler has at this moment."""
    if client.status != "running":
        raise _lost(address)
    try:
        return sum(client.nthreads().values())
    except OSError as problem:
        raise _lost(address) from problem


def _submit(client: Client, address: str, function: Callable, *arguments) -> Future:
    """Have a worker compute this, once for every call.

    The future has the function's result or exception, WorkerDied or LostScheduler. A "data producer" waits in the
    scheduler until a process is free; Dask would queue other tasks at busy processes, and take them for suspects
    when one of these dies.
    """
    if client.status != "running":
        raise _lost(address)
    key = f"{funcname(function)}-{uuid.uuid4()}"
    task = Task(key, function, *arguments, _data_producer=True)
    computation = client.get({key: task}, key, sync=False)
    outcome = Future()
    outcome.set_running_or_notify_cancel()
    client.loop.add_callback(_hand_over, computation, outcome, address)
    return outcome


async def _hand_over(computation, outcome: Future, address: str) -> None:
    """Move a result from Dask, which forgets it, to whoever waits for it."""
    try:
        result = await computation
    except KilledWorker as killed:
        problem = WorkerDied(
            f"the process of this candidate died {killed.allowed_failures + 1} times, last at "
            f"{killed.last_worker.address}: for lack of memory perhaps (try fewer workers), or at a job's walltime"
        )
        problem.__cause__ = killed
    except CancelledError:
        problem = _lost(address)
    except BaseException as raised:
        problem = raised
    else:
        problem = None
    computation.release()
    if problem is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(problem)
