"""The paper's recipes step by step, and training that goes on where it stopped."""

import copy
import json
from dataclasses import replace
from math import cos, pi

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torchvision.transforms import functional

from sage.compute import devices
from sage.images import preprocessing
from sage.images.datasets import Images
from sage.models.cells import CellNetwork
from sage.models.genotypes import NASNET_A
from sage.rsa import activations
from sage.training import checkpoints, recipes
from sage.training.trainer import Trainer

CPU = torch.device("cpu")
RECIPES = {
    "candidate": recipes.candidate_recipe(4, 8),
    "teacher": recipes.teacher_recipe(4, 8),
    "cell": recipes.cell_recipe(4, 8),
    "imagenet": recipes.imagenet_recipe(4, 8),
}
STEPS_PER_EPOCH = 2


def make_trainer(recipe: recipes.Recipe, seed: int = 0) -> Trainer:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (17, 3, 16, 16), generator=generator, dtype=torch.uint8)
    torch.manual_seed(0)
    model = CellNetwork(NASNET_A, classes=4, filters=2, repeats=1, auxiliary_size=16)
    return Trainer(model, Images(images, torch.arange(17) % 4), recipe, seed=seed, device=CPU)


def rates(recipe: recipes.Recipe) -> list[float]:
    """Of every step of an epoch of 10 steps, as the trainer asks for them."""
    steps = 10 * recipe.epochs
    return [recipe.rate(step / steps) for step in range(steps)]


def test_convolutional_networks_are_trained_as_the_paper_says():
    recipe = recipes.candidate_recipe(300, 128)
    np.testing.assert_allclose(rates(recipe), 1000 * [0.1] + 1000 * [0.01] + 1000 * [0.001])
    assert (recipe.momentum, recipe.batch_size, recipe.clip) == (0.9, 128, None)


def test_cells_are_trained_on_cifar_as_the_paper_says():
    recipe = recipes.cell_recipe(600, 128)
    expected = [0.025 * (1 + cos(pi * step / 6000)) / 2 for step in range(6000)]
    np.testing.assert_allclose(rates(recipe), expected)
    assert (recipe.momentum, recipe.weight_decay, recipe.clip) == (0.9, 5e-4, 5)
    assert (recipe.drop_path_keep, recipe.auxiliary_weight) == (0.6, 0.4)
    assert recipe.published_epochs == 600


def test_nasbench201_is_trained_as_its_authors_say():
    recipe = recipes.nasbench201_recipe()
    expected = [0.1 * (1 + cos(pi * step / 2000)) / 2 for step in range(2000)]
    np.testing.assert_allclose(rates(recipe), expected)
    assert (recipe.epochs, recipe.batch_size, recipe.published_epochs) == (200, 256, 200)
    assert (recipe.momentum, recipe.weight_decay, recipe.clip) == (0.9, 5e-4, None)
    assert isinstance(recipe.optimizer([nn.Parameter(torch.ones(1))]), torch.optim.SGD)
    assert recipes.nasbench201_recipe(1, 64, learning_rate=0.05).rate(0.5) == pytest.approx(0.025)


def test_nasbench201_standardises_by_the_training_images_channels():
    """In training, in measurements of networks, and for what else is shown to them."""
    trainer = make_trainer(recipes.nasbench201_recipe(4, 8))
    shown = []
    hook = trainer.model.register_forward_pre_hook(lambda module, given: shown.append(*given))
    training = trainer.batches.images.double()
    mean = training.mean((0, 2, 3), keepdim=True)
    deviation = training.std((0, 2, 3), keepdim=True, correction=0)
    other = training[:5].byte()
    activations.class_scores(trainer.model, Images(other, torch.zeros(5)))
    trainer.advance(1 / STEPS_PER_EPOCH)
    hook.remove()
    chosen, generator = trainer.batches.indices(0), trainer.batches.generator("augment", 0)
    augmented = preprocessing.augment(trainer.batches.images[chosen], generator)
    for images, found in zip((other, augmented), shown, strict=True):
        torch.testing.assert_close(found, ((images.double() - mean) / deviation).float())
    images = preprocessing.as_shown(other, make_trainer(RECIPES["cell"]).model)
    assert torch.equal(images, preprocessing.standardise(other))


def test_images_without_variation_have_no_scale():
    with pytest.raises(ValueError, match="standard deviations .*expected images that vary"):
        preprocessing.by_channel(torch.full((4, 3, 8, 8), 7, dtype=torch.uint8))


def test_cells_are_trained_on_imagenet_as_the_paper_says():
    recipe = recipes.imagenet_recipe(40, 128)
    np.testing.assert_allclose(rates(recipe), 150 * [0.1] + 150 * [0.01] + 100 * [0.001])
    assert (recipe.momentum, recipe.decay, recipe.weight_decay, recipe.clip) == (0.9, 0.9, 4e-5, 10)
    assert recipe.drop_path_keep == 1 and recipe.published_epochs == 40  # nothing is dropped


def test_teachers_are_trained_as_published():
    recipe = recipes.teacher_recipe(182, 128)
    np.testing.assert_allclose(rates(recipe), 910 * [0.1] + 455 * [0.01] + 455 * [0.001])
    assert round(recipe.published_epochs) == 182


@pytest.mark.parametrize("name", RECIPES)
def test_a_scaled_recipe_says_so(name):
    recipe = replace(RECIPES[name], epochs=2)
    described = json.loads(json.dumps(recipe.description))
    assert described["epochs"] == 2 and described["published_epochs"] > 2
    assert described["schedule"] == {"cell": "Cosine", "imagenet": "ImageNet"}.get(name, "Steps")


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("stop", [0.5, 1, 2.5])
def test_resumed_training_equals_an_uninterrupted_one(name, stop, tmp_path):
    whole, stopped = make_trainer(RECIPES[name]), make_trainer(RECIPES[name])
    whole.advance(4)
    stopped.advance(stop)
    torch.save(stopped.state_dict(), tmp_path / "state.pt")
    resumed = make_trainer(RECIPES[name])
    for parameter in resumed.model.parameters():
        parameter.data.zero_()
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.advance(4)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert resumed.loss_sum == whole.loss_sum > 0
    assert resumed.examples == whole.examples == 64


@pytest.mark.parametrize(
    "seed, epochs, problem", [(1, 4, "seed 0, expected 1"), (0, 5, "recipe .*expected")]
)
def test_a_state_of_another_training_is_refused(seed, epochs, problem):
    state = make_trainer(RECIPES["cell"]).state_dict()
    another = make_trainer(replace(RECIPES["cell"], epochs=epochs), seed=seed)
    with pytest.raises(ValueError, match=f"has {problem}"):
        another.load_state_dict(state)


def test_more_paths_are_dropped_as_training_goes_on():
    trainer, kept = make_trainer(RECIPES["cell"]), {}
    trainer.model.set_drop_path = lambda *, keep, generator: kept.update(
        {generator.initial_seed(): keep}
    )
    trainer.advance(4)
    np.testing.assert_allclose(list(kept.values()), 1 - 0.4 * np.arange(8) / 8)


def test_one_step_has_the_auxiliary_loss_and_a_clipped_gradient():
    recipe = replace(RECIPES["cell"], clip=0.01, drop_path_keep=1.0)
    trainer = make_trainer(recipe)
    model = copy.deepcopy(trainer.model).train()
    chosen, generator = trainer.batches.indices(0), trainer.batches.generator("augment", 0)
    batch = preprocessing.standardise(
        preprocessing.augment(trainer.batches.images[chosen], generator)
    )
    with devices.autocast(CPU):
        scores, side = model(batch)
    labels = trainer.batches.labels[chosen]
    loss = nn.functional.cross_entropy(scores.float(), labels)
    (loss + 0.4 * nn.functional.cross_entropy(side.float(), labels)).backward()
    length = torch.sqrt(sum(parameter.grad.square().sum() for parameter in model.parameters()))
    assert length > 0.01
    expected = []
    for parameter in model.parameters():
        gradient = parameter.grad * 0.01 / length + 5e-4 * parameter.data
        expected.append(parameter.data - 0.025 * (gradient + 0.9 * gradient))
    trainer.advance(1 / STEPS_PER_EPOCH)
    for found, wanted in zip(trainer.model.parameters(), expected):
        torch.testing.assert_close(found.data, wanted)
    assert trainer.loss_sum.item() == pytest.approx(loss.item())  # of the scores alone


def test_a_step_of_rmsprop_is_the_textbooks():
    recipe = replace(RECIPES["imagenet"], weight_decay=0.5)
    parameter = nn.Parameter(torch.tensor([2.0]))
    optimizer = recipe.optimizer([parameter])
    value, square, velocity = 2.0, 0.0, 0.0
    for given in (3.0, -1.0):
        parameter.grad = torch.tensor([given])
        optimizer.step()
        gradient = given + 0.5 * value
        square = 0.9 * square + 0.1 * gradient**2
        velocity = 0.9 * velocity + gradient / (square**0.5 + 1)
        value -= 0.1 * velocity
        assert parameter.item() == pytest.approx(value)


def test_large_images_are_scaled_cut_and_flipped_at_random():
    images = (
        torch.arange(3 * 260 * 300, dtype=torch.float).reshape(1, 3, 260, 300).remainder(251).byte()
    )
    images = torch.nn.functional.avg_pool2d(images.float(), 9, 1, 4).byte().expand(12, -1, -1, -1)
    crops = preprocessing.scaled_crops(12, torch.Generator().manual_seed(3))
    done = torch.stack([crop(image) for crop, image in zip(crops, images)])
    assert done.shape == (12, 3, 224, 224) and done.dtype == torch.uint8
    generator = torch.Generator().manual_seed(3)
    sides = torch.randint(256, 513, (12,), generator=generator).tolist()
    assert len(set(sides)) > 8
    places, flips = (
        torch.rand(12, 2, generator=generator),
        torch.rand(12, generator=generator) < 0.5,
    )
    for result, side, (row, column), flip in zip(done, sides, places.tolist(), flips):
        width = int(side * 300 / 260)
        scaled = functional.resize(images[0], [side, width])
        top, left = int(row * (side - 223)), int(column * (width - 223))
        expected = scaled[:, top : top + 224, left : left + 224]
        assert torch.equal(result, expected.flip(2) if flip else expected)


def test_the_centre_is_shown_for_evaluation():
    image = torch.randint(
        0, 256, (2, 3, 256, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal(preprocessing.central_crop(image), image[:, :, 16:240, 38:262])
    assert preprocessing.central_crop(image[:, :, :128, :150]).shape == (2, 3, 224, 224)


def test_a_stopped_training_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    measured = []

    def measure() -> dict[str, float]:
        measured.append(1)
        return {"accuracy": 0.5}

    def train(name: str) -> tuple[Trainer, xr.Dataset]:
        trainer = make_trainer(RECIPES["cell"])
        path = tmp_path / name
        return trainer, checkpoints.train_with_checkpoints(trainer, path, measure, name=None)

    whole, curve = train("whole.pt")
    assert curve.examples.values.tolist() == [0, 16, 32, 48, 64] and len(measured) == 5
    assert np.isnan(curve.training_loss[0]) and (curve.training_loss[1:] > 0).all()
    assert json.loads(curve.attrs["recipe"])["schedule"] == "Cosine"

    advance, reached = Trainer.advance, []

    def stop(trainer, epoch):
        if epoch == 2:
            raise KeyboardInterrupt
        advance(trainer, epoch)

    monkeypatch.setattr(Trainer, "advance", stop)
    with pytest.raises(KeyboardInterrupt):
        train("stopped.pt")
    monkeypatch.setattr(
        Trainer, "advance", lambda trainer, epoch: reached.append(epoch) or advance(trainer, epoch)
    )
    resumed, same = train("stopped.pt")
    assert reached == [2, 3, 4] and len(json.loads(same.attrs["provenance"])) == 2
    xr.testing.assert_equal(curve, same)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
    assert {path.name for path in tmp_path.iterdir()} == {"whole.pt", "stopped.pt"}

    (tmp_path / "stopped.pt").write_bytes(b"half")
    message = "stopped.pt is damaged.*remove it, and the training starts again"
    with pytest.raises(ValueError, match=message):
        train("stopped.pt")


class _Intruder:
    def __reduce__(self):
        return open, ("intruded", "w")


def test_a_checkpoint_executes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(_Intruder(), tmp_path / "state.pt")
    with pytest.raises(ValueError, match="state.pt is damaged"):
        trainer = make_trainer(RECIPES["cell"])
        checkpoints.train_with_checkpoints(trainer, tmp_path / "state.pt", dict, name=None)
    assert not (tmp_path / "intruded").exists()
