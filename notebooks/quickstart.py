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
# # Five minutes with a teacher
#
# An architecture search trains many networks a little, and keeps those that look good. The usual
# look is at their accuracy P. Here a *teacher*, a network that was trained well, looks too: does a
# network represent images as the teacher does?
#
# After one epoch of training the two together, P + TG, tell how good each of 120 networks will be
# after twenty: Pearson's r is 0.81, where P alone has 0.70. By ranks the gain is smaller, and
# undecided with so few networks. How much of it is owed to what the teacher knows is undecided too:
# controls are below. How sure it is, and what else would do as well, stands in the notebooks that
# follow.
#
# Nothing is trained here, and no images are needed. It takes half a minute. Next is
# `01_predictivity`, which trains networks of your own, or `06_controls` with these ones.

# %% tags=["parameters"]
teacher = "cifar100-teachers/resnet-12-epochs_rdms.nc"  # in data/results, or a file of your own
alpha = 1.0  # weight of TG in P + alpha TG

# %%
from sage import plots
from sage.config.run import StoredRun
from sage.experiments.checks import check_run
from sage.experiments.results import Results

run = StoredRun.of(globals())
check_run(run)
run

# %% [markdown]
# ## What a network sees: RDMs
#
# Show a network pictures of a hundred classes. A *representational dissimilarity matrix* (RDM) says
# for every two classes how differently it responds to them: 1 - r of the two responses. Dark is
# alike. Classes of one category stand together.
#
# Left, the teacher. Beside it the network that is most like it after one epoch, and the one that
# is least like it. Both know little yet, but the first has begun to see what the teacher sees.

# %%
results = Results(run)
plots.draw(results, "quickstart_rdms")

# %% [markdown]
# ## What that is worth: a score
#
# TG, teacher guidance, is the correlation of a network's RDMs with the teacher's: for each teacher
# layer that of the layer that matches best, then the mean. Its weight is alpha.
#
# These are the five networks with the highest score after one epoch. The last column is what they
# became after twenty.

# %% tags=["table"]
judged = results["quickstart_judged"]
judged.table(epoch=1).head().style.format("{:.3f}")

# %% [markdown]
# ## Does it tell who will be good?
#
# A score is good if the networks that it ranks high are good in the end. So here is the correlation
# of each score with mature accuracy, with its 95 % interval over networks.
#
# The last two are controls. A teacher whose classes were shuffled knows nothing: what it reaches is
# not owed to the teacher. TG before training has the trained teacher, but networks that have learnt
# nothing yet: what it reaches is not owed to their training.
#
# Numbers are of a second training of these networks, made to keep their RDMs, and differ by 0.01
# from those of docs/results.md.

# %% tags=["table"]
judged.correlations((1, 2, 5), results.bootstrap)

# %% [markdown]
# ## Choose alpha yourself
#
# In JupyterLab the sliders redraw the figure at once. Circles are networks of depth below 3. Which
# weight would you take, and would you have taken it before you saw the result? In `01_predictivity`
# it is chosen on other networks than those that are judged.

# %%
options = {"layers": run.settings.layers, "alpha": run.alpha, "epoch": 1}
plots.explore(judged, results.bootstrap, **options)

# %% [markdown]
# ## Put in a teacher of your own
#
# RDMs have to be of what these networks were shown: the class means of CIFAR-100's validation
# images at 16 x 16 pixels, in the order of the classes' names. Any network, at any age, can be
# measured on them. Run this notebook with its file:
#
# `./run_all.sh --notebook quickstart -p teacher mine.nc`
#
# `docs/teachers.md` says how such a file is written. Others are there to try, such as
# `-p teacher cifar100-teachers/nasnet-a_rdms.nc`.
