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
# What the published run found: after 1 epoch TG adds a little to accuracy and size, and P + alpha
# TG predicts better than P. After 2 epochs, as here, both are undecided, and to all that is free TG
# adds less than matters. After neither was P + alpha TG shown to predict better than P with a score
# such as naswot, which needs no training. Other pools may say otherwise.
#
# The claim is put to the test on networks that are trained to their mature state. Accuracy and
# representations are measured on the way, and compared with everything else that is known as early:
# loss, training speed, size, zero-cost proxies, and controls.
#
# Representations stay on record, so that another teacher or another alpha re-scores the pool in
# seconds:
# `papermill notebooks/01_predictivity.ipynb figures/out.ipynb -p alpha 2 -p teacher pixels`.
#
# Takes three minutes on two recent cores with the default parameters. Builds on the images and the
# teacher of `00_stimuli_and_teacher`, which it makes where they are not there yet; next is
# `02_cnn_search`.
#
# The committed outputs are those of the published run. Its parameters are in the first table below.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
teacher = "resnet"  # or nasnet-a, a control, another network: see docs/teachers.md
level = "class"  # RDMs over class means ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
pools = ""  # published pools of other seeds and the same teacher to add, with spaces between
layers = 0  # deepest network of the space; 0: the profile's
seed = 0  # of architectures, initial weights, data order and the drawn units
workers = "auto"  # or a number of processes, 0 (this one), slurm:JOBS, a Dask scheduler

# %%
import json

import numpy as np

from sage import plots, spaces
from sage.analysis import contrasts, predictivity, published_pools, summaries
from sage.analysis.predictors import CHOSEN, COMBINED, display_name
from sage.config import provenance
from sage.config.run import PoolRun
from sage.experiments import pool
from sage.experiments.checks import check_run
from sage.experiments.results import Results

# %%
run = PoolRun.of(globals())
check_run(run, workers=workers)
run

# %% [markdown]
# ## The verdict
#
# A trained network is on record at once: a run that was stopped goes on where it stood. Where the
# run's own pool is among published ones that it names in `pools`, everything is read from there.
#
# The claim is that P + alpha TG, its alpha chosen on other networks, predicts mature accuracy
# better than P, and better than P with TG of each of three controls, its alpha chosen in the same
# way: before training, of an untrained teacher, and of a shuffled one. Other rows of the table
# below say more, and the verdict does not take them.

# %%
results = Results(run, {"01_pools": pool.load_pools(run, workers=workers)})
pools, analysed = results["01_pools"], results["01_analysed"]
random, searched = (analysed.get(one) for one in (published_pools.RANDOM, published_pools.SEARCHED))
epoch = run.settings.premature_epochs
print(results.verdict("01_summary"))

# %% [markdown]
# Differences of r with mature accuracy, by pool. What excludes 0 is bold. A difference is called
# better or worse where its interval is on one side of 0, whatever the bootstrap's seed, that of the
# pools as random effects is too, and its value is 0.02 or more; alike where the interval is within
# 0.02 of 0. All others are undecided.
#
# Intervals are over networks. They take the networks of the searches by P as independent, which
# they are not: a search chose them together. And they do not choose alpha, or fit regressions,
# again.

# %% tags=["table"]
contrasts.styled(summaries.headlines(analysed, epoch=epoch))

# %% [markdown]
# ## Prediction of mature accuracy (the paper's Figure 2)
#
# How well each score predicts mature accuracy, by the amount of training it was measured after (A,
# B), with bands for 95 % intervals over networks; dashed, TG of single teacher layers. Below, the
# networks at the premature epoch, by P (C) and by P plus TG times the run's alpha (D).
#
# P is measured on the same validation images as mature accuracy, so that its r approaches 1 by
# construction.

# %%
plots.draw(results, "01_predictivity")

# %% [markdown]
# ## The pool
#
# Architectures are drawn with equal chances for every choice of the space. Some networks are
# trained once more with another seed, to see how far two trainings agree. A second pool is made the
# paper's way, by searches that are guided by accuracy.
#
# For each teacher layer the best match over the network's layers is taken, as a correlation of
# RDMs. TG is the mean of these. Beside it stand other descriptions of the same teacher: layers in
# order, single images, rank correlation, CKA and SVCCA. And controls: TG before training, the
# teacher with shuffled stimuli, labels, pixels, and an untrained network.

# %%
own = pools.own
listed = own[["state", "parameters", "multiply_adds", "depth", "seconds"]].to_dataframe()
mature = predictivity.mature_accuracy(own, run.settings.mature_epochs).to_series()
listed["mature accuracy"] = mature
listed.sort_values("mature accuracy", ascending=False).head()

# %%
best = json.loads(own.architecture.sel(network=mature.idxmax()).item())
print("The best network of the pool; 0 is the image:\n")
print(spaces.describe(spaces.cnn_layers(spaces.cnn(run.settings.layers), tuple(best))))

# %% [markdown]
# ## What does TG add, given all that is free?
#
# A regression predicts mature accuracy from what is known without a teacher: P and size, or more of
# what is free (loss, training speed, depth, zero-cost proxies). Another one is given TG too, or one
# of its controls. Each is fitted on other networks than those that it predicts. Shown is by how
# much r with mature accuracy rises.
#
# Deep networks have more layers to find a best match in, and shallow ones are easy to tell by their
# size. So everything is shown of all networks, and of those of depth 3 or more, as far as there are
# networks enough for a regression.

# %%
plots.draw(results, "01_added")

# %% [markdown]
# In words, with what else the contrasts say.

# %%
print(f"{run.dataset}, teacher {own.similarity.attrs['teacher']}, {run.level} level")
print(summaries.summaries(results["01_random"], epoch=epoch))

# %% [markdown]
# The same after other amounts of training.

# %%
contrasts.styled(contrasts.table(random.compared, "P and size + TG"))

# %%
contrasts.styled(contrasts.table(random.compared, "all that is free + TG"))

# %% [markdown]
# ## The weight of guidance (the paper's Figure 4)
#
# What P + alpha TG gains over P, with 95 % intervals paired over networks: above 0, guidance helps.
# The best of several alphas looks better than it is.
#
# So in the last panel, and wherever an alpha is not named, it is chosen on other networks than
# those that are judged. The same holds for its rivals: controls, loss, training speed, size,
# zero-cost proxies. P + alpha P shows what choosing costs. The table has the mean weights.

# %% tags=["table"]
plots.draw(results, "01_alpha")
weights = random.weights.to_pandas().rename(display_name, axis="index")
weights.map("{:.2g}".format, na_action="ignore")

# %% [markdown]
# ## The teacher and its controls (the paper's Figure 5)
#
# Where an untrained or a shuffled teacher does as well, it is not the teacher's knowledge that
# predicts. Where TG before training does as well, it is not what the candidates have learnt. Bands
# are 95 % intervals over networks.
#
# The paper compares two teachers. For the second, run this notebook with `-p teacher nasnet-a`.

# %%
plots.draw(results, "01_teachers")

# %% [markdown]
# ## Rivals
#
# All predictors at the premature epoch by group, the best first: r (A), and by how much it exceeds
# that of P (B), with 95 % intervals over networks.
#
# Two trainings of a network agree by less than 1. The ceiling is the root of their agreement: what
# to expect of a perfect predictor of a network's expected accuracy. It bounds no predictor that
# sees the very training it predicts, as P does.
#
# Zero-cost proxies are taken by rank. CKA, SVCCA and labels are of single images: compare them with
# `TG of single images`.

# %%
plots.draw(results, "01_rivals")

# %% [markdown]
# What predictors cost, in multiply-adds: an example costs a teacher more than a candidate. A pass
# forward is counted for every example, trained on or shown; a training pass takes about three times
# as much, of teachers and candidates alike. Images that are shown to measure are counted too.
#
# Shown are P and P + alpha TG, with bands for 95 % intervals, and the best predictor of each family
# in the mean over epochs, which favours it a little. Triangles add the teacher's training, shared
# by all networks. The mature networks on which alpha was chosen are not counted.

# %%
plots.draw(results, "01_cost")

# %% [markdown]
# Guidance directly against its rivals, by epoch: r of guidance minus r of the other, with the 95 %
# interval over networks. Each interval holds for itself: of twenty equal rivals one seems better or
# worse.

# %%
contrasts.styled(contrasts.table(random.compared, CHOSEN))

# %%
contrasts.styled(contrasts.table(random.compared, COMBINED))

# %%
contrasts.styled(contrasts.table(random.compared, "TG"))

# %% [markdown]
# ## What it is worth to a search
#
# Every pool holds random searches: draw 10, 20, 50 or 100 of its networks, take the first by a
# score, or the best of the top five. The mean over all such searches is computed, and its 95 %
# interval over networks. Searches with TG pay for the teacher too. A line has a point for each
# number of candidates.
#
# Where the top five by P are as good as any, guidance has nothing left to gain.

# %%
plots.draw(results, "01_search")

# %% [markdown]
# ## Other pools
#
# The paper's pool held the best five networks at checkpoints of searches guided by accuracy. Here a
# search by reinforcement learning and one by TPE were guided by P at the premature epoch. After
# each tenth of their candidates the best five so far were trained to maturity.
#
# Such a selection narrows the range of accuracies, and with it every correlation. That of P suffers
# most, as P chose the networks: a gain over P says less there.
#
# With few candidates these searches hardly learn. TPE starts with random ones, and reinforcement
# learning updates its policy after every fifth.
#
# Published pools that were added (parameter `pools`) are shown by themselves too: what holds should
# hold in each.

# %%
found = own.isel(network=[]) if pools.searched is None else pools.searched
shared, count = np.isin(found.hash, own.hash).sum(), len(found.network)
print(f"{shared} of the {count} networks that the searches found are", end=" ")
print("in this run's random pool too.")
plots.draw(results, "01_pools")

# %%
searched and contrasts.styled(contrasts.table(searched.compared, CHOSEN))

# %% [markdown]
# ## By hand
#
# In JupyterLab the controls redraw the figure at once, from the stored pool. Circles are networks
# of depth below 3. Left P, right what the controls ask for. The architecture of a network shows
# under the mouse.

# %%
options = {"layers": run.settings.layers, "alpha": run.alpha, "epoch": epoch}
plots.explore(random, results.bootstrap, **options)

# %% [markdown]
# ## In numbers

# %%
print(summaries.precision(int(own.images_shown.max())))

# %% [markdown]
# Each statistic and its interval. The top-5 regret is the accuracy that is lost by taking the best
# of the first five instead of the best of all: less is better. `partial` is r given P, log
# parameters and depth.

# %%
contrasts.styled(summaries.statistics(random, epoch=epoch))

# %% [markdown]
# ## Costs
#
# Examples that were processed. The two searches of the second pool and the second seeds come on
# top.
#
# The losses of every step stay in the record: with the paper's 300 epochs they would make the saved
# pool 50 MB larger.

# %% tags=["table"]
run.save_table(own, "01_pool")
if pools.searched is not None:
    run.save_table(found, "01_found")
results.save("01_summary")
print("Besides what the table has, each of the two searches trained", end=" ")
print(f"{run.settings.searched} candidates for {epoch:g} epochs,")
print(f"and {run.settings.reseeded} networks were trained once more.")
costs = summaries.costs({"random": own, "found by searches": found}, teacher=pools.taught)
rounded = costs.style.format("{:,.4g}", na_rep="unknown")
rounded.format("{:,.0f}", na_rep="unknown", subset=list(costs)[:3])

# %% [markdown]
# ## Made by

# %%
print(provenance.line(own.attrs["provenance"]))
