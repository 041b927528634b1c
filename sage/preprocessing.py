"""The paper's preprocessing of images, on whole batches on the training device."""

import torch
from torch import Tensor
from torchvision.transforms import functional

from sage import parallel

# Of large images: pixels a side of what the network is shown, and of the shorter side that it is cut from.
SIZE, SHORTER, SHORTER_IN_TRAINING = 224, 256, (256, 512)


def standardise(images: Tensor) -> Tensor:
    """Each image shifted and scaled to mean 0 and standard deviation 1 over all its values.

    Args:
        images: [B, 3, H, W] uint8 or float.

    Returns:
        [B, 3, H, W] float32, channels last. A constant image becomes zeros: the deviation counts
        as at least 1/sqrt(3HW), as in TensorFlow's per_image_standardization on images in [0, 1].
    """
    pixels = images.float() / 255
    mean = pixels.mean((1, 2, 3), keepdim=True)
    deviation = pixels.std((1, 2, 3), keepdim=True, correction=0)
    floor = pixels[0].numel() ** -0.5
    return ((pixels - mean) / deviation.clamp(min=floor)).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random crop of the zero-padded image, flipped half of the time, one draw per image.

    Padding is an eighth of the size on every side: 32 x 32 is padded to 40 x 40 as in the paper. Draws are those of the
    whole batch, of which a rank has its `parallel.share`.

    Args:
        images: [B, 3, H, W]. generator: on the images' device.

    Returns:
        [B, 3, H, W], same type.
    """
    count, _, height, width = images.shape
    device = images.device
    pad_rows, pad_columns = height // 8, width // 8
    whole = parallel.whole(count)
    padded = torch.nn.functional.pad(images, (pad_columns, pad_columns, pad_rows, pad_rows))
    top = torch.randint(0, 2 * pad_rows + 1, (whole, 1), generator=generator, device=device)
    left = torch.randint(0, 2 * pad_columns + 1, (whole, 1), generator=generator, device=device)
    flipped = torch.randint(0, 2, (whole, 1), generator=generator, device=device, dtype=torch.bool)
    top, left, flipped = (parallel.share(draws) for draws in (top, left, flipped))
    rows = top + torch.arange(height, device=device)  # [B, H]
    columns = torch.arange(width, device=device).expand(count, -1)
    columns = left + torch.where(flipped, width - 1 - columns, columns)  # [B, W]
    image = torch.arange(count, device=device)[:, None, None]
    # Indices around the channel slice put it last: [B, H, W, 3].
    return padded[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def scaled_crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random crop of the image scaled at random, flipped half of the time, one draw per image.

    The shorter side becomes any of `SHORTER_IN_TRAINING`, both ends included. Draws are as in `augment`.

    Args:
        images: [B, 3, H, W] uint8. generator: on the images' device.

    Returns:
        [B, 3, SIZE, SIZE], same type.

    Source: Simonyan and Zisserman 2015, arXiv:1409.1556, section 3.1.
    """
    low, high = SHORTER_IN_TRAINING
    whole, device = parallel.whole(len(images)), images.device
    shorter = torch.randint(low, high + 1, (whole,), generator=generator, device=device)
    place = torch.rand(whole, 2, generator=generator, device=device)
    flipped = torch.rand(whole, generator=generator, device=device) < 0.5
    shorter, place, flipped = (parallel.share(draws).tolist() for draws in (shorter, place, flipped))
    crops = []
    for image, side, (row, column), flip in zip(images, shorter, place, flipped):
        scaled = functional.resize(image, side)
        height, width = scaled.shape[1:]
        top, left = int(row * (height - SIZE + 1)), int(column * (width - SIZE + 1))
        crop = functional.crop(scaled, top, left, SIZE, SIZE)
        crops.append(functional.hflip(crop) if flip else crop)
    return torch.stack(crops)


def central_crop(images: Tensor) -> Tensor:
    """What a network trained on `scaled_crop` is shown for evaluation, [B, 3, SIZE, SIZE]: the centre.

    Args:
        images: [B, 3, H, W] uint8; the shorter side becomes `SHORTER`.
    """
    return functional.center_crop(functional.resize(images, SHORTER), SIZE)
