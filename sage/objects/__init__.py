"""The embedded images: 64 solid objects in 8 categories, rendered on textured backgrounds."""

from sage.objects.renderer import CATEGORIES, CLASSES, render

__all__ = ["CATEGORIES", "CLASSES", "render"]
