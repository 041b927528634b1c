"""Where guidance comes from: networks, recordings, controls and files."""

from sage.teachers.sources import (
    NETWORKS,
    TEACHERS,
    UNTRAINED,
    from_network,
    from_recording_files,
    from_recordings,
    load_images,
    load_teacher,
    recorded_regions,
    train_network,
    train_resnet,
    training_examples,
)

__all__ = [
    "NETWORKS",
    "TEACHERS",
    "UNTRAINED",
    "from_network",
    "from_recording_files",
    "from_recordings",
    "load_images",
    "load_teacher",
    "recorded_regions",
    "train_network",
    "train_resnet",
    "training_examples",
]
