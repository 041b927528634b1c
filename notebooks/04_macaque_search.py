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
# # Can recordings from visual cortex guide a search?
#
# The paper's section 4.4. The teacher is a brain: one RDM for each region that was recorded, of the
# images that the animal was shown.
#
# What the published run found: the search guided by recordings ends slightly ahead of the others,
# but three repetitions are too few to tell. Its candidates were not seen to resemble the brain more
# than theirs do, so that nothing shows that it is the brain which helps.
#
# Cells are searched as in `03_cell_search`, on larger images and without the first two reductions
# of ImageNet's network. The searches are guided by P, by P + alpha TG of the recordings, and by the
# same of recordings whose images have changed places: a teacher that knows nothing, at the same
# cost. The best by each search's own score are trained further, and the best of these fully.
#
# Without files of recordings they are simulated: spike counts of 296 sites in three regions, which
# are units of a trained network. Their names say so wherever they appear. The settings teacher,
# trials and stimuli in the first table are of simulated recordings alone.
#
# Takes two minutes on two recent cores with the default parameters. Builds on the images
# of `00_stimuli_and_teacher`, and on its teacher where recordings are simulated; it is the last one
# that trains networks.
#
# The committed outputs are those of the published run. Its parameters are in the first table below;
# the defaults are for a laptop.

# %% tags=["parameters"]
profile = "quick"  # sizes and budgets: smoke, quick, cpu, gpu or paper
dataset = "objects"  # objects, cifar10, cifar100, imagenet, or your own in data/raw
recordings = "simulated"  # or NetCDF files with spaces between, paths with spaces in quotes
regions = ""  # which of their regions, with commas between; empty: all
level = "class"  # RDMs over means of objects ("class") or over single images ("image")
alpha = 1.0  # weight of TG in P + alpha TG
seed = 0  # of searches, candidates, full trainings and simulated recordings
searchers = "tpe"  # of random, reinforce, tpe and evolution, spaces between
scores = "P P+TG P+shuffled"  # which, with spaces between
blocks = 0  # B of the cells that are searched; 0: the profile's
samples = 0  # candidates of a search; 0: the profile's
runs = 0  # repetitions of each search; 0: the profile's
beside = "NASNet-A"  # published cells, names of published runs, or text files (.txt)
workers = "auto"  # or a number of processes, 0 (this one), slurm:JOBS, a Dask scheduler

# %%
from sage import plots, spaces, teachers
from sage.analysis import cell_tables, search_tables, site_sampling
from sage.config import provenance
from sage.config.run import MacaqueRun
from sage.experiments import full_training
from sage.experiments.checks import check_run
from sage.experiments.comparison import Comparison
from sage.experiments.results import Results
from sage.models import genotypes

# %%
run = MacaqueRun.of(globals())
check_run(run, workers=workers)
published = full_training.load_beside(run)
recorded = teachers.recorded_regions(run)
brain = teachers.from_recordings(recorded)
searches = Comparison(run, brain)
run

# %% [markdown]
# ## The verdict
#
# All searches of a repetition start from the same random candidates, and show their candidates the
# same images: they cost the same. Every candidate is on record at once: a run that was stopped goes
# on where it stood.
#
# The best network of each search and the published cells are then trained fully in one pipeline, on
# training and validation images alike; the test images are shown once.

# %%
table = searches.train(workers=workers)
space, winners = spaces.cells(run.budget.blocks), search_tables.winners(table).items()
found = {name: genotypes.from_architecture(space, one, name) for name, one in winners}
cells = [*found.values(), *published]
trained = full_training.train_cells(run, cells, workers=workers)

# %%
measured = {"04_recordings": recorded, "04_searches": table, "04_trained": trained[run.dataset]}
results = Results(run, measured)
print(results.verdict("04_searches"), search_tables.counts(table), sep="\n")

# %% [markdown]
# ## The recordings
#
# Candidates are shown the same images as the animals, at their own size. Images of others are not
# shown here, only counted.

# %%
plots.draw(results, "04_stimuli")

# %% [markdown]
# An RDM's colours are percentiles of its own values. Images of one category stand together.
#
# The noise ceiling is the correlation that a true model would have with such an RDM, the root of
# its reliability. That is split-half over single trials, or over people or sessions where only RDMs
# are published (Spearman-Brown).

# %%
plots.draw(results, "04_rdms")

# %% [markdown]
# ## What the searches chose
#
# Accuracy after the longer training that ranks the best candidates again. Small dots are networks,
# grey ones random cells that no score chose, larger ones means of repetitions, bars their mean,
# with a 95 % interval from five repetitions on.

# %%
plots.draw(results, "04_finalists")

# %% [markdown]
# The best network of each search: errors on validation images in percent, gains over the search by
# P in points, over repetitions.

# %% tags=["table"]
search_tables.styled(search_tables.summary(table))

# %% [markdown]
# ## Do candidates resemble the brain?
#
# For each candidate (small dots), after its short training, the layer that is most similar to a
# region, as a fraction of the noise ceiling where that is known. Larger dots are means of
# repetitions, bars their mean. If guidance by recordings works as intended, the candidates of
# P + TG lie to the right of those of the other two searches.

# %%
similar = searches.similarity(brain).to_dataset(name="similarity")
similar = similar.assign(ceiling=teachers.ceilings(recorded, run.level))
results["04_similarity"] = similar.assign_attrs(alpha=run.alpha)
plots.draw(results, "04_similarity")

# %% [markdown]
# ## How many sites and trials does guidance need?
#
# TG orders the candidates. Here the same candidates are ordered by TG from a few random sites and
# trials, and the two orders are compared. The higher the curve, the fewer of the candidates would
# be kept or dropped by chance. Lines are means and bands ranges of ten samples, but those in which
# all sites are silent.
#
# With all sites and trials it is 1 by construction, since the samples are parts of the whole. TG
# here is of the regions with single trials alone.

# %%
sampled = site_sampling.agreement(recorded, run.level, searches.similarity, seed=run.seed)
results["04_sites"] = sampled
plots.draw(results, "04_sites")

# %% [markdown]
# ## Errors on the test images after full training
#
# Small dots are trainings, and larger ones their means. Bars are 95 % intervals: over trainings, or
# over test images where a network was trained once.

# %%
plots.draw(results, "04_errors")
print(cell_tables.recipe(trained[run.dataset]), *found.values(), sep="\n\n")

# %% tags=["table"]
search_tables.styled(results.frame("04_errors"))

# %% [markdown]
# ## Costs
#
# Costs count training examples, M1 candidates with E1 each and M2 of them with E2. What this leaves
# out, per search:

# %% tags=["table"]
costs = search_tables.costs(table, teacher_examples=0)
search_tables.styled(costs, unknown="unknown")

# %%
names = ("searches", "similarity", "sites", "trained", "errors")
[results.save(f"04_{name}") for name in names]
print(provenance.line(table.attrs["provenance"]))
