"""Measure what average pooling costs, as torch has it and as a convolution.

`python -m tests.benchmarks.pooling [--batch N]`

Both are timed in turns, in one thread and processor time: on maps of NAS-Bench-201's three stages,
and in whole training steps of one of its networks, half of whose edges pool.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional

from sage.compute import devices
from sage.config import provenance
from sage.models.convolution import AveragePool
from sage.models.nasbench201 import NASBench201Network

ARCHITECTURE, REPEATS = (3, 4, 4, 2, 4, 3), 7


def torchs(module: nn.Module, x: Tensor) -> Tensor:
    """Pool as torch does."""
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def in_turns(function: Callable[[], None]) -> list[float]:
    """Shortest processor time in seconds with torch's pooling, and with ours."""
    times: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        for spent, forward in zip(times, (torchs, AveragePool.forward)):
            with patch.object(AveragePool, "forward", forward):
                began = time.thread_time()
                function()
                spent.append(time.thread_time() - began)
    return list(map(min, times))


def both_passes(x: Tensor, weights: Tensor) -> None:
    AveragePool()(x).backward(weights)


def told(what: str, torchs: float, ours: float) -> None:
    print(f"{what:<34} {1e3 * torchs:9.1f} {1e3 * ours:9.1f} {torchs / ours:9.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256)
    batch, device = parser.parse_args().batch, torch.device("cpu")
    order = {"memory_format": torch.channels_last}
    format = torch.bfloat16 if devices.has_bfloat16(device) else torch.float32
    print(f"\n{provenance.hardware()}; {format}, one thread")
    print(f"{'forward and backward':<34} {'torch ms':>9} {'ours ms':>9} {'ratio':>9}")
    with devices.one_thread():
        for channels, size in ((16, 32), (32, 16), (64, 8)):
            x = torch.randn(batch, channels, size, size).to(format).contiguous(**order)
            times = in_turns(partial(both_passes, x.requires_grad_(), torch.randn_like(x)))
            told(f"[{batch}, {channels}, {size}, {size}]", *times)
        model = NASBench201Network(ARCHITECTURE, classes=100).to(**order)
        images = torch.randn(batch, 3, 32, 32).contiguous(**order)

        def step() -> None:
            with devices.autocast(device):
                scores = model(images)
            scores.float().square().mean().backward()

        told("a network with three such edges", *in_turns(step))


if __name__ == "__main__":
    main()
