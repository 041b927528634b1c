"""Damaged files: found once for each file, left out of all parts of a split if they are few, refused if not."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sage.config import paths
from sage.images import damaged_files, datasets, image_files
from tests.support import image_folders

# Checks the set `plain`, but never the file that its argument names.
PROCESS = image_folders.STUCK.format(module="damaged_files", call='datasets.load_files("plain")')


@pytest.fixture
def plain() -> Path:
    """A set of 40 files, in the place where data sets are looked for."""
    image_folders.write(paths.raw() / "plain", "ab", 20, size=(8, 8))
    return paths.raw() / "plain"


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The files that are checked from here on."""
    names, plain = [], damaged_files.open_rgb
    monkeypatch.setattr(damaged_files, "open_rgb", lambda file: names.append(file) or plain(file))
    return names


def record() -> Path:
    return paths.cache() / "images" / "plain-files" / "checked.txt"


def damage(*files) -> None:
    for path in map(Path, files):
        path.write_bytes(path.read_bytes()[:60])


def listed() -> list[tuple[str, ...]]:
    return [part.images for part in datasets.load_files("plain").parts]


def test_the_limit_is_five_files_or_one_in_a_thousand():
    for few, count in ((0, 1), (5, 40), (5, 5000), (6, 6000), (1281, 1_281_167)):
        damaged_files.check_limit(["a"] * few, count)
    for many, count in ((6, 40), (6, 5999), (1282, 1_281_167), (3, 3)):
        with pytest.raises(
            ValueError, match=f"{many} of {count} files .*: replace or .* expected 5 or 0.1%"
        ):
            damaged_files.check_limit(["a"] * many, count)


def test_damaged_files_are_left_out_of_all_parts_as_among_decoded_images(plain, opened):
    whole = datasets.load_files("plain")
    assert [len(part) for part in whole.parts] == [33, 3, 4] and len(opened) == 40
    bad = [
        whole.train.images[3],
        whole.train.images[20],
        whole.validation.images[1],
        whole.test.images[0],
    ]
    damage(*bad)
    message = r"4 of 40 files cannot be read as images \(([ab]/\d+.png(, )?){4}\): left out"
    with pytest.warns(UserWarning, match=message):
        files = datasets.load_files("plain")
    with pytest.warns(UserWarning, match="4 of 40 files"):
        data = datasets.load_dataset("plain", 8)
    assert [len(part) for part in files.parts] == [31, 2, 3] and files.classes == whole.classes
    for before, after, decoded in zip(whole.parts, files.parts, data.parts, strict=True):
        kept = [place for place, path in enumerate(before.images) if path not in bad]
        assert after.images == tuple(before.images[place] for place in kept)
        assert after.labels.tolist() == decoded.labels.tolist() == before.labels[kept].tolist()
        pixels = [np.asarray(Image.open(path)).transpose(2, 0, 1) for path in after.images]
        assert torch.equal(decoded.images, torch.from_numpy(np.stack(pixels)))
    assert files.train.identity != whole.train.identity


def test_without_damaged_files_a_set_is_all_its_files(plain):
    train, test, classes = image_files.class_folders(plain)
    files = datasets.load_files("plain")
    assert files.test.identity == test.identity and files.classes == classes
    found = files.train.joined(files.validation)
    ordered = found.at(np.array(list(map(found.images.index, train.images))))
    assert len(found) == len(train) and ordered.identity == train.identity


def test_too_many_damaged_files_are_named_before_all_are_checked(plain, opened, monkeypatch):
    monkeypatch.setattr(damaged_files, "BLOCK", 4)
    monkeypatch.setattr(damaged_files, "FEW_DAMAGED", 10)
    for index in range(12):
        (plain / "a" / f"{index}.png").write_bytes(b"no image")
    message = r"1[12] of 40 files cannot be read as images \((a/\d+.png, ){9}a/\d+.png, \.\.\.\): replace or remove"
    with pytest.raises(ValueError, match=message):
        datasets.load_files("plain")
    found = len(opened)
    assert found % 4 == 0
    monkeypatch.setattr(damaged_files, "DAMAGED", 0.3)
    with pytest.warns(UserWarning, match="12 of 40 files"):
        files = datasets.load_files("plain")
    assert sum(map(len, files.parts)) == 28 and len(opened) == len(set(opened)) == 40


def test_a_set_without_a_part_is_refused_from_files_and_decoded(plain):
    damage(*datasets.load_files("plain").validation.images)
    for load in (datasets.load_files, lambda name: datasets.load_dataset(name, 8)):
        with (
            pytest.warns(UserWarning, match="3 of 40 files"),
            pytest.raises(
                ValueError, match=r"has \[33, 0, 4\] images for training, validation and test"
            ),
        ):
            load("plain")


def test_only_files_that_changed_are_checked_again(plain, opened):
    strange = (
        plain / "a" / "\N{GREEK SMALL LETTER ALPHA}\n.png"
    )  # a name that is neither ASCII nor one line
    (plain / "a" / "0.png").rename(strange)
    first = listed()
    assert len(opened) == 40 and str(strange) in opened
    assert listed() == first and len(opened) == 40
    changed, damaged = plain / "a" / "1.png", plain / "b" / "7.png"
    os.utime(changed, (0, 0))
    assert listed() == first and opened[40:] == [str(changed)]
    content = damaged.read_bytes()
    damage(damaged)
    with pytest.warns(UserWarning, match="1 of 40 files .*b/7.png"):
        assert listed() != first
    assert listed() != first and opened[41:] == [str(damaged)]
    damaged.write_bytes(content)
    assert listed() == first and opened[42:] == [str(damaged)]
    (plain / "b" / "more.png").write_bytes(content)
    assert sum(map(len, listed())) == 41 and opened[43:] == [str(plain / "b" / "more.png")]


def test_what_is_left_out_is_told_once_also_after_others_are_removed(plain, opened):
    damage(*(plain / "a" / f"{index}.png" for index in range(6)))
    with pytest.raises(ValueError, match="6 of 40 files"):
        datasets.load_files("plain")
    (plain / "a" / "0.png").unlink()
    with pytest.warns(UserWarning, match="5 of 39 files"):
        assert sum(map(len, listed())) == 34
    assert sum(map(len, listed())) == 34 and len(opened) == 40
    assert sum(line.endswith(" damaged") for line in record().read_text().splitlines()) == 6


def test_a_file_that_cannot_be_opened_is_no_damaged_one(plain, monkeypatch):
    def fail(path):
        raise PermissionError(13, "no access", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(image_files.Path, "read_bytes", fail)
        with pytest.raises(PermissionError):
            datasets.load_files("plain")
    assert sum(map(len, listed())) == 40


@pytest.mark.parametrize("kept, again", [(0, 40), (0.5, 20), (1, 0)])
def test_lines_that_are_lost_or_damaged_are_found_anew(plain, opened, kept, again):
    damage(plain / "a" / "3.png")
    with pytest.warns(UserWarning, match="1 of 40 files"):
        first = listed()
    lines = record().read_bytes().split(b"\n")[1:41]
    whole = lines[: int(40 * kept)]
    # Half a line, as of a killed process, and bytes that are no text, as of a failing disk.
    for rest in (lines[-1][:-2], bytes(100), b"\xff" * 100):
        record().write_bytes(b"\n".join([*whole, rest]))
        opened.clear()
        with pytest.warns(UserWarning, match="1 of 40 files"):
            assert listed() == first
        assert len(opened) == again
        assert listed() == first and len(opened) == again


def test_processes_wait_for_each_other_and_go_on_from_one_that_was_killed(plain, opened):
    damaged = plain / "a" / "5.png"
    damage(damaged)
    split, _ = datasets._listed("plain", None)
    order = split.train.joined(split.validation).joined(split.test).images
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROCESS, order[22]], cwd=paths.ROOT
    )
    with ThreadPoolExecutor(1) as pool:
        try:
            deadline = time.monotonic() + 240
            while not record().exists() or len(record().read_text().split()) < 20 * 4:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            waiting = pool.submit(datasets.load_files, "plain")
            time.sleep(0.5)
            assert not opened and not waiting.done()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        with pytest.warns(UserWarning, match="1 of 40 files .*a/5.png"):
            files = waiting.result(timeout=240)
    assert sorted(opened) == sorted(order[20:])
    assert [path for part in files.parts for path in part.images] == [
        path for path in order if path != str(damaged)
    ]
    assert [list(part) for part in listed()] == [list(part.images) for part in files.parts] and len(
        opened
    ) == 20
