"""Whole searches, repeated and compared: what each searcher finds with each score and amount of training."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from sage.analysis import search_tables
from sage.config.profiles import Budget
from sage.config.run import ComparisonRun, check_workers
from sage.rsa import guidance
from sage.rsa.teacher import Teacher
from sage.search import builders, dask_workers, evaluation, explorer, searchers
from sage.search.dask_workers import Workers
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Study
from sage.search.record import Evaluation
from sage.search.scores import SCORES
from sage.search.searchers import Listed, Searcher
from sage.search.tracker import Tracker
from sage.spaces import Architecture, SearchSpace


@dataclass(frozen=True)
class Search:
    """One search of the comparison; `seed` is that of its repetition."""

    searcher: str
    score: str
    epochs: float
    seed: int


def check(run: ComparisonRun, *, workers: str = "auto") -> None:
    """Whether a run can be made, before a teacher is trained.

    Raises:
        ValueError: an unknown searcher or score, or no such workers.
    """
    check_workers(workers)
    for name, asked, known in (
        ("searchers", run.searchers, searchers.SEARCHERS),
        ("scores", run.scores, SCORES),
    ):
        words = asked.split()
        if not words or len(set(words)) < len(words) or not set(words) <= set(known):
            raise ValueError(
                f"{name} is {asked!r}, expected some of {', '.join(known)} with spaces between"
            )


def check_teacher(run: ComparisonRun, teacher: Teacher) -> None:
    """Raises ValueError if the run's candidates could not be compared with this teacher, before they are trained."""
    protocol = _mature(run, teacher)
    shown = protocol.stimuli(protocol.load_images())
    guidance.check_comparable(teacher, run.level, {stimuli.identity for stimuli in shown})


def train(run: ComparisonRun, teacher: Teacher, *, workers: str = "auto") -> xr.Dataset:
    """Make every search of a run, and train to maturity what they found; what is on record is not done again.

    The repetitions come one after the other, so that a run that is stopped has whole ones on record.

    Returns:
        As `results`.

    Raises:
        ValueError: as `check` and `check_teacher`. Else as `explorer.search` does.
    """
    check(run, workers=workers)
    check_teacher(run, teacher)
    tracker, budget = Tracker(), run.budget
    searches = _searches(run)
    with (
        dask_workers.open_workers(workers) as opened,
        tqdm(total=len(searches) * budget.samples, unit="candidate") as bar,
    ):
        for number, seed in enumerate(_seeds(run), 1):
            for search in searches:
                if search.seed == seed:
                    name = f"{search.searcher}, {search.score}, {search.epochs:g} epochs"
                    bar.set_description(f"run {number} of {budget.runs}: {name}")
                    _explore(run, search, teacher, tracker, opened, bar)
            _train_to_maturity(run, seed, teacher, tracker, opened)
    return results(run, teacher)


def results(run: ComparisonRun, teacher: Teacher) -> xr.Dataset:
    """What the searches found, from the record.

    Returns:
        Dataset over searcher, score, epochs, run and samples (the checkpoints).
        mature_accuracy: the best in [0, 1] among the `top` candidates by the search's own score, fully trained;
        examples, images_shown: of the search up to there; finalists, mature_examples: those candidates, and what it
        took to train them fully.
        Of the last checkpoint, without the dimension samples: test_accuracy (NaN if not shown) and architecture
        of the best, top_accuracy [place] of all that were fully trained, best score first and NaN behind the last,
        failed: candidates that failed or diverged. random_accuracy [run, candidate]: random architectures,
        fully trained.
    """
    tracker, budget = Tracker(), run.budget
    mature = {seed: _mature_table(run, seed, teacher, tracker) for seed in _seeds(run)}
    found = [
        _found(run, search, teacher, tracker, mature[search.seed]) for search in _searches(run)
    ]
    table = xr.combine_by_coords(found)
    order = {
        "searcher": run.searchers.split(),
        "score": run.scores.split(),
        "epochs": list(budget.epochs),
    }
    space = _space(run)
    random = [
        mature[seed].accuracy[[space.hash(one) for one in _random(run, seed)]]
        for seed in _seeds(run)
    ]
    table = table.sel(order).assign(random_accuracy=(("run", "candidate"), np.stack(random)))
    return table.assign_attrs(
        alpha=run.alpha,
        level=run.level,
        teacher=teacher.identity,
        top=budget.top,
        provenance=json.dumps(_provenance(run, teacher, tracker)),
    )


def similarity(run: ComparisonRun, teacher: Teacher, compared: Teacher) -> xr.DataArray:
    """Of all that the searches evaluated, how similar RDMs are to a teacher's, which need not be the run's own.

    Returns:
        [candidate, teacher_layer, layer] in [-1, 1], see `guidance.compare`, at the end of premature training. Along
        candidate: the search (searcher, score, epochs, run), its number, accuracy, and hash of its architecture.

    Raises:
        ValueError: as `guidance.check_comparable`.
    """
    tracker, tables = Tracker(), []
    for search in _searches(run):
        key = _study(run, search, teacher).key
        candidates = _at(search.epochs, tracker.results(key, run.budget.samples))
        found = guidance.compare(
            tracker.rdms(key, range(run.budget.samples), run.level), compared, level=run.level
        )
        found = found.isel(epoch=0, drop=True).rename(network="candidate")
        measured = candidates.sel(network=found.candidate.values)
        known = {
            "searcher": search.searcher,
            "score": search.score,
            "epochs": search.epochs,
            "run": search.seed,
        }
        known |= {
            "number": found.candidate.values,
            "accuracy": measured.accuracy.values,
            "hash": measured.hash.values,
        }
        along = {
            name: ("candidate", np.broadcast_to(value, len(found))) for name, value in known.items()
        }
        tables.append(found.assign_coords(along))
    return xr.concat(tables, "candidate", join="outer").drop_vars("candidate")


def _seeds(run: ComparisonRun) -> range:
    return range(run.seed, run.seed + run.budget.runs)


def _searches(run: ComparisonRun) -> list[Search]:
    return [
        Search(searcher, score, epochs, seed)
        for seed, epochs, searcher, score in product(
            _seeds(run), run.budget.epochs, run.searchers.split(), run.scores.split()
        )
    ]


def _space(run: ComparisonRun) -> SearchSpace:
    return builders.searched(run.budget, run.settings).space


def _premature(run: ComparisonRun, teacher: Teacher, epochs: float) -> EvaluationProtocol:
    """Training as for maturity, ended and measured after `epochs`."""
    return replace(_mature(run, teacher), snapshots=(epochs,), test=False)


def _mature(run: ComparisonRun, teacher: Teacher) -> EvaluationProtocol:
    """Whatever the score, candidates are shown what a teacher brings: searches share them, and cost the same."""
    budget = run.budget
    named = EvaluationProtocol.__dataclass_fields__.keys() & budget.__dataclass_fields__.keys()
    return replace(
        EvaluationProtocol.of(run.settings, run.dataset),
        networks=builders.searched(budget, run.settings),
        snapshots=(budget.mature_epochs,),
        test=budget.tests,
        rivals=False,
        recordings=teacher.recordings,
        **{name: getattr(budget, name) for name in named},
    )


def _searcher(run: ComparisonRun, search: Search) -> Searcher:
    return searchers.within(run.budget, search.searcher, _space(run), seed=search.seed)


def _study(run: ComparisonRun, search: Search, teacher: Teacher) -> Study:
    protocol = _premature(run, teacher, search.epochs)
    make_guide = SCORES[search.score].guide
    guide = make_guide(teacher, search.seed) if make_guide else None
    score = {"name": search.score} | (_guidance(run, guide) if guide else {})
    return Study(
        description=protocol.description()
        | {"searcher": _searcher(run, search).description, "score": score, "seed": search.seed},
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=partial(_score, run, guide),
        seed=lambda number: search.seed,
    )


def _guidance(run: ComparisonRun, teacher: Teacher) -> dict:
    return {"teacher": teacher.identity, "alpha": run.alpha, "level": run.level}


def _score(run: ComparisonRun, guide: Teacher | None, evaluated: Evaluation) -> float:
    last = evaluated.snapshots[-1]
    if guide is None:
        return last.accuracy
    similarity = guidance.compare([(0, last.epoch, last.rdms)], guide, level=run.level)
    return guidance.combined_score(
        last.accuracy, guidance.teacher_guidance(similarity).item(), run.alpha
    )


def _explore(
    run: ComparisonRun,
    search: Search,
    teacher: Teacher,
    tracker: Tracker,
    workers: Workers,
    bar: tqdm,
) -> None:
    explorer.search(
        _space(run),
        _searcher(run, search),
        _study(run, search, teacher),
        tracker,
        run.budget.samples,
        workers,
        bar=bar,
    )


def _checkpoints(run: ComparisonRun) -> list[int]:
    budget = run.budget
    return sorted({*range(budget.every, budget.samples + 1, budget.every), budget.samples})


def _random(run: ComparisonRun, seed: int) -> list[Architecture]:
    """The first random candidates of a repetition: what a random architecture is worth."""
    searcher = searchers.make("random", _space(run), seed=seed)
    return [searcher.ask()[1] for _ in range(run.budget.top)]


def _chosen(
    run: ComparisonRun, seed: int, teacher: Teacher, tracker: Tracker
) -> Iterator[Architecture]:
    """Of one repetition, every architecture that is to be trained to maturity."""
    for search in _searches(run):
        if search.seed == seed:
            table = tracker.results(_study(run, search, teacher).key, run.budget.samples)
            for samples in _checkpoints(run):
                for place in search_tables.best(table, samples, run.budget.top):
                    yield tuple(json.loads(table.architecture.values[place]))
    yield from _random(run, seed)


def _mature_study(run: ComparisonRun, seed: int, teacher: Teacher) -> Study:
    """What a run's searches chose, of one repetition; other runs that chose the same have it trained already."""
    protocol = _mature(run, teacher)
    chosen = {"searchers": run.searchers, "scores": run.scores, "guidance": _guidance(run, teacher)}
    chosen |= {field.name: getattr(run.budget, field.name) for field in fields(Budget)}
    return Study(
        description=protocol.description() | {"seed": seed, "chosen by": chosen},
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=partial(_score, run, None),
        seed=lambda number: seed,
    )


def _train_to_maturity(
    run: ComparisonRun, seed: int, teacher: Teacher, tracker: Tracker, workers: Workers
) -> None:
    """Train what the searches of a repetition chose, each architecture once."""
    study, space = _mature_study(run, seed, teacher), _space(run)
    chosen = list(dict.fromkeys(_chosen(run, seed, teacher, tracker)))
    with tqdm(total=len(chosen), desc="to maturity", unit="network", leave=False) as bar:
        explorer.search(space, Listed(space, chosen), study, tracker, len(chosen), workers, bar=bar)


def _mature_table(
    run: ComparisonRun, seed: int, teacher: Teacher, tracker: Tracker
) -> pd.DataFrame:
    """Accuracy and examples by an architecture's hash."""
    table = _at(run.budget.mature_epochs, tracker.results(_mature_study(run, seed, teacher).key))
    return table[["accuracy", "examples"]].to_dataframe().set_index(table.hash.values)


def _at(epoch: float, table: xr.Dataset) -> xr.Dataset:
    """Results at one snapshot; candidates that diverged or failed before cost what the others did."""
    last = table.reindex(epoch=[epoch]).isel(epoch=0)
    spent = last[["examples", "images_shown"]]
    return last.assign(spent.fillna(spent.max()))


def _found(
    run: ComparisonRun, search: Search, teacher: Teacher, tracker: Tracker, mature: pd.DataFrame
) -> xr.Dataset:
    table = _at(
        search.epochs, tracker.results(_study(run, search, teacher).key, run.budget.samples)
    )
    checkpoints = _checkpoints(run)
    tops = [
        mature.loc[table.hash.values[search_tables.best(table, samples, run.budget.top)]]
        for samples in checkpoints
    ]
    spent = [
        table[["examples", "images_shown"]].where(table.network < samples).sum()
        for samples in checkpoints
    ]
    best, test, architecture = np.nan, np.nan, ""
    if tops[-1].accuracy.notna().any():
        best = tops[-1].accuracy.idxmax()
        protocol = _mature(run, teacher).key
        tested = tracker.evaluation(tracker.find(protocol, best, search.seed)).test_accuracy
        test = np.nan if tested is None else tested
        architecture = table.architecture.values[list(table.hash.values).index(best)]
    place = {
        "searcher": [search.searcher],
        "score": [search.score],
        "epochs": [search.epochs],
        "run": [search.seed],
    }
    return xr.Dataset(
        {
            "mature_accuracy": ("samples", [top.accuracy.max() for top in tops]),
            "examples": ("samples", [float(sums.examples) for sums in spent]),
            "images_shown": ("samples", [float(sums.images_shown) for sums in spent]),
            "finalists": ("samples", [len(top) for top in tops]),
            "mature_examples": ("samples", [float(top.examples.sum()) for top in tops]),
            "top_accuracy": (
                "place",
                tops[-1].accuracy.reset_index(drop=True).reindex(range(run.budget.top)),
            ),
            "test_accuracy": test,
            "architecture": architecture,
            "failed": int((table.state != "finished").sum()),
        },
        coords={"samples": checkpoints},
    ).expand_dims(place)


def _provenance(run: ComparisonRun, teacher: Teacher, tracker: Tracker) -> list[dict]:
    studies = [_study(run, search, teacher) for search in _searches(run)]
    studies += [_mature_study(run, seed, teacher) for seed in _seeds(run)]
    found = [
        one
        for study in studies
        for one in json.loads(tracker.results(study.key).attrs["provenance"])
    ]
    found.sort(key=lambda one: one.get("created", ""), reverse=True)
    # Of explorers alike but for the time, the first.
    alike = {
        tuple(value for name, value in sorted(one.items()) if name != "created"): one
        for one in found
    }
    return list(alike.values())[::-1]
