"""What image files show however they are stored, and which files and folders count."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sage.config import paths
from sage.images import datasets, image_files
from tests.support import image_folders

RAMP = np.linspace(2_000, 60_000, 24 * 20).reshape(20, 24).astype(np.uint16)
ORIENTATION = 0x0112


def shown(path: Path) -> np.ndarray:
    return np.asarray(image_files.open_rgb(str(path)))


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2)


def write_pgm(path: Path) -> None:
    path.write_bytes(b"P5 24 20 65535\n" + RAMP.astype(">u2").tobytes())


def write_white_is_zero(path: Path) -> None:
    Image.fromarray(65535 - RAMP).save(path, tiffinfo={image_files.PHOTOMETRIC: 0})


@pytest.mark.parametrize(
    "name, write",
    [
        ("1.png", Image.fromarray(RAMP).save),
        ("1.tif", Image.fromarray(RAMP).save),
        ("big-endian.tif", Image.fromarray(RAMP.astype(">u2")).save),
        ("1.pgm", write_pgm),
        ("white-is-zero.tif", write_white_is_zero),
    ],
)
def test_16_bits_of_grey_are_scaled(tmp_path, name, write):
    write(tmp_path / name)
    np.testing.assert_array_equal(shown(tmp_path / name), grey((RAMP >> 8).astype(np.uint8)))


def test_16_bits_of_colour_and_of_grey_are_scaled_alike(tmp_path):
    (tmp_path / "colour.ppm").write_bytes(b"P6 24 20 65535\n" + grey(RAMP).astype(">u2").tobytes())
    difference = shown(tmp_path / "colour.ppm").astype(int) - grey(RAMP >> 8)
    assert np.abs(difference).max() <= 1  # Pillow rounds this format's, and cuts those of PNG


def test_colours_are_the_same_in_any_mode_and_transparency_is_ignored(tmp_path):
    rng = np.random.default_rng(0)
    levels = rng.choice(np.array([0, 255], np.uint8), (6, 8, 4))
    levels[0, 0, 3] = 0
    image, path = Image.fromarray(levels), tmp_path / "1.png"
    opaque = image.convert("RGB")
    for stored in (image, opaque.quantize(8), opaque):
        stored.save(path)
        np.testing.assert_array_equal(shown(path), levels[..., :3])
    opaque.quantize(8).save(path, transparency=bytes([0, 100] * 4))
    np.testing.assert_array_equal(shown(path), levels[..., :3])
    opaque.convert("CMYK").save(tmp_path / "1.tif")
    np.testing.assert_array_equal(shown(tmp_path / "1.tif"), levels[..., :3])
    for stored in (image.getchannel(0).convert("1"), image.getchannel(0).convert("LA")):
        stored.save(path)
        np.testing.assert_array_equal(shown(path), grey(levels[..., 0]))


@pytest.mark.parametrize("values", [RAMP.astype(np.int32), RAMP / np.float32(65535)])
def test_values_without_a_range_are_refused_with_file_and_mode(tmp_path, values):
    image_folders.write(tmp_path / "plain", "ab", 20)
    image = Image.fromarray(values)
    image.save(tmp_path / "plain" / "b" / "strange.tif")
    message = rf"b/strange.tif has mode {image.mode} \(TIFF\): its values have no defined range"
    for load in (datasets.load_files, lambda name, root: datasets.load_dataset(name, 8, root=root)):
        with pytest.raises(ValueError, match=message):
            load("plain", root=tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_photos_are_turned_upright(tmp_path, suffix):
    upright = Image.fromarray(
        np.arange(0, 240, 40, np.uint8).reshape(2, 3).repeat(16, 0).repeat(16, 1)
    )
    for orientation, turn in {1: None, **image_files.UPRIGHT}.items():
        back = {4: 2, 2: 4}.get(turn, turn)  # quarter turns undo each other, all others themselves
        stored = upright if turn is None else upright.transpose(back)
        notes = Image.Exif()
        notes[ORIENTATION] = orientation
        stored.convert("RGB").save(tmp_path / f"1{suffix}", exif=notes)
        image = shown(tmp_path / f"1{suffix}")
        assert image.shape == (32, 48, 3), orientation
        assert np.abs(image.astype(int) - grey(np.asarray(upright))).max() < 8


def test_damaged_notes_leave_an_image_as_it_is(tmp_path):
    Image.fromarray(grey(RAMP >> 8).astype(np.uint8)).save(
        tmp_path / "1.png", exif=b"Exif\0\0II*no"
    )
    assert shown(tmp_path / "1.png").shape == (20, 24, 3)


def test_identity_differs_where_images_are_turned_or_scaled(tmp_path):
    image_folders.write(tmp_path / "plain", "ab", 20)
    whole = [datasets.load_files("plain", root=tmp_path).train for _ in range(2)]
    named = image_files.ImageFiles(whole[0].images, whole[0].labels).identity
    assert whole[0].identity == whole[1].identity == named
    chosen = Path(whole[0].images[3])
    size = chosen.stat().st_size
    Image.fromarray(RAMP).save(chosen)
    assert chosen.stat().st_size > size
    train = datasets.load_files("plain", root=tmp_path).train
    assert train.identity != image_files.ImageFiles(train.images, train.labels).identity


def every(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    train, test, classes = image_files.class_folders(folder)
    return sorted(train.images + test.images), classes


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints", "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", ".Trash-1000"],
)
def test_what_systems_leave_is_no_class_and_no_image(tmp_path, name):
    image_folders.write(tmp_path / "pets", "ab", 10)
    plain = every(tmp_path / "pets")
    (tmp_path / "pets" / ".DS_Store").write_bytes(b"")
    (tmp_path / "pets" / "a" / "Thumbs.db").write_bytes(b"")
    image_folders.write(tmp_path / "pets" / "a", [name], 3)
    image_folders.write(tmp_path / "pets", [name], 3)
    (tmp_path / "pets" / "b" / "._1.png").write_bytes(b"of a resource fork")
    with pytest.warns(UserWarning) as told:
        assert every(tmp_path / "pets") == plain
    named = {f"{tmp_path}/pets/{path}" for path in (name, f"a/{name}", "b/._1.png")}
    assert {*str(told[0].message).partition(": ")[2].split(", ")} == named


def test_each_real_folder_is_visited_once(tmp_path):
    pets = tmp_path / "pets"
    image_folders.write(pets, "ab", 10)
    image_folders.write(tmp_path / "elsewhere", ["c", "more"], 4)
    plain, _ = every(pets)
    (pets / "c").symlink_to(tmp_path / "elsewhere" / "c")  # all of a class, as in a subset
    (pets / "b" / "inside").symlink_to(tmp_path / "elsewhere" / "more")
    added = {f"{pets}/{place}/{file}.png" for place in ("c", "b/inside") for file in range(4)}
    assert every(pets) == (sorted({*plain, *added}), ("a", "b", "c"))
    links = {
        "A": pets / "a",
        "a/loop": pets,
        "a/up": tmp_path,
        "b/itself": pets / "b",
        "d": pets / "c",
    }
    for place, target in links.items():
        (pets / place).symlink_to(target)
    with pytest.warns(UserWarning, match="skipped.*A.*a/loop.*a/up.*b/itself.*d") as told:
        assert every(pets) == (sorted({*plain, *added}), ("a", "b", "c"))
    assert len(told) == 1


def test_images_to_test_on_are_never_those_to_train_on(tmp_path):
    image_folders.write(tmp_path / "train", "ab", 4)
    (tmp_path / "test").mkdir()
    for name in "ab":
        (tmp_path / "test" / name).symlink_to(tmp_path / "train" / name)
    told = pytest.warns(UserWarning, match="test/a, .*test/b")
    with told, pytest.raises(ValueError, match="test is no folder of class folders with images"):
        image_files.class_folders(tmp_path)


def test_a_class_without_images_is_named(tmp_path):
    image_folders.write(tmp_path, "ab", 3)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.heic").write_bytes(b"")
    with pytest.raises(ValueError, match="has no images in c: expected files .jpg, .jpeg"):
        image_files.class_folders(tmp_path)


def write_in_bytes(folder: Path) -> Path:
    """Write a set with names in Latin-1 and in UTF-8, and return a file with the former."""
    image_folders.write(folder, "ab", 20)
    (folder / "a").rename(folder / os.fsdecode("caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode()))
    strange = folder / "b" / os.fsdecode(b"caf\xe9.png")
    (folder / "b" / "1.png").rename(strange)
    (folder / "b").rename(folder / os.fsdecode(b"th\xe9"))
    return folder / os.fsdecode(b"th\xe9") / strange.name


LOADED = """
from sage.images import datasets
data, files = datasets.load_dataset("mine", 8), datasets.load_files("mine")
parts = data.train, data.test, files.train, files.test
print(ascii(data.classes), *(part.identity for part in parts))
"""


def test_names_that_are_no_utf_8_are_read_alike_in_any_locale():
    write_in_bytes(paths.raw() / "mine")
    told = []
    for utf_8, locale in (("1", "C.UTF-8"), ("0", "C")):
        options = {"PYTHONUTF8": utf_8, "LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"}
        process = subprocess.run(
            [sys.executable, "-W", "error", "-c", LOADED],
            cwd=paths.ROOT,
            env=os.environ | options,
            capture_output=True,
            check=True,
        )
        told.append(process.stdout.decode())
    assert told[0] == told[1] and told[0].startswith(r"('caf\xe9', 'th\\xe9') ")


def test_damaged_files_with_names_that_are_no_utf_8_are_told_with_escapes():
    write_in_bytes(paths.raw() / "mine").write_bytes(b"no image")
    for load in (datasets.load_files, lambda name: datasets.load_dataset(name, 8)):
        with pytest.warns(UserWarning, match=r"1 of 40 files .*\(th\\xe9/caf\\xe9.png\)"):
            load("mine")
