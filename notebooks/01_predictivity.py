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
# with snapshots of accuracy and of all representations on the way.
#
# The record keeps the representations, so that another teacher or another alpha re-scores the pool in
# seconds: `papermill notebooks/01_predictivity.ipynb figures/out.ipynb -p alpha 2 -p teacher pixels`.
#
# As committed, the outputs below are those of the published run, whose parameters the second cell shows;
# the defaults in the first are for a laptop.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
teacher = "resnet"  # resnet, resnet-untrained, pixels, or the path of a bank of RDMs (.nc)
level = "class"  # RDMs over class means ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
seed = 0  # of architectures, initial weights, data order and the drawn units
workers = "auto"  # processes that train: auto, a number, 0 (this one), slurm:JOBS, or a Dask scheduler

# %%
import json

import numpy as np

from sage import paths, plots, pool, predictors, spaces, statistics, teachers
from sage.evaluation import Protocol
from sage.run import Run

run = Run(profile=profile, dataset=dataset, teacher=teacher, level=level, alpha=alpha, seed=seed)
settings, space = run.settings, Protocol.of(run.settings, run.dataset).networks.space
guide = teachers.load(run.teacher, settings, run.dataset, seed=run.seed)
pool.check_teacher(run, guide)
run

# %% [markdown]
# ## The pool
#
# Architectures are drawn with equal chances for every choice of the space. Each trained network is on
# record at once: a run that was stopped goes on where it stood.

# %%
networks = pool.train(run, workers=workers)
mature = predictors.mature_accuracy(networks, settings.mature_epochs)
table = networks[["state", "parameters", "multiply_adds", "seconds"]].to_dataframe()
table["mature accuracy"] = mature.to_series()
table.sort_values("mature accuracy", ascending=False).head()

# %%
best = networks.isel(network=int(mature.fillna(0).argmax("network")))
print("The best network of the pool; 0 is the image:\n")
print(spaces.describe(spaces.cnn_layers(space, json.loads(best.architecture.item()))))

# %% [markdown]
# ## Guidance
#
# For each teacher layer the best match over the network's layers, as a correlation of RDMs; TG is the mean
# of these. Everything is computed from the record, nothing is trained.

# %%
similarity = pool.compare(run, guide)
scores = predictors.scores(networks, similarity, run.alpha)
curves = predictors.curves(scores, mature, resamples=settings.resamples, seed=run.seed)

# %% [markdown]
# ## Prediction of mature accuracy (the paper's Figure 2)
#
# Left and middle: the pool at a premature state. Right: how well each score predicts mature accuracy, by
# the amount of training it was measured after. P is measured on the same validation images as mature
# accuracy, so that it approaches 1 by construction.

# %%
figure = plots.predictivity(scores, mature, curves, epoch=settings.premature_epochs)
plots.save(figure, run.folder, "01_predictivity");

# %% [markdown]
# ## The weight of guidance (the paper's Figure 4)
#
# What P + alpha TG gains over P, paired over networks: above 0, guidance helps.

# %%
alphas = np.array([0.2, 0.5, 1, 2, 5])
sweep = predictors.alpha_sweep(scores, mature, alphas, resamples=settings.resamples, seed=run.seed)
plots.save(plots.alpha_effect(sweep), run.folder, "01_alpha");

# %% [markdown]
# ## In numbers

# %%
early = scores.sel(epoch=settings.premature_epochs)
p, combined = early.sel(predictor="P"), early.sel(predictor=predictors.COMBINED)
gain = statistics.difference(combined, p, mature, resamples=settings.resamples, seed=run.seed)
print(f"After {settings.premature_epochs:g} epochs, {dataset}, teacher {guide.name}, {level} level:")
print(f"r(P + {run.alpha:g} TG) - r(P) = {gain}. {predictors.verdict(gain)}")
curves.sel(epoch=settings.premature_epochs, drop=True).to_dataframe().round(2)

# %%
results = networks.assign(similarity=similarity, score=scores, mature_accuracy=mature.drop_vars("epoch"))
paths.save_table(results, run.folder / "01_pool.nc")
paths.save_table(curves, run.folder / "01_summary.nc")
cost = int(networks.examples.isel(epoch=-1).sum()), int(networks.images_shown.sum())
print(f"{cost[0]:,} training examples processed, {cost[1]:,} images shown to measure accuracy and RDMs")
print(json.dumps(json.loads(networks.attrs["provenance"]), indent=1))
