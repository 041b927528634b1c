"""Showing images to a network: accuracy, loss and every layer's RDMs from one pass."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sage.compute import devices
from sage.images.preprocessing import standardise
from sage.images.stimuli import StimulusSet
from sage.rsa.alignment import GRAM, gram
from sage.rsa.rdm import ConditionMeans, draw_units

# Fixed, since sums over a batch depend on where it is cut.
BATCH = 250


@dataclass(frozen=True)
class Responses:
    """What one pass over a stimulus set gave.

    Args:
        scores: [N, C] float32. rdms: by level, [L, P] float64 condensed RDMs, NaN rows where undefined; as level
            `alignment.GRAM` Gram matrices of single images, if they were asked for.
    """

    scores: Tensor
    rdms: dict[str, np.ndarray]


def show(
    model: nn.Module,
    layers: tuple[str, ...],
    stimuli: StimulusSet,
    *,
    units: int,
    seed: int,
    device: torch.device,
    grams: bool = False,
) -> Responses:
    """Show a stimulus set to a network and build each named layer's RDMs from the same pass.

    The network is left as it was, its mode included.

    Args:
        layers: names of submodules, as in `model.named_modules()`.
        units: drawn once per layer (see `rdm.draw_units`), from `seed`.
        grams: measure Gram matrices too, of the images that the stimuli's level "image" has.

    Raises:
        ValueError: a layer name that the network does not have, or outputs that are no tensors [B, ...] of the batch.
    """
    means = {level: ConditionMeans(conditions) for level, conditions in stimuli.conditions.items()}
    scores = []
    for start, batch_scores, features in _batches(model, layers, stimuli, units, seed, device):
        scores.append(batch_scores)
        for level in means.values():
            level.add(start, features)
    rdms = {level: of.rdms() for level, of in means.items()}
    if grams:
        rdms[GRAM] = np.array([gram(responses) for responses in means["image"].means()])
    return Responses(torch.cat(scores), rdms)


def features(
    model: nn.Module, layers: tuple[str, ...], stimuli: StimulusSet, *, units: int, seed: int
) -> list[Tensor]:
    """Responses [N, U] float32 of each named layer's drawn units to every image; as `show`, on the CPU."""
    device = next(model.parameters()).device
    parts = [part for _, _, part in _batches(model, layers, stimuli, units, seed, device)]
    return [torch.cat([batch.float().cpu() for batch in layer]) for layer in zip(*parts)]


@torch.inference_mode()
def _batches(
    model: nn.Module,
    layers: tuple[str, ...],
    stimuli: StimulusSet,
    units: int,
    seed: int,
    device: torch.device,
) -> Iterator[tuple[int, Tensor, list[Tensor]]]:
    """Batch by batch the number of its first image, its scores [B, C], and each layer's drawn responses [B, U]."""
    drawn: list[tuple[Tensor, ...]] = []
    with _evaluated(model), _outputs(model, layers) as outputs:
        for start in range(0, len(stimuli.images), BATCH):
            images = stimuli.images[start : start + BATCH]
            found = _scores(model, images, device)
            if not drawn:
                _check(model, layers, outputs, len(images))
                drawn = [
                    _coordinates(outputs[name], units, seed, index)
                    for index, name in enumerate(layers)
                ]
            yield (
                start,
                found,
                [outputs[name][(slice(None), *chosen)] for name, chosen in zip(layers, drawn)],
            )


@torch.inference_mode()
def class_scores(model: nn.Module, batches: Iterable[Tensor], *, device: torch.device) -> Tensor:
    """[N, C] float32 of images [B, 3, H, W] uint8 in batches; the network is left as it was, its mode included."""
    with _evaluated(model):
        return torch.cat([_scores(model, batch, device) for batch in batches])


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Fraction of images [N] whose class has the highest of the scores [N, C]; NaN scores count as wrong."""
    labels = labels.to(scores.device)
    right = (scores.argmax(1) == labels) & torch.isfinite(scores).all(1)
    return right.float().mean().item()


def top_k(scores: Tensor, labels: Tensor, k: int) -> float:
    """Fraction of images [N] whose class has one of the k highest scores [N, C]; NaN scores count as wrong.

    Raises:
        ValueError: fewer than k classes.
    """
    if k > scores.shape[1]:
        raise ValueError(f"k is {k}, expected at most the {scores.shape[1]} classes")
    labels = labels.to(scores.device)
    right = (scores.topk(k).indices == labels[:, None]).any(1) & torch.isfinite(scores).all(1)
    return right.float().mean().item()


def loss(scores: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy in nats of scores [N, C] for labels [N]."""
    return nn.functional.cross_entropy(scores, labels.to(scores.device)).item()


def _scores(model: nn.Module, images: Tensor, device: torch.device) -> Tensor:
    """[B, C] float32 of a batch."""
    batch = standardise(images.to(device))
    with devices.autocast(device):
        found = model(batch)
    if not isinstance(found, Tensor):
        raise ValueError(
            f"{type(model).__name__} put out a {type(found).__name__}, expected scores [B, C]"
        )
    return found.float()


def _check(
    model: nn.Module, layers: tuple[str, ...], outputs: dict[str, Tensor], images: int
) -> None:
    for name in layers:
        found = outputs.get(name)
        if not isinstance(found, Tensor) or len(found) != images:
            what = list(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise ValueError(
                f"layer {name!r} of {type(model).__name__} put out {what if name in outputs else 'nothing'} for "
                f"{images} images, expected a tensor [{images}, ...]"
            )


def _coordinates(output: Tensor, units: int, seed: int, layer: int) -> tuple[Tensor, ...]:
    """Indices of the drawn units in a layer's output [B, ...]: indexing needs no flattened copy of it."""
    shape = output.shape[1:]
    chosen = np.unravel_index(draw_units(shape.numel(), units, seed=seed, layer=layer), shape)
    return tuple(torch.from_numpy(index).to(output.device) for index in chosen)


@contextmanager
def _evaluated(model: nn.Module) -> Iterator[None]:
    """Context in which a network answers as in evaluation; it is left in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        with devices.deterministic():
            yield
    finally:
        model.train(training)


@contextmanager
def _outputs(model: nn.Module, layers: tuple[str, ...]):
    """The latest outputs of the named submodules, by name, while the context lasts."""
    modules = dict(model.named_modules())
    unknown = [name for name in layers if name not in modules]
    if unknown:
        raise ValueError(
            f"no layer {unknown} in {type(model).__name__}, it has: {', '.join(filter(None, modules))}"
        )
    outputs: dict[str, Tensor] = {}

    def keep(name):
        return lambda module, inputs, output: outputs.__setitem__(name, output)

    handles = [modules[name].register_forward_hook(keep(name)) for name in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
