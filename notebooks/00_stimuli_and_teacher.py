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
# # Images and teacher
#
# A search that is guided by a teacher needs three things, and this notebook makes them: images, a
# network that has learnt to tell them apart, and that network's *representational dissimilarity
# matrices* (RDMs). An RDM says for every pair of stimuli how differently the network responds to
# the two.
#
# Takes less than a minute on two recent cores. Needs no other notebook; next is
# `01_predictivity`, which uses this teacher.
#
# The next cell holds the parameters. Change them there, or from outside:
# `papermill notebooks/00_stimuli_and_teacher.ipynb figures/out.ipynb -p dataset cifar100`.
#
# The committed outputs are those of the published run. Its parameters are in the first table below;
# the defaults are for a laptop.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, or your own in data/raw
seed = 0  # of initial weights, data order and the drawn units

# %%
import pandas as pd

from sage import plots, teachers
from sage.analysis import summaries
from sage.config import provenance
from sage.config.run import Run
from sage.experiments.checks import check_run
from sage.experiments.results import Results
from sage.images import categories
from sage.teachers import pixel_baseline

run = Run.of(globals())
check_run(run)
run

# %% [markdown]
# ## The verdict
#
# The teacher is a residual network of 6n + 2 layers, trained with the recipe of He et al. (2016),
# scaled to the profile's budget. It is saved after every epoch: a training that was stopped goes on
# from there.

# %%
images = teachers.load_images(run)
model, curve = teachers.train_network("resnet", run)
chance = 1 / len(images.classes)
pixels = pixel_baseline.accuracy(images.train, images.validation)
reached, examples = float(curve.accuracy[-1]), int(curve.examples[-1])
teacher_name = curve.attrs["teacher"]
verdict = f"{teacher_name}: validation accuracy {reached:.1%} after {examples:,} examples;\n"
verdict += f"a linear classifier on pixels reaches {pixels:.1%}, chance is {chance:.1%}.\n"
verdict += summaries.precision(len(images.validation))
told = {"verdict": verdict, "chance": chance, "linear": pixels}
results = Results(run, {"00_images": images, "00_teacher": curve.assign_attrs(told)})
results.save("00_teacher")
print(verdict)

# %% [markdown]
# ## The images of this run
#
# A tenth of the training images is held out for validation, as in the paper; data set `objects` has
# validation images of its own. The test images are not touched here.

# %% tags=["table"]
counts = {part: len(getattr(images, part)) for part in ("train", "validation", "test")}
size = images.train.images.shape[-1]
counts |= {"classes": len(images.classes), "categories": len(set(categories.of(images.classes)))}
pd.DataFrame(counts, index=[f"{images.name}, {size} x {size} pixels"])

# %% [markdown]
# These are training images at the size that networks get. When a run is published, pictures of any
# other data set than `objects` stay behind, as they are not ours.
#
# Data set `objects` needs no download. It has 32 solid objects of 8 categories, drawn by ray
# casting, like those of the recordings from macaque visual cortex that the paper used. Every object
# stands on the left in its best-known view. Networks get random views, positions, sizes and light
# on faint backgrounds. A classifier of pixels does badly here; a network that generalises over
# views does well, and small ones learn it in a minute.

# %%
plots.draw(results, "00_images")

# %% [markdown]
# ## The teacher learns
#
# Accuracy on validation images, and loss in training.

# %%
plots.draw(results, "00_teacher")

# %% [markdown]
# ## The teacher's dissimilarity matrices
#
# There is one RDM for the end of each of the three stages L1 to L3. Each entry is 1 - r between the
# responses of randomly drawn units to two stimuli: above the mean responses to two classes, below
# the responses to two images. Colours are percentiles within each RDM.
#
# Stimuli of one category stand together. Where blocks of low dissimilarity appear along the
# diagonal, the layer represents that category as one kind of thing.

# %%
guide = teachers.load_teacher(run)
made = {"provenance": curve.attrs["provenance"], "training_examples": float(examples)}
made["multiply_adds"] = teachers.training_multiply_adds(run) / examples
guide.save(run.folder / "00_teacher_rdms.nc", **made)
results["00_teacher_rdms"] = guide.bank()
results["00_categories"] = teachers.load_stimuli(run).categories
plots.draw(results, "00_rdms")

# %%
print(provenance.line(curve.attrs["provenance"]))
