# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does a teacher tell early which network will be good?
#
# The paper's first claim: after very little training, accuracy P says less about the accuracy a network
# will have when fully trained than P + alpha TG does, where TG (teacher guidance) is the similarity of the
# network's representations to a teacher's. Here a pool of random networks is trained to its mature state,
# with snapshots of accuracy and of all representations on the way, and the claim is put to the test against
# everything else that is known of a network as early: its loss, its training speed, its size, zero-cost proxies,
# and teachers that know nothing.
#
# The record keeps the representations, so that another teacher or another alpha re-scores the pool in
# seconds: `papermill notebooks/01_predictivity.ipynb figures/out.ipynb -p alpha 2 -p teacher pixels`.
#
# As committed, the outputs below are those of the run whose parameters the second cell prints.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
teacher = (
    "resnet"  # resnet, nasnet-a, a control, any other network or recordings: the README lists all
)
level = "class"  # RDMs over class means ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
pools = ""  # names of published pools in data/results, of other seeds and the same teacher, to put together with this one
seed = 0  # of architectures, initial weights, data order and the drawn units
workers = (
    "auto"  # processes that train: auto, a number, 0 (this one), slurm:JOBS, or a Dask scheduler
)

# %%
import json

import numpy as np

from sage import plots, spaces, teachers
from sage.analysis import predictivity, predictors, published_pools, summaries
from sage.analysis.bootstrap import Bootstrap
from sage.config import paths
from sage.config.run import PoolRun
from sage.experiments import pool
from sage.search.evaluation import EvaluationProtocol

run = PoolRun.of(globals())
settings, space = run.settings, EvaluationProtocol.of(run.settings, run.dataset).networks.space
guide = teachers.load_teacher(run)
pool.check_teacher(run, guide)
others = published_pools.load_published(run, guide)
run

# %% [markdown]
# ## The pool
#
# Architectures are drawn with equal chances for every choice of the space. Each trained network is on
# record at once: a run that was stopped goes on where it stood. Some are trained once more, with another seed:
# what two trainings of one network have in common bounds what a predictor can tell. A second pool is made the paper's
# way, by searches that are guided by accuracy.

# %%
networks = pool.train_pool(run, workers=workers)
again = pool.retrain_pool(run, workers=workers)
found = pool.search_pool(run, workers=workers)
listed = networks[["state", "parameters", "multiply_adds", "depth", "seconds"]].to_dataframe()
listed["mature accuracy"] = predictivity.mature_accuracy(
    networks, settings.mature_epochs
).to_series()
listed.sort_values("mature accuracy", ascending=False).head()

# %%
best = networks.sel(network=listed["mature accuracy"].fillna(0).idxmax())
print("The best network of the pool; 0 is the image:\n")
print(spaces.describe(spaces.cnn_layers(space, json.loads(best.architecture.item()))))

# %% [markdown]
# ## What is known early
#
# For each teacher layer the best match over the network's layers, as a correlation of RDMs; TG is the mean
# of these. Beside it stand the same teacher described otherwise (single images, rank correlation, CKA, SVCCA) and
# controls: TG before training, the teacher with its stimuli in other places, labels, pixels, and an untrained
# network. Everything is computed from the record, nothing is trained.

# %%
known, known_found = (pool.measure_pool(run, one, guide) for one in (networks, found))
own, searched = (
    predictivity.pool_record(one, predictors.score_table(one)) for one in (known, known_found)
)

# %% [markdown]
# Guidance has a weight to choose. So that this freedom does not speak for it, `P + a TG`, the same with teachers that
# know nothing, `P + a TSE` and `P + a TSE-E` (training speed) and `P + a log parameters` each have their weight chosen
# from the same list, and on other networks than those that it is judged on. That costs them something, so that against
# P, which chooses nothing, they are at a disadvantage; by how much, `P + a P` shows, to which nothing is added. Below
# are the mean weights that were chosen.

# %%
bootstrap = Bootstrap(settings.resamples, run.seed)
analysed = published_pools.analyse_pools(own, others, searched, bootstrap)
random = analysed[published_pools.RANDOM]
ceiling = predictivity.ceiling(random.mature, again, bootstrap)
random.weights.to_pandas().round(2)

# %% [markdown]
# ## Prediction of mature accuracy (the paper's Figure 2)
#
# Left and middle: the pool at a premature state. Right: how well each score predicts mature accuracy, by
# the amount of training it was measured after. P is measured on the same validation images as mature
# accuracy, so that it approaches 1 by construction.

# %%
layers = predictors.score_table(known, [predictors.BY_LAYER]).predictor.values
figure = plots.predictivity(random, layers, epoch=settings.premature_epochs)
plots.save(figure, run.folder, "01_predictivity")
# %% [markdown]
# ## The weight of guidance (the paper's Figure 4)
#
# What P + alpha TG gains over P, paired over networks: above 0, guidance helps. The best of several alphas looks
# better than it is; in the last panel alpha is chosen on other networks, at each epoch.

# %%
alphas = np.array([0.05, 0.1, 0.2, 0.5, 1, 2, 5])
sweep = predictivity.alpha_sweep(random.scores, random.mature, alphas, bootstrap)
figure = plots.alpha_effect(sweep, predictivity.gain(random.assessed, "P + a TG"))
plots.save(figure, run.folder, "01_alpha")
# %% [markdown]
# ## The teacher and its controls (the paper's Figure 5)
#
# The paper compares two teachers: run this notebook with `-p teacher nasnet-a` for the second. Here the teacher
# stands beside controls. Where one of them does as well, it is not the teacher's knowledge that predicts.

# %%
plots.save(plots.teachers(random.assessed, teacher=guide.name), run.folder, "01_teachers")
# %% [markdown]
# ## Rivals
#
# All predictors at the premature epoch. The dashed line is the correlation to expect of a perfect predictor of a
# network's expected accuracy, as one training differs from the next; P sees the very training that it predicts and
# can lie above. Zero-cost proxies are taken by rank. CKA, SVCCA and labels are of single images, so that `TG of single
# images` is the one to hold against them.

# %%
epoch = settings.premature_epochs
figure = plots.rivals(random.assessed, epoch=epoch, ceiling=ceiling, alpha=run.alpha)
plots.save(figure, run.folder, "01_rivals")
# %%
taught = teachers.training_examples(run)
figure = plots.cost_curves(random.assessed, ceiling=ceiling, alpha=run.alpha, teacher=taught)
plots.save(figure, run.folder, "01_cost")
# %% [markdown]
# Directly against its rivals, by epoch: r of guidance minus r of the other, with the 95 % interval over networks, each
# for itself: of twenty that are alike one seems better or worse.

# %%
summaries.table(random.compared, "P + a TG")

# %%
summaries.table(random.compared, "TG")

# %% [markdown]
# ## Other pools
#
# The paper's pool held the best five networks at checkpoints of searches guided by accuracy. Beside the random
# architectures stands the paper's way: a search by reinforcement learning and one by TPE, both guided by P at the
# premature epoch, of which the best five at every tenth of the candidates were trained to maturity. Such a selection
# narrows the range of accuracies, and with it every correlation; that of P most of all, by which it was made, so that
# what is gained over P there says less. With few candidates these searches hardly learn: TPE starts with random ones,
# and reinforcement learning updates its policy once in five. Where published pools are put together with this run's
# (parameter `pools`), each is shown by itself too: what holds should hold in each.

# %%
shared = np.isin(found.hash, networks.hash).sum()
print(
    f"{shared} of the {len(found.network)} networks that the searches found are in this run's random pool too."
)
plots.save(plots.pools(analysed, alpha=run.alpha), run.folder, "01_pools")
# %%
summaries.table(analysed[published_pools.SEARCHED].compared, "P + a TG")

# %% [markdown]
# ## By hand
#
# In JupyterLab the controls redraw the figure at once, from the stored pool.

# %%
plots.explore(random, bootstrap, alpha=run.alpha, epoch=epoch)

# %% [markdown]
# ## In numbers

# %%
print(f"{dataset}, teacher {guide.name}, {level} level")
not_by_p = {name: one for name, one in analysed.items() if name != published_pools.SEARCHED}
print(summaries.summaries(not_by_p, epoch=epoch))

# %% [markdown]
# Value and interval of each statistic, without that of the differences, which is in the table that is saved. Of the
# top-5 regret (in accuracy, of the best network of all over the best of the first five) less is better; `partial` is
# r given P, log parameters and depth. The losses of every step stay in the record: with the paper's 300 epochs they
# would make the saved pool 50 MB larger.

# %%
early = random.assessed.sel(epoch=epoch, drop=True)
early[["value", "low", "high"]].to_dataframe()[["value", "low", "high"]].unstack("statistic").round(
    3
)

# %%
paths.save_table(own, run.folder / "01_pool.nc")
paths.save_table(searched, run.folder / "01_found.nc")
paths.save_table(predictivity.record(analysed, sweep, ceiling), run.folder / "01_summary.nc")
print(json.dumps(json.loads(networks.attrs["provenance"]), indent=1))
print(
    f"Besides what the table has, each of the two searches trained {settings.searched} candidates for {epoch:g} epochs,"
)
print(f"and {len(again)} networks were trained once more.")
costs = summaries.costs({"random": networks, "found by searches": found}, teacher=taught)
costs.style.format("{:,.4g}", na_rep="unknown").format(
    "{:,.0f}", na_rep="unknown", subset=list(costs)[:3]
)
