import json
import os
from pathlib import Path

import pytest

from sage.config.provenance import fingerprint, line


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.png").write_text(name)
    return tmp_path / "set"


def change(path: Path) -> None:
    """Write as many bytes into the same file, at another time."""
    made = path.stat().st_mtime_ns
    path.write_text("x" * path.stat().st_size)
    os.utime(path, ns=(made + 1, made + 1))


def test_a_fingerprint_changes_with_files_and_with_what_is_in_folders(folder):
    file = folder / "a" / "1.png"
    found = [fingerprint(folder), fingerprint(file)]
    for alter in (
        lambda: change(file),
        lambda: (folder / "a" / "2.png").touch(),
        lambda: (folder / "a" / "2.png").rename(folder / "b" / "2.png"),
        (folder / "b" / "2.png").unlink,
    ):
        alter()
        found.append(fingerprint(folder))
    assert len(set(found[:-1])) == 5 and found[-1] == found[-4]
    assert fingerprint(file) != found[1]
    assert fingerprint(folder / "c") != fingerprint(folder / "c", file) != fingerprint(file)


def test_a_fingerprint_follows_links_once_and_leaves_out_hidden_files(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").touch()
    before = fingerprint(folder)
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    linked = fingerprint(folder)
    assert linked != before
    (folder / "c" / "back").symlink_to(folder)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    (folder / ".DS_Store").touch()
    assert fingerprint(folder) == linked
    change(tmp_path / "elsewhere" / "1.png")
    assert fingerprint(folder) != linked


def test_provenance_in_one_line():
    first = {"commit": f"{'a' * 40}-modified", "versions": "python 3, torch 2.1, b 1"}
    first |= {"hardware": "2 cores of C", "created": "2026-01-02T01:00"}
    second = first | {"commit": "b" * 40, "created": "2026-01-01T05:00"}
    told = line(json.dumps([first, second]))
    commits = "commit aaaaaaa-modified, bbbbbbb"
    assert told == f"{commits}; torch 2.1; 2 cores of C; 2026-01-01 to 2026-01-02"
    assert line('[{"commit": "unknown"}]') == "commit unknown"
    assert line("[]") == "commit unknown"  # of tables that somebody else made
