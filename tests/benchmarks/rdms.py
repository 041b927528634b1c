"""Measure what RDMs cost, beside other libraries and beside training.

`python -m tests.benchmarks.rdms [--candidates N]`

The libraries' times are of one run on all cores. Of random candidates of the 10-layer space a
training of two epochs on 45,000 images is compared with showing it 5,000 validation images once:
processor time in one thread, scaled up from a few images of random pixels.
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm

from sage.compute import devices
from sage.images import datasets
from sage.rsa import activations, rdm
from sage.search.builders import ConvolutionalBuilder
from sage.training.trainer import Trainer

TRAINING, VALIDATION, EPOCHS = 45_000, 5_000, 2
STEP = 128  # images
# Width, pixels a side, and images that are shown instead of all.
SIZES = ((0.25, 16, 1000), (1.0, 32, 250))


def seconds(function: Callable[[], Any], repeats: int = 1) -> tuple[float, float, Any]:
    """Shortest elapsed and processor time of some repeats, and what the last of them gave."""
    elapsed, used = [], []
    for _ in range(repeats):
        began, before = time.perf_counter(), time.process_time()
        found = function()
        elapsed.append(time.perf_counter() - began)
        used.append(time.process_time() - before)
    return min(elapsed), min(used), found


def libraries(stimuli: int, units: int) -> None:
    """Print times and agreement of three ways to the same RDM."""
    rows = torch.randn(stimuli, units, generator=torch.Generator().manual_seed(0))
    upper = np.triu_indices(stimuli, 1)
    dataset = Dataset(rows.numpy())
    timed = {
        "sage": seconds(lambda: rdm.condensed_rdm(rows), 5),
        "numpy": seconds(lambda: 1 - np.corrcoef(rows.numpy()), 3),
        "rsatoolbox": seconds(lambda: calc_rdm(dataset, method="correlation").dissimilarities[0]),
    }
    found = {
        name: values[upper] if values.ndim == 2 else values
        for name, (_, _, values) in timed.items()
    }
    print(f"RDM of {stimuli} x {units} float32, {torch.get_num_threads()} threads")
    for name, (elapsed, used, _) in timed.items():
        error = np.abs(found[name] - found["numpy"]).max()
        ratio = elapsed / timed["sage"][0]
        print(
            f"{name:<12} {elapsed:7.2f} s  {ratio:6.1f} x sage  processor {used:7.2f} s  "
            f"{error:.1e} from numpy"
        )


def class_means(images: int) -> None:
    """Print the memory of class means of ten layers after images were streamed, and the process's
    highest so far.
    """
    means = rdm.ConditionMeans(torch.arange(images) % 100)
    for start in range(0, images, activations.BATCH):
        means.add(start, [torch.ones(activations.BATCH, 1000) for _ in range(10)])
    kept = sum(sums.nbytes for sums in means.sums) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"class means of {images:>6} images: {kept:.2f} MB of sums, highest memory of the process "
        f"{peak:.0f} MB"
    )


def random_images(count: int, pixels: int, seed: int) -> datasets.Images:
    """Images of 100 classes in turn."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(
        0, 256, (count, 3, pixels, pixels), generator=generator, dtype=torch.uint8
    )
    return datasets.Images(values, torch.arange(count) % 100)


def share(candidates: int, width: float, pixels: int, shown: int) -> None:
    """Print for some candidates what part of two epochs' time one RDM pass takes."""
    networks, device = ConvolutionalBuilder(layers=10, width=width), devices.default()
    training = random_images(2 * STEP, pixels, 0)
    validation = random_images(shown, pixels, 1)
    names = tuple(f"class {number}" for number in range(100))
    stimuli = datasets.Dataset("random", names, training, validation, validation).stimuli(200)
    rng = np.random.default_rng(0)
    whole, passes, bare = [], [], []
    for number in range(candidates):
        with devices.weights_from(number):
            model = networks.build(networks.space.sample(rng), classes=100)
        recipe = networks.recipe(EPOCHS, STEP)
        trainer = Trainer(model, training, recipe, seed=number, device=device)
        trainer.advance(0.5)  # the first step is slower
        trained = seconds(partial(trainer.advance, 1.5))[1] / (2 * STEP)
        whole.append(EPOCHS * TRAINING * trained)
        show = partial(activations.show, model, model.layer_names, stimuli, units=1000, seed=0)
        passes.append(VALIDATION / shown * seconds(show)[1])
        alone = partial(activations.class_scores, model, validation)
        bare.append(VALIDATION / shown * seconds(alone)[1])
    print(
        f"width {width}, {pixels} x {pixels}: training {np.mean(whole):7.1f} s, "
        f"RDM pass {np.mean(passes):6.2f} s "
        f"({np.mean(passes) / np.mean(whole):.1%}), of it accuracy alone {np.mean(bare):6.2f} s",
        flush=True,
    )


def main() -> None:
    """Print the three measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stimuli", type=int, default=5000)
    parser.add_argument("--units", type=int, default=4096)
    parser.add_argument("--candidates", type=int, default=3)
    options = parser.parse_args()
    for images in (2000, 20_000):  # first, as memory's peak stays
        class_means(images)
    libraries(options.stimuli, options.units)
    with devices.one_thread():
        for width, pixels, shown in SIZES:
            share(options.candidates, width, pixels, shown)


if __name__ == "__main__":
    main()
