"""Class folders: their layouts and split, and images decoded once into an array on disk."""

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
from sage.images import damaged_files, datasets, decoding, image_files
from sage.images.datasets import Dataset
from tests.support import image_folders

# Decodes the set `plain`, but never the file that its argument names.
PROCESS = image_folders.STUCK.format(module="decoding", call='datasets.load_dataset("plain", 8)')


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


def cached(size: int = 8) -> Path:
    return paths.cache() / "images" / f"plain-{size}"


def identities(data: Dataset) -> list[str]:
    return [part.identity for part in (data.train, data.validation, data.test)]


def names(files: image_files.ImageFiles) -> set[str]:
    return {"/".join(Path(path).parts[-2:]) for path in files.images}


def test_class_folders(plain, tmp_path):
    data = datasets.load_dataset("plain", 12)
    assert data.classes == ("a", "b") and (
        len(data.train),
        len(data.validation),
        len(data.test),
    ) == (33, 3, 4)
    assert data.train.images.shape[1:] == (3, 12, 12) and data.train.images.dtype == torch.uint8
    image_folders.write(tmp_path / "parts" / "train", "ab", 10)
    image_folders.write(tmp_path / "parts" / "val", "ab", 3)
    data = datasets.load_dataset("parts", 8, root=tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 6)
    assert data.test.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_imagenet_has_its_own_number_of_validation_images(tmp_path, monkeypatch):
    folder = tmp_path / "imagenet"
    image_folders.write(folder / "train", "ab", 10)
    image_folders.write(folder / "val", "ab", 3)
    (folder / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"")
    (folder / "test").mkdir()  # images without labels
    (folder / "test" / "1.png").write_bytes((folder / "val" / "a" / "1.png").read_bytes())
    assert datasets.HELD_OUT == {"imagenet": 50_000}
    with pytest.raises(
        ValueError,
        match="imagenet has 20 training images, expected more than the 50000 to hold out",
    ):
        datasets.load_dataset("imagenet", 8, root=tmp_path)
    monkeypatch.setitem(datasets.HELD_OUT, "imagenet", 5)
    data = datasets.load_dataset("imagenet", 8, root=tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (15, 5, 6)
    assert (paths.cache() / "splits" / "20-5.txt").exists()


def test_bad_class_folders_are_refused(plain, tmp_path):
    with pytest.raises(
        ValueError, match="plain has images of any size, expected the size to decode them at"
    ):
        datasets.load_dataset("plain")
    with pytest.raises(FileNotFoundError, match="no folder .*absent of class folders"):
        datasets.load_files("absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty is no folder of class folders"):
        datasets.load_dataset("empty", 8, root=tmp_path)
    image_folders.write(tmp_path / "half" / "train", "ab", 3)
    (tmp_path / "half" / "val").mkdir()
    with pytest.raises(ValueError, match="neither test nor val with class folders"):
        datasets.load_dataset("half", 8, root=tmp_path)
    image_folders.write(tmp_path / "half" / "test", "ac", 3)
    with pytest.raises(ValueError, match="differ in b, c"):
        datasets.load_dataset("half", 8, root=tmp_path)
    image_folders.write(tmp_path / "single", "a", 3)
    with pytest.raises(ValueError, match="single has 1 class"):
        datasets.load_dataset("single", 8, root=tmp_path)


def test_images_are_scaled_and_cut_to_their_centre(plain):
    data, files = datasets.load_dataset("plain", 10), datasets.load_files("plain")
    for part in ("train", "validation", "test"):
        images, listed = getattr(data, part), getattr(files, part)
        assert torch.equal(images.labels, listed.labels)
        for image, path, label in zip(images.images, listed.images, listed.labels):
            with Image.open(path) as found:
                expected = found.resize((12, 10), Image.Resampling.BILINEAR).crop((1, 0, 11, 10))
            assert torch.equal(image, torch.from_numpy(np.array(expected)).permute(2, 0, 1))
            assert data.classes[label] == Path(path).parent.name


def test_parts_are_views_of_one_array_on_disk(plain):
    data = datasets.load_dataset("plain", 8)
    pixels = np.load(cached() / "pixels.npy")
    assert pixels.shape == (40, 3, 8, 8)
    whole = torch.cat([part.images for part in (data.train, data.validation, data.test)])
    assert torch.equal(whole, torch.from_numpy(pixels))
    storages = {
        part.images.untyped_storage().data_ptr()
        for part in (data.train, data.validation, data.test)
    }
    assert len(storages) == 1
    joined = data.train.joined(data.validation)
    assert (
        joined.images.data_ptr() == data.train.images.data_ptr()
        and len(joined) == len(joined.digests) == 36
    )
    assert torch.equal(joined.images, torch.from_numpy(pixels[:36]))
    assert (
        len({images.identity for images in (joined, data.train, data.train.first(5), data.test)})
        == 4
    )
    assert joined.first(5).identity == data.train.first(5).identity
    relabelled = datasets.Images(data.train.images, 1 - data.train.labels, data.train.digests)
    assert relabelled.identity != data.train.identity


def test_the_split_is_the_same_in_another_folder_and_order(plain, tmp_path, monkeypatch):
    first = datasets.load_dataset("plain", 8)
    files = datasets.load_files("plain")
    found = [names(part) for part in (files.train, files.validation, files.test)]
    assert [len(part) for part in found] == [33, 3, 4] and len(set.union(*found)) == 40
    for path in sorted(plain.rglob("*.png"), reverse=True):
        copy = tmp_path / "plain" / path.relative_to(plain)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setenv("SAGE_DATA", str(tmp_path / "other"))
    again = datasets.load_files("plain", root=tmp_path)
    assert [names(part) for part in (again.train, again.validation, again.test)] == found
    assert again.train.identity == files.train.identity
    assert identities(datasets.load_dataset("plain", 8, root=tmp_path)) == identities(first)


def test_every_kind_of_image_becomes_rgb(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(colours)
    palette = image.quantize(16)
    palette.info["transparency"] = bytes(range(16))
    kinds = {
        "colour.png": image,
        "grey.png": image.convert("L"),
        "grey.jpg": image.convert("L"),
        "ink.jpg": image.convert("CMYK"),
        "palette.png": palette,
        "alpha.png": image.convert("RGBA"),
        "greyalpha.png": image.convert("LA"),
        "bits.png": image.convert("1"),
    }
    for name, kind in kinds.items():
        kind.save(tmp_path / name)
        found = np.asarray(image_files.open_rgb(str(tmp_path / name)))
        assert found.shape == (16, 16, 3)
        if name in ("colour.png", "alpha.png"):
            np.testing.assert_array_equal(found, colours)
        if name.startswith("grey"):
            assert (found[..., 0] == found[..., 2]).all()
        if name == "palette.png":
            np.testing.assert_array_equal(found, np.asarray(image.quantize(16).convert("RGB")))


def test_a_few_damaged_files_are_left_out_and_on_record(plain, opened):
    whole = datasets.load_dataset("plain", 8)
    files = datasets.load_files("plain")
    bad = [files.train.images[3], files.test.images[0]]
    for path in bad:
        Path(path).write_bytes(Path(path).read_bytes()[:60])
    wanted = "2 of 40 files cannot be read as images .*a|b/[0-9]+.png, .*left out"
    with pytest.warns(UserWarning, match=wanted):
        data = datasets.load_dataset("plain", 8)
    assert (len(data.train), len(data.validation), len(data.test)) == (32, 3, 3)
    assert data.validation.identity == whole.validation.identity
    assert torch.equal(
        data.train.images, torch.cat([whole.train.images[:3], whole.train.images[4:]])
    )
    assert torch.equal(data.test.labels, whole.test.labels[1:])
    with np.load(cached() / "record.npz") as record:
        assert {str(plain / name) for name in record["damaged"]} == set(bad)
    opened.clear()
    assert identities(datasets.load_dataset("plain", 8)) == identities(data) and not opened


def test_too_many_damaged_files_are_named(plain, monkeypatch):
    for index in range(12):
        (plain / "a" / f"{index}.png").write_bytes(b"no image")
    message = r"1[12] of 40 files cannot be read as images \((a/\d+.png, ){9}a/\d+.png, \.\.\.\): replace or remove"
    monkeypatch.setattr(damaged_files, "FEW_DAMAGED", 10)
    with pytest.raises(ValueError, match=message):
        datasets.load_dataset("plain", 8)
    assert not (cached() / "record.npz").exists()
    monkeypatch.setattr(damaged_files, "DAMAGED", 0.3)
    with pytest.warns(UserWarning, match="12 of 40 files"):
        assert (
            len(
                datasets.load_dataset("plain", 8).train.joined(
                    datasets.load_dataset("plain", 8).validation
                )
            )
            < 36
        )


def test_a_file_that_cannot_be_opened_is_no_damaged_one(plain, opened, monkeypatch):
    def fail(path):
        raise PermissionError(13, "no access", str(path))

    monkeypatch.setattr(image_files.Path, "read_bytes", fail)
    with pytest.raises(PermissionError):
        datasets.load_dataset("plain", 8)


def test_decoded_images_are_used_again_until_a_file_changes(plain, opened):
    first = datasets.load_dataset("plain", 8)
    assert len(opened) == 40
    assert identities(datasets.load_dataset("plain", 8)) == identities(first) and len(opened) == 40
    assert (
        datasets.load_dataset("plain", 12).train.identity != first.train.identity
        and len(opened) == 80
    )
    os.utime(plain / "a" / "1.png", (0, 0))
    assert identities(datasets.load_dataset("plain", 8)) == identities(first) and len(opened) == 120
    (plain / "b" / "7.png").write_bytes((plain / "a" / "0.png").read_bytes())
    seen = first.train.images.clone()
    assert identities(datasets.load_dataset("plain", 8)) != identities(first) and len(opened) == 160
    assert torch.equal(first.train.images, seen)  # the old array stays with those who have it
    assert {path.name for path in cached().iterdir()} == {"pixels.npy", "record.npz", "lock"}


@pytest.mark.parametrize("name", ["pixels.npy", "record.npz"])
def test_damaged_caches_are_made_anew(plain, opened, name):
    first = identities(datasets.load_dataset("plain", 8))
    whole = (cached() / name).read_bytes()
    for content in (whole[:-200], b"", bytes(len(whole)), whole[:200] + bytes(2000) + whole[2200:]):
        (cached() / name).unlink()
        (cached() / name).write_bytes(content)
        opened.clear()
        assert identities(datasets.load_dataset("plain", 8)) == first and len(opened) == 40


def test_processes_wait_for_each_other_and_go_on_from_one_that_was_killed(
    plain, opened, monkeypatch
):
    monkeypatch.setattr(damaged_files, "BLOCK", 4)
    held = datasets.load_files("plain").train.images[22]
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", PROCESS, held], cwd=paths.ROOT)
    with ThreadPoolExecutor(1) as pool:
        try:
            deadline = time.monotonic() + 240
            while (
                not (cached() / "digests").exists()
                or (cached() / "digests").stat().st_size < 64 + 20 * 16
            ):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            waiting = pool.submit(datasets.load_dataset, "plain", 8)
            time.sleep(0.5)
            assert not opened and not (cached() / "record.npz").exists()
            with (cached() / "pixels.npy").open("r+b") as array:
                array.seek(128 + 192 * 18)
                array.write(b"half a block")  # of the 19th file, as a failing disk leaves it
                array.seek(0, os.SEEK_END)
                array.write(bytes(300))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        resumed = identities(waiting.result(timeout=240))
    assert len(opened) == 40 - 18 and held in opened
    for path in cached().iterdir():
        path.unlink()
    assert identities(datasets.load_dataset("plain", 8)) == resumed
