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
# The paper's first claim: after very little training, P + alpha TG says more about the accuracy
# that a network will reach than its accuracy P alone. TG, teacher guidance, is the similarity of
# the network's representations to a teacher's.
#
# What the published run found: up to three epochs P + alpha TG predicts better than P. Little of
# that is shown to come from what the teacher has learnt, and the size of a network predicts as
# well. Other pools may say otherwise; the section on them shows how much they differ.
#
# The claim is put to the test on networks that are trained to their mature state. Accuracy and
# representations are measured on the way, and compared with everything else that is known as early:
# loss, training speed, size, zero-cost proxies, and teachers that know nothing.
#
# Representations stay on record, so that another teacher or another alpha re-scores the pool in
# seconds:
# `papermill notebooks/01_predictivity.ipynb figures/out.ipynb -p alpha 2 -p teacher pixels`.
#
# The committed outputs are those of the published run. Its parameters are in the first table below.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
teacher = "resnet"  # or nasnet-a, a control, another network, recordings: see the README
level = "class"  # RDMs over class means ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
pools = ""  # published pools of other seeds and the same teacher to add, with spaces between
seed = 0  # of architectures, initial weights, data order and the drawn units
workers = "auto"  # or a number of processes, 0 (this one), slurm:JOBS, a Dask scheduler

# %%
import json

import numpy as np

from sage import plots, spaces, teachers
from sage.analysis import predictivity, predictors, published_pools, summaries
from sage.analysis.bootstrap import Bootstrap
from sage.config import provenance
from sage.config.run import PoolRun
from sage.experiments import pool
from sage.experiments.asked import check_run

# %%
run = PoolRun.of(globals())
check_run(run, workers=workers)
guide = teachers.load_teacher(run)
pool.check_teacher(run, guide)
others = published_pools.load_published(run, guide)
run.table()

# %% [markdown]
# ## The pool
#
# Architectures are drawn with equal chances for every choice of the space. A trained network is on
# record at once: a run that was stopped goes on where it stood.
#
# Some networks are trained once more with another seed. What two trainings of one network have in
# common is the most that a predictor can tell.
#
# A second pool is made the paper's way, by searches that are guided by accuracy.

# %%
networks = pool.train_pool(run, workers=workers)
again = pool.retrain_pool(run, workers=workers)
found = pool.search_pool(run, workers=workers)
listed = networks[["state", "parameters", "multiply_adds", "depth", "seconds"]].to_dataframe()
mature = predictivity.mature_accuracy(networks, run.settings.mature_epochs).to_series()
listed["mature accuracy"] = mature
listed.sort_values("mature accuracy", ascending=False).head()

# %%
best = json.loads(networks.architecture.sel(network=mature.idxmax()).item())
print("The best network of the pool; 0 is the image:\n")
print(spaces.describe(spaces.cnn_layers(spaces.cnn(run.settings.layers), tuple(best))))

# %% [markdown]
# ## What is known early
#
# For each teacher layer the best match over the network's layers is taken, as a correlation of
# RDMs. TG is the mean of these. Nothing is trained here: everything is computed from the record.
#
# Beside TG stand other descriptions of the same teacher: single images, rank correlation, CKA and
# SVCCA. And controls: TG before training, the teacher with shuffled stimuli, labels, pixels, and an
# untrained network.

# %%
known, known_found = (pool.measure_pool(run, one, guide) for one in (networks, found))
own = predictivity.pool_record(known, predictors.score_table(known))
searched = predictivity.pool_record(known_found, predictors.score_table(known_found))

# %% [markdown]
# Guidance has a weight to choose, and this freedom must not speak for it. So the weight is chosen
# on other networks than those that are judged. The same holds for its rivals: teachers that know
# nothing, training speed (`TSE`, `TSE-E`), and the logarithm of the parameters.
#
# To choose costs something, so that P, which chooses nothing, has an advantage. How large it is
# `P + a P` shows: nothing is added there. The table has the mean weights that were chosen.

# %%
bootstrap = Bootstrap(run.settings.resamples, run.seed)
analysed = published_pools.analyse_pools(own, others, searched, bootstrap)
random = analysed[published_pools.RANDOM]
ceiling = predictivity.ceiling(random.mature, again, bootstrap)
random.weights.to_pandas().round(2)

# %% [markdown]
# ## Prediction of mature accuracy (the paper's Figure 2)
#
# Left and middle, the pool at a premature state. Right, how well each score predicts mature
# accuracy, by the amount of training it was measured after.
#
# P is measured on the same validation images as mature accuracy, so that it approaches 1 by
# construction.

# %%
layers = predictors.score_table(known, [predictors.BY_LAYER]).predictor.values
figure = plots.predictivity(random, layers, epoch=run.settings.premature_epochs)
plots.save(figure, run.folder, "01_predictivity")

# %% [markdown]
# ## The weight of guidance (the paper's Figure 4)
#
# What P + alpha TG gains over P, paired over networks: above 0, guidance helps. The best of several
# alphas looks better than it is. In the last panel alpha is chosen on other networks, at each
# epoch.

# %%
alphas = np.array([0.05, 0.1, 0.2, 0.5, 1, 2, 5])
sweep = predictivity.alpha_sweep(random.scores, random.mature, alphas, bootstrap)
figure = plots.alpha_effect(sweep, predictivity.gain(random.assessed, "P + a TG"))
plots.save(figure, run.folder, "01_alpha")

# %% [markdown]
# ## The teacher and its controls (the paper's Figure 5)
#
# Where a control does as well as the teacher, it is not the teacher's knowledge that predicts.
#
# The paper compares two teachers. For the second, run this notebook with `-p teacher nasnet-a`.

# %%
plots.save(plots.teachers(random.assessed, teacher=guide.name), run.folder, "01_teachers")

# %% [markdown]
# ## Rivals
#
# All predictors at the premature epoch. The dashed line is what to expect of a perfect predictor of
# a network's expected accuracy, as one training differs from the next. P can lie above it: it sees
# the very training that it predicts.
#
# Zero-cost proxies are taken by rank. CKA, SVCCA and labels are of single images: compare them with
# `TG of single images`.

# %%
epoch = run.settings.premature_epochs
figure = plots.rivals(random.assessed, epoch=epoch, ceiling=ceiling, alpha=run.alpha)
plots.save(figure, run.folder, "01_rivals")

# %%
taught = teachers.training_examples(run)
figure = plots.cost_curves(random.assessed, ceiling=ceiling, alpha=run.alpha, teacher=taught)
plots.save(figure, run.folder, "01_cost")

# %% [markdown]
# Guidance directly against its rivals, by epoch: r of guidance minus r of the other, with the 95 %
# interval over networks. Each interval holds for itself: of twenty equal rivals one seems better or
# worse.

# %%
summaries.table(random.compared, "P + a TG")

# %%
summaries.table(random.compared, "TG")

# %% [markdown]
# ## Other pools
#
# The paper's pool held the best five networks at checkpoints of searches guided by accuracy. Here a
# search by reinforcement learning and one by TPE were guided by P at the premature epoch. At every
# tenth of their candidates the best five were trained to maturity.
#
# Such a selection narrows the range of accuracies, and with it every correlation. That of P suffers
# most, as P chose the networks: a gain over P says less there.
#
# With few candidates these searches hardly learn. TPE starts with random ones, and reinforcement
# learning updates its policy once in five.
#
# Published pools that were added (parameter `pools`) are shown by themselves too: what holds should
# hold in each.

# %%
shared, count = np.isin(found.hash, networks.hash).sum(), len(found.network)
print(f"{shared} of the {count} networks that the searches found are", end=" ")
print("in this run's random pool too.")
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
print(summaries.precision(int(networks.images_shown.max())), end="\n\n")
not_by_p = {name: one for name, one in analysed.items() if name != published_pools.SEARCHED}
print(summaries.summaries(not_by_p, epoch=epoch))

# %% [markdown]
# Each statistic and its interval. The top-5 regret is the accuracy that is lost by taking the best
# of the first five instead of the best of all: less is better. `partial` is r given P, log
# parameters and depth.

# %%
early = random.assessed[["value", "low", "high"]].sel(epoch=epoch, drop=True)
early.to_dataframe()[["value", "low", "high"]].unstack("statistic").round(3)

# %% [markdown]
# ## Costs
#
# Examples that were processed. The two searches of the second pool and the second seeds come on
# top.
#
# The losses of every step stay in the record: with the paper's 300 epochs they would make the saved
# pool 50 MB larger.

# %%
run.save_table(own, "01_pool")
run.save_table(searched, "01_found")
run.save_table(predictivity.record(analysed, sweep, ceiling), "01_summary")
print("Besides what the table has, each of the two searches trained", end=" ")
print(f"{run.settings.searched} candidates for {epoch:g} epochs,")
print(f"and {len(again)} networks were trained once more.")
costs = summaries.costs({"random": networks, "found by searches": found}, teacher=taught)
rounded = costs.style.format("{:,.4g}", na_rep="unknown")
rounded.format("{:,.0f}", na_rep="unknown", subset=list(costs)[:3])

# %% [markdown]
# ## Made by

# %%
provenance.stamps(networks)
