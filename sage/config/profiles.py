"""Sizes and budgets of a run: the paper's, and smaller ones that say where they differ from it."""

from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Size of a comparison of searches; what is not named here is the profile's."""

    tests: ClassVar[bool]  # show the test images to networks that were trained to maturity
    twice: ClassVar[bool] = False  # train what a search chose a second time, with another seed
    train_images: int | None  # training images of a candidate, at most; None means all
    mature_epochs: int
    epochs: tuple[float, ...]  # premature training of a candidate, one search for each, few first
    samples: int  # candidates of a search
    every: int  # samples between checkpoints
    top: int  # candidates that are trained to maturity at a checkpoint
    runs: int  # repetitions of each search
    starts: int  # random candidates before TPE takes over, and evolution after 10 at most


@dataclass(frozen=True, kw_only=True)
class SearchBudget(Budget):
    """Size of a comparison of searches for convolutional networks."""

    tests = True
    layers: int  # deepest network of the space
    space: str = "cnn"  # see `search.builders.SPACES`
    twice: bool = False  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class CellBudget(Budget):
    """Size of a comparison of searches for cells, and of the full training of what they find."""

    tests = False  # only fully trained networks see them
    skeleton: ClassVar[str] = "cifar"  # of candidates, see `models.cells.SKELETONS`
    full_skeleton: ClassVar[str] = "cifar"  # of fully trained networks
    blocks: int  # B
    batch_size: int
    repeats: int  # N of candidates
    filters: int  # F of candidates
    full_repeats: int  # N of fully trained networks
    full_filters: int  # F of fully trained networks
    full_images: int | None  # their training images, validation included; None means all
    full_epochs: int
    full_trainings: int = 1  # of each, with seeds of their own
    drop_path_keep: float  # share of the last cell's paths kept at the end of full training


@dataclass(frozen=True, kw_only=True)
class MacaqueBudget(CellBudget):
    """Size of a comparison of searches for cells on larger images, guided by recordings."""

    skeleton = "imagenet search"
    image_size: int  # pixels a side of what candidates are shown
    validation_images: int | None  # at most; None means all
    recording_images: int | None  # rows of an image-level RDM of recordings, at most; None: all
    stimuli: int  # images of simulated recordings
    trials: int  # presentations of each of them
    full_size: int  # pixels a side of what fully trained networks are shown
    full_skeleton: str  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Size of a whole run; epochs are passes over the training images, or fractions of one."""

    minutes: dict[str, float]  # of each notebook, for the estimate printed before a run starts
    memory_gb: float  # likewise, all processes together
    image_size: int  # pixels a side; larger images are averaged down
    teacher_images: int | None  # training images of the teacher, at most; None means all
    train_images: int | None  # training images of a candidate, likewise
    validation_images: int | None  # likewise
    teacher_blocks: int  # n of the CIFAR ResNet: 6n + 2 layers
    teacher_width: int  # channels of its first stage
    teacher_epochs: int
    layers: int  # deepest network of the space
    width: float  # factor on every filter count of the space
    pool: int  # networks
    searched: int  # candidates of each search by P that fills the second pool
    reseeded: int  # first networks of the pool, trained to maturity with a second seed
    mature_epochs: int
    snapshots: tuple[float, ...]  # when accuracy and RDMs are measured: from 0 to mature_epochs
    premature_epochs: float  # the snapshot that scatter plots and tables show
    batch_size: int
    rdm_units: int  # units drawn per layer
    rdm_images: int  # images of the image-level RDMs
    resamples: int  # of the bootstrap
    search: SearchBudget
    cells: CellBudget
    macaque: MacaqueBudget


# Tables of data, one subject a line.
# fmt: off

# The paper's sizes. Comments name its section, or what was taken where it states nothing.
PAPER = Profile(
    # By examples, 24 to 48 billion; not measured.
    minutes={"00": 60, "01": 3_000, "02": 24_000, "03": 2_000, "04": 7_000},
    memory_gb=16, image_size=32,
    teacher_images=None, train_images=None, validation_images=None,  # 45,000 and 5,000 of CIFAR
    teacher_blocks=9, teacher_epochs=182,  # 4.1; 64,000 steps of 128 images, He et al. 2016
    teacher_width=32,  # not stated; its accuracy is above that of the published net of width 16
    layers=10, width=1.0,  # half of its pool; the other half has 20 layers
    pool=116, searched=1000, reseeded=24,  # 4.1, 4.2, and a fifth of the pool
    mature_epochs=300,  # "CIFAR Training"
    snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 300), premature_epochs=2,  # Figure 2
    batch_size=128,  # not stated; the usual value on CIFAR
    rdm_units=1000,  # not stated; the authors' published utilities draw as many
    rdm_images=200,  # 116 networks with all snapshots take about 0.5 GB
    resamples=5000,  # interval ends settle to 0.005
    search=SearchBudget(
        layers=10,  # it has 20 too: parameter layers of the notebook, with samples 2000
        train_images=None, mature_epochs=300, epochs=(2, 20),  # Table 1
        samples=1000, every=100, top=5, runs=3, starts=20),  # 4.1, 4.2, "TPE Search Algorithm"
    cells=CellBudget(
        train_images=None, mature_epochs=300, epochs=(2,),  # Table 2: 13.5 million, 90,000 examples
        samples=1000, every=1000, top=10, runs=1, starts=20, blocks=5,  # 4.3
        batch_size=128, repeats=2, filters=24,  # not stated; 4.3: eight cells; not stated
        full_repeats=6, full_filters=32,  # Table 2
        full_images=None, full_epochs=600,  # all 50,000; "CIFAR Training"
        drop_path_keep=0.6),  # not stated; Zoph et al. 2018
    macaque=MacaqueBudget(
        train_images=None, validation_images=None, image_size=64,  # 4.4: 1,231,167 and 50,000
        mature_epochs=40, epochs=(1,),  # 4.4
        samples=1000, every=1000, top=10, runs=1, starts=20, blocks=5,  # 4.4
        batch_size=128, repeats=2, filters=24,  # "Imagenet Training"; 4.3; not stated
        recording_images=640,  # not stated; 3 MB for a network's eight layers
        stimuli=5760, trials=28,  # 4.4; "Neural Measurements": 21 to 50 trials
        full_repeats=4, full_filters=40, full_skeleton="imagenet mobile",  # Table 3
        full_images=None, full_epochs=40, full_size=224, drop_path_keep=1.0),  # "Imagenet Training"
)

# An evening of one modern GPU with CIFAR; times are extrapolated from eight minutes of an H100
# (tests/benchmarks/NOTES.md).
GPU = replace(
    PAPER,
    # The first three at 22,300 examples/s; cells are a guess.
    minutes={"00": 10, "01": 43, "02": 78, "03": 300, "04": 180},
    memory_gb=16,  # measured, of the processor's: eight processes that train, a teacher beside
    train_images=15_000,  # 30 million examples in all, 22 minutes
    teacher_width=16, teacher_epochs=60,  # ten minutes
    pool=100, searched=100, reseeded=20,
    mature_epochs=20,  # the paper's premature epochs of its searches by accuracy
    snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),
    search=replace(
        PAPER.search, train_images=15_000, samples=40, every=10, top=3,  # 35 million examples a run
        mature_epochs=30, epochs=(2, 10)),  # the learning rate drops first after 10
    cells=replace(
        PAPER.cells, train_images=15_000, mature_epochs=20, samples=200, every=200,  # 24 million
        full_repeats=2, full_epochs=60,
        drop_path_keep=0.8),  # half as many dropped as in ten times the training
    macaque=replace(
        PAPER.macaque, train_images=50_000, validation_images=10_000,  # of 1000 classes
        mature_epochs=10, samples=100, every=100, runs=3,  # 15 million examples for three searches
        full_images=200_000, full_epochs=10, full_repeats=2, full_filters=24,
        full_size=64, full_skeleton="imagenet search"),
)

# An evening on two cores with CIFAR: the published run.
CPU = replace(
    PAPER,
    # 80 of the pool, 50 of full training in 03
    minutes={"00": 23, "01": 145, "02": 70, "03": 140, "04": 35, "06": 1.5, "07": 0.5,
             "quickstart": 0.3},
    memory_gb=4,  # measured: three processes, shared libraries counted in each
    image_size=16, train_images=10_000,  # a quarter of the work of 32; 78 steps an epoch
    teacher_blocks=3,  # 20 layers; 56 would take hours
    teacher_epochs=12,  # 23 minutes; 24 reached 55 % instead of 48 %
    width=0.25,  # 8 to 32 filters: 11 times faster than the paper's
    pool=40, searched=20, reseeded=8,
    mature_epochs=20, snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),
    search=replace(
        PAPER.search, train_images=10_000, samples=20, every=10, top=3, runs=2, starts=8,
        mature_epochs=9, epochs=(1, 3)),  # the learning rate drops first after 3
    cells=replace(
        PAPER.cells, train_images=5_000, mature_epochs=3, epochs=(1,), samples=60, every=60,
        batch_size=64,  # four points better after 5,000 images, 128 three (two published cells)
        filters=8, full_repeats=2, full_filters=8, full_epochs=1,
        full_trainings=5,  # the fewest that give an interval
        drop_path_keep=1.0),  # so short a training cannot overfit
    macaque=replace(
        PAPER.macaque, train_images=4_000, validation_images=2_000,  # 40, 20 of each of 100 classes
        mature_epochs=3, samples=20, every=20, top=5, runs=3, starts=8, batch_size=64,
        repeats=1, filters=8,  # N = 2 would take half as long again
        image_size=32, recording_images=320,  # 0.5 MB for a network's five layers
        stimuli=640,  # each object 10 times; the paper's images show each 90 times
        full_repeats=1, full_filters=8, full_epochs=1,
        full_size=32, full_skeleton="imagenet search"),
)

# What the published networks of NAS-Bench-201 and their teacher are trained with, see notebook 05.
NASBENCH201 = replace(
    CPU,
    minutes={"05": 0.75},
    image_size=32, train_images=None,
    teacher_width=24, teacher_epochs=20,  # the plan asks for 60 %
    pool=100, mature_epochs=8, snapshots=(0, 0.25, 0.5, 1, 2, 4, 8), batch_size=64,
    resamples=5000,
    cells=replace(CPU.cells, full_filters=16),  # of the teacher NASNet-A
)

# A day of two cores: searches that can decide, see docs/plans/searches.md.
DAY = replace(
    CPU,
    minutes={"02": 1_080},  # extrapolated from the pool's trainings
    search=replace(
        CPU.search, samples=100, every=100, top=3, runs=6, starts=20, mature_epochs=20,
        epochs=(0.25,), twice=True),
)

# The default: a laptop's two cores, in ten minutes. Meant for the embedded images; what was tried
# stands in tests/benchmarks/NOTES.md.
QUICK = replace(
    CPU,
    # Processor seconds of 2 cores with AVX-512 and bfloat16, divided by 2 x 0.85.
    minutes={"00": 0.6, "01": 3, "02": 1.8, "03": 1.6, "04": 1.8},
    memory_gb=3.5,  # measured, as cpu's
    train_images=None,  # the embedded images are 1,600
    teacher_blocks=1, teacher_width=24,  # eight layers pass 95 % on the embedded images
    teacher_epochs=12,
    layers=6,  # a third of ten's work
    pool=32, searched=10, reseeded=4,  # fewer second seeds give no ceiling
    mature_epochs=5, snapshots=(0, 0.5, 1, 2, 3, 5),
    premature_epochs=1,  # after 2 of 5 the accuracy alone says nearly all
    batch_size=32,  # 50 steps an epoch
    resamples=2000,  # interval ends settle to 0.01
    search=replace(
        CPU.search, layers=6, train_images=None, samples=12, every=4, top=2, starts=6,
        mature_epochs=4, epochs=(0.5, 1.5)),
    cells=replace(
        CPU.cells, train_images=1_200, mature_epochs=1, epochs=(0.5,), samples=6, every=6, top=2,
        starts=3, batch_size=32, repeats=1, full_repeats=1, full_images=1_600, full_epochs=2,
        full_trainings=1),
    macaque=replace(
        CPU.macaque, train_images=800, validation_images=500, mature_epochs=2, epochs=(0.5,),
        samples=6, every=6, top=2, runs=2, starts=3, batch_size=32, recording_images=128,
        stimuli=512, trials=20, full_images=1_600),
)

# For tests: every step is taken, no number means anything.
SMOKE = replace(
    QUICK,
    # Measured: 2 cores without AVX-512, objects; newer ones take a third.
    minutes={"00": 0.4, "01": 1.2, "02": 0.7, "03": 0.6, "04": 0.6},
    memory_gb=2.5,  # three processes
    teacher_images=320, train_images=320, validation_images=128,  # 4 a class for validation
    teacher_width=8, teacher_epochs=2,  # a training that was stopped has something to resume
    layers=4,  # connections that skip, merge and end unread all occur
    pool=6, searched=6,  # enough for an interval; one more than are kept at a checkpoint
    mature_epochs=2, snapshots=(0, 0.5, 1, 2), premature_epochs=1,
    rdm_units=200, rdm_images=64, resamples=200,  # some layers have more units, some fewer
    search=replace(
        QUICK.search, layers=4, train_images=320, mature_epochs=2, epochs=(0.5, 1),
        samples=6, every=3, starts=3),  # one update of the reinforcement learner, and one more
    cells=replace(
        QUICK.cells, train_images=320, samples=3, every=3, starts=2, blocks=2,  # TPE proposes one
        filters=2, full_filters=2, full_images=640, full_epochs=2, drop_path_keep=0.6),
    macaque=replace(
        QUICK.macaque, train_images=320, validation_images=128, mature_epochs=1, epochs=(0.5,),
        samples=3, every=3, starts=2, blocks=2, filters=2, recording_images=32, stimuli=64,
        trials=2, full_filters=2, full_images=640, full_epochs=2),
)
# fmt: on

PROFILES = {
    "smoke": SMOKE,
    "quick": QUICK,
    "cpu": CPU,
    "nasbench201": NASBENCH201,
    "gpu": GPU,
    "paper": PAPER,
    "day": DAY,
}
