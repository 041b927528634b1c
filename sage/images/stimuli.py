"""What is shown to networks and animals alike."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor


@dataclass(frozen=True)
class StimulusSet:
    """Images that a teacher was measured on, shown to each candidate once.

    Args:
        images: [N, 3, H, W] uint8.
        conditions: for each level of description ("class", "image") the condition [N] int64 that an
            image belongs to, -1 where it is left out; each condition gives a row of that level's RDM.
    """

    name: str
    images: Tensor
    conditions: dict[str, Tensor]
    categories: dict[str, tuple[str, ...]]

    @cached_property
    def identity(self) -> str:
        """The name with a hash of the content: RDMs are compared only where this is the same."""
        digest = hashlib.sha256(self.images.contiguous().numpy())
        for level in sorted(self.conditions):
            digest.update(level.encode() + self.conditions[level].numpy().tobytes())
        return f"{self.name} {digest.hexdigest()[:12]}"
