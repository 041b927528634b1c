"""What is on record: snapshots, evaluations and candidates as data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sage.spaces import Architecture


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A candidate's state at one moment of its training.

    Args:
        epoch: passes over the training images, a fraction allowed.
        accuracy: on the validation images, in [0, 1].
        loss: on the validation images, nats.
        training_loss_sum: over all steps so far, nats.
        images_shown: images that this measurement took, training apart.
        rdms: by (stimuli, level), [L, P] float16, as in `activations.Measurement`.
    """

    epoch: float
    examples: int
    accuracy: float
    loss: float
    training_loss_sum: float
    images_shown: int
    seconds: float
    rdms: Mapping[tuple[str, str], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The result of training one architecture with one seed.

    Args:
        state: finished or diverged.
        failure: how it diverged, or None.
        test_accuracy: at the end, in [0, 1]; None where the test images were not shown.
        losses: [steps] float32, nats, of every training step.
        proxies: zero-cost proxies by name; empty where they were not measured.
    """

    state: str
    failure: str | None
    parameters: int
    multiply_adds: int
    seconds: float
    test_accuracy: float | None
    hardware: str
    losses: np.ndarray
    proxies: Mapping[str, float]
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One numbered proposal of a study.

    Args:
        state: running, or how it ended: finished, diverged or failed.
        attempts: how often it was submitted; a worker that dies is replaced within one.
        score: higher is better, NaN where there is none.
        told: place in the order in which results came in; None while running.
    """

    number: int
    architecture: Architecture
    hash: str
    seed: int
    state: str = "running"
    attempts: int = 0
    failure: str | None = None
    score: float = math.nan
    told: int | None = None
