"""What ranks do in the tests: a small training that is divided between them, and what can happen to it."""

import os
import signal
import time
from pathlib import Path

import torch
import xarray as xr

from sage import checkpoints, devices, parallel, paths, training
from sage.models import genotypes
from sage.models.cells import CellNetwork
from sage.training import Trainer

# The reduction does not read state 1, so that weights which bring it to size have no gradients.
GENOTYPE = genotypes.Genotype(
    "small", genotypes.cell("sep3(0)+max3(1); 1x7-7x1(1)+id(2) -> 3"), genotypes.cell("sep3(0)+id(0) -> 2")
)
RECIPE = training.cell_recipe(3, 8)
CPU = torch.device("cpu")


def float32() -> None:
    """Have this process train in float32, so that results can be compared."""
    devices.has_bfloat16 = lambda device: False


def make_trainer(kind: type[Trainer] = Trainer) -> Trainer:
    """Four steps an epoch, with batch normalisation, drop-path, an auxiliary classifier, and clipping."""
    with devices.weights_from(parallel.rank()):  # rank 0's weights count
        model = CellNetwork(GENOTYPE, classes=4, filters=2, repeats=1, auxiliary_size=16)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (36, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return kind(model, images, torch.arange(36) % 4, RECIPE, seed=0, device=CPU)


def weights(trainer: Trainer) -> torch.Tensor:
    """All values of a network [V], statistics of its batch normalisation included."""
    return torch.cat([value.flatten().float() for value in trainer.model.state_dict().values()])


def train(path: Path, kind: type[Trainer] = Trainer) -> tuple[torch.Tensor, xr.Dataset]:
    """All ranks' weights [ranks, V] at the end of the training with a checkpoint at `path`, and its table."""
    float32()
    trainer = make_trainer(kind)
    table = checkpoints.train(trainer, path, lambda: {"rank": parallel.rank()}, name=None)
    return parallel.gathered(weights(trainer)), table


class Mortal(Trainer):
    """Rank 1 is killed in the last epoch."""

    def _step(self):
        if self.step == 10 and parallel.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._step()


def write_log() -> list[str]:
    """Names of the files that this process writes from now on."""
    log, replace = [], paths.replace
    paths.replace = lambda path, write: log.append(path.name) or replace(path, write)
    return log


def fail() -> None:
    """Rank 1 has a problem while rank 0 waits for it."""
    if parallel.rank() == 1:
        raise LookupError("a rank's own problem")
    parallel.gathered(torch.zeros(1))


def wait(folder: Path) -> None:
    """Leave a mark with this process' number, and train for long."""
    (folder / f"{parallel.rank()}").write_text(str(os.getpid()))
    time.sleep(1000)
