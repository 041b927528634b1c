"""Sizes and budgets of a run, in one place. Every number says why it is what it is."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How large a comparison of searches is; the pool's sizes hold for all that is not named here."""

    tests: ClassVar[bool]  # whether what was trained to maturity is shown the test images

    train_images: int | None  # training images of a candidate, at most; None means all
    mature_epochs: int
    epochs: tuple[float, ...]  # premature training of a candidate, one search for each, few first
    samples: int  # candidates of a search
    every: int  # samples between checkpoints
    top: int  # candidates that are trained to maturity at a checkpoint
    runs: int  # repetitions of each search
    starts: int  # random candidates before TPE takes over


@dataclass(frozen=True, kw_only=True)
class SearchBudget(Budget):
    """Of searches for convolutional networks."""

    tests = True

    layers: int  # deepest network of the space


@dataclass(frozen=True, kw_only=True)
class CellBudget(Budget):
    """Of searches for cells, and of the full training of those that they find."""

    tests = False  # but the fully trained are

    blocks: int  # B
    batch_size: int
    repeats: int  # N of candidates
    filters: int  # F of candidates
    full_repeats: int  # N of the fully trained
    full_filters: int  # F likewise
    full_images: int | None  # their training images, validation images among them; None means all
    full_epochs: int
    drop_path_keep: float  # share of the last cell's paths that stay at the end of full training


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How large a run is.

    Epochs are passes over the training images; `snapshots` may have fractions of one, start at 0 and end
    with the mature epoch.
    """

    minutes: float  # the whole run, for the estimate that is printed before it starts
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
    mature_epochs: int
    snapshots: tuple[float, ...]  # epochs at which accuracy and RDMs are measured
    premature_epochs: float  # the snapshot that scatter plots and tables show
    batch_size: int
    rdm_units: int  # units drawn per layer
    rdm_images: int  # images of the image-level RDMs
    resamples: int  # of the bootstrap
    search: SearchBudget
    cells: CellBudget


PROFILES = {
    # For tests: every step is taken, no number means anything.
    "smoke": Profile(
        minutes=1,  # measured: 2 cores, objects
        memory_gb=2.5,  # three Python processes with torch
        image_size=16,  # a quarter of the work of 32
        teacher_images=640,  # 10 batches
        train_images=640,  # 10 batches
        validation_images=256,  # 4 per class: a mean over more than one
        teacher_blocks=1,  # the shallowest
        teacher_width=8,  # half of the published narrow net
        teacher_epochs=2,  # so that a resumed training has something to resume
        layers=4,  # connections that skip, merge and end unread all occur
        width=0.25,  # 8 to 32 filters
        pool=6,  # enough for a correlation with an interval
        mature_epochs=2,  # both sides of an epoch's end
        snapshots=(0, 0.5, 1, 2),  # the start, within, at the end of an epoch, and mature
        premature_epochs=1,  # the only whole epoch before the mature one
        batch_size=64,  # 10 steps an epoch
        rdm_units=200,  # some layers have more, some fewer
        rdm_images=64,  # fewer than the validation images
        resamples=200,  # intervals only have to exist
        search=SearchBudget(
            layers=4,  # connections that skip, merge and end unread all occur
            train_images=320,  # 5 batches
            mature_epochs=2,  # longer than both premature ones
            epochs=(0.5, 1),  # few and many
            samples=6,  # one update of the reinforcement learner, and one more
            every=3,  # two checkpoints
            top=2,  # a best one and another
            runs=2,  # a spread exists
            starts=3,  # TPE proposes three
        ),
        cells=CellBudget(
            train_images=320,  # 5 batches
            mature_epochs=1,  # longer than the premature
            epochs=(0.5,),  # one is the paper's way too
            samples=3,  # TPE proposes one
            every=3,  # one checkpoint
            top=2,  # a best one and another
            runs=1,  # the paper's
            starts=2,  # so that TPE proposes
            blocks=2,  # one block can read the other
            batch_size=64,  # 5 steps an epoch
            repeats=1,  # cells that follow a reduction and cells that do not
            filters=2,  # the fewest
            full_repeats=1,  # as the candidates
            full_filters=2,  # likewise
            full_images=640,  # 10 batches
            full_epochs=2,  # so that a resumed training has something to resume
            drop_path_keep=0.6,  # Zoph et al. 2018
        ),
    ),
    # The default: a laptop's two cores, in minutes. Meant for the embedded images.
    "quick": Profile(
        minutes=35,  # measured: 2 cores without AVX-512, objects; newer ones take a third
        memory_gb=3.5,  # measured: three processes, shared libraries counted in each
        image_size=16,  # objects are still told apart, at a quarter of the work of 32
        teacher_images=None,  # the teacher is the stronger for all it can get
        train_images=None,  # the embedded images are 6,000
        validation_images=None,  # 1,500: 23 a class
        teacher_blocks=1,  # eight layers pass 60 % on the embedded images
        teacher_width=32,  # twice the published narrow net: five points better than 24
        teacher_epochs=18,  # accuracy is flat after the second drop of the learning rate
        layers=10,  # the paper's smaller space
        width=0.25,  # 8 to 32 filters: 11 times faster than the paper's
        pool=24,  # what the minutes allow
        mature_epochs=12,  # likewise
        snapshots=(0, 0.5, 1, 2, 3, 5, 8, 12),  # evenly on a logarithmic scale, as the paper's Figure 2
        premature_epochs=2,  # the paper's
        batch_size=64,  # 93 steps an epoch; 128 would leave too few
        rdm_units=1000,  # the authors' published utilities draw as many
        rdm_images=200,  # 20 kB per layer in float16
        resamples=2000,  # interval ends settle to 0.01
        search=SearchBudget(
            layers=10,  # the paper's smaller space
            train_images=3_000,  # half of the embedded images, 46 steps an epoch
            mature_epochs=6,  # the learning rate drops first after 2
            epochs=(0.5, 2),  # both before the learning rate drops, as the paper's 2 and 20 of 300
            samples=8,  # what the minutes allow
            every=4,  # two checkpoints
            top=2,  # what the minutes allow
            runs=2,  # a spread exists; three would take half as long again
            starts=4,  # half of the samples; the paper has 20 of 1000
        ),
        cells=CellBudget(
            train_images=2_000,  # a third of the embedded images, 31 steps an epoch
            mature_epochs=1,  # what the minutes allow
            epochs=(0.5,),  # 1,000 examples
            samples=6,  # what the minutes allow
            every=6,  # one checkpoint
            top=2,  # what the minutes allow; the paper has 10
            runs=1,  # the paper's
            starts=3,  # half of the samples; the paper has 20 of 1000
            blocks=5,  # the paper's
            batch_size=64,  # as the pool's
            repeats=1,  # five cells; the paper's N = 2 would take half as long again
            filters=8,  # a quarter of the smallest published
            full_repeats=1,  # as the candidates
            full_filters=8,  # likewise
            full_images=2_000,  # what the minutes allow
            full_epochs=1,  # what the minutes allow
            drop_path_keep=1.0,  # so short a training cannot overfit
        ),
    ),
    # An evening on two cores with CIFAR; the published run.
    "cpu": Profile(
        minutes=260,  # measured: 2 cores that had other work too, CIFAR-100; 70 for the searches, 90 for cells
        memory_gb=4,  # measured: three processes, shared libraries counted in each
        image_size=16,  # a quarter of the work of 32
        teacher_images=None,  # the teacher is the stronger for all it can get
        train_images=20_000,  # less than half of CIFAR's 45,000, 156 steps an epoch
        validation_images=None,  # the paper's 5,000
        teacher_blocks=3,  # 20 layers; 56 would take hours
        teacher_width=32,  # twice the published narrow net
        teacher_epochs=24,  # ten minutes
        layers=10,  # the paper's smaller space
        width=0.25,  # 8 to 32 filters: 11 times faster than the paper's
        pool=60,  # what the time allows; the paper's pool has 116
        mature_epochs=20,  # the paper's premature epochs for its accuracy-guided searches
        snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),  # evenly on a logarithmic scale
        premature_epochs=2,  # the paper's
        batch_size=128,  # the usual value on CIFAR; the paper does not state one
        rdm_units=1000,  # the authors' published utilities draw as many
        rdm_images=200,  # 100 networks with all snapshots stay under 500 MB
        resamples=5000,  # interval ends settle to 0.005
        search=SearchBudget(
            layers=10,  # the paper's smaller space
            train_images=10_000,  # 78 steps an epoch
            mature_epochs=9,  # the learning rate drops first after 3
            epochs=(1, 3),  # both before the learning rate drops, as the paper's 2 and 20 of 300
            samples=20,  # what the time allows
            every=10,  # two checkpoints
            top=3,  # what the time allows; the paper has 5
            runs=2,  # what the time allows; the paper has 3
            starts=8,  # the paper has 20 of 1000
        ),
        cells=CellBudget(
            train_images=5_000,  # 78 steps an epoch
            mature_epochs=3,  # 15,000 examples, what the time allows
            epochs=(1,),  # 5,000 examples, likewise
            samples=60,  # likewise; the paper has 1000
            every=60,  # one checkpoint
            top=10,  # the paper's
            runs=1,  # the paper's
            starts=20,  # the paper's
            blocks=5,  # the paper's
            batch_size=64,  # after 5,000 images four points of accuracy, against three with 128 (two published cells)
            repeats=2,  # section 4.3: eight cells, and as many RDMs
            filters=8,  # a quarter of the smallest published
            full_repeats=2,  # as the candidates; published networks have 3 to 6
            full_filters=8,  # likewise; published networks have 32 to 48
            full_images=None,  # all 50,000 of CIFAR
            full_epochs=1,  # each image once, what the time allows
            drop_path_keep=1.0,  # so short a training cannot overfit
        ),
    ),
    # An evening of one modern GPU with CIFAR. Not measured yet: no GPU was at hand.
    "gpu": Profile(
        minutes=400,  # 60 for the pool, 210 for searches of 105 million examples, 130 for cells; not measured
        memory_gb=8,  # images on the device, one network at a time
        image_size=32,  # as in the paper
        teacher_images=None,  # 45,000 of CIFAR
        train_images=15_000,  # a third: 30 million examples in all, 1e17 operations, 25 teraflop/s for an hour
        validation_images=None,  # the paper's 5,000
        teacher_blocks=9,  # as in the paper
        teacher_width=16,  # the published narrow net
        teacher_epochs=60,  # a tenth of the hour
        layers=10,  # the paper's smaller space
        width=1.0,  # as in the paper
        pool=100,  # close to the paper's 116
        mature_epochs=20,  # the paper's premature epochs for its accuracy-guided searches
        snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),  # evenly on a logarithmic scale
        premature_epochs=2,  # the paper's
        batch_size=128,  # the usual value on CIFAR; the paper does not state one
        rdm_units=1000,  # the authors' published utilities draw as many
        rdm_images=200,  # 100 networks with all snapshots stay under 500 MB
        resamples=5000,  # interval ends settle to 0.005
        search=SearchBudget(
            layers=10,  # the paper's smaller space
            train_images=15_000,  # as the pool's
            mature_epochs=30,  # the learning rate drops first after 10
            epochs=(2, 10),  # the paper's few; many ends before the learning rate drops
            samples=40,  # 35 million examples a run
            every=10,  # four checkpoints
            top=3,  # the paper has 5
            runs=3,  # the paper's
            starts=20,  # the paper's
        ),
        cells=CellBudget(
            train_images=15_000,  # as the pool's
            mature_epochs=20,  # the paper's premature epochs for its accuracy-guided searches
            epochs=(2,),  # the paper's
            samples=200,  # 24 million examples for four searches
            every=200,  # one checkpoint
            top=10,  # the paper's
            runs=1,  # the paper's
            starts=20,  # the paper's
            blocks=5,  # the paper's
            batch_size=128,  # the usual value on CIFAR
            repeats=2,  # section 4.3: eight cells, and as many RDMs
            filters=24,  # not stated; between the published 32 and what is fast
            full_repeats=2,  # as the candidates
            full_filters=32,  # section 4.3
            full_images=None,  # all 50,000 of CIFAR
            full_epochs=60,  # a tenth of the paper's
            drop_path_keep=0.8,  # half as many dropped as in ten times the training
        ),
    ),
    # The paper's own sizes.
    "paper": Profile(
        minutes=40_000,  # 18 to 42 billion examples, by how many networks searches share, at gpu's rate; not measured
        memory_gb=8,  # as gpu
        image_size=32,  # section "Datasets and Preprocessing"
        teacher_images=None,  # 45,000 of CIFAR
        train_images=None,  # likewise
        validation_images=None,  # 5,000
        teacher_blocks=9,  # section 4.1: n = 9
        teacher_width=32,  # not stated; its accuracy is above that of the published narrow net
        teacher_epochs=182,  # He et al. 2016: 64,000 steps of 128 images
        layers=10,  # half of the paper's pool; the other half has 20
        width=1.0,  # 32, 64 and 128 filters
        pool=116,  # section 4.1
        mature_epochs=300,  # section "CIFAR Training"
        snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 300),  # the range of Figure 2
        premature_epochs=2,  # Figure 2
        batch_size=128,  # not stated; the usual value on CIFAR
        rdm_units=1000,  # not stated; the authors' published utilities draw as many
        rdm_images=200,  # 116 networks with all snapshots stay under 500 MB
        resamples=5000,  # interval ends settle to 0.005
        search=SearchBudget(
            layers=10,  # the paper has 20 too: parameter layers of the notebook, with samples 2000
            train_images=None,  # 45,000 of CIFAR
            mature_epochs=300,  # section "CIFAR Training"
            epochs=(2, 20),  # Table 1
            samples=1000,  # section 4.2
            every=100,  # section 4.1
            top=5,  # section 4.2
            runs=3,  # section 4.2
            starts=20,  # section "TPE Search Algorithm"
        ),
        cells=CellBudget(
            train_images=None,  # 45,000 of CIFAR
            mature_epochs=300,  # Table 2: E2 = 13.5 million
            epochs=(2,),  # Table 2: E1 = 90,000
            samples=1000,  # section 4.3
            every=1000,  # one checkpoint
            top=10,  # section 4.3
            runs=1,  # section 4.3
            starts=20,  # section "TPE Search Algorithm"
            blocks=5,  # section 4.3
            batch_size=128,  # not stated; the usual value on CIFAR
            repeats=2,  # section 4.3: eight cells
            filters=24,  # not stated
            full_repeats=6,  # Table 2
            full_filters=32,  # Table 2
            full_images=None,  # all 50,000 of CIFAR
            full_epochs=600,  # section "CIFAR Training"
            drop_path_keep=0.6,  # not stated; Zoph et al. 2018
        ),
    ),
}
