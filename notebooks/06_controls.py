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
# Nothing is trained here: the RDMs of 120 published networks are part of the checkout. It takes a
# minute or two. A teacher of your own judges the same networks with `-p teacher mine.nc`, a bank of
# class RDMs of CIFAR-100's validation images (`notebooks/00_stimuli_and_teacher.ipynb` writes one).
#
# What is computed and how it is judged was written down before:
# `docs/plans/controls-of-guidance.md`.

# %% tags=["parameters"]
teacher = "cifar100-teachers/resnet-12-epochs_rdms.nc"  # in data/results, or a file of your own
banks = "cifar100-pool/seed-0/01_rdms.nc cifar100-pool/seed-1/01_rdms.nc cifar100-pool/01_rdms.nc"
untrained = "cifar100-teachers/resnet-untrained_rdms.nc"  # teachers with initial weights

# %%
from sage import plots
from sage.analysis import draws
from sage.analysis.bootstrap import Bootstrap
from sage.config.run import StoredRun
from sage.experiments import controls
from sage.experiments.asked import check_run

# %%
run = StoredRun.of(globals())
check_run(run)
run

# %% [markdown]
# ## The networks
#
# Three random pools of the 10-layer space, trained again to 5 of their 20 epochs, so that their
# RDMs could be kept. Their mature accuracy is the published one.

# %%
stored = controls.load_stored(run)
stored.networks.mature.to_series().describe().round(3).to_frame()

# %% [markdown]
# ## Controls
#
# The score is P + a TG, its weight chosen on other networks. Each dot is one draw of a control.
# Deep networks have more layers to find a best match in, so that networks of depth 3 or more are
# shown by themselves.

# %%
bootstrap, epochs = Bootstrap(run.settings.resamples, run.seed), (1, 2)
sets = {"all networks": stored, "depth 3 or more": stored.at_least(3)}
against = {
    name: draws.against_draws(one.networks.accuracy, one.guided, one.networks.mature, bootstrap)
    for name, one in sets.items()
}
plots.save(plots.controls(against, epochs), run.folder, "06_controls")

# %% [markdown]
# In numbers: the difference to the mean of a control's draws, with the 95 % interval over networks,
# and how many draws do as well as the teacher.

# %%
print(draws.summary(against, epochs))

# %% [markdown]
# ## Networks as teachers
#
# Each network after 5 epochs is the teacher of all others. Where the others' TG tells their mature
# accuracy, it teaches well.

# %%
mature = stored.networks.mature
taught = draws.teaching(stored.guided.peer, mature, bootstrap)
plots.save(plots.teaching(taught, mature, epochs), run.folder, "06_teaching")
verdict = draws.told_of_teaching(taught, epochs)
print(verdict)

# %%
told = [draws.summary({name: table}, epochs) for name, table in against.items()]
run.save_table(against["all networks"].assign_attrs(verdict=told[0]), "06_controls")
run.save_table(against["depth 3 or more"].assign_attrs(verdict=told[1]), "06_controls_deep")
run.save_table(taught.assign_attrs(verdict=verdict), "06_teaching").name
