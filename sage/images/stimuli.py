"""Sets of images that networks and animals are shown."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

FEWEST_STIMULI = 3  # two stimuli have one dissimilarity, which correlates with nothing


@dataclass(frozen=True)
class StimulusSet:
    """Images that a teacher was measured on, shown to each candidate once.

    Args:
        images: [N, 3, H, W] uint8.
        conditions: [N] int64 for each level ("class", "image"), the condition that an image
            belongs to, -1 for none; each condition gives a row of that level's RDM.
        categories: of each level's conditions, in their order.
    """

    name: str
    images: Tensor
    conditions: dict[str, Tensor]
    categories: dict[str, tuple[str, ...]]

    @cached_property
    def identity(self) -> str:
        """Name with a hash of the content: RDMs are compared only where this is the same."""
        digest = hashlib.sha256(self.images.contiguous().numpy().data)
        for level in sorted(self.conditions):
            digest.update(level.encode() + self.conditions[level].numpy().tobytes())
        return f"{self.name} {digest.hexdigest()[:12]}"
