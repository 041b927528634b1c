"""Showing images to a network: accuracy, loss and every layer's RDMs from one pass."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sage import devices
from sage.preprocessing import standardise
from sage.rdm import ConditionMeans, draw_units
from sage.stimuli import StimulusSet

# Fixed, since sums over a batch depend on where it is cut.
BATCH = 250


@dataclass(frozen=True)
class Responses:
    """What one pass over a stimulus set gave.

    Args:
        scores: [N, C] float32. rdms: by level, [L, P] float64 condensed RDMs, NaN rows where undefined.
    """

    scores: Tensor
    rdms: dict[str, np.ndarray]


@torch.inference_mode()
def show(
    model: nn.Module, layers: tuple[str, ...], stimuli: StimulusSet, *, units: int, seed: int, device: torch.device
) -> Responses:
    """Show a stimulus set to a network and build each named layer's RDMs from the same pass.

    The network is left as it was, its mode included.

    Args:
        layers: names of submodules, as in `model.named_modules()`.
        units: drawn once per layer (see `rdm.draw_units`), from `seed`.

    Raises:
        ValueError: a layer name that the network does not have.
    """
    training = model.training
    model.eval()
    means = {level: [ConditionMeans(of) for _ in layers] for level, of in stimuli.conditions.items()}
    drawn: list[tuple[Tensor, ...] | None] = [None] * len(layers)
    scores = []
    with _outputs(model, layers) as outputs:
        for start in range(0, len(stimuli.images), BATCH):
            batch = standardise(stimuli.images[start : start + BATCH].to(device))
            with devices.autocast(device):
                scores.append(model(batch).float())
            for index, name in enumerate(layers):
                output = outputs[name]
                if drawn[index] is None:
                    drawn[index] = _coordinates(output.shape[1:], units, seed, index)
                features = output[(slice(None), *drawn[index])]  # [B, U]
                for accumulators in means.values():
                    accumulators[index].add(start, features)
    model.train(training)
    rdms = {level: np.array([m.rdm() for m in accumulators]) for level, accumulators in means.items()}
    return Responses(torch.cat(scores), rdms)


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Fraction of images [N] whose class has the highest of the scores [N, C]; NaN scores count as wrong."""
    labels = labels.to(scores.device)
    right = (scores.argmax(1) == labels) & torch.isfinite(scores).all(1)
    return right.float().mean().item()


def loss(scores: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy in nats of scores [N, C] for labels [N]."""
    return nn.functional.cross_entropy(scores, labels.to(scores.device)).item()


def _coordinates(shape: torch.Size, units: int, seed: int, layer: int) -> tuple[Tensor, ...]:
    """Indices of the drawn units in a layer's output: indexing needs no flattened copy of it."""
    total = int(np.prod(shape))
    chosen = np.unravel_index(draw_units(total, units, seed=seed, layer=layer), shape)
    return tuple(torch.from_numpy(index) for index in chosen)


@contextmanager
def _outputs(model: nn.Module, layers: tuple[str, ...]):
    """The latest outputs of the named submodules, by name, while the context lasts."""
    modules = dict(model.named_modules())
    unknown = [name for name in layers if name not in modules]
    if unknown:
        raise ValueError(f"no layer {unknown} in {type(model).__name__}, it has: {', '.join(filter(None, modules))}")
    outputs: dict[str, Tensor] = {}

    def keep(name):
        return lambda module, inputs, output: outputs.__setitem__(name, output)

    handles = [modules[name].register_forward_hook(keep(name)) for name in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
