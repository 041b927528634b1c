"""One training divided between processes: how they start, how they agree, and how they end.

Ranks, the processes of a group, run the same code: each on a GPU of its own with NCCL, or on the
CPU with gloo. All functions work without a group too, as in a group of one.
"""

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import psutil
import torch
from torch import Tensor, distributed

SECONDS_TO_BLAME = 1  # after a rank's problem, of which another rank's may turn out to be the cause
SECONDS_TO_LEAVE = 10  # for a rank that is done
# One rank may measure while others wait, for however long: who started them sees when one dies.
TIMEOUT = timedelta(days=7)
VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # torchrun's


class RankDied(RuntimeError):
    """The process of a rank ended before its work did."""


def run(function: Callable, *arguments: Any, processes: int) -> Any:
    """Call a function in some processes of this machine, a group, and return rank 0's result.

    They end with the call, with Ctrl-C and with this process. An exception in one ends all within
    seconds, and gets a note in which rank it was raised, and where. A single process is this one.

    Args:
        function: from a module; arguments and result can be pickled, tensors are on the CPU.

    Raises:
        ValueError: no processes, or more than GPUs where there are any.
        RankDied: a process was killed, or ended itself.
    """
    gpus = torch.cuda.device_count()
    if processes < 1 or gpus and processes > gpus:
        most = f", {gpus} GPUs at most" if gpus else ""
        raise ValueError(f"processes is {processes}, expected 1 or more{most}")
    if processes == 1:
        return function(*arguments)
    ranks: dict[connection.Connection, SpawnProcess] = {}
    resource_tracker.ensure_running()  # its start would lift the mask below
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder, "group").as_uri()
        try:
            # Ctrl-C reaches all processes of a terminal; those started under this leave it to us.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                for number in range(processes):
                    receiver, sender = multiprocessing.Pipe(duplex=False)
                    work = function, arguments, (address, number, number, processes), sender
                    process = SpawnProcess(target=_work, args=work)
                    process.start()
                    sender.close()  # so that the rank's death closes the pipe
                    ranks[receiver] = process
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return _result(ranks)
        finally:
            for process in ranks.values():
                process.kill()
            for process in ranks.values():
                process.join()


@contextmanager
def group() -> Iterator[None]:
    """Context in which this process belongs to the group that torchrun's variables name.

    Without them it stands alone. An exception has to end the process, for the others to notice.

    Raises:
        ValueError: some variables are missing, or there is no GPU for this rank.
    """
    if "RANK" not in os.environ:
        yield
        return
    if missing := ", ".join(name for name in VARIABLES if name not in os.environ):
        raise ValueError(f"RANK is {os.environ['RANK']}, expected {missing} in the environment too")
    with _member("env://", *(int(os.environ[name]) for name in VARIABLES[:3])):
        yield


def size() -> int:
    """Return the number of processes in the group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process in the group, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(batch: Tensor) -> Tensor:
    """Return this rank's part [B / ranks, ...] of a tensor [B, ...] that all ranks have alike."""
    return batch.chunk(size())[rank()]


def gathered(values: Tensor) -> Tensor:
    """Return all ranks' values [...] as [ranks, ...]."""
    if size() == 1:
        return values[None]
    every = [torch.empty_like(values) for _ in range(size())]
    distributed.all_gather(every, values)
    return torch.stack(every)


def mean(values: Tensor) -> Tensor:
    """Return the mean over ranks, the same on all of them to the last bit."""
    return gathered(values).mean(0)


def once(function: Callable, *arguments: Any) -> Any:
    """Call a function on rank 0, for instance to read or write files; all wait for its result."""
    if size() == 1:
        return function(*arguments)
    answer = [function(*arguments) if rank() == 0 else None]
    distributed.broadcast_object_list(answer)
    return answer[0]


@contextmanager
def _member(address: str, rank: int, local: int, processes: int) -> Iterator[None]:
    """Context in which this process is a rank; `local` counts on its machine."""
    options: dict[str, Any] = {"init_method": address, "rank": rank, "world_size": processes}
    if gpus := torch.cuda.device_count():
        if local >= gpus:
            expected = f"expected at most {gpus} processes"
            raise ValueError(f"local rank {local} has no GPU of its own, {expected}")
        options["device_id"] = torch.device("cuda", local)
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if gpus else "gloo", timeout=TIMEOUT, **options)
    yield
    # Not after an exception: others may never come here, and the process' end is what tells them.
    distributed.barrier()
    distributed.destroy_process_group()


def _result(ranks: dict[connection.Connection, SpawnProcess]) -> Any:
    """Return what rank 0 reports, or raise the problem of the rank that is to blame."""
    values: dict[connection.Connection, Any] = {}
    problems: list[Exception] = []
    while waiting := [receiver for receiver in ranks if receiver not in values]:
        ready = connection.wait(waiting, SECONDS_TO_BLAME if problems else None)
        for receiver in cast(list[connection.Connection], ready):
            try:
                report = receiver.recv_bytes()
            except (EOFError, OSError):
                number = list(ranks).index(receiver)
                report = pickle.dumps((None, _death(ranks[receiver], f"{number} of {len(ranks)}")))
            values[receiver], problem = pickle.loads(report)
            problems += [] if problem is None else [problem]
        if not ready:
            break
    if problems:
        raise next((each for each in problems if isinstance(each, RankDied)), problems[0])
    for process in ranks.values():
        process.join(SECONDS_TO_LEAVE)
    return values[next(iter(ranks))]


def _death(process: SpawnProcess, rank: str) -> RankDied:
    process.join()
    code = process.exitcode or 0
    if code < 0:
        name = signal.Signals(-code).name
        cause = ", for lack of memory perhaps" if name == "SIGKILL" else ""
        return RankDied(f"rank {rank} was killed by {name}{cause}")
    advice = '`if __name__ == "__main__":`, a notebook with functions that it imports'
    told = f"ended with exit code {code} before its work did (a script starts ranks below {advice})"
    return RankDied(f"rank {rank} {told}")


def _work(
    function: Callable, arguments: tuple, member: tuple, sender: connection.Connection
) -> None:
    """Report a rank's value or problem in bytes: torch's tensors come when this process is gone."""
    threading.Thread(target=_follow, daemon=True).start()
    torch.set_num_threads(1)  # as torchrun has it: ranks share the processor's cores
    # Gloo listens on the network interface that only this machine reaches.
    interfaces = psutil.net_if_addrs().items()
    local = [name for name, ends in interfaces if any(end.address == "127.0.0.1" for end in ends)]
    os.environ.setdefault("GLOO_SOCKET_IFNAME", local[0])
    _, number, _, processes = member
    try:
        with _member(*member):
            value = function(*arguments)
        sender.send_bytes(pickle.dumps((value if number == 0 else None, None)))
    except Exception as problem:
        problem.add_note(f"in rank {number} of {processes}:\n\n{traceback.format_exc()}")
        sender.send_bytes(pickle.dumps((None, _portable(problem))))
        signal.pause()  # others would take this rank's absence for a problem of theirs


def _follow() -> None:
    """End this process when the one that started it is gone."""
    cast(BaseProcess, multiprocessing.parent_process()).join()
    os.kill(os.getpid(), signal.SIGKILL)


def _portable(problem: Exception) -> Exception:
    """Return the problem, or its text where its class cannot be pickled."""
    try:
        return pickle.loads(pickle.dumps(problem))
    except Exception:
        told = RuntimeError(f"{type(problem).__name__}: {problem}")
        told.__notes__ = problem.__notes__
        return told
