"""One training divided between processes: how they start, how they agree, and how they end.

The processes of a group, its ranks, run the same code: each on a GPU of its own, with messages of what is there by
NCCL, or on the CPU with gloo. All functions work without a group too, as in a group of one, so that nobody has to ask.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import torch
from torch import Tensor, distributed

SECONDS_TO_BLAME = 1  # after a rank's problem: that of another one may turn out to be the cause
SECONDS_TO_LEAVE = 10  # for a rank that is done
# One rank may measure while others wait, for however long: who started them sees when one dies.
TIMEOUT = timedelta(days=7)
VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # torchrun's


class RankDied(RuntimeError):
    """The process of a rank ended before its work did."""


def run(function: Callable, *arguments, processes: int):
    """Call a function in each of some processes of this machine, which form a group while it runs.

    No process is left behind, whatever happens: they end with the call, with Ctrl-C, and with this process. With one
    process the function is called here.

    Args:
        function: of a module that can be imported. Its arguments and what it returns can be pickled.

    Returns:
        What the call in rank 0 returned; tensors on the CPU.

    Raises:
        ValueError: no processes, or more than GPUs where there are any. RankDied: a process was killed, or ended
            itself. Whatever the function raises in one of the ranks, which ends the others within seconds; a note
            says in which, and where.
    """
    gpus = torch.cuda.device_count()
    if processes < 1 or gpus and processes > gpus:
        raise ValueError(
            f"processes is {processes}, expected 1 or more{gpus and f', {gpus} GPUs at most' or ''}"
        )
    if processes == 1:
        return function(*arguments)
    with _started(function, arguments, processes) as ranks:
        result = _result(ranks)
        for process in ranks.values():
            process.join(SECONDS_TO_LEAVE)
    return result


@contextmanager
def group() -> Iterator[None]:
    """Context in which this process belongs to the group that its environment names, as torchrun sets it up.

    Without such variables it stands alone. An exception has to end the process, for the others to notice.

    Raises:
        ValueError: some variables are missing, or there is no GPU for this rank where others have one.
    """
    missing = [name for name in VARIABLES if name not in os.environ]
    if "RANK" in missing:
        yield
        return
    if missing:
        raise ValueError(
            f"RANK is {os.environ['RANK']}, expected {', '.join(missing)} in the environment too"
        )
    rank, local, processes = (int(os.environ[name]) for name in VARIABLES[:3])
    with _member("env://", rank, local, processes):
        yield


def size() -> int:
    """Number of processes in the group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process in the group, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def whole(count: int) -> int:
    """Images in a batch of which every rank has `count`."""
    return count * size()


def share(batch: Tensor) -> Tensor:
    """This rank's [B / ranks, ...] of something [B, ...] that is the same on all ranks, such as random draws."""
    return batch.chunk(size())[rank()]


def gathered(values: Tensor) -> Tensor:
    """All ranks' values [...] as [ranks, ...]."""
    if size() == 1:
        return values[None]
    every = [torch.empty_like(values) for _ in range(size())]
    distributed.all_gather(every, values)
    return torch.stack(every)


def mean(values: Tensor) -> Tensor:
    """Mean over ranks, the same on all of them to the last bit."""
    return gathered(values).mean(0)


def once(function: Callable, *arguments):
    """What the call returns on rank 0, on all ranks: they wait for it. The place to read and to write files."""
    if size() == 1:
        return function(*arguments)
    answer = [function(*arguments) if rank() == 0 else None]
    distributed.broadcast_object_list(answer)
    return answer[0]


@contextmanager
def _member(address: str, rank: int, local: int, processes: int) -> Iterator[None]:
    """A process' time in a group; `local` counts on its machine."""
    device = None
    if gpus := torch.cuda.device_count():
        if local >= gpus:
            raise ValueError(
                f"local rank {local} has no GPU of its own, expected at most {gpus} processes"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    backend = "nccl" if device else "gloo"
    distributed.init_process_group(
        backend,
        init_method=address,
        rank=rank,
        world_size=processes,
        timeout=TIMEOUT,
        device_id=device,
    )
    yield
    # Not after an exception: others may never come here, and the process' end is what tells them.
    distributed.barrier()
    distributed.destroy_process_group()


@contextmanager
def _started(
    function: Callable, arguments: tuple, processes: int
) -> Iterator[dict[Connection, BaseProcess]]:
    """Processes by what they report through, in the order of their ranks."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)  # a rank that runs the script it comes from; who started it says so
    context = multiprocessing.get_context("spawn")
    ranks = {}
    # Ctrl-C reaches every process of a terminal; what starts under this mask leaves it to us.
    resource_tracker.ensure_running()  # its start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with tempfile.TemporaryDirectory() as folder:
        try:
            try:
                for number in range(processes):
                    receiver, sender = context.Pipe(duplex=False)
                    place = (Path(folder, "group").as_uri(), number, number, processes)
                    process = context.Process(
                        target=_work, args=(function, arguments, place, sender)
                    )
                    process.start()
                    ranks[receiver] = process
                    sender.close()  # so that the rank's death closes the pipe
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield ranks
        finally:
            for process in ranks.values():
                process.kill()
            for process in ranks.values():
                process.join()


def _result(ranks: dict[Connection, BaseProcess]):
    """What rank 0 reports when all have reported; raises the problem of the rank that is to blame."""
    waiting, result, deaths, problems = list(ranks), None, [], []
    while waiting and (
        ready := connection.wait(waiting, SECONDS_TO_BLAME if deaths or problems else None)
    ):
        for receiver in ready:
            waiting.remove(receiver)
            try:
                report = receiver.recv_bytes()
            except (EOFError, OSError):
                deaths.append(receiver)
                continue
            value, problem = pickle.loads(report)
            if problem is not None:
                problems.append(problem)
            elif value is not None:
                result = value
    if deaths:
        number = list(ranks).index(deaths[0])
        raise RankDied(f"rank {number} of {len(ranks)} {_end(ranks[deaths[0]])}")
    if problems:
        raise problems[0]
    return result


def _end(process: BaseProcess) -> str:
    process.join()
    if process.exitcode < 0:
        name = signal.Signals(-process.exitcode).name
        return f"was killed by {name}" + (
            ", for lack of memory perhaps" if name == "SIGKILL" else ""
        )
    return (
        f"ended with exit code {process.exitcode} before its work did (a script starts ranks below "
        '`if __name__ == "__main__":`, a notebook with functions that it imports)'
    )


def _work(function: Callable, arguments: tuple, place: tuple, sender: Connection) -> None:
    """What the process of a rank does: it reports a value, or a problem."""
    threading.Thread(target=_follow, daemon=True).start()
    torch.set_num_threads(1)  # as torchrun has it: ranks share the processor's cores
    os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    number, processes = place[2:]
    try:
        with _member(*place):
            value = function(*arguments)
        report = pickle.dumps((value if number == 0 else None, None))
    except Exception as problem:
        problem.add_note(f"in rank {number} of {processes}:\n\n{traceback.format_exc()}")
        sender.send_bytes(pickle.dumps((None, _portable(problem))))
        # Others would take this rank's absence for a problem of theirs.
        multiprocessing.parent_process().join()
    else:
        sender.send_bytes(
            report
        )  # plain bytes: torch would hand over its tensors later, when this process is gone


def _follow() -> None:
    """End this process when the one that started it is gone."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGKILL)


def _loopback() -> str:
    """Name of the network interface that only this machine reaches."""
    interfaces = psutil.net_if_addrs().items()
    return next(
        name
        for name, addresses in interfaces
        if any(each.address == "127.0.0.1" for each in addresses)
    )


def _portable(problem: Exception) -> Exception:
    """The problem, or its text where its class cannot be pickled."""
    try:
        return pickle.loads(pickle.dumps(problem))
    except Exception:
        told = RuntimeError(f"{type(problem).__name__}: {problem}")
        told.__notes__ = problem.__notes__
        return told
