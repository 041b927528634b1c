"""Where guidance comes from: networks, recordings, controls and files."""

from sage.teachers.networks import (
    NETWORKS,
    UNTRAINED,
    load_images,
    load_stimuli,
    train_network,
    untrained_network,
)
from sage.teachers.recordings import ceilings
from sage.teachers.simulation import recorded_regions
from sage.teachers.sources import (
    from_network,
    from_recordings,
    in_stages,
    load_teacher,
    of_pixels,
    train_ladder,
    training_examples,
    training_multiply_adds,
)
