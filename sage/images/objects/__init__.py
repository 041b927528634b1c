"""The embedded images: 64 solid objects in 8 categories, rendered from a seed."""

from sage.images.objects.renderer import CATEGORIES, classes, render, renderer_digest
