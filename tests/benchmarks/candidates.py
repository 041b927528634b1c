"""Measure how fast many small networks are trained.

`python -m tests.benchmarks.candidates [--space NAME] [--size PIXELS] ...`

The same random candidates are trained twice in one run: one after the other by the loop that a user
of PyTorch would write (torchvision's transforms in a DataLoader, float32, SGD, maps concatenated
before they are convolved), and as a search of this package trains them, measured and recorded like
those. The loop is timed for its training alone, ours for all that happens from the first proposal
to the last record, workers' start apart.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms
from tqdm.auto import tqdm

from sage.compute import devices
from sage.config import provenance
from sage.images.datasets import Images
from sage.models import complexity
from sage.models.convolution import MergingConvolution, merge
from sage.rsa.rdm import ConditionMeans
from sage.search import dask_workers, evaluation, searchers
from sage.search.builders import CellBuilder, ConvolutionalBuilder, NASBench201Builder
from sage.search.evaluation import EvaluationProtocol
from sage.search.explorer import Explorer, Study
from sage.search.tracker import Tracker
from sage.training.trainer import Trainer

LOADING = 2  # processes of the loop's DataLoader


@dataclass(frozen=True)
class Trained:
    """Networks that were trained: seconds for all of them, and the validation accuracy of each."""

    seconds: float
    accuracies: list[float]


class Transformed(Dataset):
    """Images as torchvision's CIFAR classes give them."""

    def __init__(self, images: Images, transform: Callable):
        self.pixels, self.labels = images.images.permute(0, 2, 3, 1).numpy(), images.labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), int(self.labels[index])


def standardised(image: Tensor) -> Tensor:
    """As the paper's preprocessing."""
    return (image - image.mean()) / image.std().clamp(min=image.numel() ** -0.5)


def concatenated(convolution: MergingConvolution, maps: Sequence[Tensor]) -> Tensor:
    """Pad maps to the largest, concatenate them and convolve them as one, as the paper does."""
    joined = merge(maps, tuple(max(m.shape[axis] for m in maps) for axis in (2, 3)))
    return nn.functional.conv2d(
        joined, convolution.weight, convolution.bias, convolution.stride, convolution.padding
    )


@patch.object(MergingConvolution, "forward", concatenated)
def plain_loop(protocol: EvaluationProtocol, candidates: list[tuple], seed: int) -> Trained:
    """What a user would write."""
    images, device = protocol.load_images(), devices.default()
    size = protocol.image_size
    transform = transforms.Compose(
        [
            transforms.RandomCrop(size, padding=size // 8),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            standardised,
        ]
    )
    seconds, accuracies = 0.0, []
    recipe = protocol.networks.recipe(protocol.mature_epochs, protocol.batch_size)
    for architecture in tqdm(candidates, desc="plain loop", unit="network"):
        torch.manual_seed(seed)
        model = (
            protocol.networks.build(architecture, classes=len(images.classes)).to(device).train()
        )
        loader = DataLoader(
            Transformed(images.train, transform),
            batch_size=protocol.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=LOADING,
            pin_memory=device.type == "cuda",
            persistent_workers=True,
        )
        optimizer = recipe.optimizer(model.parameters())
        synchronise()
        began = time.perf_counter()
        for _ in range(round(protocol.snapshots[-1])):
            for batch, labels in loader:
                batch, labels = (
                    batch.to(device, non_blocking=True),
                    labels.to(device, non_blocking=True),
                )
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(batch), labels)
                loss.backward()
                optimizer.step()
        synchronise()
        seconds += time.perf_counter() - began
        accuracies.append(evaluation.accuracy(model, images.validation))
    return Trained(seconds, accuracies)


def search(protocol: EvaluationProtocol, count: int, seed: int, workers: str) -> Trained:
    """The package's own way: random search, every candidate with the same seed."""
    space = protocol.networks.space
    study = Study(
        description=protocol.description(),
        protocol=protocol.key,
        evaluate=partial(evaluation.evaluate, protocol),
        score=lambda found, told: found.snapshots[-1].accuracy,
        seed=lambda number: seed,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        dask_workers.open_workers(workers) as opened,
        tqdm(total=count, desc="search", unit="network") as bar,
    ):
        ready = [opened.submit(protocol.load_images) for _ in range(opened.slots())]
        for future in ready:
            future.result()
        tracker = Tracker(f"sqlite:///{folder}/tracker.sqlite")
        began = time.perf_counter()
        searcher = searchers.make("random", space, seed=0)
        Explorer(study, searcher, tracker, count, opened, bar).search()
        seconds = time.perf_counter() - began
        accuracies = tracker.results(study.key).accuracy.values[:, -1]
    return Trained(seconds, accuracies.tolist())


def breakdown(protocol: EvaluationProtocol, candidates: list[tuple], seed: int) -> Counter:
    """Seconds of evaluations and their record in this process, by what they were spent on."""
    spent, running = Counter(), []

    @contextmanager
    def clock(name: str) -> Iterator[None]:
        """What lies within another counts only as itself."""
        synchronise()
        running.append([name, time.perf_counter(), 0.0])
        yield
        synchronise()
        _, began, inner = running.pop()
        seconds = time.perf_counter() - began
        spent[name] += seconds - inner
        if running:
            running[-1][2] += seconds

    def timed(name: str, function: Callable) -> Callable:
        def call(*arguments, **named):
            with clock(name):
                return function(*arguments, **named)

        return call

    class Timed(Trainer):
        """A trainer whose parts are timed."""

        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self._replica = timed("forward", self._replica)
            self.optimizer.step = timed("optimiser", self.optimizer.step)
            steps = self.batches.steps
            self.batches.steps = lambda first, last: each(steps(first, last))

    def each(steps: Iterator) -> Iterator:
        while True:
            with clock("data"):
                found = next(steps, None)
            if found is None:
                return
            yield found

    parts = (
        (evaluation, "Trainer", Timed),
        (torch.Tensor, "backward", timed("backward", torch.Tensor.backward)),
        (evaluation, "_measure", timed("snapshot", evaluation._measure)),
        (ConditionMeans, "add", timed("RDM", ConditionMeans.add)),
        (ConditionMeans, "rdms", timed("RDM", ConditionMeans.rdms)),
    )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for target, name, replacement in parts:
            stack.enter_context(patch.object(target, name, replacement))
        tracker = Tracker(f"sqlite:///{folder}/tracker.sqlite")
        for number, architecture in enumerate(
            tqdm(candidates, desc="where time goes", unit="network")
        ):
            with clock("rest of training: Python, standardising, loss"):
                found = evaluation.evaluate(protocol, architecture, seed)
            with clock("tracker"):
                tracker.store(protocol.key, f"{number:016x}", seed, found, provenance.stamp())
    return spent


def synchronise() -> None:
    """Wait for the device, if it is one that computes on its own."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def floor(protocol: EvaluationProtocol, candidates: list[tuple]) -> str:
    """Operations and bytes of an example in the mean over candidates, and what the device's
    products would allow.

    Both passes count three times the forward one. Of bytes only what layers put out is counted:
    written and read once in each pass, and gradients likewise.
    """
    defined, computed, values = [], [], []
    image = torch.zeros(1, 3, protocol.image_size, protocol.image_size)
    for architecture in candidates:
        model = protocol.networks.build(architecture, classes=64).eval()
        defined.append(complexity.multiply_adds(model, protocol.image_size))
        put_out = []
        handles = [
            module.register_forward_hook(
                lambda module, inputs, output, put_out=put_out: put_out.append(output.numel())
            )
            for module in model.modules()
            if not list(module.children())
        ]
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            model(image)
        for handle in handles:
            handle.remove()
        computed.append(counter.get_total_flops() / 2)
        values.append(sum(put_out))
    operations, width = 6 * np.mean(computed), 4
    rate = _products_per_second()
    return (
        f"an example takes {np.mean(defined) / 1e6:.1f} million multiply-adds forward by the "
        f"definition, {np.mean(computed) / 1e6:.1f} as computed, so {operations / 1e9:.3f} G "
        f"operations in both passes, and {6 * width * np.mean(values) / 1e6:.2f} MB; products of "
        f"matrices run at {rate / 1e9:,.0f} G operations/s here, which is "
        f"{rate / operations:,.0f} examples/s"
    )


def _products_per_second(size: int = 4096) -> float:
    """Operations per second of the device in large products, in the format of convolutions; the
    best of five.
    """
    device = devices.default()
    with torch.inference_mode(), devices.autocast(device):
        matrix = torch.randn(size, size, device=device)
        times = []
        for _ in range(6):
            synchronise()
            began = time.perf_counter()
            matrix @ matrix
            synchronise()
            times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times[1:])


def same_training(
    protocol: EvaluationProtocol, candidates: list[tuple], seeds: int, workers: str
) -> str:
    """Whether both give the same accuracies, by what seeds alone change."""
    loop = np.array([plain_loop(protocol, candidates, seed).accuracies for seed in range(seeds)])
    ours = np.array(
        [search(protocol, len(candidates), seed, workers).accuracies for seed in range(seeds)]
    )
    difference = (ours - loop).mean()
    spread = np.sqrt((loop.var(0, ddof=1) + ours.var(0, ddof=1)).mean() / 2)
    error = spread * np.sqrt(2 / loop.size)
    return (
        f"validation accuracy of {len(candidates)} networks, {seeds} seeds each: loop "
        f"{loop.mean():.3f}, ours {ours.mean():.3f}; difference {difference:+.3f}, standard error "
        f"{error:.3f}, s.d. between seeds {spread:.3f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--space",
        choices=("cnn", "cells", "nasbench201"),
        default="cnn",
        help="ten layers, cells of five blocks, or NAS-Bench-201 with two cells a stage",
    )
    parser.add_argument("--size", type=int, default=16, help="pixels a side")
    parser.add_argument(
        "--width", type=float, default=0.25, help="of ten-layer networks, 1 is the paper's"
    )
    parser.add_argument("--filters", type=int, default=8, help="F of cells")
    parser.add_argument(
        "--images", type=int, default=6000, help="training images, of the embedded ones"
    )
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument(
        "--seeds", type=int, default=3, help="of the comparison of accuracies; 0 for none"
    )
    parser.add_argument("--workers", default="auto")
    options = parser.parse_args()
    networks = {
        "cnn": ConvolutionalBuilder(layers=10, width=options.width),
        "cells": CellBuilder(blocks=5, repeats=2, filters=options.filters),
        "nasbench201": NASBench201Builder(cells=2),
    }[options.space]
    protocol = EvaluationProtocol(
        dataset="objects",
        image_size=options.size,
        train_images=options.images,
        validation_images=None,
        networks=networks,
        mature_epochs=100,
        snapshots=(options.epochs,),
        batch_size=64,
        rdm_units=1000,
        rdm_images=200,
    )
    searcher = searchers.make("random", networks.space, seed=0)
    candidates = [searcher.ask()[1] for _ in range(options.candidates)]
    examples = options.epochs * (options.images // protocol.batch_size) * protocol.batch_size
    loop = plain_loop(protocol, candidates, 0)
    ours = search(protocol, len(candidates), 0, options.workers)
    print(
        f"\n{provenance.hardware()}; {options}; {len(candidates)} networks x {examples:,} examples"
    )
    print("              examples/s   networks/h")
    for name, trained in (("plain loop", loop), ("ours", ours)):
        rate = len(candidates) / trained.seconds
        print(f"{name:<12} {rate * examples:11,.0f} {3600 * rate:12,.0f}")
    print(f"ratio        {loop.seconds / ours.seconds:11.2f}")
    print(floor(protocol, candidates))
    spent = breakdown(protocol, candidates, 0)
    print("\nwhere the time of one process goes")
    for name, seconds in spent.most_common():
        print(f"{seconds / spent.total():7.1%}  {name}")
    if options.seeds:
        print(f"\n{same_training(protocol, candidates[:5], options.seeds, options.workers)}")


if __name__ == "__main__":
    main()
