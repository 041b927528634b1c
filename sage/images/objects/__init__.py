"""The embedded images: 64 solid objects in 8 categories, rendered on textured backgrounds."""

import hashlib
from pathlib import Path

from sage.images.objects.renderer import CATEGORIES, CLASSES, render

__all__ = ["CATEGORIES", "CLASSES", "render", "source_digest"]


def source_digest() -> str:
    """Of the renderer's code, for keys of what it renders."""
    source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(source).hexdigest()[:16]
