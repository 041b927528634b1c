import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

from sage.rsa import alignment, guidance
from sage.rsa.rdm import correlate_rdms
from sage.rsa.teacher import Teacher, TeacherLayer, read_teacher
from tests.support.made_up_teachers import PAIRS, make_teacher


def make_snapshots() -> list:
    """Two networks of two and three layers at two epochs."""
    rng = np.random.default_rng(1)
    return [
        (network, epoch, {("set a", "class"): rng.random((layers, PAIRS)).astype(np.float16)})
        for network, layers in ((0, 2), (4, 3))
        for epoch in (0.5, 2.0)
    ]


def test_comparison_puts_every_similarity_in_its_place():
    teacher, snapshots = make_teacher(), make_snapshots()
    found = guidance.compare(snapshots, teacher, level="class")
    assert found.dims == ("network", "epoch", "teacher_layer", "layer") and found.shape == (
        2,
        2,
        2,
        3,
    )
    for network, epoch, rdms in snapshots:
        for layer in teacher.layers:
            expected = correlate_rdms(layer.rdms["class"][None], rdms["set a", "class"])[0]
            place = found.sel(network=network, epoch=epoch, teacher_layer=layer.name).values
            np.testing.assert_allclose(place[: len(expected)], expected, rtol=0, atol=1e-14)
            assert np.isnan(place[len(expected) :]).all()


@pytest.mark.parametrize(
    "level, method, alone",
    [
        ("class", "pearson", lambda x, y: stats.pearsonr(x, y).statistic),
        ("class", "spearman", lambda x, y: stats.spearmanr(x, y).statistic),
        ("gram", "CKA", lambda x, y: alignment.unbiased_cka(x[None], y[None]).item()),
        ("gram", "SVCCA", lambda x, y: alignment.svcca(x[None], y[None]).item()),
    ],
)
def test_comparison_is_by_the_method_asked_for_at_its_level(level, method, alone):
    rng = np.random.default_rng(2)
    grams = [alignment.gram(torch.tensor(rng.normal(size=(9, 4)))) for _ in range(4)]
    own = [{"class": rng.random(PAIRS), "gram": gram} for gram in grams[:2]]
    shown = {("x", "class"): rng.random((2, PAIRS)), ("x", "gram"): np.stack(grams[2:])}
    teacher = Teacher(
        "made up", tuple(TeacherLayer(name, "x", rdms) for name, rdms in zip("AB", own))
    )
    found = guidance.compare([(0, 1.0, shown)], teacher, level=level, method=method)
    expected = [[alone(rdms[level], other) for other in shown["x", level]] for rdms in own]
    np.testing.assert_allclose(found[0, 0], expected)


def test_guidance_by_hand():
    values = xr.DataArray(
        [[[0.1, 0.5, np.nan], [0.3, -0.2, 0.9]], [[np.nan] * 3, [0.2] * 3]],
        dims=("network", "teacher_layer", "layer"),
    )
    np.testing.assert_allclose(guidance.best_match(values), [[0.5, 0.9], [np.nan, 0.2]])
    np.testing.assert_allclose(guidance.teacher_guidance(values), [0.7, np.nan])
    accuracy = xr.DataArray([0.4, 0.5], dims="network")
    np.testing.assert_allclose(
        guidance.combined_score(accuracy, guidance.teacher_guidance(values), 2), [1.8, np.nan]
    )


def test_a_candidate_that_equals_the_teacher_has_guidance_one():
    teacher = make_teacher()
    rdms = np.stack([layer.rdms["class"] for layer in teacher.layers])
    found = guidance.compare([(0, 1.0, {("set a", "class"): rdms})], teacher, level="class")
    np.testing.assert_allclose(guidance.teacher_guidance(found), 1)


def test_teachers_whose_images_were_never_shown_say_so():
    with pytest.raises(
        ValueError, match="layer A was measured on set b, which .* they were shown: set a\\. Meas"
    ):
        guidance.compare(make_snapshots(), make_teacher("set b"), level="class")
    with pytest.raises(ValueError, match="no RDM of level 'object', it has: class, image"):
        guidance.compare(make_snapshots(), make_teacher(), level="object")
    image_only = [
        (network, epoch, {kind: of for kind, of in rdms.items() if kind[1] == "image"})
        for network, epoch, rdms in make_snapshots()
    ]
    with pytest.raises(ValueError, match="measured on set a, which the candidates were never"):
        guidance.compare(image_only, make_teacher(), level="class")
    broken = Teacher("broken", (TeacherLayer("A", "set a", {"class": np.full(PAIRS, np.nan)}),))
    with pytest.raises(
        ValueError, match="layer A has NaN or infinite values in its RDM of level 'class'"
    ):
        guidance.compare(make_snapshots(), broken, level="class")
    two_classes = Teacher("small", (TeacherLayer("A", "set a", {"class": np.ones(1)}),))
    with pytest.raises(ValueError, match="has 1 pair at level 'class', expected 3 or more"):
        guidance.compare(make_snapshots(), two_classes, level="class")
    constant = Teacher("constant", (TeacherLayer("A", "set a", {"class": np.ones(PAIRS)}),))
    with pytest.raises(
        ValueError, match="layer A has an RDM of level 'class' in which all pairs are alike"
    ):
        guidance.compare(make_snapshots(), constant, level="class")
    rdms = [np.arange(PAIRS, dtype=float), np.arange(10.0)]
    uneven = Teacher(
        "uneven",
        tuple(TeacherLayer(name, "set a", {"class": one}) for name, one in zip("AB", rdms)),
    )
    with pytest.raises(
        ValueError, match=f"layer B has 10 pairs, another layer on the same stimuli {PAIRS}"
    ):
        guidance.compare(make_snapshots(), uneven, level="class")


def test_layers_may_bring_stimuli_of_their_own():
    rng = np.random.default_rng(0)
    first, second = rng.random((1, 45)), rng.random((1, 10))
    teacher = Teacher(
        "areas",
        (
            TeacherLayer("V4", "x", {"image": first[0]}),
            TeacherLayer("IT", "y", {"image": second[0]}),
        ),
    )
    found = guidance.compare(
        [(0, 1.0, {("x", "image"): first, ("y", "image"): second})], teacher, level="image"
    )
    np.testing.assert_allclose(found.squeeze(), [1, 1])


def test_a_bank_is_read_as_it_was_written(tmp_path):
    teacher = make_teacher()
    path = teacher.save(str(tmp_path / "bank.nc"), provenance="here")
    read = read_teacher(path)
    assert xr.load_dataset(path).attrs == {"teacher": "made up", "provenance": "here"}
    assert read.name == teacher.name
    for layer, expected in zip(read.layers, teacher.layers, strict=True):
        assert (layer.name, layer.stimuli) == (expected.name, expected.stimuli)
        assert layer.rdms.keys() == expected.rdms.keys()
        for level in layer.rdms:
            np.testing.assert_array_equal(layer.rdms[level], expected.rdms[level])


def test_bad_banks_are_refused(tmp_path):
    path = tmp_path / "bank.nc"
    with pytest.raises(FileNotFoundError, match="bank.nc"):
        read_teacher(path)
    path.write_text("no netcdf")
    with pytest.raises(ValueError, match="no NetCDF file"):
        read_teacher(path)
    attributes = {"layer": "A", "level": "class", "stimuli": "s"}
    for bank, expected in (
        (xr.Dataset(), "holds layers"),
        (xr.Dataset({"a": ("pair", np.zeros(45))}), "'a' lacks layer, level, stimuli"),
        (
            xr.Dataset({"a": ("pair", np.zeros(44), attributes)}),
            "bank.nc, variable 'a'.*44 is no such number",
        ),
        (
            xr.Dataset({n: ("pair", np.zeros(45), attributes | {"stimuli": n}) for n in "ab"}),
            "each on one set of stimuli",
        ),
    ):
        path.unlink()
        bank.to_netcdf(path, engine="h5netcdf")
        with pytest.raises(ValueError, match=expected):
            read_teacher(path)


def test_many_teachers_guide_as_each_does_alone():
    teachers = [make_teacher().shuffled(seed=seed) for seed in range(3)]
    teachers[1] = Teacher("one layer", teachers[1].layers[:1])
    found = guidance.guidance_by_teachers(make_snapshots(), teachers, level="class")
    for number, teacher in enumerate(teachers):
        alone = guidance.compare(make_snapshots(), teacher, level="class")
        expected = guidance.teacher_guidance(alone).values
        np.testing.assert_allclose(found.sel(teacher=number), expected, rtol=0, atol=1e-14)
