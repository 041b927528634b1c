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
# # What would searches find, and what is a searcher worth?
#
# The paper's second claim: with a tenth of the training, a search by P + alpha TG finds networks as
# good as one by P does. Here searches are simulated, thousands of them, where the networks are
# trained already.
#
# What the published run found: after a quarter of an epoch guidance finds worse networks than P
# after two epochs, and whether it finds better ones than P after as little is undecided. Adding the
# number of parameters to P does find better ones, if the first is taken. On NAS-Bench-201 TPE and
# evolution are worth about a point more than random search after 100 candidates; accuracy after all
# the training as the score would bring less than half a point there.
#
# Nothing is trained, and no images are needed: all comes from published tables, in half a minute.
# What is computed and how it is judged was written down before: `docs/plans/searches.md`.

# %% tags=["parameters"]
pools = "cifar100-pool cifar100-pool-teacher24 cifar100-pool-nasnet"  # folders, a teacher each
searches = "nasbench201-searches/07_benchmark.nc"  # in data/results, or a file of your own
candidates = 50  # of the searches that are judged: 10, 20, 50 or 100
few = 0.25  # epochs of a candidate
many = "2 3"  # epochs of what it is compared with, with spaces between

# %%
from sage import plots
from sage.analysis import contrasts, search_claims
from sage.config import provenance
from sage.config.run import TablesRun
from sage.experiments.checks import check_run
from sage.experiments.results import BENCHMARK_CANDIDATES, Results

run = TablesRun.of(globals())
check_run(run)
results = Results(run)
run

# %% [markdown]
# ## The verdict
#
# The claim is supported if guidance finds better networks than P with as few epochs, and better or
# no different ones than P with many. It is refuted where guidance is worse than one of these. A
# difference of half a point matters: two trainings of one network differ by about as much.

# %%
results.save("07_pools")
print(results.verdict("07_pools"))

# %% [markdown]
# ## Searches in stored pools
#
# A random search draws some of a pool's networks and takes the first by a score, or the best of the
# top five. The mean over all such searches is computed. Each weight alpha was chosen on other
# networks. A guided search pays for its teacher too, unless there is one already.

# %%
plots.draw(results, "07_pools")

# %% [markdown]
# In points of mature accuracy, with the 95 % interval over networks, by the number of candidates.

# %% tags=["table"]
contrasts.styled(search_claims.differences(results["07_pools"]))

# %% [markdown]
# ## All scores, and all teachers
#
# By how much a search finds better networks than P does after as few epochs. Black lines: what more
# training of each candidate brings to P.

# %%
plots.draw(results, "07_scores")

# %% [markdown]
# The claim by every teacher.

# %%
print(search_claims.by_teacher(results["07_simulated"], candidates=run.candidates))

# %% [markdown]
# ## Searchers on NAS-Bench-201
#
# Every architecture of this space was trained by others. So each searcher can search hundreds of
# times, with their validation accuracy after 12 epochs as its score, or after 200. The second shows
# what accuracy after all the training would bring as the score. Bands are 95 % intervals of the
# mean over runs. Numbers of others are theirs: they spent other budgets.

# %%
results.save("07_benchmark")
plots.draw(results, "07_benchmark")

# %% tags=["table"]
search_claims.benchmark_table(results["07_benchmark"])

# %% [markdown]
# Differences after 100 candidates in points of test accuracy, paired by the seed of a search. One
# of 0.2 points matters.

# %% tags=["table"]
made = results["07_benchmark"]
search_claims.benchmark_contrasts(made, candidates=BENCHMARK_CANDIDATES).round(2)

# %% [markdown]
# ## Made by

# %%
print(provenance.line(made.attrs["provenance"]))
