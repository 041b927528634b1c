"""Training and evaluation on image files that other processes read, to the same numbers."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from sage.config import paths
from sage.images import datasets, image_files, loaders, preprocessing
from sage.images.image_files import ImageFiles
from sage.models.resnet import ResNet
from sage.rsa import activations
from sage.search import evaluation
from sage.training import checkpoints, recipes
from sage.training.trainer import Diverged, Trainer

CPU = torch.device("cpu")


@pytest.fixture
def files(monkeypatch) -> ImageFiles:
    """18 images of different sizes, cut to 16 pixels a side."""
    monkeypatch.setattr(preprocessing, "SIZE", 16)
    monkeypatch.setattr(preprocessing, "SHORTER", 20)
    monkeypatch.setattr(preprocessing, "SHORTER_IN_TRAINING", (18, 24))
    rng = np.random.default_rng(0)
    for index in range(20):
        path = paths.raw() / "mine" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (30 + index, 50 - index, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    found = datasets.load_files("mine")
    return found.train.joined(found.validation)


def use(monkeypatch, workers: int) -> None:
    monkeypatch.setattr(image_files, "_workers", lambda: workers)


def make_trainer(files: ImageFiles) -> Trainer:
    torch.manual_seed(0)
    model = ResNet(blocks=1, width=2, classes=2)
    return Trainer(model, files, recipes.imagenet_recipe(2, 4), seed=3, device=CPU)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in trainer.model.state_dict().values()])


def read(path: str) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1).contiguous()


def processes() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_files_are_a_fixed_list(files):
    assert len(files) == 18 and len(set(files.images)) == 18
    first = files.first(5)
    assert first.images == files.images[:5] and torch.equal(first.labels, files.labels[:5])
    assert (
        len(files.first(None)) == 18 and first.identity == files.first(5).identity != files.identity
    )
    assert ImageFiles(files.images, 1 - files.labels).identity != files.identity
    path = Path(files.images[0])
    path.write_bytes(path.read_bytes() + b"more")
    assert files.first(5).identity != first.identity


@pytest.mark.parametrize("workers", [0, 2])
def test_steps_show_the_papers_crops_of_the_drawn_files(files, monkeypatch, workers):
    use(monkeypatch, workers)
    source = make_trainer(files).batches
    state = torch.get_rng_state()
    shown = list(source.steps(2, 6))
    assert torch.equal(torch.get_rng_state(), state)
    for step, (images, labels) in zip(range(2, 6), shown, strict=True):
        chosen = source.indices(step)
        crops = preprocessing.scaled_crops(4, loaders.generator(3, "augment", step, CPU))
        expected = [crop(read(files.images[place])) for crop, place in zip(crops, chosen)]
        assert torch.equal(images, torch.stack(expected)) and torch.equal(
            labels, files.labels[chosen]
        )
    assert len(torch.cat([source.indices(step) for step in range(4)]).unique()) == 16


def test_resumed_training_equals_an_uninterrupted_one_with_any_number_of_processes(
    files, monkeypatch, tmp_path
):
    use(monkeypatch, 0)
    whole = make_trainer(files)
    whole.advance(2)
    use(monkeypatch, 1)
    stopped = make_trainer(files)
    stopped.advance(0.5)
    torch.save(stopped.state_dict(), tmp_path / "state.pt")
    use(monkeypatch, 2)
    resumed = make_trainer(files)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.advance(2)
    assert torch.equal(weights(resumed), weights(whole)) and resumed.loss_sum == whole.loss_sum
    assert resumed.examples == 2 * 4 * 4


def test_no_process_outlives_the_training(files, monkeypatch):
    use(monkeypatch, 2)
    before = processes()
    during, trainer = [], make_trainer(files)
    trainer.optimizer.register_step_pre_hook(lambda *arguments: during.append(processes() - before))
    trainer.advance(0)
    assert processes() == before
    trainer.advance(1)
    assert processes() == before and all(len(started) >= 2 for started in during[:2])
    diverging = make_trainer(files)
    diverging.optimizer.register_step_pre_hook(
        lambda *arguments: diverging.loss_sum.fill_(torch.nan) and None
    )
    with pytest.raises(Diverged):
        diverging.advance(2)
    assert processes() == before


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_damaged_after_the_check_ends_the_training_and_is_named(files, monkeypatch, workers):
    use(monkeypatch, workers)
    before = processes()
    trainer = make_trainer(files)
    path = Path(files.images[trainer.batches.indices(2)[1]])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ValueError, match=f"{path} cannot be read as an image .*: replace or remove it"
    ):
        trainer.advance(1)
    assert processes() == before


def test_a_daemon_reads_files_itself(monkeypatch):
    assert image_files._workers() >= 1
    monkeypatch.setattr(
        image_files.multiprocessing, "current_process", lambda: SimpleNamespace(daemon=True)
    )
    assert image_files._workers() == 0


def test_networks_are_tested_on_the_centre_of_files(files, monkeypatch):
    use(monkeypatch, 2)
    monkeypatch.setattr(activations, "BATCH", 7)
    before = processes()
    torch.manual_seed(0)
    model = ResNet(blocks=1, width=2, classes=12)
    centres = torch.stack([preprocessing.central_crop(read(path)) for path in files.images])
    found = activations.class_scores(model, files)
    expected = activations.class_scores(model, datasets.Images(centres, files.labels))
    assert (
        found.shape == (18, 12)
        and torch.equal(found, expected)
        and processes() == before
        and model.training
    )
    accuracy = (expected.argmax(1) == files.labels).float().mean().item()
    assert (
        evaluation.accuracy(model, files) == activations.top_k(found, files.labels, 1) == accuracy
    )


def test_top_5_counts_the_five_highest_scores():
    scores = torch.arange(10.0).repeat(6, 1)
    scores[5, 0] = torch.nan
    labels = torch.tensor([9, 8, 5, 4, 0, 9])
    assert activations.top_k(scores, labels, 5) == pytest.approx(3 / 6)
    assert (
        activations.top_k(scores, labels, 1)
        == activations.accuracy(scores, labels)
        == pytest.approx(1 / 6)
    )


def test_the_bar_shows_how_fast_a_training_goes(files, monkeypatch, tmp_path, capsys):
    use(monkeypatch, 0)
    trainer = make_trainer(files)
    checkpoints.train_with_checkpoints(trainer, tmp_path / "some.pt", dict, name="mature")
    rates = [
        float(text.split()[-1])
        for text in capsys.readouterr().err.split(" images/s")[:-1]
        if text.strip()
    ]
    assert rates and max(rates) > 0


def no_room(image: torch.Tensor) -> torch.Tensor:
    """Fail as torch does in a process that cannot hand on a batch."""
    raise RuntimeError("unable to write to file </torch_1>: No space left on device (28)")


def test_too_little_shared_memory_is_told_with_its_remedy(files, monkeypatch):
    monkeypatch.setattr(image_files, "_workers", lambda: 1)
    with pytest.raises(RuntimeError, match="^/dev/shm, .* has [0-9]+ MB, .*--shm-size=2g"):
        list(image_files.read_batches([[(files.images[0], no_room)]]))
