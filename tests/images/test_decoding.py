"""Class folders: their layouts and split, images decoded once, and damaged files."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock, Timeout
from PIL import Image

from sage.config import paths
from sage.images import datasets, decoding, image_files
from sage.images.datasets import Split
from tests.support import image_folders
from tests.support.waiting import PATIENCE, until

PARTS = ("train", "validation", "test")


@pytest.fixture
def plain() -> Path:
    """A set of 40 files, in the place where data sets are looked for."""
    image_folders.write(paths.raw() / "plain", "ab", 20)
    return paths.raw() / "plain"


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The files that are decoded from here on."""
    names, plain = [], decoding.open_rgb
    monkeypatch.setattr(decoding, "open_rgb", lambda file: names.append(file) or plain(file))
    return names


@pytest.fixture
def refused(monkeypatch) -> list[str]:
    """The locks that were asked for while others held them, from here on."""
    locks: list[str] = []

    class Lock(FileLock):
        def acquire(self, *arguments, **options):
            while True:
                try:
                    return super().acquire(timeout=0)
                except Timeout:
                    locks.append(self.lock_file)
                    time.sleep(0.02)

    monkeypatch.setattr(decoding, "FileLock", Lock)
    return locks


def cached(kind: str = "8") -> Path:
    return paths.cache() / "images" / f"plain-{kind}"


def digests() -> Path:
    """The file of what is decoded."""
    (path,) = cached().glob("digests-*")
    return path


def record() -> Path:
    return cached("files") / "checked.txt"


def damage(*files) -> None:
    for path in map(Path, files):
        path.write_bytes(path.read_bytes()[:60])


def decoded() -> list[str]:
    return [part.identity for part in parts(datasets.load_dataset("plain", 8))]


def listed() -> list[tuple[str, ...]]:
    return [part.images for part in parts(datasets.load_files("plain"))]


def parts(data: Split) -> list:
    return [getattr(data, part) for part in PARTS]


def counts(data: Split) -> list[int]:
    return list(map(len, parts(data)))


def names(files: image_files.ImageFiles) -> set[str]:
    return {"/".join(Path(path).parts[-2:]) for path in files.images}


def test_class_folders(plain, tmp_path):
    data = datasets.load_dataset("plain", 12)
    assert data.classes == ("a", "b") and counts(data) == [33, 3, 4]
    assert data.train.images.shape[1:] == (3, 12, 12) and data.train.images.dtype == torch.uint8
    image_folders.write(tmp_path / "parts" / "train", "ab", 10)
    image_folders.write(tmp_path / "parts" / "val", "ab", 3)
    data = datasets.load_dataset("parts", 8, root=tmp_path)
    assert counts(data) == [18, 2, 6] and data.test.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_imagenet_has_its_own_number_of_validation_images(tmp_path, monkeypatch):
    folder = tmp_path / "imagenet"
    image_folders.write(folder / "train", "ab", 10)
    image_folders.write(folder / "val", "ab", 3)
    (folder / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"")
    (folder / "test").mkdir()  # images without labels
    (folder / "test" / "1.png").write_bytes((folder / "val" / "a" / "1.png").read_bytes())
    assert datasets.HELD_OUT == {"imagenet": 50_000}
    message = "imagenet has 20 training images, expected more than the 50000 to hold out"
    with pytest.raises(ValueError, match=message):
        datasets.load_dataset("imagenet", 8, root=tmp_path)
    monkeypatch.setitem(datasets.HELD_OUT, "imagenet", 5)
    assert counts(datasets.load_dataset("imagenet", 8, root=tmp_path)) == [15, 5, 6]
    assert (paths.cache() / "splits" / "20-5.txt").exists()


def test_bad_class_folders_are_refused(plain, tmp_path):
    def refused(name: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            datasets.load_dataset(name, 8, root=tmp_path)

    with pytest.raises(ValueError, match="plain has images of any size, expected the size to dec"):
        datasets.load_dataset("plain")
    with pytest.raises(FileNotFoundError, match="no folder .*absent of class folders"):
        datasets.load_files("absent")
    (tmp_path / "empty").mkdir()
    refused("empty", "empty is no folder of class folders")
    image_folders.write(tmp_path / "half" / "train", "ab", 3)
    (tmp_path / "half" / "val").mkdir()
    refused("half", "neither test nor val with class folders")
    image_folders.write(tmp_path / "half" / "test", "ac", 3)
    refused("half", "differ in b, c")
    image_folders.write(tmp_path / "single", "a", 3)
    refused("single", "single has 1 class")


def test_images_are_scaled_and_cut_to_their_centre(plain):
    data, files = datasets.load_dataset("plain", 10), datasets.load_files("plain")
    for images, paths_of_part in zip(parts(data), parts(files)):
        assert torch.equal(images.labels, paths_of_part.labels)
        for image, path, label in zip(images.images, paths_of_part.images, images.labels):
            with Image.open(path) as found:
                expected = found.resize((12, 10), Image.Resampling.BILINEAR).crop((1, 0, 11, 10))
            assert torch.equal(image, torch.from_numpy(np.array(expected)).permute(2, 0, 1))
            assert data.classes[label] == Path(path).parent.name


def test_parts_are_views_of_one_array_on_disk(plain):
    data = datasets.load_dataset("plain", 8)
    pixels = np.load(cached() / "pixels.npy")
    assert pixels.shape == (40, 3, 8, 8)
    whole = torch.cat([part.images for part in parts(data)])
    assert torch.equal(whole, torch.from_numpy(pixels))
    storages = {part.images.untyped_storage().data_ptr() for part in parts(data)}
    assert len(storages) == 1
    joined = data.train.joined(data.validation)
    assert joined.images.data_ptr() == data.train.images.data_ptr()
    assert len(joined) == len(joined.digests) == 36
    assert torch.equal(joined.images, torch.from_numpy(pixels[:36]))
    different = {each.identity for each in (joined, data.train, data.train.first(5), data.test)}
    assert len(different) == 4
    assert joined.first(5).identity == data.train.first(5).identity
    relabelled = datasets.Images(data.train.images, 1 - data.train.labels, data.train.digests)
    assert relabelled.identity != data.train.identity


def test_the_split_is_the_same_in_another_folder_and_order(plain, tmp_path, monkeypatch):
    first = decoded()
    files = datasets.load_files("plain")
    found = [names(part) for part in parts(files)]
    assert counts(files) == [33, 3, 4] and len(set.union(*found)) == 40
    for path in sorted(plain.rglob("*.png"), reverse=True):
        copy = tmp_path / "plain" / path.relative_to(plain)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / "other"))
    again = datasets.load_files("plain", root=tmp_path)
    assert [names(part) for part in parts(again)] == found
    assert again.train.identity == files.train.identity
    moved = datasets.load_dataset("plain", 8, root=tmp_path)
    assert [part.identity for part in parts(moved)] == first


# Keys of results on class folders have them.
IDENTITIES = ["d3ea9996593a10d0", "49efb0a1b3eb3839", "860b6ae9c0ad7396"]


def test_identities_stay_as_results_have_them(plain):
    assert decoded() == IDENTITIES


def test_the_limit_is_five_files_or_one_in_a_thousand():
    for few, count in ((0, 1), (5, 40), (5, 5000), (6, 6000), (1281, 1_281_167)):
        decoding.check_limit(["a"] * few, count)
    for many, count in ((6, 40), (6, 5999), (1282, 1_281_167), (3, 3)):
        message = f"{many} of {count} files .*: replace or .* expected 5 or 0.1%"
        with pytest.raises(ValueError, match=message):
            decoding.check_limit(["a"] * many, count)


def test_damaged_files_are_left_out_of_all_parts(plain, opened):
    whole, before = datasets.load_files("plain"), datasets.load_dataset("plain", 8)
    assert counts(whole) == [33, 3, 4] and len(opened) == 80
    train, validation, test = (part.images for part in parts(whole))
    bad = [train[3], train[20], validation[1], test[0]]
    damage(*bad)
    message = r"4 of 40 files cannot be read as images \(([ab]/\d+.png(, )?){4}\): left out"
    with pytest.warns(UserWarning, match=message):
        files = datasets.load_files("plain")
    with pytest.warns(UserWarning, match=message):
        data = datasets.load_dataset("plain", 8)
    assert counts(files) == counts(data) == [31, 2, 3] and files.classes == whole.classes
    for all_files, all_images, left, images in zip(*map(parts, (whole, before, files, data))):
        kept = [place for place, path in enumerate(all_files.images) if path not in bad]
        assert left.images == tuple(all_files.images[place] for place in kept)
        labels = all_files.labels[kept].tolist()
        assert left.labels.tolist() == images.labels.tolist() == labels
        assert torch.equal(images.images, all_images.images[kept])
        assert images.identity == all_images.at(np.array(kept)).identity
    assert files.train.identity != whole.train.identity
    opened.clear()
    assert decoded() == [part.identity for part in parts(data)] and not opened


def test_without_damaged_files_a_set_is_all_its_files(plain):
    train, test, classes = image_files.class_folders(plain)
    files = datasets.load_files("plain")
    assert files.test.identity == test.identity and files.classes == classes
    found = files.train.joined(files.validation)
    ordered = found.at(np.array(list(map(found.images.index, train.images))))
    assert len(found) == len(train) and ordered.identity == train.identity


@pytest.mark.parametrize("load", [datasets.load_files, lambda name: datasets.load_dataset(name, 8)])
def test_too_many_damaged_files_are_named_before_all_are_read(plain, opened, monkeypatch, load):
    monkeypatch.setattr(decoding, "BLOCK", 4)
    monkeypatch.setattr(decoding, "FEW_DAMAGED", 10)
    for index in range(12):
        (plain / "a" / f"{index}.png").write_bytes(b"no image")
    message = (
        r"1[12] of 40 files cannot be read as images "
        r"\((a/\d+.png, ){9}a/\d+.png, \.\.\.\): replace or remove"
    )
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            load("plain")
        assert len(opened) % 4 == 0 and len(opened) == len(set(opened))
    monkeypatch.setattr(decoding, "DAMAGED", 0.3)
    with pytest.warns(UserWarning, match="12 of 40 files"):
        assert sum(counts(load("plain"))) == 28
    assert len(opened) == len(set(opened)) == 40


def test_a_set_without_a_part_is_refused_from_files_and_decoded(plain):
    damage(*datasets.load_files("plain").validation.images)
    message = r"has \[33, 0, 4\] images for training, validation and test"
    for load in (listed, decoded):
        with pytest.warns(UserWarning, match="3 of 40"), pytest.raises(ValueError, match=message):
            load()


def test_a_file_that_cannot_be_opened_is_no_damaged_one(plain, monkeypatch):
    def fail(path):
        raise PermissionError(13, "no access", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(image_files.Path, "read_bytes", fail)
        for load in (listed, decoded):
            with pytest.raises(PermissionError):
                load()
    assert sum(map(len, listed())) == 40


def test_decoded_images_are_used_again_until_a_file_changes(plain, opened):
    first = datasets.load_dataset("plain", 8)
    identities = [part.identity for part in parts(first)]
    assert len(opened) == 40 and decoded() == identities and len(opened) == 40
    assert datasets.load_dataset("plain", 12).train.identity != first.train.identity
    assert len(opened) == 80
    os.utime(plain / "a" / "1.png", (0, 0))
    assert decoded() == identities and len(opened) == 120
    (plain / "b" / "7.png").write_bytes((plain / "a" / "0.png").read_bytes())
    seen = first.train.images.clone()
    assert decoded() != identities and len(opened) == 160
    assert torch.equal(first.train.images, seen)  # the old array stays with those who have it
    assert {*cached().iterdir()} == {cached() / "pixels.npy", cached() / "lock", digests()}


@pytest.mark.parametrize("name", ["pixels", "digests"])
def test_damaged_caches_are_made_anew(plain, opened, name):
    first = decoded()
    path = digests() if name == "digests" else cached() / "pixels.npy"
    (cached() / "notes.txt").write_text("mine")  # nothing else is touched
    whole = path.read_bytes()
    for content in (whole[:-200], b"", bytes(len(whole)), whole[:200] + bytes(2000) + whole[2200:]):
        path.unlink()
        path.write_bytes(content)
        opened.clear()
        # Digests that were cut off are those of files that are not decoded yet.
        left = 40 - 27 if (name, content) == ("digests", whole[:-200]) else 40
        assert decoded() == first and len(opened) == left
    assert (cached() / "notes.txt").read_text() == "mine"


def test_only_files_that_changed_are_checked_again(plain, opened):
    strange = plain / "a" / "\N{GREEK SMALL LETTER ALPHA}\n.png"  # neither ASCII nor one line
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


def test_a_check_waits_for_another_and_goes_on_from_one_that_was_killed(plain, opened, refused):
    order = [path for part in listed() for path in part]
    record().unlink()
    opened.clear()
    damaged = str(plain / "a" / "5.png")
    damage(damaged)

    def far() -> bool:
        return record().exists() and len(record().read_text().split()) >= 20 * 4

    warned = pytest.warns(UserWarning, match="1 of 40 files .*a/5.png")
    with ThreadPoolExecutor(1) as pool, warned:
        with image_folders.stuck('datasets.load_files("plain")', order[22], far):
            waiting = pool.submit(listed)
            until(lambda: len(refused) > 1 or waiting.done())
            assert refused and not opened and not waiting.done()
        files = waiting.result(timeout=PATIENCE)
    assert sorted(opened) == sorted(order[20:])
    assert [*sum(files, ())] == [path for path in order if path != damaged]
    assert listed() == files and len(opened) == 20


@pytest.mark.parametrize("spoiled, left", [(False, 20), (True, 40)])
def test_decoding_waits_for_another_and_goes_on_from_one_that_was_killed(
    plain, opened, refused, spoiled, left
):
    held = datasets.load_files("plain").train.images[22]
    opened.clear()

    def far() -> bool:
        return any(path.stat().st_size >= 20 * 16 for path in cached().glob("digests-*"))

    with ThreadPoolExecutor(1) as pool:
        with image_folders.stuck('datasets.load_dataset("plain", 8)', held, far):
            waiting = pool.submit(decoded)
            until(lambda: len(refused) > 1 or waiting.done())
            assert refused and not opened and not waiting.done()
            with (cached() / "pixels.npy").open("r+b") as array:
                array.seek(128 + 192 * (18 if spoiled else 20))
                array.write(b"half a block")  # as a failing disk leaves it, or a killed process
            with digests().open("ab") as log:
                log.write(b"half")
        resumed = waiting.result(timeout=PATIENCE)
    assert len(opened) == left and held in opened
    for path in cached().iterdir():
        path.unlink()
    assert decoded() == resumed
