"""Workers: real processes that are killed, schedulers that vanish, and what is left of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import uuid
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import distributed
import psutil
import pytest
import torch

from sage.compute import devices
from sage.config import paths
from sage.config.run import check_workers
from sage.search import dask_workers
from sage.search.dask_workers import LostScheduler, WorkerDied, Workers, open_workers
from tests.support.waiting import PATIENCE, until

PYTHON = [sys.executable, "-W", "error"]


@pytest.fixture(scope="module")
def two():
    """Two processes of this machine."""
    with open_workers("2") as workers:
        yield workers


def begin(marks: Path, go: Path | None = None, end: bool = False) -> int:
    """Leave a mark with this process' number, and train until there is a file `go`.

    At the end the process may die, which takes the file with it.
    """
    (marks / f"{uuid.uuid4()}").write_text(str(os.getpid()))
    while go and not go.exists():
        time.sleep(0.02)
    if end:
        go.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def begun(marks: Path, count: int) -> list[int]:
    """Process numbers of `count` marks, once they are there."""
    until(lambda: len([mark for mark in marks.iterdir() if mark.read_text()]) >= count)
    return [
        int(mark.read_text())
        for mark in sorted(marks.iterdir(), key=lambda mark: mark.stat().st_mtime_ns)
    ]


def fail() -> None:
    raise LookupError("a candidate's own problem")


begin.__module__ = fail.__module__ = (
    "__main__"  # which Dask sends by value: workers need not import this module
)


@pytest.fixture
def marks(tmp_path) -> Path:
    (folder := tmp_path / "marks").mkdir()
    return folder


@pytest.fixture
def go(tmp_path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "go"


def on_scheduler(workers: Workers, function):
    return workers.submit.__self__.client.run_on_scheduler(function)


def results_there(dask_scheduler) -> bool:
    return any(task.state == "memory" for task in dask_scheduler.tasks.values())


@pytest.mark.parametrize(
    "value", ["0", "1", "12", "auto", "slurm:2", "slurm:8x2", "tcp://node-1:8786", "tls://[::1]:1"]
)
def test_values_that_are_taken(value):
    check_workers(value)


@pytest.mark.parametrize(
    "value",
    ["2 ", *" -1 02 1.5 two Auto slurm slurm:0 slurm:2x0 slurm:2x host:8786 tcp://host".split(" ")],
)
def test_other_values_are_named(value):
    with pytest.raises(ValueError, match=f"workers is '{value}', expected 0"):
        check_workers(value)
    with pytest.raises(ValueError, match="expected 0"), open_workers(value):
        pass


def test_within_this_process():
    def leave(kind):
        raise kind

    with open_workers("0") as workers:
        assert workers.slots() == 1
        assert workers.submit(os.getpid).result(timeout=0) == os.getpid()
        assert isinstance(workers.submit(fail).exception(timeout=0), LookupError)
        for kind in (KeyboardInterrupt, SystemExit):
            with pytest.raises(kind):
                workers.submit(leave, kind)


def test_workers_are_opened_once_and_when_they_are_needed(monkeypatch):
    opened = []

    @contextmanager
    def open_here(workers):
        opened.append(workers)
        yield dask_workers.HERE
        opened.append("ended")

    monkeypatch.setattr(dask_workers, "open_workers", open_here)
    with dask_workers.opened_once("2"):
        pass
    assert opened == []
    with dask_workers.opened_once("2") as opener:
        for _ in range(2):
            with opener() as workers:
                assert workers is dask_workers.HERE and opened == ["2"]
    assert opened == ["2", "ended"]


def test_processes_of_this_machine(two, marks, go):
    assert two.slots() == 2
    futures = [two.submit(begin, marks, go) for _ in range(4)]
    assert len(set(begun(marks, 2)) - {os.getpid()}) == 2
    go.touch()
    assert len({future.result(PATIENCE) for future in futures} - {os.getpid()}) == 2
    assert two.submit(torch.get_num_threads).result(PATIENCE) == 1
    assert len(two.submit(bytes, 10_000_000).result(PATIENCE)) == 10_000_000
    processes = [psutil.Process(), *psutil.Process().children()]
    addresses = {
        open_.laddr.ip
        for each in processes
        for open_ in each.net_connections()
        if open_.status == "LISTEN"
    }
    assert addresses == {"127.0.0.1"}


def test_processes_have_no_limit_of_memory_and_scratch_elsewhere(two):
    client = two.submit.__self__.client
    limits = client.run(lambda dask_worker: dask_worker.memory_manager.memory_limit)
    folders = client.run(lambda dask_worker: dask_worker.local_directory)
    assert set(limits.values()) == {None}
    assert all(Path.cwd() not in Path(folder).parents for folder in folders.values())


def test_every_call_is_computed_and_no_result_is_kept(two):
    futures = [two.submit(uuid.uuid4) for _ in range(20)]
    assert len({future.result(PATIENCE) for future in futures}) == 20
    until(lambda: on_scheduler(two, lambda dask_scheduler: len(dask_scheduler.tasks)) == 0)


def test_problems_of_a_candidate_come_as_they_are(two):
    problem = two.submit(fail).exception(PATIENCE)
    assert isinstance(problem, LookupError) and str(problem) == "a candidate's own problem"
    assert "in fail\n" in "".join(traceback.format_exception(problem))


def test_the_first_that_finishes_can_be_waited_for(two, marks, go):
    slow, fast = two.submit(begin, marks, go), two.submit(begin, marks)
    assert wait([slow, fast], PATIENCE, return_when=FIRST_COMPLETED).done == {fast}
    go.touch()
    slow.result(PATIENCE)


def test_a_candidate_whose_process_was_killed_is_trained_again(two, marks, go):
    futures = [two.submit(begin, marks, go) for _ in range(4)]
    os.kill(begun(marks, 2)[0], signal.SIGKILL)
    go.touch()
    assert all(future.result(PATIENCE) for future in futures)
    assert len(begun(marks, 5)) == 5


def test_a_candidate_that_kills_its_process_ends_alone(tmp_path, go):
    (deaths := tmp_path / "deaths").mkdir()
    (others := tmp_path / "others").mkdir()
    with open_workers("1") as workers:
        deadly = workers.submit(begin, deaths, go, True)
        begun(deaths, 1)
        innocent = [workers.submit(begin, others) for _ in range(3)]
        for count in range(1, 5):
            begun(deaths, count)
            # A death would take results with it that are on their way.
            until(lambda: not on_scheduler(workers, results_there))
            go.touch()
        with pytest.raises(WorkerDied, match="died 4 times.*try fewer workers"):
            deadly.result(PATIENCE)
        assert all(future.result(PATIENCE) for future in innocent)
        assert len(begun(deaths, 4)) == dask_workers.RETRIES + 1 == 4
        assert len(begun(others, 3)) == 3
        assert workers.submit(os.getpid).result(PATIENCE)


def test_workers_that_the_kernel_kills_for_lack_of_memory_are_told(monkeypatch, marks, go):
    """Once while the search goes on, and of the candidate that is given up."""
    kills = [7]
    monkeypatch.setattr(devices, "memory_kills", lambda: kills[0])
    monkeypatch.setitem(dask_workers.SETTINGS, "distributed.scheduler.allowed-failures", 0)
    with open_workers("1") as workers:
        assert workers.slots() == 1
        future = workers.submit(begin, marks, go)
        kills[0] += 2
        os.kill(begun(marks, 1)[0], signal.SIGKILL)
        told = "the kernel killed 2 for lack of memory since they were started: use fewer workers"
        with pytest.raises(WorkerDied, match=f"died 1 times, last at .*: {told}"):
            future.result(PATIENCE)
        go.touch()
        workers.submit(begin, marks, go).result(PATIENCE)
        with pytest.warns(UserWarning, match=f"^worker processes died: {told}"):
            assert workers.slots() == 1
        assert workers.slots() == 1  # without another warning, which would be an error


def test_auto_without_memory_for_another_process_trains_within_this_one(monkeypatch):
    monkeypatch.setattr(devices, "networks_at_once", lambda: 0)
    with open_workers("auto") as workers:
        assert workers is dask_workers.HERE


def test_auto_within_a_running_loop(monkeypatch):
    monkeypatch.setattr(devices, "networks_at_once", lambda: 1)

    async def cell():
        with open_workers("auto") as workers:
            return workers.slots(), await asyncio.wrap_future(workers.submit(os.getpid))

    slots, process = asyncio.run(cell())
    assert slots == 1 and process != os.getpid()


SCRIPT = """
import os, signal, sys, time
from pathlib import Path

def kill_once(mark):
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    from sage.search.dask_workers import open_workers
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    try:
        with open_workers("2") as workers:
            workers.submit(kill_once, Path(sys.argv[1])).result()
            assert isinstance(workers.submit(int, "x").exception(), ValueError)
            unfinished = [workers.submit(time.sleep, 1000) for _ in range(3)]
            print("training", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("stopped", all(future.exception() for future in unfinished))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_explorer(tmp_path, how):
    (tmp_path / "script.py").write_text(SCRIPT)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    explorer = subprocess.Popen(
        [*PYTHON, "script.py", "mark"],
        cwd=tmp_path,
        start_new_session=True,
        env=environment(),
        **pipes,
    )
    assert explorer.stdout.readline() == "training\n"
    processes = psutil.Process(explorer.pid).children(recursive=True)
    assert len(processes) >= 2
    # Ctrl-C in a terminal, or JupyterLab's interrupt, reaches the workers too.
    os.killpg(explorer.pid, how) if how == signal.SIGINT else explorer.kill()
    assert psutil.wait_procs(processes, timeout=PATIENCE)[1] == []
    output, noise = explorer.communicate(timeout=PATIENCE)
    if how == signal.SIGINT:
        assert (output, noise, explorer.returncode) == ("stopped True\n", "", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mark", "script.py"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(paths.ROOT)}


def test_a_script_that_starts_itself_again_is_told(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.replace('if __name__ == "__main__"', "if True"))
    script = [*PYTHON, "script.py", "mark"]
    options = {"cwd": tmp_path, "env": environment(), "capture_output": True, "text": True}
    finished = subprocess.run(script, **options, timeout=4 * PATIENCE)  # 90 s at a load of 8
    assert finished.returncode == 1 and finished.stderr.count("Traceback") <= 3
    assert (
        'a script opens workers below `if __name__ == "__main__":`'
        in finished.stderr.splitlines()[-1]
    )


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A scheduler that others started, with two workers; its process and its address."""
    monkeypatch.setattr(dask_workers, "SECONDS_TO_CONNECT", PATIENCE)
    start = partial(
        subprocess.Popen, cwd=paths.ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    dask, file = [sys.executable, "-m"], tmp_path / "scheduler.json"
    options = "--host 127.0.0.1 --port 0 --no-dashboard --dashboard-address 127.0.0.1:0"
    process = start(
        [*dask, "distributed.cli.dask_scheduler", *options.split(), "--scheduler-file", str(file)]
    )
    nannies = start(
        [
            *[*dask, "distributed.cli.dask_worker", "--scheduler-file", str(file)],
            *["--nworkers", "2", "--nthreads", "1", "--local-directory", str(tmp_path)],
        ]
    )
    try:
        until(lambda: file.exists() and file.read_text().endswith("}"))
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield process, address
    finally:
        family = [*psutil.Process(nannies.pid).children(recursive=True), nannies, process]
        for each in family:
            each.kill()
        nannies.wait()
        process.wait()


def test_joining_a_scheduler_leaves_it_alive_without_our_candidates(scheduler, marks, go):
    _, address = scheduler
    with open_workers(address) as workers:
        assert workers.slots() == 2
        assert workers.submit(os.getpid).result(PATIENCE) != os.getpid()
        futures = [workers.submit(begin, marks, go) for _ in range(6)]
        begun(marks, 2)
    assert all(isinstance(future.exception(PATIENCE), LostScheduler) for future in futures)
    with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
        until(lambda: client.run_on_scheduler(lambda dask_scheduler: not dask_scheduler.tasks))
        waiting = partial(client.run, lambda dask_worker: len(dask_worker.state.ready))
        until(lambda: set(waiting().values()) == {0})
    go.touch()
    with open_workers(address) as workers:
        assert workers.slots() == 2
        assert workers.submit(os.getpid).result(PATIENCE)
    assert len(begun(marks, 2)) == 2


def test_a_lost_scheduler_is_told(scheduler, marks, go, capfd):
    process, address = scheduler
    with open_workers(address) as workers:
        futures = [workers.submit(begin, marks, go) for _ in range(3)]
        begun(marks, 2)
        process.kill()
        assert wait(futures, PATIENCE).not_done == set()
        for future in futures:
            with pytest.raises(LostScheduler, match=f"{address} is gone.*on record.*start again"):
                future.result(PATIENCE)
        for call in (workers.slots, partial(workers.submit, os.getpid)):
            with pytest.raises(LostScheduler, match=address):
                call()
    assert capfd.readouterr().err == ""


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr(dask_workers, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(LostScheduler, match="no Dask scheduler answers at tcp://127.0.0.1:1$"):
        with open_workers("tcp://127.0.0.1:1"):
            pass


def test_job_script_has_paths_in_quotes(tmp_path, monkeypatch):
    folder = tmp_path / "my 50% data"
    monkeypatch.setenv("SAGE_DATA", str(folder))
    monkeypatch.setattr(sys, "executable", "/my own/python")
    with dask_workers.slurm_cluster() as jobs:
        script = jobs.job_script().splitlines()
    assert script[-1].startswith("'/my own/python' -m distributed.cli.dask_worker tcp://")
    logs = f"{tmp_path}/my 50%% data/cache/slurm/%x-%J"
    named = [line for line in script if str(tmp_path) in line]
    assert named == [f"#SBATCH -e '{logs}'.err", f"#SBATCH -o '{logs}'.out"]
    assert (folder / "cache" / "slurm").is_dir()


def test_job_script(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__WALLTIME", "00:30:00")
    handler = signal.getsignal(signal.SIGINT)
    with dask_workers.slurm_cluster(2) as jobs:
        script = jobs.job_script().splitlines()
    assert signal.getsignal(signal.SIGINT) is handler
    for line in ("-n 1", "--cpus-per-task=2", "--mem=15G", "-t 00:30:00", "--gres=gpu:1"):
        assert f"#SBATCH {line}" in script
    assert script[-1].startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://")
    assert (
        "--nthreads 1 " in script[-1]
        and "--nworkers 2 " in script[-1]
        and script[-1].endswith("--memory-limit 0")
    )


SBATCH = """#!/bin/sh
# Slurm, as far as it concerns us: a job is a session of processes.
echo . >> {folder}/submitted
cp $1 {folder}/job.sh
setsid sh {folder}/job.sh >> {folder}/job.log 2>&1 < /dev/null &
echo Submitted batch job $!
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """Folder of a stand-in for Slurm, which keeps a line for each job that was submitted."""
    commands = {
        "sbatch": SBATCH.format(folder=tmp_path),
        "scancel": "#!/bin/sh\nkill -TERM -- -$1\n",
    }
    for name, command in commands.items():
        (tmp_path / name).write_text(command)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(paths.ROOT))
    monkeypatch.setattr(dask_workers, "SECONDS_TO_RENEW", 1)
    return tmp_path


def test_slurm_jobs_are_submitted_again_when_they_end(slurm, marks, go):
    with open_workers("slurm:1x2") as workers:
        futures = [workers.submit(begin, marks, go) for _ in range(2)]
        first = psutil.Process(begun(marks, 2)[0])
        assert workers.slots() == 2
        os.killpg(os.getsid(first.pid), signal.SIGKILL)
        go.touch()
        assert all(future.result(PATIENCE) for future in futures)
        assert (slurm / "submitted").read_text() == ".\n" * 2
        family = [
            each
            for each in psutil.process_iter()
            if os.getsid(each.pid) == os.getsid(futures[0].result(PATIENCE))
        ]
    assert len(family) >= 3
    assert psutil.wait_procs(family, timeout=PATIENCE)[1] == []


def test_slurm_that_takes_no_job(slurm):
    (slurm / "sbatch").write_text("#!/bin/sh\necho invalid partition >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="invalid partition"), open_workers("slurm:2"):
        pass


def test_slurm_that_takes_no_job_for_a_while(slurm):
    accepting, refused = (slurm / "sbatch").read_text(), slurm / "refused"
    with open_workers("slurm:1") as workers:
        process = workers.submit(os.getpid).result(PATIENCE)
        (slurm / "sbatch").write_text(f"#!/bin/sh\necho . >> {refused}\nexit 1\n")
        os.killpg(os.getsid(process), signal.SIGKILL)
        until(lambda: workers.slots() == 0)
        until(lambda: refused.exists() and len(refused.read_text().splitlines()) > 2)
        (slurm / "sbatch").write_text(accepting)
        assert workers.submit(os.getpid).result(PATIENCE) != process


def test_no_slurm(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(FileNotFoundError, match="sbatch is not on the PATH"),
        open_workers("slurm:2"),
    ):
        pass


def test_local_workers_keep_the_memory_that_they_will_need_again():
    with open_workers("1") as workers:
        assert workers.submit(os.environ.get, "MALLOC_TRIM_THRESHOLD_").result() is None
        assert workers.submit(os.environ.get, "OMP_NUM_THREADS").result() == "1"
