"""Showing images to a network: accuracy, loss and every layer's RDMs from one pass."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module, functional

from sage.compute import devices
from sage.images.datasets import Images
from sage.images.image_files import ImageFiles
from sage.images.preprocessing import as_shown
from sage.images.stimuli import StimulusSet
from sage.rsa.alignment import GRAM, gram
from sage.rsa.rdm import ConditionMeans, draw_units

BATCH = 250  # images; fixed, since sums over a batch depend on where it is cut
Layers = tuple[str, ...]  # names of submodules, as in `model.named_modules()`


@dataclass(frozen=True)
class Measurement:
    """Scores and RDMs from one pass over a stimulus set.

    Args:
        scores: [N, C] float32.
        rdms: by level, [L, P] float64 condensed RDMs, with NaN rows where undefined; at level
            `alignment.GRAM` Gram matrices of single images, if asked for.
    """

    scores: Tensor
    rdms: dict[str, np.ndarray]


def show(
    model: Module, layers: Layers, shown: StimulusSet, *, units: int, seed: int, grams: bool = False
) -> Measurement:
    """Show a stimulus set to a network and build each named layer's RDMs from the same pass.

    RDMs are of a layer's own output, even if the next layer overwrites it in place.

    Args:
        model: left as it was, with the mode of each of its modules.
        units: drawn once per layer (see `rdm.draw_units`), from `seed`.
        grams: measure Gram matrices of the images at the set's level "image" too.

    Raises:
        ValueError: the network has no such layer, or a layer puts out no tensor [B, U, ...] for a
            batch, or is called more than once for it, as a ReLU that several layers share.
    """
    means = {level: ConditionMeans(conditions) for level, conditions in shown.conditions.items()}
    scores = []
    for start, found, responses in _batches(model, layers, shown, units, seed):
        scores.append(found)
        for summed in means.values():
            summed.add(start, responses)
    rdms = {level: summed.rdms() for level, summed in means.items()}
    if grams:
        rdms[GRAM] = np.array([gram(responses) for responses in means["image"].means()])
    return Measurement(torch.cat(scores), rdms)


def features(
    model: Module, layers: Layers, shown: StimulusSet, *, units: int, seed: int
) -> list[Tensor]:
    """Return each layer's responses [N, U] float32 to all images, of drawn units as in `show`."""
    parts = [part for _, _, part in _batches(model, layers, shown, units, seed)]
    return [torch.cat([batch.float().cpu() for batch in layer]) for layer in zip(*parts)]


@torch.inference_mode()
def class_scores(model: Module, images: Images | ImageFiles) -> Tensor:
    """Return the scores [N, C] float32 of labelled images; of files, their central crops."""
    with closing(images.shown(BATCH)) as batches, _evaluating(model):
        return torch.cat([_scores(model, batch) for batch in batches])


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Return the fraction of images [N] with the highest score [N, C] at their class."""
    return _fraction(scores.argmax(1) == labels.to(scores.device), scores)


def top_k(scores: Tensor, labels: Tensor, k: int) -> float:
    """Return the fraction of images [N] with one of the k highest scores [N, C] at their class."""
    right = scores.topk(k).indices == labels.to(scores.device)[:, None]
    return _fraction(right.any(1), scores)


def _fraction(right: Tensor, scores: Tensor) -> float:
    # Scores that are not finite count as wrong.
    return (right & torch.isfinite(scores).all(1)).float().mean().item()


def loss(scores: Tensor, labels: Tensor) -> float:
    """Return the mean cross-entropy in nats of scores [N, C] for labels [N]."""
    return functional.cross_entropy(scores, labels.to(scores.device)).item()


@torch.inference_mode()
def _batches(
    model: Module, layers: Layers, shown: StimulusSet, units: int, seed: int
) -> Iterator[tuple[int, Tensor, list[Tensor]]]:
    """Yield each batch's first number, its scores [B, C], and each layer's responses [B, U]."""
    modules = dict(model.named_modules(remove_duplicate=False))
    if unknown := [name for name in layers if name not in modules]:
        known = ", ".join(filter(None, modules))
        raise ValueError(f"no layer {unknown} in {type(model).__name__}, it has: {known}")
    drawn: dict[int, tuple] = {}
    taken: dict[int, Tensor] = {}  # by place in `layers`

    def take(place: int, module: Module, inputs: tuple, output: object) -> None:
        # A copy, made at once: the layers behind may overwrite the output in place.
        if place in taken:
            told = "is called more than once for a batch, expected once; name a module around it"
            raise ValueError(f"{_named(model, layers[place])} {told}")
        found = _checked(model, layers[place], output, len(images))
        if place not in drawn:
            drawn[place] = _drawn(found, units, seed, layer=place)
        taken[place] = found[drawn[place]]

    with _evaluating(model), ExitStack() as hooks:
        for place, name in enumerate(layers):
            hooks.enter_context(modules[name].register_forward_hook(partial(take, place)))
        for start in range(0, len(shown.images), BATCH):
            images = shown.images[start : start + BATCH]
            taken.clear()
            scores = _scores(model, images)
            for place in set(range(len(layers))) - taken.keys():
                _checked(model, layers[place], None, len(images))
            yield start, scores, [taken[place] for place in range(len(layers))]


def _named(model: Module, layer: str) -> str:
    return f"layer {layer!r} of {type(model).__name__}"


def _checked(model: Module, layer: str, output: object, images: int) -> Tensor:
    """Return a layer's output if it is a tensor with units of each image, None for no output."""
    if isinstance(output, Tensor) and output.ndim > 1 and len(output) == images:
        return output
    what = list(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
    put_out = f"put out {'nothing' if output is None else what} for {images} images"
    raise ValueError(f"{_named(model, layer)} {put_out}, expected a tensor [{images}, U, ...]")


def _scores(model: Module, images: Tensor) -> Tensor:
    device = next(model.parameters(), images).device
    batch = as_shown(images.to(device), model)
    with devices.autocast(device):
        found = model(batch)
    if not isinstance(found, Tensor):
        network, what = type(model).__name__, type(found).__name__
        raise ValueError(f"{network} put out a {what}, expected scores [B, C]")
    return found.float()


def _drawn(output: Tensor, units: int, seed: int, layer: int) -> tuple:
    """Return the index of a layer's drawn units: its output [B, ...] needs no flattened copy."""
    shape = output.shape[1:]
    chosen = np.unravel_index(draw_units(shape.numel(), units, seed=seed, layer=layer), shape)
    return slice(None), *(torch.from_numpy(index).to(output.device) for index in chosen)


@contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Put a network into evaluation mode for a while, with the same numbers each time."""
    modes = {module: module.training for module in model.modules()}
    with devices.deterministic():
        model.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
