"""The embedded images: 64 solid objects in 8 categories, rendered on textured backgrounds."""

from sage.images.objects.renderer import CATEGORIES, CLASSES, render, renderer_digest
