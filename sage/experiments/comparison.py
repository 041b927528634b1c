"""Whole searches compared: what each finds with each score and amount of training."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import chain, product

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from sage.analysis import search_tables
from sage.config.profiles import Budget
from sage.config.run import ComparisonRun
from sage.experiments import checks
from sage.experiments.studies import architectures, keep_best, make_study
from sage.models import Classifier
from sage.rsa import guidance
from sage.rsa.pool_bank import networks_as_teachers
from sage.rsa.teacher import Teacher
from sage.search import builders, dask_workers, evaluation, scores, searchers
from sage.search.dask_workers import Workers
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Explorer, OnEnded, Study
from sage.search.record import Candidate, Evaluation
from sage.search.searchers import Listed, Searcher
from sage.search.tracker import Tracker
from sage.spaces import Architecture


@dataclass(frozen=True)
class Search:
    """One search of a comparison; `run` is the seed of its repetition."""

    searcher: str
    score: str
    epochs: float
    run: int


class Comparison:
    """The searches of a run, and the training to maturity of what they find.

    With any score, searches show their candidates what the teacher brings: so they share
    candidates, and cost the same.

    Raises:
        ValueError: as `checks.check_searches`, or a teacher that candidates cannot be compared
            with.
    """

    def __init__(self, run: ComparisonRun, teacher: Teacher):
        checks.check_searches(run)
        self.run, self.teacher, self.budget, self.tracker = run, teacher, run.budget, Tracker()
        self.seeds = range(run.seed, run.seed + self.budget.runs)
        names = {field.name for field in fields(EvaluationProtocol)}
        sizes = {name: size for name, size in asdict(self.budget).items() if name in names}
        self.protocol = replace(
            EvaluationProtocol.of(run.settings, run.dataset),
            networks=builders.searched(self.budget, run.settings),
            snapshots=(self.budget.mature_epochs,),
            test=self.budget.tests,
            rivals=False,
            recordings=teacher.recordings,
            **sizes,
        )
        self.space = self.protocol.networks.space
        self._loaded = self.protocol.load()
        stimuli = {one.identity for one in self._loaded.stimuli}
        guidance.check_comparable(teacher, run.level, stimuli)
        self.epochs = sorted({epoch for epochs in run.scored.values() for epoch in epochs})
        parts = (self.seeds, self.epochs, run.searchers.split(), run.scored)
        searches = [
            Search(name, score, epochs, seed) for seed, epochs, name, score in product(*parts)
        ]
        self.absent = [one for one in searches if one.epochs not in run.scored[one.score]]
        wanted = [one for one in searches if one not in self.absent]
        self.studies = {search: self._study(search) for search in wanted}
        trainings = range(1 + self.budget.twice)
        self.mature_studies = {
            seed: [self._mature_study(seed, number) for number in trainings] for seed in self.seeds
        }
        every, samples = self.budget.every, self.budget.samples
        self.checkpoints = sorted({*range(every, samples + 1, every), samples})

    def train(self, *, workers: str = "auto", on_ended: OnEnded | None = None) -> xr.Dataset:
        """Make every search, train to maturity what it found, and return `results`.

        What is on record is kept. Repetitions follow each other: a stopped run has whole ones.

        Args:
            workers: see `dask_workers.open_workers`; errors as there and of `Explorer.search`.
            on_ended: called with each candidate of a search that ends, see `explorer.OnEnded`.
        """
        samples = self.budget.samples
        bar = tqdm(total=len(self.studies) * samples, unit="candidate")
        with dask_workers.open_workers(workers) as opened, bar:
            for number, seed in enumerate(self.seeds, 1):
                for search in [one for one in self.studies if one.run == seed]:
                    name = f"{search.searcher}, {search.score}, {search.epochs:g} epochs"
                    bar.set_description(f"run {number} of {self.budget.runs}: {name}")
                    searcher, study = self._searcher(search), self.studies[search]
                    Explorer(study, searcher, self.tracker, samples, opened, bar, on_ended).search()
                self._train_to_maturity(seed, opened)
            bar.set_description("all searches")
        return self.results()

    def results(self) -> xr.Dataset:
        """Return what the searches found, from the record.

        Returns:
            Dataset over searcher, score, epochs, run and samples (the checkpoints).
            mature_accuracy: the best in [0, 1] among the `top` candidates by the search's own
            score, fully trained; examples, images_shown: of the search up to there; finalists: how
            many candidates were fully trained; mature_examples: what that took. All are NaN for a
            score that has other epochs of its own.
            Of the last checkpoint, without samples: test_accuracy (NaN if not shown) and
            architecture of the best; top_accuracy [place] of all that were fully trained, best
            score first and NaN behind the last; failed: candidates that failed or diverged.
            again_accuracy [place]: of the same networks in a second training, NaN without one. All
            else is of the first.
            random_accuracy [run, candidate]: random architectures, fully trained; matured [run]:
            all different networks that were.
        """
        mature = {seed: self._mature_table(seed) for seed in self.seeds}
        found = [self._found(search, mature[search.run]) for search in self.studies]
        nothing = found[0].where(False).assign(architecture=xr.full_like(found[0].architecture, ""))
        for search in self.absent:
            place = {name: [value] for name, value in asdict(search).items()}
            found.append(nothing.assign_coords(place))
        order = {"searcher": self.run.searchers.split(), "score": list(self.run.scored)}
        table = xr.combine_by_coords(found).sel(order | {"epochs": self.epochs})
        hashes = {seed: list(map(self.space.hash, self._random(seed))) for seed in self.seeds}
        random = np.stack([mature[seed].accuracy[hashes[seed]] for seed in self.seeds])
        attributes = self._guidance(self.teacher) | {"top": self.budget.top}
        images = self._loaded.images
        attributes["validation_images"] = len(images.validation)
        attributes["classes"] = len(images.classes)
        attributes["provenance"] = json.dumps(self._provenance())
        table = table.assign_attrs(attributes)
        matured = [len(mature[seed]) for seed in self.seeds]
        return table.assign(
            random_accuracy=(("run", "candidate"), random), matured=("run", matured)
        )

    def train_best(self, table: xr.Dataset, *, workers: str = "auto") -> Classifier:
        """Return the best network that the searches found, trained again as it was.

        Args:
            table: `results`.
            workers: as in `train`.

        Returns:
            A network that knows, besides what `evaluation.train_again` says, the search that found
            it, its `architecture` as text, and `recorded_accuracy`. If its `accuracy` is another
            there is a warning: the two were trained on different machines.

        Raises:
            ValueError: no search has found one.
        """
        every = table.isel(samples=-1).stack(search=("searcher", "score", "epochs", "run"))
        if not every.mature_accuracy.notnull().any():
            raise ValueError("no search has found a network that was trained to maturity")
        best = every.isel(search=int(every.mature_accuracy.argmax("search", skipna=True)))
        architecture = tuple(json.loads(best.architecture.item()))
        with dask_workers.open_workers(workers) as opened:
            asked = evaluation.train_again, self.protocol, architecture, best.run.item()
            found = opened.submit(*asked).result()
        found.about |= {name: best[name].item() for name in ("searcher", "score")}
        found.about["premature_epochs"] = best.epochs.item()
        found.about["architecture"] = self.protocol.networks.describe(architecture)
        reached, recorded = found.about["accuracy"], best.mature_accuracy.item()
        found.about["recorded_accuracy"] = recorded
        if reached != recorded:
            told = f"trained again, the best network is right in {reached:.2%}, on record are"
            warnings.warn(
                f"{told} {recorded:.2%}: another machine or version of torch", stacklevel=2
            )
        return found

    def similarity(self, other: Teacher) -> xr.DataArray:
        """Return how similar all candidates are to a teacher, which need not be the run's own.

        Returns:
            [candidate, teacher_layer, layer] in [-1, 1], see `guidance.compare`, at the end of
            premature training. Along candidate: the search (searcher, score, epochs, run), its
            number, accuracy, and hash of its architecture.
        """
        tables, level = [], self.run.level
        for search, study in self.studies.items():
            rdms = self.tracker.rdms(study.key, range(self.budget.samples), level)
            found = guidance.compare(rdms, other, level=level).isel(epoch=0, drop=True)
            measured = self._candidates(search).sel(network=found.network)
            known = asdict(search) | {"number": found.network.values}
            known |= {name: measured[name].values for name in ("accuracy", "hash")}
            count, found = len(found), found.rename(network="candidate")
            along = {name: np.broadcast_to(value, count) for name, value in known.items()}
            tables.append(found.assign_coords({name: ("candidate", along[name]) for name in along}))
        return xr.concat(tables, "candidate", join="outer").drop_vars("candidate")

    def _searcher(self, search: Search) -> Searcher:
        return searchers.within(self.budget, search.searcher, self.space, seed=search.run)

    def _random(self, seed: int) -> list[Architecture]:
        """Return the first random candidates of a repetition: what one is worth unselected."""
        searcher = searchers.make("random", self.space, seed=seed)
        return [searcher.ask()[1] for _ in range(self.budget.top)]

    def _guidance(self, teacher: Teacher) -> dict:
        return {"teacher": teacher.identity, "alpha": self.run.alpha, "level": self.run.level}

    def _study(self, search: Search) -> Study:
        chosen, seed = scores.find(search.score), search.run
        guide, alpha = None, chosen.weight(self.run.alpha)
        score: dict = {"name": scores.split(search.score)[0]} | scores.revision()
        if chosen.guide:
            guide = chosen.guide(self.teacher, seed)
            score |= self._guidance(guide) | {"alpha": alpha}
        if chosen.addition:
            score |= {"alpha": alpha}
        described = {"searcher": self._searcher(search).description, "score": score, "seed": seed}
        protocol = replace(self.protocol, snapshots=(search.epochs,), test=False)
        study = make_study(protocol, described, lambda number: seed, self._loaded)
        if guide:
            return replace(study, score=partial(self._score, guide, alpha, study.key))
        if added := chosen.addition:
            return replace(
                study, score=lambda one, ended: study.score(one, ended) + alpha * added(one)
            )
        return study

    def _score(
        self,
        guide: Teacher,
        alpha: float,
        study_key: str,
        evaluated: Evaluation,
        ended: Sequence[Candidate],
    ) -> float:
        """Return P + alpha TG, or P alone while the teacher has no layers yet.

        The last two arguments are those of `Study.score`, the others are bound in `_study`.
        """
        level, last = self.run.level, evaluated.snapshots[-1]

        def candidate_as_teacher(place: int) -> Teacher:
            rdms = self.tracker.rdms(study_key, [ended[place].number], level)
            _, found = networks_as_teachers(rdms, self._loaded.stimuli[0].identity, level)
            return next(iter(found), guide)

        teacher = guide.after([one.score for one in ended], candidate_as_teacher)
        if not teacher.layers:
            return last.accuracy
        similarity = guidance.compare([(0, last.epoch, last.rdms)], teacher, level=level)
        tg, accuracy = guidance.teacher_guidance(similarity), xr.DataArray(last.accuracy)
        return guidance.combined_score(accuracy, tg, alpha).item()

    def _mature_study(self, seed: int, training: int) -> Study:
        """Return the study of what searches chose; runs that chose the same share its trainings."""
        used = {
            search.searcher: study.description["searcher"]
            for search, study in self.studies.items()
            if search.run == seed
        }
        chosen: dict = {"searchers": used, "scores": self.run.scores}
        chosen |= {"guidance": self._guidance(self.teacher)} | scores.revision()
        chosen |= {field.name: getattr(self.budget, field.name) for field in fields(Budget)}
        described = {"seed": seed, "chosen by": chosen} | ({"again": training} if training else {})
        own = seed + (training << 32)  # the first training has the seed of its run
        return make_study(self.protocol, described, lambda number: own, self._loaded)

    def _train_to_maturity(self, seed: int, workers: Workers) -> None:
        """Train what the searches of a repetition chose, and random architectures, each once."""
        chosen: list[Architecture] = []
        for search in [one for one in self.studies if one.run == seed]:
            visited = self.tracker.results(self.studies[search].key, self.budget.samples)
            places = keep_best(visited, self.checkpoints, self.budget.top)
            chosen += architectures(visited.isel(network=places))
        chosen = list(dict.fromkeys([*chosen, *self._random(seed)]))
        studies = self.mature_studies[seed]
        total = len(studies) * len(chosen)
        with tqdm(total=total, desc="to maturity", unit="network", leave=False) as bar:
            for study in studies:
                listed = Listed(self.space, chosen)
                Explorer(study, listed, self.tracker, len(chosen), workers, bar).search()

    def _candidates(self, search: Search) -> xr.Dataset:
        found = self.tracker.results(self.studies[search].key, self.budget.samples)
        return _at(search.epochs, found)  # the end of their premature training

    def _mature_table(self, seed: int) -> pd.DataFrame:
        """Return what mature networks reached, by hash; `again` is the second accuracy."""
        frames = []
        for study in self.mature_studies[seed]:
            table = _at(self.budget.mature_epochs, self.tracker.results(study.key))
            measured = table[["accuracy", "test_accuracy", "examples"]]
            frames.append(measured.to_dataframe().set_index(table.hash.values))
        return frames[0].assign(again=frames[1].accuracy if self.budget.twice else np.nan)

    def _found(self, search: Search, mature: pd.DataFrame) -> xr.Dataset:
        table, checkpoints, top = self._candidates(search), self.checkpoints, self.budget.top
        places = [search_tables.best(table, samples, top) for samples in checkpoints]
        tops = [mature.loc[table.hash.values[one]] for one in places]
        costs = table[["examples", "images_shown"]]
        spent = [costs.where(table.network < samples).sum() for samples in checkpoints]
        test, architecture, last = np.nan, "", tops[-1]
        if last.accuracy.notna().any():
            best = last.accuracy.idxmax()
            test = last.test_accuracy[best]
            architecture = table.architecture.values[list(table.hash.values).index(best)]
        placed = last.reset_index(drop=True).reindex(range(top))
        return xr.Dataset(
            {
                "mature_accuracy": ("samples", [one.accuracy.max() for one in tops]),
                "examples": ("samples", [float(sums.examples) for sums in spent]),
                "images_shown": ("samples", [float(sums.images_shown) for sums in spent]),
                "finalists": ("samples", [len(one) for one in tops]),
                "mature_examples": ("samples", [float(one.examples.sum()) for one in tops]),
                "top_accuracy": ("place", placed.accuracy),
                "again_accuracy": ("place", placed.again),
                "test_accuracy": test,
                "architecture": architecture,
                "failed": int((table.state != "finished").sum()),
            },
            coords={"samples": checkpoints},
        ).expand_dims({name: [value] for name, value in asdict(search).items()})

    def _provenance(self) -> list[dict]:
        """Return the explorers' stamps in order; of those alike but for the time, the first."""
        studies = [*self.studies.values(), *chain(*self.mature_studies.values())]
        tables = [self.tracker.results(study.key) for study in studies]
        found = [one for table in tables for one in json.loads(table.attrs["provenance"])]
        found.sort(key=lambda one: one.get("created", ""), reverse=True)
        alike = {tuple(sorted((one | {"created": ""}).items())): one for one in found}
        return list(alike.values())[::-1]


def _at(epoch: float, table: xr.Dataset) -> xr.Dataset:
    """Return results at one snapshot; candidates that ended before cost what the others did."""
    last = table.reindex(epoch=[epoch]).isel(epoch=0)
    spent = last[["examples", "images_shown"]]
    return last.assign(spent.fillna(spent.max()))
