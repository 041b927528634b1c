"""Write the tables of docs/results.md anew from data/results: `python docs/tables.py`."""

import re
from collections.abc import Callable, Sequence

import pandas as pd
import xarray as xr

from sage.analysis import contrasts, draws, planned, search_claims, search_tables, simulated_search
from sage.analysis.bootstrap import cell, over_runs
from sage.analysis.contrasts import RANKED
from sage.analysis.predictors import CHOSEN, COMBINED, display_name
from sage.analysis.published_pools import DEEP, RANDOM, SEARCHED
from sage.analysis.summaries import told_epochs
from sage.config import paths
from sage.plots.searches import SEARCHER_NAMES, named
from sage.search.scores import SCORES, P

PAGE = paths.ROOT / "docs" / "results.md"
MARKED = re.compile(r"(<!-- table (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
POOL = "cifar100-pool"
DEEPER_POOL = "cifar100-pool-20"  # of the space of up to 20 layers
SEARCHES = "cifar100-cnn-search"
BY_WEIGHT = (SEARCHES, f"{SEARCHES}-alpha-1")  # the planned weight of TG, and the paper's
# Rows of tables, by the names that the code has for them.
PREDICTORS = (
    *("P", "loss", "TSE-E", "log parameters", "naswot"),
    *("TG", "TG before training", "TG untrained", COMBINED, CHOSEN),
    *("P + a log parameters", "P + a naswot"),
)
BENCHMARK = (*PREDICTORS, "TG of single images", "TG labels", simulated_search.BRIEFLY)
ENDS = ("value", "low", "high")
BY_POOLS = "(pools)"  # behind a verdict that intervals over networks alone would not give
ADDED = ("P and size + TG", "P and size")
PAIRS = (
    ADDED,
    *((ADDED[0], f"P and size + TG {control}") for control in ("untrained", "before training")),
    ("all that is free + TG", "all that is free"),
    (COMBINED, "P"),
    (CHOSEN, "P"),
    *((CHOSEN, f"P + a {one}") for one in ("log parameters", "synflow", "naswot", "TSE-E")),
    *((CHOSEN, f"P + a TG {control}") for control in ("untrained", "before training")),
)


def load(name: str) -> xr.Dataset:
    """Return a published table by its path below data/results, without ending."""
    return xr.load_dataset(paths.results() / f"{name}.nc")


def ranged(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return a value with its interval, such as 0.91 [0.88, 0.93]."""
    value, low, high = (round(one, digits) + 0.0 for one in (value, low, high))  # not -0
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def compared(name: str, pool: str) -> xr.Dataset:
    """Return a pool's contrasts as `contrasts.contrasts` gives them."""
    one = load(f"{name}/01_summary").sel(pool=pool)
    found = one[[field for field in one.data_vars if str(field).startswith("contrast_")]]
    names = [field for field in (*found.data_vars, *found.coords) if "contrast_" in str(field)]
    return found.rename({field: str(field).removeprefix("contrast_") for field in names})


def differences(name: str, pool: str, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return differences of r after 1 and 2 epochs, with the verdict on both correlations."""
    table, rows = compared(name, pool), {}
    for first, second in pairs:
        row = rows[f"{display_name(first, 1)} over {display_name(second, 1)}"] = {}
        for epoch in (1, 2):
            after, shown = told_epochs(epoch), True
            for statistic in RANKED:
                one = contrasts.rows(table, first, epoch, statistic)[second]
                ends = one["value"], one["low"], one["high"]
                row[f"{after}, {statistic.capitalize()}"] = ranged(*ends, 3)
                shown = shown and contrasts.verdict(dict(zip(ENDS, ends))) == contrasts.BETTER
            word = contrasts.verdicts(table, first, epoch)[second]
            by_pools = shown and word == contrasts.UNDECIDED
            row[f"{after}: verdict"] = f"{word} {BY_POOLS}" if by_pools else word
    return pd.DataFrame.from_dict(rows, orient="index")


def other_teachers() -> pd.DataFrame:
    """Return how well other teachers guide on NAS-Bench-201, and recordings."""
    return draws.teachers_table(load("nasbench201-guidance/05_others"), (0.5, 2))


def objects() -> pd.DataFrame:
    """Return the planned comparisons of guidance by 92 objects."""
    return planned.objects_table(load("nasbench201-guidance/05_objects"))


def predictors() -> pd.DataFrame:
    """Return Pearson's r with mature accuracy by predictor and amount of training."""
    one = load(f"{POOL}/01_summary").sel(pool=RANDOM, statistic="pearson")
    return by_epoch(one, PREDICTORS, (0.5, 1, 2, 5))


def early() -> pd.DataFrame:
    """Return Spearman's r with published accuracies of NAS-Bench-201."""
    one = load("nasbench201-guidance/05_assessed").sel(statistic="spearman")
    return by_epoch(one, BENCHMARK, (0.25, 0.5, 1, 2))


def by_epoch(table: xr.Dataset, names: Sequence[str], epochs: Sequence[float]) -> pd.DataFrame:
    """Return r by predictor and amount of training."""
    columns = {}
    for epoch in epochs:
        found = table.sel(epoch=epoch, predictor=list(names))
        ends = zip(found.value.values, found.low.values, found.high.values)
        columns[told_epochs(epoch)] = [ranged(*of) for of in ends]
    return pd.DataFrame(columns, [display_name(name, 1) for name in names])


def longer() -> pd.DataFrame:
    """Return Spearman's r with published accuracies of the networks that were trained on."""
    one = load("nasbench201-guidance/05_longer_assessed").sel(statistic="spearman")
    return by_epoch(one, BENCHMARK, (1, 2, 4, 8))


def longer_contrasts() -> pd.DataFrame:
    """Return the planned comparisons of the networks that were trained on."""
    judged = load("nasbench201-guidance/05_longer_summary").sel(epoch=[1, 2, 4, 8])
    return planned.table(judged).droplevel("target")


def planned_contrasts() -> pd.DataFrame:
    """Return what was planned to be compared on NAS-Bench-201."""
    judged = load("nasbench201-guidance/05_summary")
    table = planned.table(judged.sel(target=[judged.target.values[0]])).droplevel("target")
    holm = judged.holm.isel(target=0).sel(epoch=2)
    return table.assign(**{"p after 2 epochs (Holm)": [f"{one:.3f}" for one in holm.values]})


def added() -> pd.DataFrame:
    """Return the contrasts of all networks."""
    return differences(POOL, RANDOM, PAIRS)


def partial() -> pd.DataFrame:
    """Return partial correlations with mature accuracy, given P, size and depth."""
    names = ("TG", "TG before training", "TG untrained", "TG labels", "loss", "TSE-E", "naswot")
    columns = {}
    for title, table in (
        ("10 layers", load(f"{POOL}/01_summary").sel(pool=RANDOM)),
        ("20 layers", load(f"{DEEPER_POOL}/01_summary").sel(pool=RANDOM)),
        ("NAS-Bench-201", load("nasbench201-guidance/05_assessed")),
    ):
        of = by_epoch(table.sel(statistic="partial"), names, (1, 2))
        columns |= {f"{title}, {name}": of[name] for name in of}
    return pd.DataFrame(columns)


def deep() -> pd.DataFrame:
    """Return the contrasts of networks that are not shallow."""
    return differences(POOL, DEEP, [ADDED, (COMBINED, "P"), (CHOSEN, "P")])


def layers() -> pd.DataFrame:
    """Return contrasts after 1 epoch in the space of up to 20 layers beside that of up to 10."""
    rivals = ("P", "P + a log parameters", "P + a naswot")
    pairs = [*PAIRS[:4], (COMBINED, "P"), *((CHOSEN, rival) for rival in rivals)]
    beside = []
    for title, name in (("20 layers", DEEPER_POOL), ("10 layers", POOL)):
        table = differences(name, RANDOM, pairs).filter(regex="^1 epoch")
        beside.append(table.set_axis(table.columns.str.replace("1 epoch", title), axis="columns"))
    return pd.concat(beside, axis="columns")


def found() -> pd.DataFrame:
    """Return what P + alpha TG gains among networks that searches by P found."""
    return differences(POOL, SEARCHED, [(CHOSEN, "P")])


def teaching() -> pd.DataFrame:
    """Return how a teacher's own accuracy goes with how well its guidance predicts."""
    table = load("cifar100-controls/06_teaching").sel(epoch=[0, 1, 2])
    ends = zip(table.value.values, table.low.values, table.high.values)
    rows = {
        f"others after {told_epochs(one)}": ranged(*of) for one, of in zip(table.epoch.values, ends)
    }
    return pd.DataFrame({"Spearman's r": rows})


def teachers() -> pd.DataFrame:
    """Return what several teachers add, after 1 epoch."""
    rows = {}
    for name, key, curve in (
        ("ResNet, 12 epochs", POOL, "resnet-12-epochs"),
        ("ResNet, 24 epochs", f"{POOL}-teacher24", None),  # there is no table of it
        ("NASNet-A", f"{POOL}-nasnet", "nasnet-a"),
    ):
        reached = load(f"cifar100-teachers/{curve}").accuracy[-1].item() if curve else 0.547
        row = differences(key, RANDOM, [ADDED]).iloc[0].filter(like="1 epoch")
        n = load(f"{key}/01_summary").n.sel(pool=RANDOM, epoch=1)
        rows[name] = {"accuracy": f"{100 * reached:.3g} %", "networks": int(n)} | dict(row)
    return pd.DataFrame.from_dict(rows, orient="index")


def rendered() -> pd.DataFrame:
    """Return the contrasts of the default run's pool."""
    return differences("objects-quick", RANDOM, [(COMBINED, "P"), (CHOSEN, "P")])


def simulated() -> pd.DataFrame:
    """Return what scores find in simulated searches of 20 candidates after 1 epoch."""
    one = load(f"{POOL}/01_summary").sel(pool=RANDOM, epoch=1, candidates=20)
    one = one.set_index(search_predictor="search_predictor")
    rows: dict[str, dict] = {}
    for key in one.search_predictor.values:
        row = rows[display_name(key, 1)] = {}
        for choice in one.choice.values:
            found = 100 * one.sel(search_predictor=key, choice=choice)
            ends = (found[f"search_gain_{end}"].item() for end in ENDS)
            row[f"{choice}: accuracy (%)"] = f"{found.search_value.item():.1f}"
            row[f"{choice}: points above P"] = "" if key == "P" else ranged(*ends, 1)
    return pd.DataFrame.from_dict(rows, orient="index")


def controls() -> pd.DataFrame:
    """Return P + alpha TG minus the mean of each control's draws."""
    rows = {}
    for title, file in (("all", "06_controls"), ("depth 3 or more", "06_controls_deep")):
        table = load(f"cifar100-controls/{file}")
        for control in table.control.values:
            row = rows[f"TG {control}, {title}"] = {}
            for epoch in (1, 2):
                for statistic in RANKED:
                    one = table.sel(control=control, epoch=epoch, statistic=statistic)
                    ends = one.difference.item(), one.low.item(), one.high.item()
                    row[f"{told_epochs(epoch)}, {statistic.capitalize()}"] = ranged(*ends, 3)
    return pd.DataFrame.from_dict(rows, orient="index")


def searches() -> pd.DataFrame:
    """Return mature accuracy of the best networks that searches found, the mean over runs."""
    table, rows = load(f"{SEARCHES}/02_searches"), {}
    accuracy = 100 * table.mature_accuracy.isel(samples=-1, drop=True)
    runs = over_runs(search_tables.with_mean(accuracy))
    found = runs.to_dataframe(dim_order=["searcher", "epochs", "score"]).dropna()
    for (searcher, epochs, score), one in found.iterrows():
        row = rows.setdefault(SEARCHER_NAMES.get(searcher, searcher), {})
        row[search_tables.label((score, epochs), table.alpha)] = cell(*one[[*ENDS]], ".1f")
    return pd.DataFrame.from_dict(rows, orient="index")


def size_contrasts() -> pd.DataFrame:
    """Return what size finds minus what accuracy finds, the mean over searchers."""
    table, size = load(f"{SEARCHES}/02_searches"), ("P+0.05parameters", 0.25)
    pairs = search_tables.named_pairs([(size, (P, 0.25)), (size, (P, 2.5))], table.alpha)
    return search_tables.compared(table, pairs).xs(search_tables.ALL, level="searcher")


def search_contrasts() -> pd.DataFrame:
    """Return what guidance finds minus what other scores find, the mean over searchers."""
    tables = [search_tables.compared(load(f"{name}/02_searches")) for name in BY_WEIGHT]
    return pd.concat(tables).xs(search_tables.ALL, level="searcher")


def second_trainings() -> pd.DataFrame:
    """Return by how much two trainings of the same network differ, of what searches found."""
    rows = {}
    for last in (load(f"{name}/02_searches").isel(samples=-1) for name in BY_WEIGHT):
        gaps = (100 * (last.top_accuracy - last.again_accuracy)).stack(search=("score", "epochs"))
        for search, gap in gaps.dropna("search", how="all").groupby("search"):
            mean = over_runs(gap.squeeze("search").mean(["searcher", "place"])).map(float)
            rows[search_tables.label(search, last.alpha)] = {
                "first minus second (points)": cell(mean.value, mean.low, mean.high, "+.2f"),
                "s.d. of one training (points)": f"{float(gap.std()) / 2**0.5:.2f}",
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def pool_searches() -> pd.DataFrame:
    """Return what 50 candidates of a pool come to by one score and by another."""
    table = search_claims.differences(load(f"{POOL}-searches/07_pools"))
    return table.filter(regex="^50, ").rename(columns=lambda name: name.removeprefix("50, "))


def benchmark() -> pd.DataFrame:
    """Return what searchers find on NAS-Bench-201 by published accuracies."""
    table = search_claims.benchmark_table(load("nasbench201-searches/07_benchmark"))
    names = [f"{SEARCHER_NAMES[name]}, by {score}" for name, score in table.index]
    columns = {name: f"{name} candidates" for name in table if name != "runs"}
    return table.set_axis(names).rename(columns=columns)


def cells() -> pd.DataFrame:
    """Return test errors of fully trained cells."""
    return errors("cifar100-cell-search/03_errors", {"test error (%)": "cifar100 error (%)"})


def macaque() -> pd.DataFrame:
    """Return test errors of the winners of searches with and without recordings."""
    tops = ("top-1", "top-5")
    columns = {f"{top} error (%)": f"tinyimagenet100 {top} error (%)" for top in tops}
    return errors("macaque-search/04_errors", columns)


def errors(name: str, columns: dict[str, str]) -> pd.DataFrame:
    """Return the rows of networks that were trained here, with their intervals."""
    table = load(name).to_dataframe()
    rows: dict[str, dict] = {}
    for _, one in table[table.numbers.str.startswith("ours")].iterrows():
        row = rows[named(one.network)] = {"parameters (M)": f"{one['parameters (M)']:.2f}"}
        for column, key in columns.items():
            ends = (one[f"{key}, {end}"] for end in ("low", "high"))
            row[column] = ranged(one[key], *ends, 1)
    return pd.DataFrame.from_dict(rows, orient="index")


def resemblance() -> pd.DataFrame:
    """Return the mean best match of candidates' layers with V4 and IT, by their search's score."""
    best = load("macaque-search/04_similarity").similarity.max("layer")
    rows = {}
    for score in ("P", "P+TG", "P+shuffled"):
        means = best.isel(candidate=(best.score == score).values).mean("candidate")
        rows[f"searched by {SCORES[score].label(1)}"] = {
            area: f"{means.sel(teacher_layer=area).item():.3f}" for area in ("V4", "IT")
        }
    return pd.DataFrame.from_dict(rows, orient="index")


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    one.__name__: one
    for one in (
        *(early, planned_contrasts, longer, longer_contrasts, other_teachers, objects),
        *(predictors, added, partial, deep, layers, simulated, controls, teaching, teachers),
        *(found, rendered),
        *(searches, search_contrasts, size_contrasts, second_trainings, pool_searches),
        *(benchmark, cells, macaque, resemblance),
    )
}


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown, its index as the first column."""
    lines = [["", *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[name, *row] for name, row in zip(table.index, table.values)]
    return "".join(f"| {' | '.join(str(cell).strip() for cell in line)} |\n" for line in lines)


def renewed(text: str) -> str:
    """Return a page with its marked tables made anew."""
    return MARKED.sub(lambda one: one[1] + markdown(TABLES[one[2]]()) + one[4], text)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
