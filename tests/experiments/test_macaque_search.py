"""Searches that are guided by recordings."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

from sage import plots, teachers
from sage.analysis import search_tables
from sage.config import profiles
from sage.config.run import MacaqueRun, SearchRun
from sage.experiments import pool
from sage.experiments.comparison import Comparison
from sage.rsa import guidance
from sage.rsa.teacher import Teacher
from sage.search import evaluation
from sage.search.evaluation import EvaluationProtocol
from sage.search.tracker import Tracker
from sage.teachers import assemblies
from tests.support.recording_files import write_rdms, write_responses

SMOKE = profiles.PROFILES["smoke"]
TINY = replace(
    SMOKE,
    macaque=replace(
        SMOKE.macaque, train_images=64, image_size=16, validation_images=100, recording_images=8
    ),
)


@pytest.fixture
def run(images, monkeypatch, tmp_path) -> MacaqueRun:
    """Guided by two files of recordings, on images of 16 x 16 pixels."""
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)
    objects = ("presentation", np.repeat(["bear", "boat", "car"], 4))
    (folder := tmp_path / "my data").mkdir()
    files = [write_responses(folder / "v4.nc", object_name=objects), write_rdms(folder / "it.nc")]
    return MacaqueRun(
        profile="tiny",
        dataset="mine",
        recordings=shlex.join(map(str, files)),
        regions="V4, IT",
        level="image",
        alpha=0.5,
    )


def guide(run: MacaqueRun) -> Teacher:
    return teachers.from_recordings(teachers.recorded_regions(run))


def test_files_of_recordings_are_a_teacher_for_any_search(run):
    brain = guide(run)
    regions = assemblies.read(brain.recordings, size=16, images=8, regions=["V4", "IT"])
    assert teachers.from_recordings(regions).identity == brain.identity
    loaded = teachers.load_teacher(replace(run, teacher=run.recordings))
    assert [layer.name for layer in loaded.layers] == ["V4", "IT", "human IT"]
    assert (
        len(loaded.layers[0].rdms["image"]) == 66
    )  # all twelve images, which are fewer than the profile's
    human = replace(run, regions="human IT")
    assert [one.region for one in teachers.recorded_regions(human)] == ["human IT"]
    search = SearchRun(profile="tiny", dataset="mine", teacher=run.recordings, level="image")
    Comparison(search, loaded)
    with pytest.raises(
        ValueError, match="V4 was measured on v4 .*, which the candidates were never shown"
    ):
        pool.check_teacher(search, loaded)


def test_candidates_are_shown_every_set_once(run):
    brain = guide(run)
    protocol = replace(Comparison(run, brain).protocol, snapshots=(1,))
    found = evaluation.evaluate(
        protocol, protocol.networks.space.sample(np.random.default_rng(0)), 0
    )
    (snapshot,) = found.snapshots
    validation = protocol.load_images().stimuli(protocol.rdm_images)
    v4, it = (assemblies.read_stimuli(path, 16, 8) for path in brain.recordings)
    assert set(snapshot.rdms) == {
        (validation.identity, "class"),
        (validation.identity, "image"),
        (v4.identity, "image"),
        (v4.identity, "class"),
        (it.identity, "image"),
    }
    assert {
        rdms.shape for (stimuli, _), rdms in snapshot.rdms.items() if stimuli == it.identity
    } == {(5, 28)}
    assert snapshot.images_shown == 100 + 12 + 12


def test_a_protocol_without_recordings_keeps_its_key(run):
    description = EvaluationProtocol.of(SMOKE, "mine").description()
    assert not [name for name in description if name.startswith("recording")]
    brain = guide(run)
    shown = replace(Comparison(run, brain).protocol, snapshots=(1,))
    same = replace(shown, recordings=brain.recordings[::-1])
    fewer, none = replace(shown, recording_images=9), replace(shown, recordings=())
    told, *others = (one.description() for one in (shown, fewer, none))
    assert told == same.description() and told not in others
    assert json.loads(json.dumps(told)) == told | {"snapshots": [1]}


def test_a_search_is_guided_by_recordings_or_by_shuffled_ones(run):
    brain = guide(run)
    searches = Comparison(run, brain)
    table = searches.train(workers="0")
    assert table.score.values.tolist() == ["P", "P+TG", "P+shuffled"]
    spent = table[["examples", "images_shown"]].isel(searcher=0, epochs=0, samples=0)
    assert (spent == spent.isel(score=0)).all().to_array().all()
    tracker = Tracker()
    for search, study in searches.studies.items():
        key = study.key
        rdms = tracker.rdms(key, range(3), "image")
        teacher = brain.shuffled(seed=search.run) if search.score == "P+shuffled" else brain
        tg = guidance.teacher_guidance(guidance.compare(rdms, teacher, level="image")).isel(epoch=0)
        accuracy = tracker.results(key).accuracy.isel(epoch=-1).values
        expected = accuracy + (0 if search.score == "P" else 0.5 * tg.values)
        np.testing.assert_allclose([one.score for one in tracker.candidates(key)], expected)
    text = search_tables.reading(table)
    guided = "P + 0.5 TG after 0.5 epochs minus "
    assert f"{guided}P after" in text and f"{guided}P + 0.5 shuffled TG after" in text
    assert search_tables.costs(table, teacher_examples=5).teacher.tolist() == [0, 5, 5]


def test_similarity_of_every_candidate(run, tmp_path):
    brain = guide(run)
    searches = Comparison(run, brain)
    searches.train(workers="0")
    found = searches.similarity(brain)
    assert found.shape == (18, 2, 5) and found.teacher_layer.values.tolist() == ["V4", "IT"]
    tracker, search = Tracker(), [*searches.studies][1]
    key = searches.studies[search].key
    of_search = found[(found.score == search.score) & (found.run == search.run)]
    expected = guidance.compare(tracker.rdms(key, range(3), "image"), brain, level="image").isel(
        epoch=0
    )
    np.testing.assert_array_equal(of_search, expected)
    np.testing.assert_array_equal(of_search.hash, tracker.results(key).hash)
    ceilings = teachers.ceilings(teachers.recorded_regions(run), "image")
    assert ceilings.isnull().all()  # there are neither trials nor several people
    ceilings.loc["V4"] = 0.8
    table = found.to_dataset(name="similarity").assign(ceiling=ceilings)
    table = table.assign_attrs(alpha=run.alpha)
    figure, again = (
        plots.recordings.region_similarity(table),
        plots.recordings.region_similarity(table),
    )
    v4, it = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["V4", "IT"]
    assert "noise ceiling (r = 0.80)" in v4.get_xlabel() and "ceiling unknown" in it.get_xlabel()
    scores = [text.get_text() for text in v4.get_yticklabels()]
    assert scores == ["P", "P + 0.5 TG", "P + 0.5 shuffled TG"]
    plots.save(figure, tmp_path, "first"), plots.save(again, tmp_path, "second")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    expected = guidance.best_match(found).sel(teacher_layer="V4") / 0.8
    shown = np.concatenate([one.get_offsets()[:, 0] for one in v4.collections[:3]])
    np.testing.assert_allclose(np.sort(shown), np.sort(expected))
    guided = table.isel(candidate=(table.score == "P+TG").values)
    (label,) = plots.recordings.region_similarity(guided).axes[0].get_yticklabels()
    assert label.get_text() == "P + 0.5 TG"


def test_recordings_are_checked_before_anything_is_trained(run, tmp_path):
    for wrong, problem, message in (
        ({"recordings": "nowhere.nc"}, FileNotFoundError, "no file of recordings nowhere.nc"),
        (
            {"regions": "V4,V1"},
            ValueError,
            "regions V1: nobody recorded there; recorded: V4, IT, human IT",
        ),
    ):
        with pytest.raises(problem, match=message):
            teachers.recorded_regions(replace(run, **wrong))
    objects = replace(run, level="class")
    with pytest.raises(ValueError, match="layer IT has no RDM of level 'class', it has: image"):
        Comparison(objects, guide(objects))
    assert Tracker().studies() == []


def test_figures_show_no_image_of_others(run):
    recorded = teachers.recorded_regions(run)
    figure, rdms = (
        plots.recordings.stimuli(recorded),
        plots.recordings.region_rdms(recorded, "image"),
    )
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["V4\n8 of 12 images in RDMs", "IT\n8 of 12 images in RDMs"]
    assert not any(axis.images for axis in figure.axes)
    assert sum(bar.get_width() for bar in figure.axes[1].patches) == 8
    assert [axis.get_title() for axis in rdms.axes[:2]] == ["V4, 8 images", "IT, 8 images"]
    told = [axis.get_xlabel().replace("\n", ", ") for axis in rdms.axes[:2]]
    assert told == [
        "10 sites, mean responses, noise ceiling: unknown",
        "1 published RDM, noise ceiling: unknown",
    ]
