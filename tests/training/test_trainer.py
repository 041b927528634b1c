"""Steps of training, one by one and together."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import functional

from sage.compute import devices
from sage.images import preprocessing, stimuli
from sage.images.datasets import Images
from sage.models.resnet import ResNet
from sage.rsa import activations
from sage.search import evaluation
from sage.training import recipes
from sage.training.trainer import Diverged, Trainer

CPU = torch.device("cpu")
RECIPE = recipes.teacher_recipe(4, 8)


def make_images(count: int = 36) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
    return images, torch.arange(count) % 4


def make_trainer(seed: int = 0, recipe: recipes.Recipe = RECIPE) -> Trainer:
    torch.manual_seed(0)
    model = ResNet(blocks=1, width=4, classes=4)
    return Trainer(model, Images(*make_images()), recipe, seed=seed, device=CPU)


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in trainer.model.state_dict().values()])


def test_standardised_images_have_mean_0_and_deviation_1():
    images, _ = make_images(5)
    images[0] = 7
    done = preprocessing.standardise(images)
    assert done.dtype == torch.float32 and (done[0] == 0).all()
    torch.testing.assert_close(done[1:].mean((1, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(done[1:].std((1, 2, 3), correction=0), torch.ones(4))


def test_augmented_images_are_crops_of_the_padded_image_flipped_or_not():
    images, _ = make_images(200)
    done = preprocessing.augment(images, torch.Generator().manual_seed(1))
    seen = set()
    for image, result in zip(images, done):
        padded = functional.pad(image, [2, 2, 2, 2])
        places = [
            (top, left, flip)
            for top in range(5)
            for left in range(5)
            for flip in (False, True)
            if torch.equal(result, _crop(padded, top, left, flip))
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) > 40  # of 50, in 200 draws


def _crop(padded: torch.Tensor, top: int, left: int, flip: bool) -> torch.Tensor:
    cropped = functional.crop(padded, top, left, 16, 16)
    return functional.hflip(cropped) if flip else cropped


def test_same_seed_same_numbers_and_another_seed_others():
    first, second, other = make_trainer(), make_trainer(), make_trainer(seed=1)
    for trainer in (first, second, other):
        trainer.advance(2)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_stopping_and_measuring_on_the_way_disturbs_nothing():
    whole, measured = make_trainer(), make_trainer()
    whole.advance(4)
    images, labels = make_images(12)
    shown = stimuli.StimulusSet("some", images, {"class": labels}, {})
    for epoch in (0, 0.3, 1, 2.6, 4):
        measured.advance(epoch)
        torch.rand(3)
        activations.show(measured.model, ("stages.0",), shown, units=10, seed=0)
    assert torch.equal(weights(measured), weights(whole))


def test_measured_model_normalises_the_first_batch_as_training_does():
    trainer = make_trainer()
    before, ((images, _),) = weights(trainer), trainer.batches.steps(0, 1)
    model = trainer.measured_model()
    networks = copy.deepcopy(model).train(), model.eval(), copy.deepcopy(trainer.model).eval()
    with torch.no_grad(), devices.autocast(CPU):
        in_training, calibrated, initial = (
            one(preprocessing.standardise(images)).float() for one in networks
        )
    # Running variances divide by n - 1, those of a batch by n: 8 images of 4 x 4 in the last stage.
    torch.testing.assert_close(calibrated, in_training, rtol=0.03, atol=0.03)
    assert not torch.allclose(initial, in_training, atol=0.1)
    assert torch.equal(weights(trainer), before)


def test_every_epoch_shows_each_image_at_most_once_in_a_new_order():
    trainer = make_trainer()
    orders = []
    for epoch in range(2):
        shown = []
        for step in range(4):
            shown += trainer.batches.indices(4 * epoch + step).tolist()
        assert len(set(shown)) == 32
        orders.append(shown)
    assert orders[0] != orders[1]


def test_every_step_uses_the_rate_of_its_time():
    trainer = make_trainer()
    used, group = [], trainer.optimizer.param_groups[0]
    trainer.optimizer.register_step_pre_hook(lambda *arguments: used.append(group["lr"]))
    trainer.advance(4)
    np.testing.assert_allclose(used, 8 * [0.1] + 4 * [0.01] + 4 * [0.001])


def test_one_step_is_that_of_plain_sgd_with_nesterov_momentum():
    trainer = make_trainer()
    model = copy.deepcopy(trainer.model)
    (images, labels), chosen = make_images(), trainer.batches.indices(0)
    generator = trainer.batches.generator("augment", 0)
    batch = preprocessing.standardise(preprocessing.augment(images[chosen], generator))
    with torch.autocast("cpu", torch.bfloat16, enabled=devices.has_bfloat16(CPU)):
        scores = model(batch)
    nn.functional.cross_entropy(scores.float(), labels[chosen]).backward()
    expected = []
    for parameter in model.parameters():
        gradient = parameter.grad + 1e-4 * parameter.data
        expected.append(parameter.data - 0.1 * (gradient + 0.9 * gradient))
    trainer.advance(1 / 4)
    for found, wanted in zip(trainer.model.parameters(), expected):
        torch.testing.assert_close(found.data, wanted)


def test_training_learns():
    images, labels = make_images(64)
    images[labels == 1, :, :8] //= 4  # a dark upper half
    torch.manual_seed(0)
    model = ResNet(blocks=1, width=4, classes=4)
    recipe = replace(recipes.teacher_recipe(20, 16), drops=(0.8,))
    trainer = Trainer(model, Images(images, (labels == 1).long()), recipe, seed=0, device=CPU)
    trainer.advance(20)
    assert evaluation.accuracy(model, Images(images, (labels == 1).long())) > 0.95


def test_divergence_is_raised():
    trainer = make_trainer(recipe=replace(RECIPE, learning_rate=1e30))
    with pytest.raises(Diverged, match="nan|inf"):
        trainer.advance(4)


def test_fewer_images_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="36 training images, expected at least one batch of 64"):
        make_trainer(recipe=recipes.teacher_recipe(1, 64))


def test_resnet_has_the_published_size_and_shapes():
    model = ResNet(blocks=9, width=16, classes=10)
    assert sum(parameter.numel() for parameter in model.parameters()) == 853_018
    shapes = []
    for stage in model.stages:
        stage.register_forward_hook(
            lambda module, inputs, output: shapes.append(tuple(output.shape[1:]))
        )
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
