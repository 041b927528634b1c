"""The device that trains, its number format, and how many networks it trains at once."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import wraps
from pathlib import Path

import psutil
import torch

PER_GPU = 8  # networks at once: one process launches small kernels too slowly to fill a modern GPU
PROCESS = 1.5e9  # bytes of a process with torch and CIFAR's images
ON_GPU = 8e9  # bytes of a large network's maps on a GPU at most, in float64; counted, not measured
WAITS = (10, 30, 60, 120)  # seconds
# Files of Linux' cgroups, which limit what a container or a job gets: of version 2, of version 1.
OWN_CGROUPS, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
CPU = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
MEMORY = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
FILES = ("active_file", "inactive_file")


def default() -> torch.device:
    """Return the current GPU, the first or that of a rank (see `parallel`), or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device) -> torch.autocast:
    """Context in which convolutions run in bfloat16, where the device computes it natively."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def deterministic() -> AbstractContextManager:
    """Context in which a GPU's convolutions and gradients give the same numbers each time."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Context in which torch computes in one thread.

    Two small networks train faster on a core each than both on both, and a network's numbers do not
    depend on how many are trained beside it.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def weights_from(seed: int) -> Iterator[None]:
    """Context in which initial weights are drawn from a seed; torch's generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 is computed natively rather than emulated."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def description() -> dict[str, str]:
    """Return what of the device changes numbers, for keys of what is computed on it."""
    kind = "bfloat16" if has_bfloat16(default()) else "float32"
    return {"device": default().type, "convolutions": kind}


def of_workers() -> dict[str, str]:
    """Return the `description` of the devices that candidates train on, this one by default.

    An explorer on a login node names another in SAGE_DEVICE, such as "cuda bfloat16".

    Raises:
        ValueError: SAGE_DEVICE is no such text.
    """
    named = os.environ.get("SAGE_DEVICE") or " ".join(description().values())
    device, _, convolutions = named.partition(" ")
    if device not in ("cpu", "cuda") or convolutions not in ("bfloat16", "float32"):
        expected = "expected cpu or cuda, a space, and bfloat16 or float32"
        raise ValueError(f"SAGE_DEVICE is {named!r}, {expected}")
    return {"device": device, "convolutions": convolutions}


class Unfit(RuntimeError):
    """This process is not what a study is to be computed by: nothing is wrong with a candidate."""


def require(wanted: dict[str, str]) -> None:
    """Raise Unfit unless this process computes on what results are to be stored under."""
    here, there = " ".join(description().values()), " ".join(wanted.values())
    if description() != wanted:
        advice = f"start the explorer with SAGE_DEVICE='{here}' if all workers are like this one"
        raise Unfit(f"this worker computes on {here}, the study is of {there}: {advice}")


def cores() -> int:
    """Return how many processor cores this process may use, by its affinity and its cgroups."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [math.ceil(quota / period) for _, quota, period in _of_cgroups(CPU) if quota > 0]
    return min([own, *quotas])


def memory() -> int:
    """Return the bytes that are free for this process, on the machine and in its cgroups."""
    free = [psutil.virtual_memory().available]
    for folder, most, taken in _of_cgroups(MEMORY):
        counts = _counts(folder / "memory.stat")
        # Files that were read stay in memory until it is needed for something else.
        cached = [counts.get(f"total_{kind}", counts.get(kind, 0)) for kind in FILES]
        free.append(most - taken + sum(cached))
    return max(0, min(free))


def memory_kills() -> int:
    """Return how many processes this machine's kernel has killed for lack of memory, ever."""
    return _counts(Path("/proc/vmstat")).get("oom_kill", 0)


def _counts(path: Path) -> dict[str, int]:
    """Return what Linux counts in a file, by name; nothing where there is no such file."""
    with suppress(OSError):
        pairs = map(str.split, path.read_text().splitlines())
        return {name: int(count) for name, count in pairs}
    return {}


def _of_cgroups(names: tuple[tuple[str, ...], ...]) -> Iterator[tuple[Path, int, int]]:
    """Yield the folders of this process' cgroups that have some files, with their two numbers."""
    with suppress(OSError):  # another system than Linux
        for line in OWN_CGROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            # Version 2 has all in one tree, without a name; within a container a tree may begin at
            # the container's own group. Limits of groups above count too.
            for top in {CGROUPS / one for one in controllers.split(",")}:
                own = top / path.lstrip("/")
                for folder in (one for one in (own, *own.parents) if one.is_relative_to(top)):
                    for files in names:
                        with suppress(OSError, ValueError):  # not of this version, or "max"
                            words = " ".join((folder / name).read_text() for name in files).split()
                            yield folder, int(words[0]), int(words[1])


def networks_at_once() -> int:
    """Return how many networks fit to be trained at once: one per core, or what fills a GPU.

    It is 0 where there is no memory for another process.
    """
    most, fitting = cores(), memory() / PROCESS
    if default().type == "cuda":
        most, fitting = min(most, PER_GPU), min(fitting, torch.cuda.mem_get_info()[0] / ON_GPU)
    return min(most, int(fitting))


def patient(function: Callable) -> Callable:
    """Have a function try again, `WAITS` later, where others fill a GPU's memory for a while."""

    @wraps(function)
    def tried(*arguments, **named):
        for seconds in WAITS:
            with suppress(torch.OutOfMemoryError):
                return function(*arguments, **named)
            torch.cuda.empty_cache()  # here, as the exception had hold of what the function had
            time.sleep(seconds)
        return function(*arguments, **named)

    return tried
