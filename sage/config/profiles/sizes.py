"""What a profile says: sizes and budgets of a run."""

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
    skeleton: ClassVar[str] = "cifar"  # of candidates, see `models.cells.SKELETONS`
    full_skeleton: ClassVar[str] = "cifar"  # of the fully trained

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
class MacaqueBudget(CellBudget):
    """Of searches for cells on larger images, guided by recordings."""

    skeleton = "imagenet search"

    image_size: int  # of candidates and of what they are shown
    validation_images: int | None  # at most; None means all that are held out
    recording_images: (
        int | None
    )  # rows of an image-level RDM of recordings, at most; None means all
    stimuli: int  # images of simulated recordings
    trials: int  # presentations of each of them
    full_size: int  # pixels a side of what fully trained networks are shown
    full_skeleton: str  # of theirs


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
    searched: int  # candidates of each search by P that fills the second pool
    reseeded: int  # of the pool, the first, that are trained to maturity with a second seed
    mature_epochs: int
    snapshots: tuple[float, ...]  # epochs at which accuracy and RDMs are measured
    premature_epochs: float  # the snapshot that scatter plots and tables show
    batch_size: int
    rdm_units: int  # units drawn per layer
    rdm_images: int  # images of the image-level RDMs
    resamples: int  # of the bootstrap
    search: SearchBudget
    cells: CellBudget
    macaque: MacaqueBudget
