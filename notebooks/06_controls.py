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
# # Is it the teacher's knowledge that predicts?
#
# Guidance by a trained network predicts which network will be good. Would any teacher do as well?
# Here the teacher is set against a hundred permutations of itself, ten untrained networks, and TG
# before training. Then every network teaches all others: do better networks teach better?
#
# Nothing is trained: the RDMs of 120 published networks are part of the checkout. A teacher of your
# own judges the same networks with `-p teacher mine.nc`, a bank of class RDMs of CIFAR-100's
# validation images at 16 x 16 pixels (`docs/teachers.md` says how to make one).
#
# Takes 90 seconds on two recent cores. Builds on the published pools of `01_predictivity`; next
# is `07_searches`.
#
# What is computed and how it is judged was written down before:
# `docs/plans/controls-of-guidance.md`.

# %% tags=["parameters"]
teacher = "cifar100-teachers/resnet-12-epochs_rdms.nc"  # in data/results, or a file of your own
banks = "cifar100-pool/seed-0/01_rdms.nc cifar100-pool/seed-1/01_rdms.nc cifar100-pool/01_rdms.nc"
untrained = "cifar100-teachers/resnet-untrained_rdms.nc"  # teachers with initial weights

# %%
from sage import plots
from sage.analysis import contrasts, draws
from sage.config import provenance
from sage.config.run import StoredRun
from sage.experiments.checks import check_run
from sage.experiments.results import CONTROL_EPOCHS, Results

run = StoredRun.of(globals())
check_run(run)
run

# %% [markdown]
# ## The verdict
#
# The score is P + alpha TG, its alpha chosen on other networks: by the teacher, or with a control
# in the teacher's place. One is called better where the 95 % interval of the difference, over
# networks, excludes 0 by Pearson's and by Spearman's r. That is a simpler rule than that of
# `01_predictivity`, on the mean of many draws of a control.

# %%
results = Results(run)
against = results["06_against"]
print(draws.verdict(against, CONTROL_EPOCHS))
print(results.verdict("06_teaching"))

# %% [markdown]
# ## Controls
#
# Each dot is one draw of a control; dots pile up at P alone, where alpha = 0 was chosen. Deep
# networks have more layers to find a best match in, so those of depth 3 or more are shown by
# themselves.

# %%
plots.draw(results, "06_controls")

# %% [markdown]
# In numbers: r of P + alpha TG minus that with a control, in the mean of its draws, with the 95 %
# interval over networks, and how many draws do as well as the teacher. What excludes 0 is bold.

# %% tags=["table"]
contrasts.styled(draws.table(against, CONTROL_EPOCHS))

# %% [markdown]
# ## Networks as teachers
#
# Each network after 5 epochs is the teacher of all others. Where the others' TG tells their mature
# accuracy, it teaches well. Intervals are over teachers.

# %%
plots.draw(results, "06_teaching")

# %% [markdown]
# ## The networks
#
# Three random pools of the 10-layer space, trained again to 5 of their 20 epochs, so that their
# RDMs could be kept. Their mature accuracy is the published one.

# %%
networks = results["06_stored"].networks
networks.mature.to_series().describe().round(3).to_frame()

# %%
results.save("06_controls")
results.save("06_controls_deep")
results.save("06_teaching")
print(provenance.line(networks.attrs["provenance"]))
