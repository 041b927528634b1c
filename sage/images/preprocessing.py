"""The paper's preprocessing of images, on whole batches on the training device."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sage.compute import parallel

# Pixels a side of what a network is shown of a large image, and of the shorter side it is cut from.
SIZE, SHORTER, SHORTER_IN_TRAINING = 224, 256, (256, 512)


def standardise(images: Tensor) -> Tensor:
    """Shift and scale each image [3, H, W] to mean 0 and standard deviation 1 over its values.

    A constant image becomes zeros: the deviation counts as at least 1/sqrt(3HW), as in TensorFlow's
    per_image_standardization on images in [0, 1]. Results are float32, channels last.
    """
    pixels = images.float() / 255
    mean = pixels.mean((1, 2, 3), keepdim=True)
    deviation = pixels.std((1, 2, 3), keepdim=True, correction=0)
    standard = (pixels - mean) / deviation.clamp(min=pixels[0].numel() ** -0.5)
    return standard.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class ByChannel:
    """Called with images [B, 3, H, W] uint8, it shifts and scales each channel; see `by_channel`.

    Args:
        shift: [3, 1, 1] float32; `scale` likewise.
    """

    shift: Tensor
    scale: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        shifted = images.float() - self.shift.to(images.device)
        scaled = shifted / self.scale.to(images.device)
        return scaled.contiguous(memory_format=torch.channels_last)


def by_channel(training: Tensor) -> ByChannel:
    """Return what shifts and scales images [B, 3, H, W] by a data set's own mean and deviation.

    Args:
        training: [N, 3, H, W] uint8; over them each channel gets mean 0 and standard deviation 1.

    Raises:
        ValueError: a channel that does not vary.
    """
    levels = torch.arange(256, dtype=torch.float64)
    counts = [torch.bincount(channel.flatten(), minlength=256) for channel in training.unbind(1)]
    shares = torch.stack(counts).double() / (training.numel() / 3)  # [3, 256] of each value
    mean = shares @ levels
    deviation = (shares * (levels - mean[:, None]) ** 2).sum(1).sqrt()
    if not deviation.all():
        expected = "expected images that vary in each channel"
        raise ValueError(f"channels have standard deviations {deviation.tolist()}, {expected}")
    return ByChannel(*(value.float()[:, None, None] for value in (mean, deviation)))


def as_shown(images: Tensor, model: nn.Module) -> Tensor:
    """Return images [B, 3, H, W] uint8 as a network gets them: by its own `standardise` if any."""
    return getattr(model, "standardise", standardise)(images)


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Crop each zero-padded image of [B, 3, H, W] at random, and flip half of them.

    Padding is an eighth of the size on every side: 32 x 32 is padded to 40 x 40 as in the paper.
    Draws are those of the whole batch, of which a rank has its `parallel.share`.
    """
    count, _, height, width = images.shape
    device, whole = images.device, count * parallel.size()
    pad_rows, pad_columns = height // 8, width // 8
    padded = torch.nn.functional.pad(images, (pad_columns, pad_columns, pad_rows, pad_rows))
    draw = partial(torch.randint, size=(whole, 1), generator=generator, device=device)
    draws = draw(0, 2 * pad_rows + 1), draw(0, 2 * pad_columns + 1), draw(0, 2, dtype=torch.bool)
    top, left, flipped = map(parallel.share, draws)
    rows = top + torch.arange(height, device=device)  # [B, H]
    columns = torch.arange(width, device=device).expand(count, -1)
    columns = left + torch.where(flipped, width - 1 - columns, columns)  # [B, W]
    image = torch.arange(count, device=device)[:, None, None]
    # Indices around the channel slice put it last: [B, H, W, 3].
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class Crop(NamedTuple):
    """A crop of a large image: called with [3, H, W], it gives the [3, SIZE, SIZE] to be shown.

    Args:
        shorter: side that the image is scaled to, in pixels.
        row: place of the crop, in [0, 1) of all its places; `column` likewise.
    """

    shorter: int
    row: float
    column: float
    flip: bool

    def __call__(self, image: Tensor) -> Tensor:
        from torchvision.transforms import functional  # slow to import

        scaled = functional.resize(image, self.shorter)
        height, width = scaled.shape[1:]
        top, left = int(self.row * (height - SIZE + 1)), int(self.column * (width - SIZE + 1))
        crop = functional.crop(scaled, top, left, SIZE, SIZE)
        return functional.hflip(crop) if self.flip else crop


def scaled_crops(count: int, generator: torch.Generator) -> list[Crop]:
    """Draw random crops of images scaled at random, flipped half of the time.

    The shorter side becomes any of `SHORTER_IN_TRAINING`, ends included. Draws are as in `augment`.

    Source: Simonyan and Zisserman 2015, arXiv:1409.1556, section 3.1.
    """
    low, high = SHORTER_IN_TRAINING
    whole, device = count * parallel.size(), generator.device
    shorter = torch.randint(low, high + 1, (whole,), generator=generator, device=device)
    place = torch.rand(whole, 2, generator=generator, device=device)
    flipped = torch.rand(whole, generator=generator, device=device) < 0.5
    drawn = zip(*(parallel.share(draws).tolist() for draws in (shorter, place, flipped)))
    return [Crop(side, row, column, flip) for side, (row, column), flip in drawn]


def central_crop(images: Tensor) -> Tensor:
    """Return the centres [..., 3, SIZE, SIZE] that networks trained on crops are tested on."""
    from torchvision.transforms import functional  # slow to import

    return functional.center_crop(functional.resize(images, SHORTER), SIZE)
