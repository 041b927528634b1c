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
# # Does guidance find better networks for the same cost?
#
# The paper's second claim: after little training, a search that scores candidates by P + alpha TG
# finds networks as good as one that scores them by accuracy P after ten times as much.
#
# What the published run found: with a tenth of the training guided searches find worse networks.
# Against accuracy after as little training it is undecided whether guidance helps.
#
# Each searcher searches the space of convolutional networks by each score, with few and with many
# epochs per candidate, several times over. At checkpoints the best candidates by the search's own
# score are trained to maturity. The best of these is what the search has found so far. With
# `-p space nasbench201` they search the space of that benchmark.
#
# With `-p teacher best-so-far` no teacher is given: the best candidate so far by the search's own
# score becomes the teacher of the next, again and again, and the first are scored by P alone.
#
# Comparisons share what they can. The first candidates of TPE are those of random search with the
# same seed, and an architecture that was trained before with the same seed and epochs is looked up.
#
# Takes two minutes on two recent cores with the default parameters; each of the six repetitions of
# the published run took two hours and a half. Builds on the images and the teacher of
# `00_stimuli_and_teacher`, which it makes where they are not there yet; next is `03_cell_search`.
#
# The committed outputs are those of the published run. Its parameters are in the first table below;
# the defaults are for a laptop.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu, paper, or day
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
teacher = "resnet"  # or nasnet-a, a control, another network, recordings: see docs/teachers.md
level = "class"  # RDMs over class means ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
seed = 0  # of the first repetition; the others count on from it
space = "cnn"  # or nasbench201
searchers = "random reinforce tpe"  # and evolution: which, with spaces between
scores = "P P+TG"  # which; P+0.2TG has its own weight, P@2.5 its own epochs
epochs = ""  # of premature training, a search for each, such as "2 20"; empty: the profile's
layers = 0  # deepest network of the space; 0: the profile's
samples = 0  # candidates of a search; 0: the profile's
runs = 0  # repetitions of each search; 0: the profile's
workers = "auto"  # or a number of processes, 0 (this one), slurm:JOBS, a Dask scheduler

# %%
from sage import models, plots, teachers
from sage.analysis import contrasts, search_tables
from sage.config import provenance
from sage.config.run import SearchRun
from sage.experiments.checks import check_run
from sage.experiments.comparison import Comparison
from sage.experiments.results import Results

run = SearchRun.of(globals())
check_run(run, workers=workers)
guide = teachers.load_teacher(run)
searches = Comparison(run, guide)
run

# %% [markdown]
# ## The verdict
#
# Every candidate is on record at once: a run that was stopped goes on where it stood.
# `python -m sage watch` in another terminal shows how far it is.

# %%
table = searches.train(workers=workers)
results = Results(run, {"02_searches": table})
results.save("02_searches")
print(results.verdict("02_searches"), search_tables.counts(table), sep="\n")

# %% [markdown]
# ## What they find for their cost (the paper's Figure 3)
#
# Small dots are runs, large ones their mean, with 95 % intervals from five runs on; hollow ones are
# of few epochs. Cost is the training of candidates: that to maturity only measures here. Scores of
# the same cost stand side by side. The dashed grey line is the mean of random architectures that
# were not selected at all.
#
# With some ten candidates a search, as with the default parameters, searchers have hardly begun to
# learn. Lines then differ by the score that chose among the candidates, rather than by the searcher
# that proposed them. Those of the published run have a single point, after 100 candidates.

# %%
plots.draw(results, "02_searches")

# %% [markdown]
# ## Guidance against other scores
#
# What guidance after little training finds, minus what another score finds in the same run by the
# same searcher. The verdict goes by the mean over searchers, in black. In the grey band a
# difference is too small to matter.

# %%
plots.draw(results, "02_differences")

# %% [markdown]
# The same in points, with 95 % intervals from five runs on. Behind the verdict stand the test
# accuracy of what was found, and the mean of all finalists, in which the luck of the best plays no
# part. Where finalists were trained twice, so do what the second training alone says, whose luck no
# score can know, and the mean of both. What excludes 0 is bold.

# %% tags=["table"]
contrasts.styled(search_tables.compared(table))

# %% [markdown]
# ## In numbers (the paper's Table 1)
#
# Errors at the last checkpoint in percent and gains in points: means over runs, with 95 % intervals
# from five runs on. A gain compares searches of the same run and epochs: over P by the same
# searcher, over random search by the same score.
#
# The test images were used for the column of test errors, and at the end of this notebook: nothing
# was chosen by them.

# %% tags=["table"]
results.save("02_summary")
search_tables.styled(search_tables.summary(table))

# %% [markdown]
# ## Costs
#
# In examples, as in the paper: M1 candidates with E1 examples each, M2 trained to maturity with E2.
#
# Beside it stands what that leaves out: images shown to measure accuracy and RDMs, a forward pass
# each; the teacher's own training; and the choice of alpha. That cost nothing where alpha is the
# paper's, and is unknown where it is not.

# %% tags=["table"]
spent = teachers.training_examples(run)
costs = search_tables.costs(table, teacher_examples=spent)
search_tables.styled(costs, unknown="unknown")

# %%
print(provenance.line(table.attrs["provenance"]))

# %% [markdown]
# ## The best network of all
#
# The record holds no weights, so it is trained once more with its seed: on the same machine it
# becomes the same network. The file has weights, classes and preprocessing, and no code.

# %%
best = searches.train_best(table, workers=workers)
path = models.save(best, run.folder / "02_best.pt")
told = "found by {searcher} with {score}, validation accuracy {accuracy:.1%}; {reads}:"
print(told.format(**best.about, reads=searches.protocol.networks.reads))
print(best.about["architecture"], f"saved as {path}", sep="\n\n")

# %% [markdown]
# Loaded again, it classifies test images. `models.load` needs nothing but the file.

# %%
shown, network = searches.protocol.load_images().test.first(8), models.load(path)
network.predict(shown.images).assign(shown=[network.classes[label] for label in shown.labels])
