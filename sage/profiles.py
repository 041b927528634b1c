"""Sizes and budgets of a run, in one place. Every number says why it is what it is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How large a run is.

    Epoch counts are passes over the training images; a fraction of a pass is allowed in `snapshots`.
    """

    minutes: float  # the whole default run, for the estimate that is printed before it starts
    memory_gb: float  # likewise, all processes together
    image_size: int  # pixels a side; larger images are averaged down
    teacher_images: int | None  # training images of the teacher, at most; None means all
    train_images: int | None  # training images of a candidate, likewise
    validation_images: int | None  # at most; None means all
    teacher_blocks: int  # n of the CIFAR ResNet: 6n + 2 layers
    teacher_width: int  # channels of its first stage
    teacher_epochs: int
    layers: int  # deepest network of the space
    width: float  # factor on every filter count of the space
    pool: int  # networks
    mature_epochs: int
    snapshots: tuple[float, ...]  # epochs at which the premature state is measured
    batch_size: int
    rdm_units: int  # units drawn per layer
    rdm_images: int  # images of the image-level matrices
    resamples: int  # bootstrap


PROFILES = {
    "smoke": Profile(
        minutes=2,
        memory_gb=2,
        image_size=16,
        teacher_images=640,
        train_images=640,
        validation_images=256,
        teacher_blocks=1,
        teacher_width=8,
        teacher_epochs=2,
        layers=4,
        width=0.25,
        pool=6,
        mature_epochs=2,
        snapshots=(0, 0.5, 1, 2),
        batch_size=64,
        rdm_units=200,
        rdm_images=64,
        resamples=200,
    ),
}
PROFILES["quick"] = PROFILES["smoke"]
PROFILES["cpu"] = Profile(
        minutes=120,
        memory_gb=3,
        image_size=16,
        teacher_images=None,
        train_images=20_000,
        validation_images=None,
        teacher_blocks=3,
        teacher_width=32,
        teacher_epochs=24,
        layers=10,
        width=0.25,
        pool=60,
        mature_epochs=20,
        snapshots=(0, 0.25, 0.5, 1, 2, 3, 5, 10, 20),
        batch_size=128,
        rdm_units=1000,
        rdm_images=200,
        resamples=5000,
)
