"""Files of recordings, in the layouts in which they are published."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

from sage import plots, teachers
from sage.config import paths
from sage.config.run import MacaqueRun
from sage.rsa import rdm
from sage.rsa.teacher import read_teacher
from sage.teachers import assemblies
from tests.support.made_up_teachers import make_teacher
from tests.support.recording_files import (
    IDS,
    OBJECTS,
    REPEATS,
    SIZE,
    make_images,
    write_rdms,
    write_responses,
)

# By subregion: sites, and the region.
REGIONS = {"V4": (5, "V4"), "pIT": (4, "IT"), "aIT": (6, "IT")}


def write_brain_score(folder: Path, *, bins: int = 1, images: bool = True) -> Path:
    """As Brain-Score stores dicarlo.MajajHong2015.

    One variable over neuroid, presentation and time_bin, coordinates that are no indexes, every
    presentation of every image in random order, and the images in a folder.
    """
    rng = np.random.default_rng(0)
    stimulus = rng.permutation(np.repeat(np.arange(len(IDS)), REPEATS))
    sites = np.repeat(list(REGIONS), [count for count, _ in REGIONS.values()])
    names = np.array(IDS)[stimulus]
    repetition = [list(names[:place]).count(name) for place, name in enumerate(names)]
    assembly = xr.DataArray(
        rng.poisson(3.0, (len(sites), len(names), bins)).astype(np.float32),
        dims=("neuroid", "presentation", "time_bin"),
        coords={
            "neuroid_id": ("neuroid", [f"Chabo_L_M_{number}" for number in range(len(sites))]),
            "region": ("neuroid", [REGIONS[name][1] for name in sites]),
            "subregion": ("neuroid", sites),
            "animal": ("neuroid", ["Chabo"] * len(sites)),
            "image_id": ("presentation", names),
            "repetition": ("presentation", repetition),
            "object_name": ("presentation", [name.split()[0] for name in names]),
            "category_name": (
                "presentation",
                ["Animals" if name.startswith("bear") else "Things" for name in names],
            ),
            "time_bin_start": ("time_bin", 70 + 100 * np.arange(bins)),
            "time_bin_end": ("time_bin", 170 + 100 * np.arange(bins)),
        },
        name="dicarlo.MajajHong2015",
        attrs={"stimulus_set_identifier": "dicarlo.hvm"},
    )
    path = folder / "majaj.nc"
    assembly.to_netcdf(path, engine="h5netcdf")
    if images:
        (folder / "majaj").mkdir()
        for name, pixels in zip(IDS, make_images()):
            Image.fromarray(pixels).save(folder / "majaj" / f"{name}.png")
    return path


def test_brain_scores_layout(tmp_path):
    path = write_brain_score(tmp_path)
    table = xr.load_dataarray(path, engine="h5netcdf").isel(time_bin=0)
    order = list(dict.fromkeys(table.image_id.values.tolist()))
    found = assemblies.read([path], size=SIZE)
    assert [one.region for one in found] == ["V4", "IT"]
    for one in found:
        assert one.trials.shape == (len(IDS), 5 if one.region == "V4" else 10, REPEATS)
        sites = table.region == one.region
        of_image = (table[sites, table.image_id == name].mean("presentation") for name in order)
        means = np.stack(list(of_image))
        np.testing.assert_allclose(one.responses, means, atol=1e-6)
        objects = np.array([name.split()[0] for name in order])
        by_object = np.stack([means[objects == name].mean(0) for name in sorted(OBJECTS)])
        for level, responses in (("image", means), ("class", by_object)):
            expected = rdm.condensed_rdm(torch.from_numpy(responses))
            np.testing.assert_allclose(one.rdm(level), expected, atol=1e-5)
    stimuli = found[0].stimuli
    shown = stimuli.images[order.index("car 2")].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(shown, make_images()[IDS.index("car 2")])
    assert stimuli.categories["class"] == ("Animals", "Things", "Things")
    assert stimuli.identity == found[1].stimuli.identity


def test_stimuli_are_found_by_names_beyond_ascii_in_any_locale(tmp_path):
    path = write_responses(tmp_path / "greek.nc")
    names = [f"\N{GREEK SMALL LETTER ALPHA} {name}" for name in IDS]
    table = xr.load_dataset(path, engine="h5netcdf").drop_vars("images")
    named = table.assign_coords(stimulus_id=("presentation", names))
    named.to_netcdf(path, engine="h5netcdf")
    (tmp_path / "greek").mkdir()
    for name, pixels in zip(names, make_images()):
        Image.fromarray(pixels).save(tmp_path / "greek" / f"{name}.png")
    code = "import sys; from sage.teachers import assemblies as read; "
    code += f"print(read.read_stimuli(sys.argv[1], {SIZE}, None).identity)"
    told = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=paths.ROOT,
        env=os.environ | {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode().strip() == assemblies.read_stimuli(path, SIZE, None).identity


def test_sites_are_split_as_finely_as_asked(tmp_path):
    path = write_brain_score(tmp_path)
    found = assemblies.read([path], size=SIZE, regions=["V4", "aIT", "pIT"])
    sites = [(one.region, one.trials.shape[1]) for one in found]
    assert sites == [("V4", 5), ("aIT", 6), ("pIT", 4)]
    message = "regions V1: nobody recorded there; recorded: V4, IT, pIT, aIT"
    with pytest.raises(ValueError, match=message):
        assemblies.read([path], size=SIZE, regions=["V4", "V1"])


def test_time_bins_in_the_window_are_averaged(tmp_path):
    path = write_brain_score(tmp_path, bins=3)
    bins = xr.load_dataarray(path, engine="h5netcdf")
    first = {"presentation": int(np.flatnonzero(bins.image_id == "bear 0")[0]), "neuroid": 0}
    for window, chosen in (((70, 270), [0, 1]), ((170, 370), [1, 2]), (None, [0, 1, 2])):
        found = assemblies.read([path], size=SIZE, regions=["V4"], window=window)[0]
        place = list(dict.fromkeys(bins.image_id.values.tolist())).index("bear 0")
        assert found.trials[place, 0, 0] == pytest.approx(bins.isel(first).values[chosen].mean())
    without = tmp_path / "without.nc"
    (tmp_path / "without").symlink_to(tmp_path / "majaj")
    bins.drop_vars("time_bin_end").to_netcdf(without, engine="h5netcdf")
    missing = "window is .0, 50., but there are no coordinates .'time_bin_end'"
    for file, message in (
        (path, "window is .0, 50., expected one with some of the time bins from 70 to 370 ms"),
        (without, missing),
        (write_responses(tmp_path / "mean.nc"), f"{missing}, 'time_bin_start'"),
    ):
        with pytest.raises(ValueError, match=message):
            assemblies.read([file], size=SIZE, window=(0, 50))


def test_trials_of_a_file_that_has_means_too(tmp_path):
    trials = np.random.default_rng(0).random((len(IDS), 10, 4), dtype=np.float32)
    trials[5, :, 2:] = np.nan
    variable = (("presentation", "neuroid", "repetition"), trials)
    path = write_responses(tmp_path / "v4.nc", trials=variable)
    (found,) = assemblies.read([path], size=SIZE)
    np.testing.assert_array_equal(found.trials, trials)


def test_published_rdms(tmp_path):
    path = write_rdms(tmp_path / "rdms.nc")
    monkey, human = assemblies.read([path], size=SIZE)
    assert (monkey.region, human.region) == ("IT", "human IT") and human.rdms.shape[0] == 3
    assert set(monkey.stimuli.conditions) == {"image"}
    assert monkey.stimuli.categories["image"][4] == "boat"
    stored = xr.load_dataset(path, engine="h5netcdf")["IT"]
    np.testing.assert_array_equal(monkey.rdm("image"), stored)


def test_published_rdms_are_of_single_images_whatever_they_show(tmp_path):
    objects = ("presentation", [name.split()[0] for name in IDS])
    path = write_rdms(tmp_path / "rdms.nc", object_name=objects)
    (region,) = assemblies.read([path], size=SIZE, regions=["IT"])
    assert region.levels == ("image",) and set(region.stimuli.conditions) == {"image", "class"}
    assert set(teachers.from_recordings([region]).layers[0].rdms) == {"image"}


def test_banks_and_recordings_are_told_apart(tmp_path):
    bank = make_teacher().save(tmp_path / "bank.nc")
    recorded = [write_rdms(tmp_path / "rdms.nc"), write_responses(tmp_path / "v4.nc")]
    spaced = str(shutil.copy(recorded[0], tmp_path / "my rdms.nc"))
    texts = [str(bank), *map(str, recorded), " ".join(map(str, recorded)), "no.nc", ""]
    texts += [spaced, shlex.join([spaced, str(recorded[1])])]
    expected = [False, True, True, True, False, False, True, True]
    assert [assemblies.names_recordings(text) for text in texts] == expected


def test_several_files_are_one_recording_of_many_regions(tmp_path):
    first, second = write_responses(tmp_path / "one.nc"), write_responses(tmp_path / "two.nc")
    third = write_rdms(tmp_path / "rdms.nc")
    found = assemblies.read([first, second, third], size=SIZE, regions=["V4", "IT", "V4"])
    assert [one.region for one in found] == ["V4 one", "V4 two", "IT"]
    assert [one.path for one in found] == [first, second, third]
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="regions V4 one, V4 one, expected different names"):
        assemblies.read([first, write_responses(tmp_path / "other" / "one.nc")], size=SIZE)


def test_stimuli_are_averaged_down_and_some_have_rows(tmp_path):
    path = write_responses(tmp_path / "v4.nc")
    stimuli = assemblies.read_stimuli(path, 8, 5)
    expected = make_images().reshape(len(IDS), 8, 2, 8, 2, 3).mean((2, 4)).round()
    assert np.abs(stimuli.images.permute(0, 2, 3, 1).numpy() - expected).max() <= 1
    rows = stimuli.conditions["image"]
    assert rows[rows >= 0].tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(rows >= 0).tolist() == [0, 3, 6, 8, 11]
    assert len(assemblies.read([path], size=8, images=5)[0].rdm("image")) == 10
    assert assemblies.read_stimuli(path, 8, 5) is stimuli
    write_responses(
        path, images=(("presentation", "height", "width", "channel"), 255 - make_images())
    )
    changed = assemblies.read_stimuli(path, 8, 5)
    assert changed.identity != stimuli.identity
    path.with_suffix("").mkdir()  # where images may lie too
    (path.with_suffix("") / "a.png").touch()
    assert assemblies.read_stimuli(path, 8, 5) is not changed


@pytest.mark.parametrize(
    "changes, settings, message",
    [
        ({}, {"size": 17}, "image size 17 is above the images' own 16 x 16"),
        (
            {"images": ("a", [1.0])},
            {},
            r"images are float64 .*expected uint8 over presentation, height, width",
        ),
        (
            {"other": (("presentation", "neuroid"), np.zeros((12, 10)))},
            {},
            r"variables responses \(presentation, neuroid\), images \(presentation, height, width, "
            r"channel\), other \(presentation, neuroid\); 2 of them over presentation and neuroid",
        ),
    ],
)
def test_files_of_another_layout_are_refused(tmp_path, changes, settings, message):
    path = write_responses(tmp_path / "v4.nc", **changes)
    with pytest.raises(ValueError, match=f"v4.nc: {message}"):
        assemblies.read([path], **{"size": SIZE} | settings)


def test_files_that_lack_something_say_what(tmp_path):
    path = write_responses(tmp_path / "v4.nc")
    whole = xr.load_dataset(path, engine="h5netcdf")
    whole.drop_vars("region").to_netcdf(tmp_path / "regions.nc", engine="h5netcdf")
    whole.drop_vars("responses").to_netcdf(tmp_path / "responses.nc", engine="h5netcdf")
    whole.isel(presentation=[0, 1]).to_netcdf(tmp_path / "two.nc", engine="h5netcdf")
    whole.drop_vars("stimulus_id").to_netcdf(tmp_path / "ids.nc", engine="h5netcdf")
    whole.isel(presentation=0).to_netcdf(tmp_path / "one.nc", engine="h5netcdf")
    whole.drop_vars("images").to_netcdf(tmp_path / "old.nc", engine="scipy")
    (tmp_path / "text.nc").write_text("no NetCDF")
    (tmp_path / "cut.nc").write_bytes(path.read_bytes()[:-500])
    for name, message in (
        ("regions", r"no coordinate region of sites, only: stimulus_id \(presentation\)"),
        (
            "responses",
            r"variables images \(presentation, .*\); 0 of them over presentation and neuroid",
        ),
        ("ids", r"no coordinate stimulus_id of presentations, only: region \(neuroid\)"),
        ("two", "2 stimuli, expected 3 or more"),
        ("one", "no dimension presentation of .*, only: neuroid, height, width, channel"),
        ("old", "NetCDF 3, expected NetCDF 4; xarray.load_dataset.FILE, engine"),
        ("text", "no NetCDF file"),
        ("cut", "a damaged NetCDF file: .*truncated"),
    ):
        with pytest.raises(ValueError, match=f"{name}.nc: {message}"):
            assemblies.read([tmp_path / f"{name}.nc"], size=SIZE)
    with pytest.raises(FileNotFoundError, match="no file of recordings .*none.nc"):
        assemblies.read([tmp_path / "none.nc"], size=SIZE)


def test_one_value_holds_for_all_sites_or_presentations(tmp_path):
    """As xarray leaves it where a part is selected."""
    path = write_brain_score(tmp_path, bins=2)
    whole = xr.load_dataarray(path, engine="h5netcdf")
    part = whole.isel(neuroid=whole.region.values == "IT", time_bin=0)
    scalars = {"region": "IT", "category_name": "Things"}
    part = part.drop_vars([*scalars, "subregion"]).assign_coords(scalars)
    assert not part.region.ndim and not part.time_bin_start.ndim
    part.to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    (tmp_path / "part").symlink_to(tmp_path / "majaj")
    (found,) = assemblies.read([tmp_path / "part.nc"], size=SIZE, window=(70, 170))
    (expected,) = assemblies.read([path], size=SIZE, regions=["IT"], window=(70, 170))
    assert found.region == "IT" and found.stimuli.categories["class"] == ("Things",) * 3
    np.testing.assert_array_equal(found.trials, expected.trials)
    with pytest.raises(ValueError, match="expected one with some of the time bins from 70 to 170"):
        assemblies.read([tmp_path / "part.nc"], size=SIZE, window=(170, 270))


def test_a_coordinate_over_another_dimension_is_refused(tmp_path):
    path = write_responses(tmp_path / "v4.nc", region=("presentation", ["V4"] * len(IDS)))
    message = "v4.nc: region is over presentation, expected one value for each neuroid"
    with pytest.raises(ValueError, match=message):
        assemblies.read([path], size=SIZE)


@pytest.mark.parametrize("name", ["IT, left/right", "$a^$ {x}_", 'the "IT"', "下側頭皮質"])
def test_a_region_can_have_any_name(tmp_path, name):
    regions = ("neuroid", [name] * 5 + ["V4"] * 5)
    path = write_responses(tmp_path / "v4.nc", region=regions)
    quoted = name.replace('"', '""')
    run = MacaqueRun(recordings=str(path), regions=f'V4, "{quoted}"')
    found = assemblies.read([path], size=SIZE, regions=run.named_regions)
    assert [one.region for one in found] == ["V4", name]
    brain = teachers.from_recordings(found)
    kept = read_teacher(brain.save(tmp_path / "bank.nc"))
    assert [layer.name for layer in kept.layers] == ["V4", name]
    plots.save(plots.recordings.region_rdms(found, "image"), tmp_path, "figure")


def test_a_stimulus_id_that_repeats_with_another_stimulus_is_refused(tmp_path):
    """Two sessions that both count from 0; repetitions have one image and show one object."""
    ids = ("presentation", [f"{number % 6}" for number in range(len(IDS))])
    twice = ("images", "height", "width", "channel")
    repeated = np.tile(make_images(6), (2, 1, 1, 1))
    same = {"stimulus_id": ids, "images": (("presentation", *twice[1:]), repeated)}
    (found,) = assemblies.read([write_responses(tmp_path / "same.nc", **same)], size=SIZE)
    assert found.trials.shape == (6, 10, 2)
    objects = ("presentation", ["bear"] * 6 + ["bear"] * 3 + ["boat"] * 3)
    for name, changes, wrong in (
        ("images", {"stimulus_id": ids}, "presentations 0 and 6 have stimulus_id '0', but images"),
        (
            "objects",
            same | {"object_name": objects},
            "9 have stimulus_id '3', but object_name that",
        ),
    ):
        path = write_responses(tmp_path / f"{name}.nc", **changes)
        with pytest.raises(ValueError, match=f"{name}.nc: .*{wrong}"):
            assemblies.read([path], size=SIZE)


def test_images_are_found_by_the_name_as_given_first(tmp_path):
    path = write_brain_score(tmp_path)
    table = xr.load_dataset(path, engine="h5netcdf")
    folder = tmp_path / "majaj"
    (folder / "seen").mkdir()
    (folder / "boat 1.png").rename(folder / "seen" / "boat 1.png")
    shutil.copy(folder / "bear 0.png", folder / "boat 1.png.png")
    (folder / "bear 2.json").write_text("no image")
    given = {"boat 1": "seen/boat 1.png", "car 1": "car 1.png"}
    names = [given.get(name, name) for name in table.image_id.values.tolist()]
    table.assign_coords(image_id=("presentation", names)).to_netcdf(path, engine="h5netcdf")
    (found, _) = assemblies.read([path], size=SIZE)
    order = list(dict.fromkeys(names))
    for name, number in (("seen/boat 1.png", IDS.index("boat 1")), ("bear 2", 2)):
        shown = found.stimuli.images[order.index(name)].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(shown, make_images()[number])
    shutil.copy(folder / "bear 0.png", folder / "bear 2.jpg")
    message = "has bear 2.jpg and bear 2.png for stimulus 'bear 2', expected one image"
    with pytest.raises(ValueError, match=message):
        assemblies.read([path], size=8)


def test_published_rdms_of_several_people_in_any_order(tmp_path):
    rdms = np.random.default_rng(0).random((66, 3))
    path = write_rdms(tmp_path / "rdms.nc")
    table = xr.load_dataset(path, engine="h5netcdf").assign(IT=(("pair", "session"), rdms))
    table.to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")
    found, _ = assemblies.read([tmp_path / "turned.nc"], size=SIZE)
    np.testing.assert_array_equal(found.rdms, rdms.T)


def test_images_that_are_not_there_are_named(tmp_path):
    path = write_brain_score(tmp_path, images=False)
    message = "has no variable images, and 12 of 12 stimuli are not in .*majaj, such as"
    with pytest.raises(FileNotFoundError, match=message):
        assemblies.read([path], size=SIZE)
    (tmp_path / "majaj").mkdir()
    for number, name in enumerate(IDS):
        Image.new("L", (SIZE, SIZE + (number == 3))).save(tmp_path / "majaj" / f"{name}.png")
    with pytest.raises(ValueError, match="images in .*majaj of 2 sizes, expected one"):
        assemblies.read([path], size=SIZE)
    (tmp_path / "majaj" / f"{IDS[5]}.png").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="majaj/boat 1.png cannot be read as an image"):
        assemblies.read([path], size=SIZE)


def test_sites_and_rdms_are_checked(tmp_path):
    constant = (("presentation", "neuroid"), np.ones((12, 10)))
    path = write_responses(tmp_path / "v4.nc", responses=constant)
    message = "v4.nc: region V4 has 10 sites with the same response to every image"
    with pytest.raises(ValueError, match=message):
        assemblies.read([path], size=SIZE)
    path = write_rdms(tmp_path / "rdms.nc")
    fewer = xr.load_dataset(path, engine="h5netcdf").isel(presentation=slice(11))
    fewer.to_netcdf(tmp_path / "fewer.nc", engine="h5netcdf")
    message = "fewer.nc: region IT has RDMs of 12 images, the file has 11 images"
    with pytest.raises(ValueError, match=message):
        assemblies.read([tmp_path / "fewer.nc"], size=SIZE)
