"""A PostgreSQL server for tests in a temporary folder, reached by a socket in it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def server_programs() -> Path | None:
    """Folder of PostgreSQL's server programs, on the path or where Debian puts them."""
    on_path = shutil.which("initdb")
    folders = (
        [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    )
    return folders[-1] if folders else None


@contextmanager
def postgresql(programs: Path) -> Iterator[str]:
    """A running server; gives the URL of a database in it."""
    # The server refuses to run as root.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = tempfile.mkdtemp(prefix="sage-postgresql-")
    shutil.chown(folder, user)
    options = {
        "user": user,
        "cwd": folder,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    subprocess.run(
        [programs / "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "sage"],
        check=True,
        **options,
    )
    command = [programs / "postgres", "-D", f"{folder}/data", "-k", folder, "-h", "", "-F"]
    server = subprocess.Popen(command, **options)
    try:
        address = f"postgresql://sage@/postgres?host={folder}"
        _wait_for(address)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # Does not wait for clients, as SIGTERM would.
        server.wait()
        shutil.rmtree(folder)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
