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
# # Guidance judged by accuracies that others published
#
# NAS-Bench-201 lists what each of its architectures reaches after 200 epochs on CIFAR-100, trained
# by its authors (Dong and Yang 2020). Here a hundred of them were trained for two epochs, at the
# paper's image size and on its number of images. Which score tells early what the authors found?
#
# What the published run found: after two epochs guidance was not shown to tell anything that
# accuracy and size do not. P with NAS without training (naswot), which costs one batch, tells more
# than P with guidance. After a quarter of an epoch P misleads, as shallow networks learn fastest at
# first, and guidance is at 0. Up to one epoch the number of parameters tells more than both.
#
# After eight epochs, with fifty of the networks, guidance was not shown to add anything either.
# Training speed, which is free, has the highest r then.
#
# Guidance by macaque IT, of 92 objects, does tell more, in a planned test on a hundred further
# networks: it adds to P and size after half an epoch. Beside naswot that was not shown.
#
# Nothing is trained in this notebook: the networks' RDMs are part of the checkout. Takes 45 seconds
# on two recent cores. A teacher of your own judges the same networks with `-p teacher mine.nc`, a
# bank of class RDMs of CIFAR-100's validation images at 32 x 32 pixels. Builds on no other
# notebook; next is `06_controls`.
#
# What was measured and how it is judged was written down before the first network was trained:
# `docs/plans/nasbench201.md`.

# %% tags=["parameters"]
teacher = "nasbench201/05_teacher.nc"  # in data/results, or a file of your own
banks = "nasbench201/05_pool.nc"
untrained = "nasbench201/05_untrained.nc"  # teachers with initial weights
longer = "nasbench201/05_longer.nc"  # the first of banks, after more training
ladder = "nasbench201/05_ladder.nc"  # checkpoints of a teacher, from untrained to the end
# Further teachers, with spaces between.
others = "cifar100-teachers/resnet-56-gpu_rdms.nc nasbench201/nasnet-a_rdms.nc"
second_pool = "nasbench201/05_second_pool.nc"  # other networks, which were shown 92 objects

# %%
from sage import plots
from sage.analysis import contrasts, draws, planned
from sage.config import provenance
from sage.config.run import BenchmarkRun
from sage.experiments.checks import check_run
from sage.experiments.results import Results

# %%
run = BenchmarkRun.of(globals())
check_run(run)
run

# %% [markdown]
# ## The verdict
#
# Four comparisons were chosen beforehand, after 2 epochs of training, the paper's own budget. A
# regression predicts the published accuracy from what is known early, fitted on other networks than
# those that it predicts.

# %%
results = Results(run)
print(results.verdict("05_summary"))

# %% [markdown]
# The same after other amounts of training, for the better half of the networks, and with the
# accuracies that the same architectures reach on other data sets. These are not corrected.

# %% tags=["table"]
contrasts.styled(planned.table(results["05_summary"]))

# %% [markdown]
# ## Which score tells early?
#
# The correlation of each score with the published accuracy, which figures call mature, by the
# amount of training it took (A, B), and the networks after two epochs (C, D). Bands are 95 %
# intervals, dashed lines TG of a single layer of the teacher, and depth is the number of
# convolutions on a cell's longest path. Networks below 20 % after the authors' 200 epochs are left
# out, as any score tells them; here there are none.

# %%
plots.draw(results, "05_predictivity")

# %% [markdown]
# All scores after two epochs by group, the best first: r (A), and by how much it exceeds that of P
# (B). TSE, training speed, is the sum of the losses so far. P + alpha P adds nothing, so that it
# shows what choosing alpha costs.

# %%
plots.draw(results, "05_rivals")

# %% [markdown]
# What guidance and its controls add to P and size, and to all that is free: loss, training speed,
# depth and zero-cost proxies. The green band is the 95 % interval of + TG; the other lines have
# none here. In the grey band a difference is too small to matter.

# %%
plots.draw(results, "05_added")

# %% [markdown]
# ## And after more training?
#
# The first 50 of these networks were trained for 8 epochs, four times the paper's budget: how well
# scores tell the published accuracy by amount of training (A, B), and P and P + TG after 8 epochs
# (C, D).

# %%
plots.draw(results, "05_longer")

# %% [markdown]
# The planned comparisons among these 50, not corrected.

# %% tags=["table"]
contrasts.styled(planned.table(results["05_longer_summary"]))

# %% [markdown]
# ## Is it the teacher's knowledge?
#
# The teacher against a hundred permutations of its own classes, ten networks with initial weights,
# and its own guidance of candidates before their training.

# %%
plots.draw(results, "05_controls")
print(results.verdict("05_controls"))

# %% [markdown]
# ## What must a teacher know?
#
# The teacher was kept after every epoch of its own training. Each of these checkpoints guides.

# %%
plots.draw(results, "05_ladder")

# %% [markdown]
# ## Other teachers, and the brain
#
# Two other networks, and recordings of V4 and IT (Cowley et al. 2023; Kriegeskorte et al. 2008),
# whose stimuli each candidate was shown too. Of each a hundred permutations teach as well: how many
# of them tell as much? These comparisons are secondary, and the permutations were added later.

# %% tags=["table"]
contrasts.styled(draws.teachers_table(results["05_others"], (0.5, 1, 2)))

# %% [markdown]
# ## A test on other networks: guidance by 92 objects
#
# Macaque IT stood out in the table above, after half an epoch. Looked at afterwards, so did the
# last layer of our teacher after one epoch, if it is shown the 92 objects that IT was shown,
# instead of images of the kind that it is trained on. What is found by looking needs a test. So a
# hundred further networks were trained, for six comparisons that were planned beforehand
# (`docs/plans/guidance-by-objects.md`). Of this notebook's parameters only the last concerns them.
#
# How well each score tells the published accuracy after half an epoch (A) and one (B), and the
# planned comparisons (C), with 95 % intervals over networks. Where it says objects, the teacher was
# shown the 92 objects, as IT was; elsewhere the classes of the validation images.

# %%
plots.draw(results, "05_objects")
print(results.verdict("05_objects"))

# %% [markdown]
# The same comparisons after both amounts of training; p is of the one at which each was to be
# judged.

# %% tags=["table"]
contrasts.styled(planned.objects_table(results["05_objects"]))

# %% [markdown]
# ## What it is worth to a search
#
# Random searches over these networks: draw some, take the first by a score, or the best of the top
# five. The mean over all such searches is computed, and its interval over networks. A score with
# TG pays for the teacher's training too. The points of a line are searches of 10, 20 and 50
# candidates.

# %%
plots.draw(results, "05_search")

# %% [markdown]
# ## In numbers

# %%
results.save("05_summary")
results.save("05_assessed")
results.save("05_longer_summary")
results.save("05_longer_assessed")
results.save("05_controls")
results.save("05_rungs")
results.save("05_others")
results.save("05_objects")
results.save("05_objects_assessed")
print(provenance.line(results["05_stored"].table.attrs["provenance"]))
