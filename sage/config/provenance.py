"""What a result rests on: keys for caches, and the commit, versions and hardware for the record."""

import hashlib
import json
import os
import platform
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

import pandas as pd
import torch

from sage.compute import devices
from sage.config import paths

_seen: WeakKeyDictionary[ModuleType, str] = WeakKeyDictionary()  # modules' files, hashed


def key(**parts: object) -> str:
    """Return 16 hexadecimal digits that change with any of the JSON-ready parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(*places: Path) -> str:
    """Return a hash of names, sizes and times of files and of all files in folders, as they are.

    It changes with what is in them, without reading that. Links are followed, each folder is looked
    at once, hidden files do not count, and nothing at a place is a state too.
    """
    digest, seen = hashlib.sha256(), set()

    def look(path: str, name: str) -> None:
        try:
            found = os.stat(path)
            entries = sorted(os.listdir(path)) if stat.S_ISDIR(found.st_mode) else None
        except OSError:
            return
        if entries is None:
            digest.update(f"{name!a} {found.st_size} {found.st_mtime_ns}\n".encode())
        elif (folder := (found.st_dev, found.st_ino)) not in seen:
            seen.add(folder)
            for entry in (one for one in entries if not one.startswith(".")):
                look(f"{path}/{entry}", f"{name}/{entry}")

    for number, place in enumerate(places):
        look(str(place), str(number))
    return digest.hexdigest()[:16]


def code(module: str) -> str:
    """Return a hash of the file that an imported module was read from; empty without a file.

    Raises:
        RuntimeError: the file is another one than when this process asked first.
    """
    imported = sys.modules.get(module)
    file = getattr(imported, "__file__", None)
    if imported is None or not file or not os.path.isfile(file):
        return ""
    found = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]
    if _seen.setdefault(imported, found) != found:
        raise RuntimeError(f"{file} has changed since it was imported, start this program again")
    return found


def stamp() -> dict[str, str]:
    """Return commit, library versions, hardware and time, as attributes that NetCDF takes."""
    libraries = ("torch", "torchvision", "numpy", "scipy", "xarray")
    versions = [f"{name} {version(name)}" for name in libraries]
    return {
        "commit": commit(),
        "versions": ", ".join([f"python {platform.python_version()}", *versions]),
        "hardware": hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def line(stamps: str) -> str:
    """Return a table's attribute `provenance` in one line: commits, torch, hardware and days."""
    names = ["commit", "versions", "hardware", "created"]
    made = pd.DataFrame(json.loads(stamps), columns=names, dtype=object).fillna("")
    commits = made.commit.str.replace(r"\b([0-9a-f]{7})[0-9a-f]{33}", r"\1", regex=True)
    torch_versions = made.versions.str.extract("(torch [^,]+)", expand=False).fillna("")
    parts = ["commit " + (", ".join(commits.unique()) or "unknown")]
    parts += [", ".join(one.unique()) for one in (torch_versions, made.hardware)]
    days = sorted(made.created.str[:10])
    parts.append(" to ".join(dict.fromkeys([*days[:1], *days[-1:]])))
    return "; ".join(filter(None, parts))


def commit() -> str:
    """Return the checkout's commit, with "-modified" if package or notebooks differ from it."""
    try:
        head, changed = state(paths.ROOT)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not a git checkout)"
    return head + ("-modified" if changed else "")


def state(checkout: Path) -> list[str]:
    """Return a checkout's commit, and the files of package and notebooks that differ from it."""
    run = partial(subprocess.run, cwd=checkout, capture_output=True, text=True, check=True)
    asked = ["rev-parse", "HEAD"], ["status", "--porcelain", "--", "sage", "notebooks/*.py"]
    return [run(["git", *arguments]).stdout.rstrip() for arguments in asked]


def hardware() -> str:
    """Return the GPU if there is one, else the processor and its number of usable cores."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    about = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: *(.+)", about.read_text() if about.exists() else "")
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    return f"{devices.cores()} cores of {processor}"
